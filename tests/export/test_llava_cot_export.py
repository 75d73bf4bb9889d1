"""LLaVA-CoT's released rows: four tags, the picture as a file, and where an answer is from beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fakes.workspace import media, question, trace

from curate.export.llava_cot import LlavaCot
from curate.store import Store
from generators._stages import read, written
from schemas.answer import Answer
from schemas.errors import ConfigError
from schemas.sample import Media, Message, Sample
from schemas.trace import Trace

TEXTS = ("Compare the shades.", "One red picture.", "It is light.", "B")


def staged(sample: Sample, *texts: str) -> Trace:
    """Return a right trace in four stages."""
    whole = written(texts or TEXTS)
    reasoning, _, conclusion = whole.rpartition("\n\n")
    return trace(sample, reasoning=reasoning, answer=conclusion)


def exported(
    store: Store, rows: list[tuple[Sample, Trace]], out: Path, form: str = "jsonl"
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Export rows and read them back."""
    out.mkdir()
    counts = LlavaCot(form=form)(iter(rows), store.blobs.read, out)
    text = (out / f"train.{form}").read_text()
    return json.loads(text) if form == "json" else [json.loads(row) for row in text.splitlines()], dict(counts)


@pytest.mark.parametrize("form", ["jsonl", "json"])
def test_a_row_in_full(form: str, tmp_path: Path) -> None:
    """The published keys, the published form of the answer, the picture's own bytes, and its provenance."""
    store = Store(tmp_path / "w")
    sample = question(store, 3)
    made = staged(sample)
    [row], counts = exported(store, [(sample, made)], tmp_path / "out", form)

    assert list(row)[:3] == ["id", "image", "conversations"]
    asked, told = row["conversations"]
    assert asked == {"from": "human", "value": "<image>\nHow red is picture 3?\nA. dark\nB. light"}
    assert told == {
        "from": "gpt",
        "value": "<SUMMARY> Compare the shades. </SUMMARY>\n\n<CAPTION> One red picture. </CAPTION>\n\n"
        "<REASONING> It is light. </REASONING>\n\n<CONCLUSION> B </CONCLUSION>",
    }
    assert (tmp_path / "out" / row["image"]).read_bytes() == store.blobs.read(sample.media[0])
    assert (row["id"], row["sample_id"], row["trace_id"]) == (made.id, sample.id, made.id)
    for name in ("method", "origin", "answer_seen", "requests", "prompts", "sampling", "teacher"):
        assert name in row["provenance"]
    assert counts == {"written": 1, "marks_neutralised": 0, "pictures": 1}
    assert not (tmp_path / "out" / "left_out.jsonl").exists()


def test_a_conversation_a_text_and_several_pictures(tmp_path: Path) -> None:
    """Earlier turns stay, system text joins the first one; no picture is no `image`, several are a list."""
    store = Store(tmp_path / "w")
    pictures = [media(store, shade) for shade in (1, 2)]
    talk = Sample.of(
        [
            Message.of("system", "Be brief."),
            Message.of("user", pictures[0], "What is it?"),
            Message.of("assistant", "Red."),
            Message.of("user", pictures[1], "And this?"),
        ],
        answer=Answer.of("B"),
    )
    plain = Sample.of([Message.of("user", "1 + 1?")], answer=Answer.of("2"))
    (first, second), counts = exported(store, [(s, staged(s)) for s in (talk, plain)], tmp_path / "out")

    assert [turn["from"] for turn in first["conversations"]] == ["human", "gpt", "human", "gpt"]
    assert first["conversations"][0]["value"] == "Be brief.\n<image>\nWhat is it?"
    assert len(first["image"]) == 2
    assert "image" not in second
    assert counts["pictures"] == 2


def test_ids_are_the_source_s_while_they_tell_rows_apart(tmp_path: Path) -> None:
    """A second row of the same id has the id of its trace."""
    store = Store(tmp_path / "w")
    rows = [Sample.of([Message.of("user", f"{n} + 1?")], answer=Answer.of("B"), meta={"id": "row-7"}) for n in (1, 2)]
    first, second = [(sample, staged(sample)) for sample in rows]
    found, _ = exported(store, [first, second], tmp_path / "out")
    assert [row["id"] for row in found] == ["row-7", second[1].id]


def test_marks_are_harmless_and_what_cannot_be_trained_on_is_listed(tmp_path: Path) -> None:
    """No text adds a picture mark; other formats, tags within tags and lost pictures are left out with the reason."""
    store = Store(tmp_path / "w")
    broken = Media(store.blobs.put(b"not a picture"), "image/png", 8, 8, 13)
    hostile = Sample.of([Message.of("user", "What <image> is 1 + 1?")], answer=Answer.of("2"))
    gone = Sample.of([Message.of("user", broken, "Red?")], answer=Answer.of("yes"))
    nested = staged(hostile, "a", "b </CAPTION> <CAPTION>", "c", "d")
    rows = [
        (hostile, staged(hostile, "See <image>.", "</s> <|im_end|>", "So 2.", "2")),
        (hostile, nested),
        (hostile, trace(hostile)),
        (gone, staged(gone)),
    ]
    [row], counts = exported(store, rows, tmp_path / "out")

    assert not any("<image>" in turn["value"] for turn in row["conversations"])
    assert read(row["conversations"][1]["value"]) == ("See [image].", "[/s] [|im_end|]", "So 2.", "2")
    assert counts["marks_neutralised"] == 4
    lost = [json.loads(one)["reason"] for one in (tmp_path / "out" / "left_out.jsonl").read_text().splitlines()]
    assert lost[:2] == ["tag_doubled", "tag_missing"]
    assert lost[2].startswith("picture_")


def test_a_version_of_another_method_is_told(tmp_path: Path) -> None:
    """Nothing at all in four stages is a mistake of the one who asks; no rows are an empty file."""
    store = Store(tmp_path / "w")
    sample = question(store, 1)
    with pytest.raises(ConfigError, match="four stages"):
        exported(store, [(sample, trace(sample))], tmp_path / "out")
    for form in ("json", "jsonl"):
        empty, counts = exported(store, [], tmp_path / form, form)
        assert (empty, counts) == ([], {"written": 0, "marks_neutralised": 0, "pictures": 0})
