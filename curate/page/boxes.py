"""The boxes of a grounded chain, drawn on its picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.answer import Answer, AnswerType
from schemas.boxes import IN_TRACES, Box, Convention, boxed_answer, quads, steps

if TYPE_CHECKING:
    from PIL import Image

    from schemas.version import Version

__all__ = ["Known", "Mark", "declared", "drawn", "known_marks", "trace_marks"]

_COLOURS = ("#e6194b", "#0a7d32", "#2f55d4", "#c45500", "#8a1bb0", "#007a87", "#b3007d", "#6b5b00")
"""One a step, in turn; all dark enough for white letters."""
_KNOWN = "#111111"
_LEAST_SIDE = 640
"""Pixels; a smaller picture is drawn larger, so that labels hide little of it."""
_MOST_SIDE = 2000
_MOST = 200
_LABELS = 12
"""Places of a label in one row that are tried."""
_Corners = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Mark:
    """A box with its label: the number of its step, `A` for the answer, `known` for what it is compared with."""

    label: str
    box: Box
    colour: str


def trace_marks(trace: Mapping[str, Any]) -> list[Mark]:
    """Return the boxes of a trace's steps and answer; none of traces by methods that write none."""
    if "grounded_cot" not in str(trace.get("method")):
        return []
    found = []
    for step in steps(trace["reasoning"]):
        colour = _COLOURS[(step.number - 1) % len(_COLOURS)]
        found += [Mark(str(step.number), box, colour) for box in _boxes(step.quads, IN_TRACES)]
    return [*found, *(Mark("A", box, _COLOURS[0]) for box in _boxes(quads(trace["answer"]), IN_TRACES))][:_MOST]


class Known(NamedTuple):
    """Where the known boxes of samples are, and what their numbers mean."""

    field: str
    """Key of `meta`; empty where only answers are boxes."""
    convention: Convention


def declared(versions: Iterable[Version]) -> Known | None:
    """Return what the nearest version that grounds chains says of known boxes; also where another method wraps it."""
    for version in versions:
        for settings in _settings(version.manifest.step.params):
            return Known(settings["boxes"], Convention(settings["known_form"], settings["known_unit"]))
    return None


def known_marks(known: Known | None, sample: Mapping[str, Any]) -> list[Mark]:
    """Return the known boxes of a sample, those of its answer among them.

    Args:
        known: as `declared` returns it.
        sample: a row with `media`, `meta`, `answer` and `answer_type`.

    """
    if known is None or len(sample["media"]) != 1:
        return []
    media, meta = sample["media"][0], sample["meta"] or {}
    found = quads(meta.get(known.field)) if known.field else []
    if sample["answer"] is not None:
        found += boxed_answer(Answer(sample["answer"], AnswerType(sample["answer_type"]))) or []
    return [Mark("known", box, _KNOWN) for box in _boxes(found, known.convention, media["width"], media["height"])]


def drawn(picture: Image.Image, marks: Sequence[Mark], side: int | None = None) -> Image.Image:
    """Return a copy of a picture with boxes on it, its longer side `side` pixels, or within bounds that show labels."""
    from PIL import Image, ImageDraw, ImageFont

    longer = max(picture.size)
    scale = (side or min(_MOST_SIDE, max(_LEAST_SIDE, longer))) / longer
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    copy = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    pen = ImageDraw.Draw(copy)
    thick = _thickness(size)
    font = ImageFont.load_default(max(10, min(max(size) // 40, min(size) // 3)))
    places = [(mark, _corners(mark.box, size)) for mark in sorted(marks, key=lambda mark: -mark.box.area)]
    for mark, corners in places:
        pen.rectangle(corners, outline="white", width=thick + 2)
        pen.rectangle(corners, outline=mark.colour, width=thick)
    taken: list[_Corners] = []
    for mark, corners in places:
        _, _, wide, tall = pen.textbbox((0, 0), mark.label, font=font)
        taken.append(_room(mark, corners, (wide + 2 * thick, tall + thick), size, taken))
        pen.rectangle(taken[-1], fill=mark.colour)
        pen.text((taken[-1][0] + thick, taken[-1][1]), mark.label, fill="white", font=font)
    return copy


def _thickness(size: tuple[int, int]) -> int:
    """Return pixels of an outline; of a strip it leaves most of the shorter side to see."""
    return max(1, min(max(2, max(size) // 250), min(size) // 16))


def _corners(box: Box, size: tuple[int, int]) -> _Corners:
    left, top = box.left * size[0], box.top * size[1]
    return left, top, max(left + 1, box.right * size[0] - 1), max(top + 1, box.bottom * size[1] - 1)


def _room(
    mark: Mark, box: _Corners, label: tuple[float, float], size: tuple[int, int], taken: Sequence[_Corners]
) -> _Corners:
    """Return where a label hides no other one: above its box, below it, within it, and there as far left as it can be.

    A known box's label is below rather than above, apart from those of the steps.
    """
    (left, top, _, bottom), (wide, tall), (width, height) = box, label, size
    rows = (bottom + 1, top - tall - 1) if mark.label == "known" else (top - tall - 1, bottom + 1)
    within = [
        min(max(row, 0.0), max(0.0, height - tall)) for row in (*rows, top, bottom - tall) if _fits(row, tall, height)
    ]
    columns = [max(0.0, min(left + place * (wide + 1), width - wide)) for place in range(_LABELS)]
    places = [(x, y, x + wide, y + tall) for y in within or [0.0] for x in columns]
    return next((one for one in places if not any(_cross(one, other) for other in taken)), places[0])


def _fits(row: float, tall: float, height: int) -> bool:
    return -1 <= row <= height - tall + 1


def _cross(one: _Corners, other: _Corners) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _settings(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the parameters of grounded chains wherever in a step they are."""
    if isinstance(value, Mapping):
        if value.get("name") == "grounded_cot" and isinstance(value.get("params"), Mapping):
            yield value["params"]
        for inner in value.values():
            yield from _settings(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _settings(inner)


def _boxes(found: Sequence[Sequence[float]], convention: Convention, width: int = 1, height: int = 1) -> Iterator[Box]:
    for quad in found[:_MOST]:
        box = convention.box(quad, width, height)
        if box:
            yield box
