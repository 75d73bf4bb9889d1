"""Whether a grounded chain looks where the known boxes are, and is right where it does (MM-GCoT, arXiv 2503.12799).

Boxes of a chain are read in the one form that traces have them in (`schemas/boxes.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from schemas.boxes import IN_TRACES, Box, Convention, Form, Unit, overlaps, quads, steps
from schemas.canonical import JSON
from schemas.sample import Sample
from schemas.score import RIGHT, WRONG, Score, Verdict
from schemas.trace import Trace

__all__ = ["Grounding"]

_ANSWER_FOUND = (
    "box_missed",
    "box_convention",
    "reasoning_rejected",
    "reasoning_unsure",
    "judge_lenient",
    "judge_quote",
    "judge_failed",
    "visual_fact_false",
    "visual_facts_few",
)
"""Rules that withdraw a verdict by which the answer was found right."""


@dataclass(frozen=True, slots=True)
class Grounding:
    """Mean overlap of the known boxes with the steps that meet them best; unscored without boxes on either side.

    `consistent` over a set is the published measure: the share with answer and box right among those with either. An
    answer that nobody could decide on is neither right nor wrong, so its trace is in neither number.
    """

    version: ClassVar[int] = 2
    on: ClassVar[Literal["trace"]] = "trace"
    detail_fields: ClassVar[Mapping[str, type]] = {
        "steps": int,
        "boxes": int,
        "known": int,
        "least": float,
        "last": float,
        "answer_right": bool,
        "box_right": bool,
        "either": bool,
        "consistent": bool,
    }

    boxes: str = "coordinate"
    """Key of the sample's `meta` with known boxes."""
    known_form: Form = "xywh"
    known_unit: Unit = "share"
    iou: float = 0.5
    """Overlap that a right box exceeds."""
    against: Literal["all", "last"] = "all"
    """Whether every known box has to be met by some step, or one of them by the last box, as MM-GCoT measures."""

    def __call__(self, sample: Sample, trace: Trace, /) -> Score:
        """Compare the boxes of the steps with the known ones."""
        said = steps(trace.reasoning)
        placed = [quad for step in said for quad in step.quads]
        if len(sample.media) != 1 or not placed:
            return Score.unscored("no step with a box in a question with one picture", steps=len(said))
        size = sample.media[0].width, sample.media[0].height
        found = _boxes(placed, IN_TRACES, size)
        known = _boxes(quads(sample.meta.get(self.boxes)), Convention(self.known_form, self.known_unit), size)
        counts: dict[str, JSON] = {"steps": len(said), "boxes": len(placed)}
        if not found or not known:
            side = "steps" if known else f"known ones in meta[{self.boxes!r}]"
            return Score.unscored(f"there are no boxes among the {side}, or not all of them can be", **counts)
        return self._scored(trace, known, found, counts)

    def _scored(self, trace: Trace, known: list[Box], found: list[Box], counts: Mapping[str, JSON]) -> Score:
        best, last = overlaps(known, found), max(overlaps(known, found[-1:]))
        box = (min(best) if self.against == "all" else last) > self.iou
        detail: dict[str, JSON] = {**counts, "known": len(known), "least": min(best), "last": last, "box_right": box}
        answer = _answer_right(trace.verdict)
        if answer is not None:
            detail |= {"answer_right": answer, "either": answer or box, "consistent": answer and box}
        return Score(sum(best) / len(best), box, detail=detail)


def _answer_right(verdict: Verdict | None) -> bool | None:
    """Return what was found of the answer itself, whatever was held against its chain; None where nobody knows."""
    if verdict is None:
        return None
    if verdict.value in (RIGHT, WRONG):
        return verdict.value == RIGHT
    if verdict.rule == "judge_failed" and verdict.verifier.startswith("verify_judge"):
        return None  # the judge of answers has a rule of this name too, and then no answer was found right
    return True if verdict.rule in _ANSWER_FOUND else None


def _boxes(found: list[tuple[float, float, float, float]], convention: Convention, size: tuple[int, int]) -> list[Box]:
    """Return the boxes, none where one of them cannot be one by the convention."""
    boxes = [convention.box(quad, *size) for quad in found]
    return [box for box in boxes if box] if all(boxes) else []
