"""Bands of rollouts, as Virgo selects by (arXiv 2501.01904, sections 3.2 and 3.3): how often right, and how long.

A table step over what was drawn: another band is another version and asks nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from curate.choosing import Chosen, Why, choose
from curate.query import evaluate
from schemas.canonical import spec
from schemas.errors import ConfigError
from schemas.score import Score
from schemas.version import Step, Version

if TYPE_CHECKING:
    from curate.run import Run

__all__ = ["Bands", "banded"]

THOUGHT = """CASE WHEN reasoning_tokens > 0 THEN reasoning_tokens
WHEN completion_tokens > 0 AND length(reasoning) + length(answer) > 0
THEN round(completion_tokens * length(reasoning) / (length(reasoning) + length(answer))) END"""
"""Tokens of a trace's thought: as the server counts them, else the thought's share of the characters of all tokens."""

_FIELDS = {"rollouts": {"right": "int", "n": "int", "pass_rate": "float", "thought_tokens": "float"}}
_EDGE = 1e-9
"""So that 4 of 5 is in a band from 0.8 on."""


@dataclass(frozen=True, slots=True)
class Bands:
    """Which samples are kept, and which of their right rollouts."""

    PRESETS: ClassVar[Mapping[str, tuple[float, float]]] = {
        "any": (0.0, 1.0),
        "medium": (0.8, 1.0),
        "hard": (0.4, 0.6),
    }
    """Of table 6: medium is 4 or 5 right of 5, hard 2 or 3; `any` is whatever was solved at all."""
    low: float = 0.0
    """Least share of right rollouts; one has to be right in any case."""
    high: float = 1.0
    """Greatest share of right rollouts."""
    shortest: int = 2000
    """Tokens of thought that a rollout has to exceed; table 4's best band is (2000, 4000]."""
    longest: int = 4000
    """Most tokens of thought; 0 is no limit."""
    most: int = 1
    """Rollouts kept per sample, shortest thought first."""

    def __post_init__(self) -> None:
        """Refuse bands that nothing can be in."""
        if not 0 <= self.low <= self.high <= 1:
            raise ConfigError(f"a pass-rate band is 0 <= low <= high <= 1: got {self.low} and {self.high}")
        if self.shortest < 0 or (self.longest and self.longest <= self.shortest) or self.most < 1:
            raise ConfigError(f"a length band is 0 <= shortest < longest: got {self.shortest} and {self.longest}")

    @classmethod
    def named(cls, difficulty: str, *, shortest: int = 2000, longest: int = 4000, most: int = 1) -> Bands:
        """Return the bands of a preset."""
        if difficulty not in cls.PRESETS:
            raise ConfigError(f"there is no band {difficulty!r}: choose from {', '.join(cls.PRESETS)}")
        return cls(*cls.PRESETS[difficulty], shortest, longest, most)

    def has_rate(self, rate: float) -> bool:
        """Whether a share of right rollouts is in the band."""
        return self.low - _EDGE <= rate <= self.high + _EDGE

    def has_length(self, tokens: float | None) -> bool:
        """Whether so many tokens of thought are in the band; a length that nobody counted passes."""
        return tokens is None or (tokens > self.shortest and (not self.longest or tokens <= self.longest))


def banded(run: Run, drawn: Version, bands: Bands, *, name: str) -> Version:
    """Derive the version `name` of the samples and rollouts in the bands, with the score `rollouts` of each sample.

    The rate is over all traces that were written and had not seen the answer: cut and undecided ones were tried and are
    not right; requests that failed are no rollouts.

    Args:
        run: the workspace.
        drawn: a version whose right rollouts are all kept (`Keep(most=rollouts)`), as rejected ones are the others.
        bands: what is kept.
        name: name of the version.

    """
    right, n = _rates(run, drawn)
    lengths = _lengths(run, drawn)
    dropped: dict[str, Why] = {}
    out: dict[str, Why] = {}
    scores: dict[str, Score] = {}
    for ident, rollouts in lengths.items():
        rate = right[ident] / n[ident] if n[ident] else 0.0
        kept = [rollout for rollout in rollouts if bands.has_length(rollout[0])]
        if not bands.has_rate(rate):
            dropped[ident] = Why("rollouts.pass_rate", f"{right[ident]} of {n[ident]}", f"{bands.low} to {bands.high}")
        elif not kept:
            dropped[ident] = Why("thought_tokens", ", ".join(_tokens(t) for t, _ in rollouts), _span(bands))
        else:
            outside = [rollout for rollout in rollouts if rollout not in kept]
            out |= {trace: Why("thought_tokens", _tokens(tokens), _span(bands)) for tokens, trace in outside}
            out |= {trace: Why("surplus", "shortest", f"{bands.most} a sample") for _, trace in kept[bands.most :]}
            scores[ident] = _score(right[ident], n[ident], kept[0][0])
    step = Step("bands", {"bands": spec(bands), "thought": THOUGHT})
    return choose(run, drawn, Chosen(dropped, {}, out, scores), name=name, step=step, scored=_FIELDS)


def _rates(run: Run, drawn: Version) -> tuple[Counter[str], Counter[str]]:
    """Count right rollouts and all rollouts of every sample."""
    right: Counter[str] = Counter()
    n: Counter[str] = Counter()
    asked = {"sample": "sample_id", "right": "verdict.value = 'right'", "blind": "NOT answer_seen"}
    for table in ("traces", "rejected"):
        for row in evaluate(run.store, drawn, asked, table=table):
            if row["blind"]:
                n[row["sample"]] += 1
                right[row["sample"]] += bool(row["right"])
    return right, n


def _lengths(run: Run, drawn: Version) -> dict[str, list[tuple[float | None, str]]]:
    """Return thought tokens and id of every kept rollout by sample, shortest first, uncounted ones last."""
    found: dict[str, list[tuple[float | None, str]]] = {}
    for row in evaluate(run.store, drawn, {"sample": "sample_id", "tokens": THOUGHT}, table="traces"):
        found.setdefault(row["sample"], []).append((row["tokens"], row["id"]))
    for rollouts in found.values():
        rollouts.sort(key=lambda rollout: (rollout[0] is None, rollout[0] or 0.0, rollout[1]))
    return found


def _score(right: int, n: int, tokens: float | None) -> Score:
    detail: dict[str, Any] = {"right": right, "n": n, "pass_rate": right / n if n else 0.0}
    if tokens is not None:
        detail["thought_tokens"] = float(tokens)
    return Score(detail["pass_rate"], reason=f"{right} of {n} rollouts are right", detail=detail)


def _tokens(tokens: float | None) -> str:
    return "?" if tokens is None else f"{tokens:g}"


def _span(bands: Bands) -> str:
    return f"({bands.shortest}, {bands.longest or 'any'}]"
