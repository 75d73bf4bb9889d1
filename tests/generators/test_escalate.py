"""Escalation: short first, long only where short fails, and the cost of both on every trace."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Callable

import pytest
from fakes.programs import AfterAnswer, cut, failed, play, said, sample

from generators.escalate import Escalate
from generators.perception_to_cognition import PerceptionToCognition
from schemas import wording
from schemas.canonical import canonical, spec
from schemas.errors import ConfigError
from schemas.request import Cause, Outcome, Request

GENERATOR = Escalate(AfterAnswer(), long_tries=2)
GOOD = "Two and two legs.\nAnswer: 4"
WRONG = "Two and three legs.\nAnswer: 5"


def models(short: str, *long: str) -> Callable[[Request], Outcome]:
    """Answer short tries in 10 tokens and long ones, in order, in 30."""

    def answer(request: Request) -> Outcome:
        if request.role == "teacher":
            return said(request, short, tokens=10)
        return said(request, long[request.try_index % len(long)] if long else WRONG, tokens=30)

    return answer


def verdicts(traces: list) -> list[tuple[str, str]]:
    """Return stage and value of every trace."""
    return [(trace.method.split("/")[1], trace.verdict.value) for trace in traces]


def test_a_right_short_chain_is_the_end() -> None:
    """One request, and a trace that cost what it is."""
    played = play(GENERATOR(sample()), models(GOOD))
    (trace,) = played.result
    assert [r.role for r in played.requests] == ["teacher"]
    assert (trace.method, trace.origin, trace.answer_seen) == ("escalate/short/think_then_answer", "teacher", False)
    assert trace.requests == tuple(played.keys)
    assert trace.sampling == GENERATOR.short_sampling
    assert trace.scores["escalation"].value == 1.0
    assert trace.scores["escalation"].detail == {
        "stage": "short",
        "short_requests": 1,
        "short_prompt_tokens": 0,
        "short_completion_tokens": 10,
        "long_requests": 0,
        "long_prompt_tokens": 0,
        "long_completion_tokens": 0,
    }


def test_what_short_does_not_solve_goes_to_the_strong_teacher() -> None:
    """The long loop is asked with its own words and limits; its traces know what both stages cost."""
    played = play(GENERATOR(sample()), models(WRONG, WRONG, GOOD))
    assert [[r.role for r in batch] for batch in played.batches] == [["teacher"], ["strong", "strong"]]
    assert verdicts(played.result) == [("short", "wrong"), ("long", "wrong"), ("long", "right")]
    assert played.requests[1].messages[0].text == GENERATOR.long_prompt
    assert played.requests[1].sampling.max_tokens == 8192
    detail = played.result[2].scores["escalation"].detail
    assert (detail["short_completion_tokens"], detail["long_completion_tokens"], detail["long_requests"]) == (10, 60, 2)
    assert played.result[2].scores["escalation"].value == pytest.approx(30 / 70)
    assert played.result[2].requests == (played.keys[2],)
    assert len({trace.id for trace in played.result}) == 3
    assert play(GENERATOR(sample()), models(WRONG, WRONG, GOOD)).keys == played.keys


@pytest.mark.parametrize("short", ["Answer: ?", "", "no idea", "4", "$x ${chain} \x00 \ud800", "<think>" * 3000])
def test_undecided_short_answers_are_escalated(short: str) -> None:
    """No answer, an answer without reasoning and odd text are failures too."""
    played = play(GENERATOR(sample()), models(short, GOOD))
    assert [trace.verdict.value for trace in played.result][-2:] == ["right", "right"]


def test_a_cut_short_chain_is_escalated() -> None:
    """It stays as a cut trace."""
    played = play(
        GENERATOR(sample()), lambda r: cut(r, GOOD, tokens=99) if r.role == "teacher" else models("", GOOD)(r)
    )
    assert [(t.finish, t.verdict.rule) for t in played.result[:1]] == [("length", "truncated")]
    assert verdicts(played.result)[1:] == [("long", "right")] * 2


def test_a_failed_call_is_no_failed_answer() -> None:
    """A passing cause waits for the next run; a refusal will always be one, and is escalated."""
    down = play(GENERATOR(sample()), lambda r: failed(r, Cause.OVERLOADED))
    assert (down.result, len(down.requests)) == ([], 1)
    refused = play(
        GENERATOR(sample()), lambda r: failed(r, Cause.REFUSED) if r.role == "teacher" else models("", GOOD)(r)
    )
    assert verdicts(refused.result) == [("long", "right")] * 2
    assert refused.result[0].scores["escalation"].detail["short_requests"] == 0
    long = play(GENERATOR(sample()), lambda r: failed(r) if r.role == "strong" else models(WRONG)(r))
    assert verdicts(long.result) == [("short", "wrong")]


def test_nothing_is_escalated_while_a_short_call_is_open() -> None:
    """One short try is wrong, the other one's server is overloaded: it may still solve the question cheaply."""
    two = dataclasses.replace(GENERATOR, short_tries=2)
    open_try = play(
        two(sample()),
        lambda r: failed(r, Cause.OVERLOADED) if r.try_index and r.role == "teacher" else models(WRONG)(r),
    )
    assert verdicts(open_try.result) == [("short", "wrong")]
    assert {r.role for r in open_try.requests} == {"teacher"}
    closed = play(
        two(sample()), lambda r: failed(r, Cause.REFUSED) if r.try_index and r.role == "teacher" else models(WRONG)(r)
    )
    assert verdicts(closed.result) == [("short", "wrong"), ("long", "wrong"), ("long", "wrong")]


def test_a_stage_that_draws_nothing_is_refused() -> None:
    """Told before anything is asked."""
    for wrong in ({"short_tries": 0}, {"long_tries": 0}):
        with pytest.raises(ConfigError, match="at least 1 try"):
            dataclasses.replace(GENERATOR, **wrong)


def test_replies_without_counts_have_no_share() -> None:
    """Unknown is not zero."""
    (trace,) = play(GENERATOR(sample()), lambda r: said(r, GOOD)).result
    score = trace.scores["escalation"]
    assert (score.value, score.detail["stage"], score.detail["short_requests"]) == (None, "short", 1)


def test_a_revision_of_the_long_stage_says_what_it_is() -> None:
    """Asked for only when wanted, and only where no long chain is right."""
    revising = dataclasses.replace(GENERATOR, revise=True)
    played = play(revising(sample()), lambda r: said(r, GOOD) if r.role == "reviser" else models(WRONG, WRONG)(r))
    last = played.result[-1]
    assert (last.origin, last.answer_seen, last.verdict.value) == ("revised", True, "right")
    assert last.method == "escalate/long/think_then_answer"
    asked = next(r for r in played.requests if r.role == "reviser")
    assert [ref.partition("@")[0] for ref in wording.asked(wording.wordings(spec(revising)), asked)] == [
        "escalate.revise_prompt"
    ]


def test_stages_may_be_other_methods() -> None:
    """Any generator writes a stage; its parameters are part of the spec."""
    other = dataclasses.replace(GENERATOR, long=PerceptionToCognition(AfterAnswer(), tries=1))
    played = play(other(sample()), models(WRONG, "no tags"))
    assert [t.method for t in played.result] == [
        "escalate/short/think_then_answer",
        "escalate/long/perception_to_cognition",
    ]
    assert canonical(spec(other)) != canonical(spec(GENERATOR))
    assert pickle.loads(pickle.dumps(other)) == other
