"""Grounded chains of thought: every step says where in the picture it looks (MM-GCoT, arXiv 2503.12799).

A chain is lines `Step k: <what> is at [box] …` and an answer. What was taken from where, and what is done differently:
docs/methods.md; how boxes stand in a trace: `schemas/boxes.py`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple

from generators._answer_line import answer_line
from generators._chain import is_right, undecided, withdrawn
from generators._chain_check import Judging, doubt
from generators._stage_writing import cut, opening, seeded
from generators._stages import Fault
from schemas import prompt as prompts
from schemas.boxes import (
    IN_TRACES,
    Box,
    Convention,
    Form,
    Quad,
    Step,
    Unit,
    boxed_answer,
    overlaps,
    preamble,
    quads,
    rewritten,
    steps,
)
from schemas.errors import ConfigError, SchemaError
from schemas.protocols import Verifier
from schemas.request import Outcome, Program, Request, Sampling
from schemas.sample import Media, Sample
from schemas.score import RIGHT, UNDECIDED, WRONG, Verdict
from schemas.thinking import split
from schemas.trace import Trace

__all__ = ["GroundedCot"]

_NAME = "grounded_cot"


class _Chain(NamedTuple):
    """What a reply holds, its boxes written as traces have them."""

    reasoning: str
    answer: str
    found: tuple[Box, ...]
    """Boxes of all steps in order."""
    answered: tuple[Box, ...]
    """Boxes of the answer."""
    said: tuple[Quad, ...]
    """Numbers of the steps as the teacher wrote them."""


class _Known(NamedTuple):
    """What is known of a sample in boxes."""

    steps: list[Box]
    """That steps have to meet."""
    answer: list[Box] | None
    """Of the known answer; None where it is no box."""


@dataclass(frozen=True, slots=True)
class GroundedCot:
    """Ask for steps with boxes, `tries` times until one is right; check form, convention, overlap and consistency.

    Samples without exactly one picture are asked nothing, for a box says not in which picture it is.
    """

    version: ClassVar[int] = 2
    verifier: Verifier
    """Decides on the answer, unless the known one is a box; handed in, because generators import no scorers."""
    tries: int = 2
    """Draws at most, one after another."""
    form: Form = "xyxy"
    """What the teacher's four numbers are: it is told so, and held to it."""
    unit: Unit = "thousand"
    """Of the teacher's numbers. Pixels are those of the stored picture, upright, which a server may have scaled."""
    boxes: str = ""
    """Key of the sample's `meta` with known boxes that the steps have to meet; empty checks none."""
    known_form: Form = "xywh"
    """What the four numbers of known boxes are, and of known answers that are boxes."""
    known_unit: Unit = "share"
    iou: float = 0.5
    """Overlap that a known box and the step that meets it exceed."""
    against: Literal["all", "last"] = "all"
    """Whether every known box has to be met by some step, or one of them by the last box, as MM-GCoT measures."""
    prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "grounded_cot"))
    """The instruction; its field is `$convention`."""
    sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0.6, top_p=0.95, max_tokens=4096))
    """A seed is raised by one with every try."""
    role: str = "teacher"
    judge_reasoning: bool = True
    """Whether a judge that sees the picture has to say that boxes hold what the steps say, and lead to the answer."""
    judge_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "grounded_cot_check"))
    """Its fields are `$code` and `$material`."""
    judge_sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0, max_tokens=2048))
    judge_role: str = "judge"
    judge_control: bool = True
    """Whether the judge also has to refuse another answer: one more request."""

    def __post_init__(self) -> None:
        """Refuse an overlap that no box exceeds, or any.

        Raises:
            ConfigError: it is out of its range.

        """
        if not 0 <= self.iou < 1:
            raise ConfigError(f"iou of {self.iou:g} means nothing: use 0 or more, below 1")

    def __call__(self, sample: Sample, /) -> Program[list[Trace]]:
        """Return a trace with a verdict for every reply; a request that failed leaves none.

        Raises:
            SchemaError: known boxes are none by their declared convention.

        """
        if len(sample.media) != 1:
            return []
        known = self._known(sample)
        messages = opening(sample, prompts.fill(self.prompt, convention=self._convention.words))
        traces: list[Trace] = []
        for index in range(self.tries):
            request = Request(self.role, messages, seeded(self.sampling, index), index, _NAME)
            (outcome,) = yield [request]
            if outcome.reply is None:
                continue
            traces.append((yield from self._judged(sample, request, outcome, known)))
            if is_right(traces[-1]):
                break
        return traces

    @property
    def _convention(self) -> Convention:
        return Convention(self.form, self.unit)

    def _known(self, sample: Sample) -> _Known:
        """Read known boxes before anything is asked."""
        convention, media = Convention(self.known_form, self.known_unit), sample.media[0]
        found = quads(sample.meta.get(self.boxes)) if self.boxes else []
        steps_meet = _boxes(found, convention, media, f"meta[{self.boxes!r}]")
        answer = boxed_answer(sample.answer)
        if answer is None:
            return _Known(steps_meet, None)
        return _Known(steps_meet, _boxes(answer, convention, media, "the known answer"))

    def _judged(self, sample: Sample, request: Request, outcome: Outcome, known: _Known) -> Program[Trace]:
        assert outcome.reply is not None
        text = split(outcome.reply.text).answer.strip()
        chain = Fault("truncated", "the reply was cut at the token limit") if cut(outcome) else self._read(sample, text)
        if isinstance(chain, Fault):
            raw = text or outcome.reply.reasoning
            trace = Trace.of(sample, request, outcome, method=_NAME, reasoning=raw, answer="")
            finish = "length" if cut(outcome) else trace.finish
            return undecided(dataclasses.replace(trace, finish=finish), *chain)
        trace = Trace.of(sample, request, outcome, method=_NAME, reasoning=chain.reasoning, answer=chain.answer)
        trace = trace.with_verdict((yield from self._verdict(sample, chain, known.answer)))
        if not is_right(trace):
            return trace
        if missed := self._missed(known.steps, chain, sample.media[0]):
            return withdrawn(trace, *missed)
        return (yield from self._checked(sample, trace))

    def _read(self, sample: Sample, text: str) -> _Chain | Fault:
        """Take a reply apart, or say what is wrong with its form."""
        parts = answer_line(text)
        if not parts.answer or not parts.reasoning:
            return Fault("no_answer_found", "the reply has no answer line behind its steps")
        found = steps(parts.reasoning)
        fault = _order(parts.reasoning, found)
        if fault is not None:
            return fault
        media = sample.media[0]
        placed = [quad for step in found for quad in step.quads]
        boxes = [self._convention.box(quad, media.width, media.height) for quad in placed]
        if not boxes:
            return Fault("box_missing", "no step says where in the picture it looks")
        if None in boxes:
            return self._misfit(placed, media, boxes.index(None))
        reasoning = "\n".join(
            f"Step {step.number}: {_one_line(rewritten(step.text, self._convention, *_size(media)))}" for step in found
        )
        answer, answered = self._answer(parts.answer, media)
        written = _written(quad for step in steps(reasoning) for quad in step.quads)
        return _Chain(reasoning, answer, written, answered, tuple(placed))

    def _answer(self, text: str, media: Media) -> tuple[str, tuple[Box, ...]]:
        """Return the answer with its boxes written as traces have them."""
        found = [self._convention.box(quad, *_size(media)) for quad in quads(text)]
        if not found or None in found:
            return text, ()
        text = rewritten(text, self._convention, *_size(media), anywhere=True)
        return text, _written(quads(text))

    def _misfit(self, placed: list[Quad], media: Media, first: int) -> Fault:
        """Say that numbers are no boxes by the convention, and by which other ones all of them would be."""
        fitting = [str(c) for c in Convention.every() if all(c.box(quad, *_size(media)) for quad in placed)]
        other = f"; all would be as {' or '.join(fitting)}" if fitting else ""
        return Fault("box_form", f"{list(placed[first])} is no box as {self._convention}{other}")

    def _verdict(self, sample: Sample, chain: _Chain, known: list[Box] | None) -> Program[Verdict]:
        """Have the verifier decide, or the overlap where the known answer is a box."""
        if known is None:
            return (yield from self.verifier(sample, chain.answer))
        if not known or not chain.answered:
            rule, side = ("no_answer_found", "answer") if known else ("no_gold", "known answer")
            return Verdict(UNDECIDED, rule, reason=f"the {side} holds no box", verifier=_NAME)
        least = min(overlaps(known, chain.answered))
        same = len(known) == len(chain.answered) and least > self.iou
        shown = ", ".join(map(str, chain.answered))
        return Verdict(
            RIGHT if same else WRONG, "box", shown, f"least overlap {least:.3f}, over {self.iou:g} needed", _NAME
        )

    def _missed(self, known: list[Box], chain: _Chain, media: Media) -> Fault | None:
        """Say which known box no step meets, and whether one would if the numbers meant something else."""
        if not known or self._met(known, chain.found) > self.iou:
            return None
        best = overlaps(known, chain.found)
        unmet = f"no step meets the known box {known[best.index(min(best))]}"
        if self.against == "last":
            unmet = f"the last box meets none of {len(known)} known ones"
        unmet += f": overlap {self._met(known, chain.found):.3f}"
        overlap, name = max(self._otherwise(known, chain.said, media), default=(0.0, ""))
        if overlap > self.iou:
            return Fault("box_convention", f"{unmet}; as {name} the numbers would meet what is known: {overlap:.3f}")
        return Fault("box_missed", unmet)

    def _otherwise(self, known: list[Box], said: Sequence[Quad], media: Media) -> Iterator[tuple[float, str]]:
        """Yield the overlap under every other convention by which all numbers can be boxes."""
        for other in Convention.every():
            boxes = [box for quad in said if (box := other.box(quad, *_size(media)))]
            if other != self._convention and len(boxes) == len(said):
                yield self._met(known, boxes), str(other)

    def _met(self, known: list[Box], found: Sequence[Box]) -> float:
        """Return the overlap that decides: of the known box that is met worst, or the best one of the last box."""
        return max(overlaps(known, found[-1:])) if self.against == "last" else min(overlaps(known, found))

    def _checked(self, sample: Sample, trace: Trace) -> Program[Trace]:
        if not self.judge_reasoning:
            return trace
        judging = Judging(_NAME, self.judge_role, self.judge_prompt, self.judge_sampling, self.judge_control)
        objection = yield from doubt(sample, [("reasoning", trace.reasoning)], ("conclusion", trace.answer), judging)
        return withdrawn(trace, *objection) if objection else trace


