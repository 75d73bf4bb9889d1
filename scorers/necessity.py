"""Image necessity: how much of what the student solves with the picture it cannot solve without it.

The image necessity of Skywork R1V (arXiv 2504.05599, section 2.3), measured by rollouts instead of a judge's opinion:
blind ones, with rotated options, against sighted ones, and both against the chance level of the question's form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from schemas.answer import AnswerType
from schemas.canonical import JSON
from schemas.protocols import Verifier
from schemas.request import Program, Request, Sampling
from schemas.sample import Sample
from schemas.score import Score
from scorers._rollouts import Arm, End, ask, instruction, sampling, tally
from scorers._rotation import rotated

__all__ = ["Necessity"]


@dataclass(frozen=True, slots=True)
class Necessity:
    """One minus the blind student's skill as a share of the sighted one's, skill being success beyond chance.

    With chance level `c`, `skill(rate) = max(0, (rate - c) / (1 - c))` and

        value = clip(1 - skill(blind_rate) / skill(sighted_rate), 0, 1)

    1: nothing is solved blind beyond guessing; 0: the picture adds nothing. Where neither arm beats chance nothing can
    be said, and the sample is unscored. `low` and `high` put both rates at the ends of their 95 % Wilson intervals
    that move the value most: wider than a 95 % interval needs to be, never narrower by design.
    """

    version: ClassVar[int] = 1
    on: ClassVar[Literal["asked"]] = "asked"
    detail_fields: ClassVar[Mapping[str, type]] = {
        "blind_right": int,
        "blind_n": int,
        "blind_rate": float,
        "blind_low": float,
        "blind_high": float,
        "blind_refused": int,
        "sighted_right": int,
        "sighted_n": int,
        "sighted_rate": float,
        "sighted_low": float,
        "sighted_high": float,
        "chance": float,
        "low": float,
        "high": float,
        "undecided": int,
        "truncated": int,
        "missing": int,
        "model": str,
    }
    verifier: Verifier
    k: int = 4
    """Rollouts of each arm, all asked for at once."""
    rotate: bool = True
    """Whether each blind rollout sees the options in another order, where their meaning allows it."""
    role: str = "student"
    prompt: str = field(default_factory=instruction)
    """As in `Difficulty`: the same words and sampling make the same sighted requests, which are paid once."""
    sampling: Sampling = field(default_factory=sampling)
    threshold: float = 0.5
    """Least value that passes."""

    def __call__(self, sample: Sample, /) -> Program[Score]:
        """Return the necessity; unscored without a picture, a known answer, or evidence in both arms."""
        impossible = _impossible(sample)
        if impossible:
            return Score.unscored(impossible)
        views = [rotated(sample, i) if self.rotate else sample for i in range(self.k)]
        unseen = [self._rollout(view, i, pictures=False) for i, view in enumerate(views)]
        seen = [self._rollout(sample, i, pictures=True) for i in range(self.k)]
        outcomes = yield [*unseen, *seen]
        blind = yield from tally(self.verifier, views, outcomes[: self.k], blind=True)
        sighted = yield from tally(self.verifier, [sample] * self.k, outcomes[self.k :], blind=False)
        return self._score(blind, sighted, chance_level(sample))

    def _rollout(self, sample: Sample, index: int, *, pictures: bool) -> Request:
        return ask(sample, index, role=self.role, prompt=self.prompt, drawn=self.sampling, pictures=pictures)

    def _score(self, blind: Arm, sighted: Arm, chance: float) -> Score:
        detail = _detail(blind, sighted, chance)
        for name, arm in (("blind", blind), ("sighted", sighted)):
            if arm.nothing:
                return Score.unscored(f"the {name} arm says nothing: {arm.nothing}", **detail)
        value = _value(blind.rate, sighted.rate, chance)
        if value is None:
            reason = f"neither arm beats chance ({blind.right}/{blind.n} blind, {sighted.right}/{sighted.n} sighted)"
            return Score.unscored(reason, **detail)
        low = _value(blind.interval.high, sighted.interval.low, chance) or 0.0
        high = _value(blind.interval.low, sighted.interval.high, chance)
        detail |= {"low": low, "high": 1.0 if high is None else high}
        reason = f"{blind.right}/{blind.n} blind, {sighted.right}/{sighted.n} sighted, chance {chance:.2g}"
        return Score(value, passed=value >= self.threshold, reason=reason, detail=detail)


def chance_level(sample: Sample) -> float:
    """Return how often a guess is right: one over the options, a half for yes or no, 0 for an open answer.

    0 is too low for open answers with a strong prior (`1`, `90`): their necessity is understated, never overstated.
    """
    if len(sample.choices) > 1:
        return 1 / len(sample.choices)
    yes_no = sample.answer is not None and sample.answer.type is AnswerType.YES_NO
    return 0.5 if yes_no else 0.0


def _impossible(sample: Sample) -> str:
    """Return why the sample cannot be measured, or an empty string."""
    if not sample.media:
        return "no picture"
    if sample.answer is None:
        return "the sample has no known answer to judge rollouts by"
    return "" if sample.question.strip() else "nothing is left to ask without the picture"


def _value(blind: float, sighted: float, chance: float) -> float | None:
    """Return the value for two rates; None where neither beats chance."""
    skill_blind, skill_sighted = (max(0.0, (rate - chance) / (1 - chance)) for rate in (blind, sighted))
    if skill_sighted <= 0:
        return None if skill_blind <= 0 else 0.0
    return min(1.0, max(0.0, 1 - skill_blind / skill_sighted))


def _detail(blind: Arm, sighted: Arm, chance: float) -> dict[str, JSON]:
    detail: dict[str, JSON] = {"chance": chance, "model": sighted.model or blind.model}
    for name, arm in (("blind", blind), ("sighted", sighted)):
        detail |= {f"{name}_right": arm.right, f"{name}_n": arm.n}
        if arm.n:
            low, high = arm.interval
            detail |= {f"{name}_rate": arm.rate, f"{name}_low": low, f"{name}_high": high}
    detail["blind_refused"] = blind.count(End.REFUSED)
    for end in (End.UNDECIDED, End.TRUNCATED, End.MISSING):
        detail[str(end)] = blind.count(end) + sighted.count(end)
    return detail
