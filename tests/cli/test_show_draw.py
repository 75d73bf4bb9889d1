"""`curate show --draw` and the page: boxes of a grounded chain on its picture."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from fakes.command_line import Cli
from fakes.pages import Reader, page_of
from PIL import Image

from curate.page.boxes import Known, Mark, declared, drawn, known_marks, trace_marks
from curate.page.html import render
from curate.store import Store, Writer
from schemas.answer import Answer
from schemas.boxes import Box, Convention
from schemas.request import Sampling, Usage
from schemas.sample import Media, Message, Sample
from schemas.score import RIGHT, WRONG, Score, Verdict
from schemas.trace import Trace
from schemas.version import Dropped, Step, Version

PARAMS = {"boxes": "coordinate", "known_form": "xywh", "known_unit": "share"}
PLAIN = {"name": "grounded_cot", "params": PARAMS}
CHAIN = "Step 1: the cup is at [0.500, 0.500, 0.250, 0.250].\nStep 2: so one."


def _version(root: Path, *, method: str = "grounded_cot", reasoning: str = CHAIN, pictures: int = 1) -> Version:
    """Derive `boxed@v1`: one sample, a kept trace and a rejected one."""
    store = Store(root)
    data = io.BytesIO()
    Image.new("RGB", (400, 200), "white").save(data, "PNG")
    media = Media(store.blobs.put(data.getvalue()), "image/png", 400, 200, len(data.getvalue()))
    asked = Sample.of(
        [Message.of("user", *[media] * pictures, "How many cups?")],
        answer=Answer.of("1"),
        meta={"coordinate": [0.0, 0.0, 0.25, 0.5]},
    ).with_score("clarity", Score(0.5))
    traces = [
        Trace(f"{n:024x}", asked.id, method, "m", reasoning, "Answer: 1", "stop", Usage(), ("k",), Sampling())
        for n in (10, 11)
    ]
    kept, lost = traces[0].with_verdict(Verdict(RIGHT, "same")), traces[1].with_verdict(Verdict(WRONG, "same"))

    def write(writer: Writer) -> int:
        writer.sample(asked)
        writer.trace(kept.with_score("grounding", Score(0.9)))
        writer.rejected(lost)
        writer.dropped(Dropped(asked.id, "generate", "verdict.same", "wrong", RIGHT, lost.id, "", 0))
        return 1

    step = Step("distil", {"generator": {"name": "grounded_cot", "params": PARAMS}})
    return store.derive(
        "boxed", step, write=write, score_fields={"samples": {"clarity": {}}, "traces": {"grounding": {}}}
    )


def _at(image: Image.Image, x: float, y: float) -> tuple[int, ...]:
    pixel = image.convert("RGB").getpixel((round(x * (image.width - 1)), round(y * (image.height - 1))))
    assert isinstance(pixel, tuple)
    return pixel


def test_every_trace_gets_a_picture_with_its_boxes(cli: Cli, tmp_path: Path) -> None:
    """Kept and rejected ones; sides of boxes have a colour, what is within them stays as it is."""
    _version(tmp_path / "w")
    out = tmp_path / "a" / "b"
    ended = cli("show", "boxed", f"{10:024x}", "--draw", out, "--workspace", tmp_path / "w", "--json")
    assert ended.json()["drawn"] == [str(out / f"{n:024x}.png") for n in (10, 11)]
    with Image.open(out / f"{10:024x}.png") as image:
        assert image.size == (640, 320)
        assert _at(image, 0.5, 0.65) == (230, 25, 75)
        assert _at(image, 0.748, 0.65) == (230, 25, 75)
        assert _at(image, 0.65, 0.65) == (255, 255, 255)
        assert _at(image, 0.0, 0.2) == (17, 17, 17)
    text = cli("show", "boxed", f"{10:024x}", "--draw", out, "--workspace", tmp_path / "w").out
    assert f"boxes drawn: {out / f'{11:024x}.png'}" in text


@pytest.mark.parametrize(
    "made", [{"method": "think_then_answer"}, {"reasoning": "No steps, at [0.1, 0.1, 0.1, 0.1]."}, {"pictures": 2}]
)
def test_what_has_no_boxes_is_not_drawn(cli: Cli, tmp_path: Path, made: dict[str, object]) -> None:
    """Other methods, no steps, several pictures: said on stderr, and no folder is made."""
    _version(tmp_path / "w", **made)
    ended = cli("show", "boxed", f"{10:024x}", "--draw", tmp_path / "out", "--workspace", tmp_path / "w", "--json")
    assert ended.json()["drawn"] == []
    assert "nothing is drawn" in ended.err
    assert not (tmp_path / "out").exists()


def test_drawing_wants_an_id_and_a_folder(cli: Cli, tmp_path: Path) -> None:
    """One line and exit code 2."""
    _version(tmp_path / "w")
    for arguments, words in (
        (["boxed", "--draw", tmp_path / "out"], "name it by ID"),
        (["boxed", f"{10:024x}", "--draw", tmp_path / "w" / "refs" / ".." / "file"], "cannot write into"),
    ):
        (tmp_path / "w" / "file").write_text("")
        ended = cli("show", *arguments, "--workspace", tmp_path / "w")
        assert ended.code == 2
        assert words in ended.err


def test_the_page_shows_boxes_on_thumbnails(tmp_path: Path) -> None:
    """Traces of the page have their own picture, and its data has no pictures."""
    page = page_of(Store(tmp_path), _version(tmp_path))
    boxed = [image for image in Reader(render(page)).all("img") if "boxes" in str(image["alt"])]
    assert boxed
    with Image.open(io.BytesIO(base64.b64decode(str(boxed[0]["src"]).partition(",")[2]))) as small:
        assert small.size == (256, 128)
        red, green, _ = _at(small, 0.5, 0.65)
        assert red > 150 > green
        assert max(_at(small, 0.12, 0.5)) < 90, "the known box's lower side"
    plain = page.plain()
    assert all({"boxed", "pictures", "only", "known"} & set(one) == set() for one in plain["shown_traces"].values())
    bare = page_of(Store(tmp_path), _version(tmp_path), pictures=False)
    assert [t.boxed for t in bare.shown_traces.values()] == [""] * len(bare.shown_traces)


def test_the_page_shows_the_boxes_of_late_steps(tmp_path: Path) -> None:
    """Words are cut, boxes are not."""
    late = "Step 1: " + "the cup is looked for everywhere, " * 100 + f"\n{CHAIN.replace('Step 1', 'Step 2')}"
    page = page_of(Store(tmp_path), _version(tmp_path, reasoning=late))
    shown = next(iter(page.shown_traces.values()))
    assert len(shown.reasoning) == 2000
    assert shown.boxed


def test_boxes_at_the_edge_and_of_no_size_are_drawn_within_the_picture() -> None:
    """Nothing raises, labels stay inside, the original is untouched."""
    picture = Image.new("L", (30, 300), 255)
    marks = [Mark("12", Box(0.99, 0.0, 1.0, 0.001), "#000000"), Mark("known", Box(0, 0.99, 1, 1), "#111111")]
    made = drawn(picture, marks)
    assert made.size == (64, 640)
    assert picture.getextrema() == (255, 255)
    assert drawn(picture, marks, side=100).size == (10, 100)


def _share(image: Image.Image, colour: tuple[int, ...]) -> int:
    """Count the pixels of a colour."""
    return sum(count for count, found in image.convert("RGB").getcolors(2**24) or () if found == colour)


def test_labels_hide_neither_each_other_nor_a_small_box() -> None:
    """Two steps and the known box at one place: all three labels are there, and the outline is seen."""
    box = Box(0.5, 0.5, 0.53, 0.52)
    marks = [Mark("known", box, "#111111"), Mark("1", box, "#e6194b"), Mark("2", box, "#0a7d32")]
    made = drawn(Image.new("RGB", (640, 480), "white"), marks)
    assert min(_share(made, (17, 17, 17)), _share(made, (230, 25, 75)), _share(made, (10, 125, 50))) > 60
    assert _at(made, 0.515, 0.51) == (255, 255, 255)
    assert _at(made, 0.515, 0.5 + 1 / 480) == (10, 125, 50)


def test_a_strip_is_not_covered_by_its_outlines() -> None:
    """Lines and letters are no thicker than its shorter side allows."""
    made = drawn(Image.new("RGB", (4000, 60), "white"), [Mark("1", Box(0, 0, 1, 1), "#e6194b")])
    assert _share(made, (255, 255, 255)) > 0.6 * made.width * made.height


def test_known_boxes_are_found_behind_other_steps_and_in_answers(tmp_path: Path) -> None:
    """A selection from grounded chains, a generator inside another one; an answer that is a box is a known one."""
    _version(tmp_path)
    store = Store(tmp_path)
    boxed = store.resolve("boxed")
    wrapped = Step("distil", {"generator": {"name": "visual_facts", "params": {"writer": PLAIN}}})
    other = store.derive("other", wrapped, write=lambda _: 0)
    chosen = store.derive("chosen", Step("select"), parents=[boxed], write=lambda _: 0)
    known = Known("coordinate", Convention("xywh", "share"))
    assert declared([chosen, boxed]) == declared([other]) == known
    assert declared([chosen]) is None
    row = {"media": [{"width": 400, "height": 200}], "meta": {"coordinate": [0, 0, 0.25, 0.5]}}
    row |= {"answer": "[0.5, 0.5, 0.1, 0.1]", "answer_type": "box"}
    assert [mark.box[:2] for mark in known_marks(known, row)] == [(0, 0), (0.5, 0.5)]
    assert len(known_marks(known, {**row, "answer": "[1, 2, 3, 4] cups", "answer_type": "text"})) == 1
    assert len(known_marks(known, {**row, "answer": None, "answer_type": None})) == 1
    assert known_marks(None, row) == []


def test_an_answer_that_is_a_box_is_marked() -> None:
    """With `A`; numbers that cannot be a box in shares are left out."""
    trace = {
        "method": "escalate/long/grounded_cot",
        "reasoning": "Step 3: it is at [0.1, 0.1, 0.2, 0.2] and [7, 7, 8, 8].",
    }
    marks = trace_marks({**trace, "answer": "Answer: [0.100, 0.100, 0.300, 0.300]"})
    assert [mark.label for mark in marks] == ["3", "A"]
