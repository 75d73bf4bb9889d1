"""Boxes in pictures: what four numbers mean, how a chain writes them, and how far two overlap.

Sources disagree on what four numbers are, and even with themselves: the published grounded chains of MM-GCoT
(arXiv 2503.12799) are corner and size, while a docstring beside them says corners. So a convention is always declared,
and numbers that cannot be a box by it are found out instead of drawn.

In a trace a box has one form whatever its teacher wrote: `[x, y, w, h]`, the upper left corner with width and height
as shares of the picture's sides, three decimals, after the word `at`:

    Step 1: the dog is at [0.120, 0.300, 0.250, 0.400], lying on the grass.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, NamedTuple, Self, get_args

from schemas.answer import Answer, AnswerType
from schemas.canonical import JSON

__all__ = [
    "IN_TRACES",
    "Box",
    "Convention",
    "Form",
    "Quad",
    "Step",
    "Unit",
    "boxed_answer",
    "iou",
    "overlaps",
    "preamble",
    "quads",
    "rewritten",
    "steps",
]

Form = Literal["xywh", "xyxy"]
"""A corner with width and height, or two corners."""
Unit = Literal["share", "thousand", "pixel"]
"""Of the picture's sides: shares, thousandths, or pixels of the picture as it is stored, turned upright."""
Quad = tuple[float, float, float, float]
"""Four numbers whose meaning is not known yet."""

_SLACK = 0.02
"""Share of a side by which a box may stick out, for rounding; it is cut off."""
_MOST = 200
"""Boxes that are read of one field of a row."""
_LONGEST = 200_000
"""Characters of such a field that are looked at."""
_N = r"\s{0,4}(-?\d{1,7}(?:\.\d{1,20})?)\s{0,4}"
_QUAD = re.compile(rf"\[{_N},{_N},{_N},{_N}\]")
_PLACED = re.compile(rf"\bat:?\s{{0,4}}({_QUAD.pattern}(?:\s{{0,4}}(?:,|;|and)\s{{0,4}}{_QUAD.pattern})*)")
_STEP = re.compile(r"^[ \t]{0,8}(?:[*#]{1,4}[ \t]{0,4})?Step[ \t]{1,4}(\d{1,4})[ \t]{0,4}[:.][ \t*]{0,8}", re.MULTILINE)
_ONLY = re.compile(
    rf"\s{{0,9}}\[?\s{{0,9}}{_QUAD.pattern}(?:\s{{0,9}}(?:,|;|and)?\s{{0,9}}{_QUAD.pattern})*\s{{0,9}}\]?\s{{0,9}}"
)
_FIELDS = ("box", "bbox", "coordinate", "coordinates", "bboxes", "bboxs", "boxes")


