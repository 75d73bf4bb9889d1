"""The programs of a pass: every sample ends as exactly one of kept, dropped and failed."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from curate.chain import Distilled, Keep, Scored, distil, score
from schemas.answer import Answer
from schemas.prompt import user
from schemas.request import Cause, Outcome, Program, Reply, Request, Usage
from schemas.sample import Message, Sample
from schemas.score import Score, Verdict
from schemas.trace import Trace

SAMPLE = Sample.of([Message("user", ("2+2?",))], answer=Answer.of("4"), source="s", row=5)


@dataclass(frozen=True)
class Tries:
    """Asks `n` times and judges by equality."""

    version: ClassVar[int] = 1
    n: int = 3

    def __call__(self, sample: Sample, /) -> Program[list[Trace]]:
        requests = [Request("teacher", user(sample.question), try_index=i) for i in range(self.n)]
        outcomes = yield requests
        traces = []
        for request, outcome in zip(requests, outcomes, strict=True):
            if outcome.reply is not None:
                trace = Trace.of(sample, request, outcome, method="tries")
                right = trace.answer == "4"
                traces.append(trace.with_verdict(Verdict("right" if right else "wrong", "equal")))
        return traces


def _said(text: str, tokens: int = 5, n: int = 0) -> Outcome:
    return Outcome(Cause.OK, Reply(text, usage=Usage(completion=tokens)), key=f"k{n}{text}", model="m")


def _failed(cause: Cause) -> Outcome:
    return Outcome(cause, reason=f"it was {cause}", key="k", model="m")


def _drive(program: Generator[Any, Any, Any], *answers: Sequence[Outcome]) -> Any:
    try:
        next(program)
        for outcomes in answers:
            program.send(outcomes)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("the program asks for more")


def _distil(*outcomes: Outcome, keep: Keep | None = None, **more: Mapping[str, Any]) -> Distilled:
    program = distil(SAMPLE, {}, Tries(len(outcomes)), more.get("traces", {}), keep or Keep())
    return _drive(program, outcomes)


def test_shortest_right_trace_is_kept() -> None:
    """Of the right traces the shortest is kept, the others are surplus, wrong ones are dropped by verdict."""
    done = _distil(_said("4", 9, 0), _said("5", 2, 1), _said("4", 6, 2))

    assert [t.usage.completion for t in done.kept] == [6]
    assert {d.rule for d in done.dropped} == {"surplus", "verdict.equal"}
    assert all(d.trace_id for d in done.dropped)
    assert len(done.rejected) == 2
    assert done.failed is None


@pytest.mark.parametrize(
    ("keep", "expected"), [(Keep(2), [3, 5]), (Keep(9, "longest"), [7, 5, 3]), (Keep(1, "first"), [7])]
)
def test_keep_order(keep: Keep, expected: list[int]) -> None:
    """How many are kept and which come first is the recipe's choice."""
    done = _distil(_said("4", 7, 0), _said("4", 3, 1), _said("4", 5, 2), keep=keep)

    assert [t.usage.completion for t in done.kept] == expected


def test_no_right_trace_drops_the_sample_and_says_what_there_was() -> None:
    """A sample without a right trace is dropped with the verdicts it got."""
    done = _distil(_said("5"), _said("6"))
    whole = [d for d in done.dropped if d.trace_id is None]

    assert [(d.rule, d.value, d.sample_id, d.row) for d in whole] == [("no_right_trace", "2 wrong", SAMPLE.id, 5)]
    assert done.failed is None


@pytest.mark.parametrize(
    ("cause", "retryable"), [(Cause.TIMEOUT, True), (Cause.SERVER_ERROR, True), (Cause.REFUSED, False)]
)
def test_no_reply_at_all_is_a_failure_with_its_cause(cause: Cause, retryable: bool) -> None:
    """Where nothing was answered nothing is known of the sample: it failed, it was not dropped."""
    done = _distil(_failed(cause), _failed(cause))

    assert done.failed is not None
    assert (done.failed.cause, done.failed.row, done.failed.stage) == (cause, 5, "generate")
    assert done.failed.reason == f"it was {cause}"
    assert done.dropped == ()
    assert done.retryable is retryable


def test_wrong_tries_beside_passing_errors_are_a_failure() -> None:
    """A rerun could still find a right trace, so the sample is not dropped for good."""
    done = _distil(_said("5"), _failed(Cause.TIMEOUT))

    assert done.failed is not None
    assert len(done.rejected) == 1
    assert [d.trace_id for d in done.dropped] == [done.rejected[0].id]


def test_right_try_beside_errors_is_kept() -> None:
    """One right trace is enough."""
    done = _distil(_failed(Cause.REFUSED), _said("4"))

    assert len(done.kept) == 1
    assert done.failed is None


def test_broken_generator_is_that_samples_failure() -> None:
    """What a plug-in raises is attributed to the sample at hand."""

    @dataclass(frozen=True)
    class Broken:
        version: ClassVar[int] = 1

        def __call__(self, sample: Sample, /) -> Program[list[Trace]]:
            yield [Request("teacher", user("q"))]
            raise KeyError("table")

    done = _drive(distil(SAMPLE, {}, Broken(), {}, Keep()), [_said("4")])

    assert done.failed is not None
    assert done.failed.cause == "plugin_error"
    assert "KeyError: 'table'" in done.failed.reason


@dataclass(frozen=True)
class Asked:
    """Scores what a model said."""

    version: ClassVar[int] = 1
    on: ClassVar[str] = "asked"
    detail_fields: ClassVar[Mapping[str, type]] = {"had": int}

    def __call__(self, sample: Sample, /) -> Program[Score]:
        [outcome] = yield [Request("judge", user("rate"))]
        if outcome.reply is None:
            return Score.unscored(outcome.reason)
        return Score(float(outcome.reply.text), detail={"had": len(sample.scores)})


def test_later_scorers_see_earlier_scores() -> None:
    """Scorers are chained over one sample."""
    done: Scored = _drive(score(SAMPLE, {"a": Asked(), "b": Asked()}), [_said("0.5")], [_said("0.25")])

    assert [done.sample.scores[n].value for n in "ab"] == [0.5, 0.25]
    assert done.sample.scores["b"].detail == {"had": 1}
    assert not done.retryable


def test_failed_call_leaves_the_score_open() -> None:
    """A call that failed for a passing cause makes the version worth another run."""
    done: Scored = _drive(score(SAMPLE, {"a": Asked()}), [_failed(Cause.TIMEOUT)])

    assert done.sample.scores["a"].value is None
    assert done.retryable


def test_broken_scorer_leaves_its_score_open() -> None:
    """A scorer that breaks does not take the sample with it."""
    done: Scored = _drive(score(SAMPLE, {"a": Asked()}), [_said("not a number")])

    assert done.sample.scores["a"].value is None
    assert "a broke: ValueError" in done.sample.scores["a"].reason


def test_traces_are_rated() -> None:
    """Trace scorers see every trace."""

    @dataclass(frozen=True)
    class Length:
        version: ClassVar[int] = 1
        on: ClassVar[str] = "trace"
        detail_fields: ClassVar[Mapping[str, type]] = {}

        def __call__(self, sample: Sample, trace: Trace, /) -> Score:
            return Score(min(1.0, len(trace.answer) / 10))

    done = _distil(_said("4"), _said("55"), traces={"length": Length()})

    assert [t.scores["length"].value for t in (*done.kept, *done.rejected)] == [0.1, 0.2]
    assert dataclasses.replace(done.kept[0], scores={}).id == done.kept[0].id
