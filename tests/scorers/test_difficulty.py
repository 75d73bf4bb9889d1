"""Difficulty: the student's pass rate with its interval, and what does not count."""

from __future__ import annotations

import pickle

import pytest
from fakes.programs import AfterAnswer, cut, failed, play, said, sample

from schemas.canonical import canonical, spec
from schemas.request import Cause, Outcome, Request
from scorers.difficulty import Difficulty

SCORER = Difficulty(AfterAnswer(), n=4)


def solved(count: int) -> object:
    """Solve the first `count` rollouts."""
    return lambda request: said(request, "Answer: 4" if request.try_index < count else "Answer: 5", tokens=100)


@pytest.mark.parametrize("right", range(5))
def test_value_is_what_the_student_does_not_solve(right: int) -> None:
    """One minus the pass rate, with counts, interval, tokens and the student's name."""
    played = play(SCORER(sample()), solved(right))
    assert [len(batch) for batch in played.batches] == [4]
    score = played.result
    assert score.value == 1 - right / 4
    assert score.detail["pass_rate"] == right / 4
    assert (score.detail["right"], score.detail["n"], score.detail["missing"]) == (right, 4, 0)
    assert score.detail["low"] <= right / 4 <= score.detail["high"]
    assert (score.detail["mean_tokens"], score.detail["model"]) == (100, "m")
    assert all(isinstance(score.detail[k], kind) for k, kind in SCORER.detail_fields.items())


@pytest.mark.parametrize("cause", [Cause.TIMEOUT, Cause.RATE_LIMITED, Cause.REFUSED, Cause.BAD_REQUEST])
def test_failed_calls_do_not_make_a_question_harder(cause: Cause) -> None:
    """Half the calls lost leaves half the evidence and the same rate; all lost leaves none."""

    def answer(request: Request) -> Outcome:
        return failed(request, cause) if request.try_index % 2 else said(request, "Answer: 4")

    score = play(SCORER(sample()), answer).result
    assert (score.value, score.detail["n"], score.detail["missing"]) == (0.0, 2, 2)
    lost = play(SCORER(sample()), lambda r: failed(r, cause)).result
    assert lost.value is None
    assert str(cause) in lost.reason
    assert lost.detail["missing"] == 4


def test_cut_and_undecided_rollouts_are_tried_and_not_right() -> None:
    """Both count against the student at this limit, each by its name."""
    texts = {0: "Answer: 4", 1: "Answer: ?", 2: ""}

    def answer(request: Request) -> Outcome:
        return cut(request, "and") if request.try_index == 3 else said(request, texts[request.try_index])

    score = play(SCORER(sample()), answer).result
    assert score.value == 0.75
    assert (score.detail["truncated"], score.detail["undecided"]) == (1, 2)


def test_nothing_but_cut_replies_says_nothing() -> None:
    """A limit that is too low for every reply is no sign of a hard question."""
    score = play(SCORER(sample()), lambda r: cut(r, "and")).result
    assert score.value is None
    assert "token limit" in score.reason
    assert score.detail["truncated"] == 4


def test_without_a_known_answer_nothing_is_asked() -> None:
    """The rollouts could not be judged."""
    played = play(SCORER(sample(answer=None)), failed)
    assert played.requests == []
    assert played.result.value is None


def test_talk_of_missing_pictures_is_an_ordinary_wrong_answer_here() -> None:
    """Refusals are only told apart in the blind arm of necessity."""
    score = play(SCORER(sample()), lambda r: said(r, "I can't see any image.")).result
    assert (score.value, score.detail["n"]) == (1.0, 4)


def test_requests_are_stable_and_the_scorer_travels() -> None:
    """Two constructions ask with the same keys, one for each try; the plug-in pickles and has a spec."""
    keys = play(SCORER(sample()), solved(4)).keys
    assert keys == play(Difficulty(AfterAnswer(), n=4)(sample()), solved(0)).keys
    assert len(set(keys)) == 4
    assert pickle.loads(pickle.dumps(SCORER)) == SCORER
    assert canonical(spec(SCORER)) != canonical(spec(Difficulty(AfterAnswer(), n=5)))