class Box(NamedTuple):
    """A region, its sides as shares of the picture's."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def area(self) -> float:
        """Share of the picture."""
        return max(0.0, self.right - self.left) * max(0.0, self.bottom - self.top)

    def __str__(self) -> str:
        """Write it as traces do; what is read back is a box, however small this one is and wherever it lies."""
        left, top = (min(0.999, round(side, 3)) for side in self[:2])
        right, bottom = (round(side, 3) for side in self[2:])
        width, height = max(0.001, right - left), max(0.001, bottom - top)
        return f"[{left:.3f}, {top:.3f}, {width:.3f}, {height:.3f}]"


@dataclass(frozen=True, slots=True)
class Convention:
    """What four numbers mean."""

    form: Form = "xywh"
    unit: Unit = "share"

    def __str__(self) -> str:
        """Name it: `xywh share`."""
        return f"{self.form} {self.unit}"

    @classmethod
    def every(cls) -> Iterator[Self]:
        """Yield all conventions."""
        return (cls(form, unit) for form in get_args(Form) for unit in get_args(Unit))

    def box(self, quad: Sequence[float], width: int, height: int) -> Box | None:
        """Return the box that the numbers are in a picture of this size; None where by this convention they are none.

        None are numbers outside the picture, without an area, not finite, or all within [0, 1] where they should be
        thousandths or pixels.
        """
        if len(quad) != len(Box._fields) or not all(math.isfinite(n) for n in quad):
            return None
        across, down = {"share": (1, 1), "thousand": (1000, 1000), "pixel": (width, height)}[self.unit]
        if min(across, down) <= 0 or (self.unit != "share" and max(quad) <= 1):
            return None
        left, top, right, bottom = quad[0] / across, quad[1] / down, quad[2] / across, quad[3] / down
        if self.form == "xywh":
            right, bottom = left + right, top + bottom
        if min(left, top) < -_SLACK or max(right, bottom) > 1 + _SLACK:
            return None
        inside = Box(*(min(1.0, max(0.0, side)) for side in (left, top, right, bottom)))
        return inside if inside.right > inside.left and inside.bottom > inside.top else None

    @property
    def words(self) -> str:
        """Describe it to a model."""
        numbers, sides = {
            "xywh": ("[x, y, w, h]", "the upper left corner, then width and height"),
            "xyxy": ("[x1, y1, x2, y2]", "the upper left corner, then the lower right one"),
        }[self.form]
        scale = {
            "share": "as shares of the picture's width and height, from 0 to 1 with three decimals",
            "thousand": "in thousandths of the picture's width and height, whole numbers from 0 to 1000",
            "pixel": "in pixels",
        }[self.unit]
        return f"{numbers}: {sides}, {scale}; x goes right, y goes down"


IN_TRACES = Convention("xywh", "share")
"""How boxes stand in a trace."""


class Step(NamedTuple):
    """One step of a grounded chain."""

    number: int
    text: str
    """Without `Step k:`."""
    quads: tuple[Quad, ...]


def steps(text: str) -> list[Step]:
    """Return the steps of a text that says `Step k: …`, each with the boxes that follow the word `at`."""
    starts = list(_STEP.finditer(text))
    ends = [*(start.start() for start in starts), len(text)][1:]
    found = []
    for start, end in zip(starts, ends, strict=True):
        said = text[start.end() : end].strip()
        found.append(Step(int(start.group(1)), said, tuple(_placed(said))))
    return found


def preamble(text: str) -> str:
    """Return what stands before the first step; all of a text without steps."""
    first = _STEP.search(text)
    return (text[: first.start()] if first else text).strip()


def rewritten(text: str, convention: Convention, width: int, height: int, *, anywhere: bool = False) -> str:
    """Write every box after `at`, or `anywhere`, as traces do; one that is none by the convention stays as it is."""

    def of_quad(found: re.Match[str]) -> str:
        box = convention.box(_numbers(found), width, height)
        return str(box) if box else found.group()

    if anywhere:
        return _QUAD.sub(of_quad, text)
    return _PLACED.sub(lambda placed: _QUAD.sub(of_quad, placed.group()), text)


def quads(value: JSON) -> list[Quad]:
    """Return the boxes of a row's field: four numbers, a list or mapping of such, objects with `bbox`, or text."""
    if isinstance(value, str):
        return [_numbers(found) for found in islice(_QUAD.finditer(value[:_LONGEST]), _MOST)]
    return list(islice(_within(value), _MOST))


def boxed_answer(answer: Answer | None) -> list[Quad] | None:
    """Return the boxes of a known answer whose type is box or whose text is boxes and nothing else; None of others."""
    if answer is None:
        return None
    is_box = answer.type is AnswerType.BOX or (
        answer.type is AnswerType.TEXT and _ONLY.fullmatch(answer.text[:_LONGEST]) is not None
    )
    return quads(answer.text) if is_box else None


def iou(one: Box, other: Box) -> float:
    """Return intersection over union, 0 to 1."""
    inner = Box(
        max(one.left, other.left), max(one.top, other.top), min(one.right, other.right), min(one.bottom, other.bottom)
    )
    union = one.area + other.area - inner.area
    return inner.area / union if union > 0 else 0.0


def overlaps(known: Iterable[Box], found: Sequence[Box]) -> list[float]:
    """Return for each known box the overlap with the one that meets it best; 0 where none does."""
    return [max((iou(box, each) for each in found), default=0.0) for box in known]


def _placed(text: str) -> Iterator[Quad]:
    for placed in _PLACED.finditer(text):
        for found in _QUAD.finditer(placed.group()):
            yield _numbers(found)


def _numbers(found: re.Match[str]) -> Quad:
    one, two, three, four = map(float, found.groups())
    return one, two, three, four


def _within(value: JSON, depth: int = 0) -> Iterator[Quad]:
    if depth > 3:  # noqa: PLR2004 - a mapping of lists of objects with boxes
        return
    if isinstance(value, Mapping):
        named = [value[name] for name in _FIELDS if name in value]
        for item in named or value.values():
            yield from _within(item, depth + 1)
    elif isinstance(value, str) and depth:
        yield from quads(value)
    elif isinstance(value, (list, tuple)):
        if len(value) == len(Box._fields) and all(type(n) in (int, float) for n in value):
            one, two, three, four = map(float, value)
            yield one, two, three, four
        else:
            for item in value:
                yield from _within(item, depth + 1)
