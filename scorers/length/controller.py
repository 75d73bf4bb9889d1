"""The length controller of Skywork R1V (arXiv 2504.05599, section 2.3): scores in, penalty and token budget out.

With S_v, S_t and S_I scaled to [0, 1] by frozen ranges and s = (S_v + beta S_t + gamma S_I) / (1 + beta + gamma),
Eq. 1 is P = min(2, exp(alpha (1 - s))). The report gives neither alpha, beta, gamma nor how sub-scores combine; here
they combine by their mean, and alpha is 0.2, which keeps P within the [1, 1.22] that decoders stand. The token budget
is our addition: log-linear in s, for teachers that penalties harm (LZ penalty, arXiv 2504.20131; the cards of thinking
models, which set them off). `scorers/length/predictor.py` puts a learned budget in its place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, get_args

from schemas.canonical import JSON
from schemas.errors import ConfigError
from schemas.protocols import ReadMedia
from schemas.sample import Sample
from schemas.score import Score
from scorers.length import _formula

__all__ = ["LengthController"]

Policy = Literal["paper", "budget", "both"]
PenaltyField = Literal["repetition_penalty", "presence_penalty", "frequency_penalty", ""]

VISION = ("clarity.value", "necessity.value")
TEXT = ("question_quality.value", "difficulty.value", "question_quality.detail.reasoning_demand")
INTEGRATION = ("integration.value",)


@dataclass(frozen=True, slots=True)
class LengthController:
    """Weighted mean of vision, text and integration scores, with the penalty and budget that follow from it.

    The detail always holds P as `penalty`; under the names of sampling settings it holds what the policy asks to be
    sent, and a generator sends just that. A missing score is left out of its group, a missing group out of the mean,
    which is to put the mean of the others in its place; with none at all there is no value, no penalty to send, and the
    middle budget.
    """

    version: ClassVar[int] = 2
    on: ClassVar[Literal["sample"]] = "sample"
    reads_scores: ClassVar[bool] = True
    detail_fields: ClassVar[Mapping[str, type]] = {
        "penalty": float,
        "policy": str,
        "max_tokens": int,
        "repetition_penalty": float,
        "presence_penalty": float,
        "frequency_penalty": float,
        "vision": float,
        "text": float,
        "integration": float,
        "weight": float,
        "missing": str,
    }
    columns: ClassVar[tuple[str, ...]] = (*VISION, *TEXT, *INTEGRATION)
    """The scores that are read by default, as columns: what to freeze `ranges` of."""
    judged: ClassVar[tuple[str, ...]] = (
        "question_quality.value",
        "question_quality.detail.difficulty",
        "question_quality.detail.reasoning_demand",
    )
    """A text score without a student: the difficulty too is a judge's opinion, as in the report."""
    alpha: float = 0.2
    """Strength; P at worst is exp(alpha)."""
    beta: float = 1.0
    """Weight of the text scores; vision has 1."""
    gamma: float = 1.0
    """Weight of the integration score."""
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Column to its (min, max) over a version, frozen; a column without one is taken as it is, in [0, 1]."""
    min_tokens: int = 1024
    """Budget at a weighted mean of 0."""
    max_tokens: int = 16384
    """Budget at a weighted mean of 1."""
    policy: Policy = "budget"
    """What is sent: the penalty (`paper`), the token limit (`budget`), or `both`. Every teacher counts as one that
    penalties harm until its own report says otherwise."""
    penalty_field: PenaltyField = "repetition_penalty"
    """The setting that the endpoint takes (`curate.length.penalty_field` knows the probe); empty sends no penalty."""
    text: tuple[str, ...] = TEXT
    """Columns whose mean is the text score; `judged` needs no student."""

    def __post_init__(self) -> None:
        """Refuse parameters for which the formula means nothing."""
        if not all(math.isfinite(x) and x >= 0 for x in (self.alpha, self.beta, self.gamma)):
            raise ConfigError(f"alpha, beta and gamma must be 0 or more: got {self.alpha}, {self.beta}, {self.gamma}")
        if not 1 <= self.min_tokens <= self.max_tokens:
            raise ConfigError(f"token limits must be 1 <= min <= max: got {self.min_tokens} and {self.max_tokens}")
        if self.policy not in get_args(Policy):
            raise ConfigError(f"there is no policy {self.policy!r}: choose from {', '.join(get_args(Policy))}")
        if self.penalty_field not in get_args(PenaltyField):
            raise ConfigError(
                f"no endpoint takes a penalty as {self.penalty_field!r}: {', '.join(get_args(PenaltyField))}"
            )
        unknown = sorted(set(self.ranges) - set(self.reads))
        if unknown:
            raise ConfigError(f"ranges of {', '.join(unknown)} are not used: choose from {', '.join(self.reads)}")
        for column, (low, high) in self.ranges.items():
            if not (math.isfinite(low) and math.isfinite(high) and low <= high):
                raise ConfigError(f"the range of {column} must be finite and in order: got {low} to {high}")

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that this controller reads: what to freeze `ranges` of."""
        return (*VISION, *self.text, *INTEGRATION)

    def __call__(self, sample: Sample, _read: ReadMedia, /) -> Score:
        """Return the weighted mean with penalty and budget, from the sample's earlier scores."""
        known = {column: x for column in self.reads if (x := self._scaled(sample, column)) is not None}
        vision, text, integration = (
            _formula.mean([known[column] for column in group if column in known])
            for group in (VISION, self.text, INTEGRATION)
        )
        s, weight = _formula.weighted([(vision, 1.0), (text, self.beta), (integration, self.gamma)])
        missing = ", ".join(column for column in self.reads if column not in known)
        groups = {"vision": vision, "text": text, "integration": integration}
        detail = {**self._applied(s), **{k: v for k, v in groups.items() if v is not None}}
        detail |= {"weight": weight, "missing": missing}
        if s is None:
            return Score.unscored("no score to go by: no penalty is sent, and the budget is the middle one", **detail)
        return Score(s, reason=f"without {missing}" if missing else "", detail=detail)

    def _applied(self, s: float | None) -> dict[str, JSON]:
        """Return P, and what the policy sends; without scores neither short nor long chains are asked for."""
        strength = 1.0 if s is None else _formula.penalty(s, self.alpha)
        applied: dict[str, JSON] = {"penalty": strength, "policy": self.policy}
        if self.policy != "paper":
            applied["max_tokens"] = _formula.budget(0.5 if s is None else s, self.min_tokens, self.max_tokens)
        if self.policy != "budget" and self.penalty_field and s is not None:
            applied[self.penalty_field] = _formula.translated(strength, self.penalty_field)
        return applied

    def _scaled(self, sample: Sample, column: str) -> float | None:
        value = _value(sample, column)
        return None if value is None else _formula.scaled(value, *self.ranges.get(column, (0.0, 1.0)))


def _value(sample: Sample, column: str) -> float | None:
    """Return the number in `scorer.value` or `scorer.detail.field`; None where there is none."""
    scorer, _, path = column.partition(".")
    score = sample.scores.get(scorer)
    if score is None:
        return None
    value = score.value if path == "value" else score.detail.get(path.removeprefix("detail."))
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)
