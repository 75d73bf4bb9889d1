"""The programs of a pass: the steps of one sample, chained, so that nothing waits where it need not.

A bad row is data: what goes wrong for a sample becomes `Failed`, what a rule takes out becomes `Dropped`, and every
trace that was written comes out as kept or rejected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator as Coroutine
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from schemas.errors import ConfigError
from schemas.protocols import AskedScorer, Generator, TraceScorer
from schemas.request import Call, Outcome, Program, Request
from schemas.sample import Sample
from schemas.score import RIGHT, Score
from schemas.trace import Trace
from schemas.version import Dropped, Failed
from schemas.wording import Wording, asked

__all__ = ["Distilled", "Keep", "Scored", "distil", "score", "shortest"]

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Keep:
    """Which right traces of a sample are kept."""

    most: int = 1
    """At most so many a sample."""
    order: Literal["shortest", "longest", "first"] = "shortest"
    """Which come first: Virgo keeps the shortest correct one (arXiv 2501.01904, released data)."""

    def __post_init__(self) -> None:
        """Refuse to keep nothing."""
        if self.most < 1:
            raise ConfigError(f"at least 1 trace a sample is kept: got {self.most}")


@dataclass(frozen=True, slots=True)
class Scored:
    """A sample with its scores."""

    sample: Sample
    retryable: bool = False
    """True where a call failed for a passing cause, so that a rerun may know more."""


@dataclass(frozen=True, slots=True)
class Distilled:
    """What became of one sample: exactly one of kept, dropped, failed; and every trace that was written."""

    sample: Sample
    kept: tuple[Trace, ...] = ()
    rejected: tuple[Trace, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    failed: Failed | None = None
    retryable: bool = False


@dataclass(slots=True)
class _Seen:
    """Outcomes that passed by, so that failures can be named without every plug-in doing it."""

    outcomes: list[Outcome] = field(default_factory=list)
    wordings: Sequence[Wording] = ()
    prompts: dict[str, list[str]] = field(default_factory=dict)
    """By the key of a request: the prompts that stand in it."""

    @property
    def retryable(self) -> bool:
        return any(outcome.key and not outcome.cause.remembered for outcome in self.outcomes)

    def take(self, batch: Sequence[Request | Call], outcomes: Sequence[Outcome]) -> None:
        """Take note of what was asked and how it ended."""
        self.outcomes.extend(outcomes)
        for item, outcome in zip(batch, outcomes, strict=True):
            if isinstance(item, Request) and outcome.cause.answered:
                self.prompts[outcome.key] = asked(self.wordings, item)

    def of(self, trace: Trace) -> tuple[str, ...]:
        """Return the prompts that a trace rests on."""
        return tuple(sorted({ref for key in trace.requests for ref in self.prompts.get(key, ())}))

    def worst(self) -> Outcome | None:
        """Return an outcome of the commonest failing cause."""
        bad = [outcome for outcome in self.outcomes if outcome.key and not outcome.cause.answered]
        if not bad:
            return None
        common = Counter(outcome.cause for outcome in bad).most_common(1)[0][0]
        return next(outcome for outcome in bad if outcome.cause is common)


def score(sample: Sample, scorers: Mapping[str, AskedScorer]) -> Program[Scored]:
    """Rate a sample with every asked scorer in turn; a later one sees the earlier scores."""
    seen = _Seen()
    for name, scorer in scorers.items():
        try:
            rated = yield from _watch(scorer(sample), seen)
        except _PLUGIN_ERRORS as error:
            rated = Score.unscored(f"{name} broke: {type(error).__name__}: {error}"[:300])
        sample = sample.with_score(name, rated)
    return Scored(sample, retryable=seen.retryable)


def distil(
    sample: Sample,
    scorers: Mapping[str, AskedScorer],
    generator: Generator,
    trace_scorers: Mapping[str, TraceScorer],
    keep: Keep,
    *,
    known: Sequence[Wording] = (),
) -> Program[Distilled]:
    """Rate a sample, have its traces written and judged, and keep the right ones; `known` are their prompts."""
    scored = yield from score(sample, scorers)
    seen = _Seen(wordings=known)
    try:
        traces = yield from _watch(generator(scored.sample), seen)
        traces = [replace(_rated(scored.sample, trace, trace_scorers), prompts=seen.of(trace)) for trace in traces]
    except _PLUGIN_ERRORS as error:
        return _broken(scored.sample, "plugin_error", f"{type(error).__name__}: {error}"[:300])
    retryable = scored.retryable or seen.retryable
    return _sort_out(scored.sample, traces, seen, keep, retryable=retryable)


_PLUGIN_ERRORS = (Exception,)
"""The one boundary around plug-ins: whatever they raise is attributed to the sample at hand, not to the run."""


def _watch(program: Program[R], seen: _Seen) -> Coroutine[Any, Any, R]:
    """Run a program and take note of every outcome that reaches it."""
    try:
        batch = next(program)
        while True:
            outcomes = yield batch
            seen.take(batch, outcomes)
            batch = program.send(outcomes)
    except StopIteration as stop:
        result: R = stop.value
        return result


def _rated(sample: Sample, trace: Trace, scorers: Mapping[str, TraceScorer]) -> Trace:
    for name, scorer in scorers.items():
        trace = trace.with_score(name, scorer(sample, trace))
    return trace


def _sort_out(sample: Sample, traces: Sequence[Trace], seen: _Seen, keep: Keep, *, retryable: bool) -> Distilled:
    right = sorted((t for t in traces if t.verdict and t.verdict.value == RIGHT), key=_ORDER[keep.order])
    kept, surplus = right[: keep.most], right[keep.most :]
    unkept = [t for t in traces if t not in kept]
    dropped = [_drop(sample, trace, surplus=trace in surplus, keep=keep) for trace in unkept]
    if kept:
        return Distilled(sample, tuple(kept), tuple(unkept), tuple(dropped), retryable=retryable)
    worst = seen.worst()
    if worst is not None and (not traces or not worst.cause.remembered):
        failed = Failed(sample.source, sample.row, sample.id, "generate", worst.cause.value, worst.reason)
        return Distilled(sample, (), tuple(unkept), tuple(dropped), failed, retryable=retryable)
    verdicts = Counter(t.verdict.value if t.verdict else "unjudged" for t in traces)
    value = ", ".join(f"{count} {name}" for name, count in sorted(verdicts.items())) or "no trace"
    whole = Dropped(sample.id, "generate", "no_right_trace", value, "1 right", None, sample.source, sample.row)
    return Distilled(sample, (), tuple(unkept), (*dropped, whole), retryable=retryable)


def _drop(sample: Sample, trace: Trace, *, surplus: bool, keep: Keep) -> Dropped:
    if surplus:
        why = ("surplus", str(keep.order), f"{keep.most} a sample")
    else:
        verdict = trace.verdict
        why = (f"verdict.{verdict.rule}", str(verdict.value), RIGHT) if verdict else ("verdict", "unjudged", RIGHT)
    return Dropped(sample.id, "generate", *why, trace.id, sample.source, sample.row)


def _broken(sample: Sample, cause: str, reason: str) -> Distilled:
    return Distilled(sample, failed=Failed(sample.source, sample.row, sample.id, "generate", cause, reason))


def shortest(trace: Trace) -> tuple[int, int, str]:
    """Order traces by their tokens, or by their characters where nobody counted; then by the try."""
    return (_tokens(trace), trace.try_index, trace.id)


def _tokens(trace: Trace) -> int:
    return trace.usage.completion or len(trace.reasoning) + len(trace.answer)


_ORDER = {
    "shortest": shortest,
    "longest": lambda trace: (-_tokens(trace), trace.try_index, trace.id),
    "first": lambda trace: (trace.try_index, trace.id),
}