def _order(text: str, found: list[Step]) -> Fault | None:
    """Say why a text is no steps counted from 1."""
    if not found:
        return Fault("step_missing", "no line begins with 'Step 1:'")
    if [step.number for step in found] != list(range(1, len(found) + 1)):
        return Fault("step_order", f"steps are numbered {[step.number for step in found][:12]}")
    if not all(step.text for step in found):
        return Fault("step_empty", f"step {next(step.number for step in found if not step.text)} says nothing")
    before = preamble(text)
    return Fault("text_outside", f"text stands before the first step: {before[:80]!r}") if before else None


def _boxes(found: list[Quad], convention: Convention, media: Media, where: str) -> list[Box]:
    boxes = [(quad, convention.box(quad, *_size(media))) for quad in found]
    if wrong := next((quad for quad, box in boxes if box is None), None):
        raise SchemaError(
            f"{where} has {list(wrong)}, which is no box as {convention} in a picture of {media.width}x{media.height}: "
            "declare what the numbers are"
        )
    return [box for _, box in boxes if box]


def _written(found: Iterable[Quad]) -> tuple[Box, ...]:
    """Return the boxes that a trace has: they are judged as they are written, rounded, so that any reader agrees."""
    return tuple(box for quad in found if (box := IN_TRACES.box(quad, 1, 1)))


def _size(media: Media) -> tuple[int, int]:
    return media.width, media.height


def _one_line(text: str) -> str:
    return " ".join(text.split())
