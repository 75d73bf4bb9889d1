"""Judge a prediction as the default verifier does, with its slow work done in place or refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from schemas.answer import Answer
from schemas.protocols import Verifier
from schemas.request import Call, Cause, Outcome, Program
from schemas.sample import Message, Sample
from schemas.score import RIGHT, Verdict
from scorers.verify_answer import VerifyAnswer


def judged(
    gold: str,
    prediction: str,
    choices: Sequence[str] = (),
    *,
    question: str = "",
    verifier: Verifier | None = None,
    compute: bool = True,
) -> Verdict:
    """Return the verdict; with `compute` off every call ends at its deadline."""
    sample = Sample.of([Message("user", (question,))], answer=Answer.of(gold, tuple(choices)), choices=tuple(choices))
    program = (verifier or VerifyAnswer())(sample, prediction)
    outcomes: list[Outcome] | None = None
    try:
        while True:
            asked = next(program) if outcomes is None else program.send(outcomes)
            outcomes = [_done(call, compute=compute) for call in asked if isinstance(call, Call)]
    except StopIteration as end:
        verdict: Verdict = end.value
        return verdict


def _done(call: Call, *, compute: bool) -> Outcome:
    if not compute:
        return Outcome(Cause.TIMEOUT, reason="refused")
    return Outcome(Cause.OK, value=call.function(*call.args))


@dataclass(frozen=True, slots=True)
class Lenient:
    """A judge that finds everything right, to see when it is asked."""

    version: ClassVar[int] = 1
    on: ClassVar[Literal["verify"]] = "verify"
    asked: list[str] = field(default_factory=list, compare=False)

    def __call__(self, sample: Sample, prediction: str, /) -> Program[Verdict]:
        """Say right."""
        yield from ()
        self.asked.append(prediction)
        return Verdict(RIGHT, "judge", verifier="lenient")
