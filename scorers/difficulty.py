"""Empirical difficulty: how often a named student solves the question.

The pass rate over n rollouts is what pipelines sieve by (docs/methods.md: Virgo's 2-3 of 5, LIMO's 1-3 of 32, the
16-run levels of arXiv 2507.07562); it is relative to the student and its sampling, so both are kept beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from schemas.canonical import JSON
from schemas.protocols import Verifier
from schemas.request import Program, Request, Sampling
from schemas.sample import Sample
from schemas.score import Score
from scorers._rollouts import Arm, End, ask, instruction, sampling, tally

__all__ = ["Difficulty"]


@dataclass(frozen=True, slots=True)
class Difficulty:
    """One minus the student's pass rate; 1 is never solved. Detail's `low` and `high` are the pass rate's bounds."""

    version: ClassVar[int] = 1
    on: ClassVar[Literal["asked"]] = "asked"
    detail_fields: ClassVar[Mapping[str, type]] = {
        "pass_rate": float,
        "right": int,
        "n": int,
        "low": float,
        "high": float,
        "truncated": int,
        "undecided": int,
        "missing": int,
        "mean_tokens": float,
        "model": str,
    }
    verifier: Verifier
    n: int = 4
    """Rollouts asked for, all at once."""
    role: str = "student"
    prompt: str = field(default_factory=instruction)
    """As in `Necessity`: the same words and sampling make the same requests, which are paid once."""
    sampling: Sampling = field(default_factory=sampling)

    def __call__(self, sample: Sample, /) -> Program[Score]:
        """Return the difficulty, unscored without a known answer or without one whole reply."""
        if sample.answer is None:
            return Score.unscored("the sample has no known answer to judge rollouts by")
        outcomes = yield [self._rollout(sample, i) for i in range(self.n)]
        arm = yield from tally(self.verifier, [sample] * self.n, outcomes, blind=False)
        if arm.nothing:
            return Score.unscored(arm.nothing, **_counts(arm))
        low, high = arm.interval
        detail = {**_counts(arm), "pass_rate": arm.rate, "low": low, "high": high}
        return Score(1.0 - arm.rate, reason=f"{arm.model or self.role} solved {arm.right} of {arm.n}", detail=detail)

    def _rollout(self, sample: Sample, index: int) -> Request:
        return ask(sample, index, role=self.role, prompt=self.prompt, drawn=self.sampling)


def _counts(arm: Arm) -> dict[str, JSON]:
    counts: dict[str, JSON] = {
        "right": arm.right,
        "n": arm.n,
        "truncated": arm.count(End.TRUNCATED),
        "undecided": arm.count(End.UNDECIDED),
        "missing": arm.count(End.MISSING),
        "model": arm.model,
    }
    return {**counts, "mean_tokens": sum(arm.tokens) / len(arm.tokens)} if arm.tokens else counts
