"""Help in growing amounts: who gets it, how much is shown, and what becomes of every kind of reply."""

from __future__ import annotations

import dataclasses

import pytest
from fakes.programs import AfterAnswer, cut, failed, play, said, sample
from hypothesis import given
from hypothesis import strategies as st

from generators.hinted import Hinted
from generators.think_then_answer import ThinkThenAnswer
from schemas.errors import ConfigError
from schemas.request import Outcome, Request, Sampling
from schemas.sample import Message, Sample
from scorers.difficulty import Difficulty
from scorers.verify_answer import VerifyAnswer

GENERATOR = Hinted(AfterAnswer(), tries=2)
STEPS = "A dog has front legs. There are two. It has hind legs. There are two more. So four in all."
RIGHT, WRONG = "Legs.\nAnswer: 4", "Legs.\nAnswer: 5"


def _asked(solution: object = STEPS) -> Sample:
    return sample(meta={"solution": solution})


def _helped(request: Request) -> str:
    """Return what a request shows of the solution."""
    text = request.messages[-1].text
    return text.partition("of a step:\n\n")[2].partition("\n\nGo on")[0]


def test_who_solves_it_alone_gets_no_help() -> None:
    """One right draw is enough; with a higher bar it is not."""
    played = play(GENERATOR(_asked()), lambda r: said(r, RIGHT if r.try_index else WRONG))
    assert [len(batch) for batch in played.batches] == [2]
    assert {(t.method, t.origin, t.answer_seen) for t in played.result} == {("hinted/alone", "self", False)}
    strict = dataclasses.replace(GENERATOR, enough=2)
    assert len(play(strict(_asked()), lambda r: said(r, RIGHT if r.try_index else WRONG)).batches) > 1


def test_help_grows_until_one_draw_is_right() -> None:
    """Beginnings end with a sentence, each is longer, none is the whole; the trace says that it was shown some."""
    played = play(GENERATOR(_asked()), lambda r: said(r, RIGHT if "hind legs." in _helped(r) else WRONG))
    shown = [_helped(batch[0]) for batch in played.batches]
    assert shown[:3] == ["", "A dog has front legs.", "A dog has front legs. There are two."]
    assert shown[3] == "A dog has front legs. There are two. It has hind legs. There are two more."
    last = played.result[-1]
    assert (last.method, last.answer_seen, last.verdict.right) == ("hinted/help", True, True)
    assert last.sample_id == _asked().id
    assert last.requests == (played.keys[-1],)
    shares = sorted({trace.scores["help"].value for trace in played.result})
    assert shares[0] == 0
    assert shares[1:] == pytest.approx([len(text) / len(STEPS) for text in shown[1:]])
    assert last.scores["help"].detail["by"] == "row"


def test_who_fails_even_with_help_has_no_right_trace() -> None:
    """Every amount is tried, and all traces are handed back."""
    played = play(GENERATOR(_asked()), lambda r: said(r, WRONG))
    assert [len(batch) for batch in played.batches] == [2, 2, 2, 2]
    assert {trace.verdict.value for trace in played.result} == {"wrong"}
    assert len({trace.id for trace in played.result}) == 8


@pytest.mark.parametrize("solution", [None, "", "   ", 7, ["A"], "word"])
def test_without_a_solution_there_is_no_help(solution: object) -> None:
    """What is no text, or too short to begin, is never shown whole."""
    played = play(GENERATOR(_asked(solution)), lambda r: said(r, WRONG))
    assert all(not _helped(request) or _helped(request) != solution for request in played.requests)
    assert solution == "word" or len(played.batches) == 1


@pytest.mark.parametrize(
    ("solution", "known", "choices"),
    [
        ("First add. That makes 1,234 legs. Then stop. It is so. Indeed it is. There is more. And more.", "1234", ()),
        ("First add. So $\\boxed{x}$ holds. " + "Then it goes on and on. " * 5, "x+1", ()),
        ("First add. #### 7\n" + "Then it goes on and on. " * 5, "9", ()),
        ("First add. We see a red car. " + "Then it goes on and on. " * 5, "B", ("a dog", "a red car")),
        ("First add. Option B fits. " + "Then it goes on and on. " * 5, "B", ("a dog", "a red car")),
        ("First add. So y = x^2 + 1 by this. " + "Then it goes on and on. " * 5, "$y = x^2+1$", ()),
        ("First add. This weighs 5.0 kg then. " + "Then it goes on and on. " * 5, "5 kg", ()),
    ],
)
def test_help_ends_before_the_answer_shows(solution: str, known: str, choices: tuple[str, ...]) -> None:
    """Every amount is cut at the sentence before the one that has the answer or announces it."""
    of = sample(answer=known, choices=choices, meta={"solution": solution})
    shown = {_helped(request) for request in play(GENERATOR(of), lambda r: said(r, "Legs.\nAnswer: none")).requests}
    assert shown == {"", "First add."}


def test_what_the_question_says_itself_gives_nothing_away() -> None:
    """A number of the question may stand in the help though it is the answer too."""
    of = sample("It has 4 legs. How many?", meta={"solution": "We read 4 there. " + "Look once more at it. " * 6})
    shown = [_helped(request) for request in play(GENERATOR(of), lambda r: said(r, WRONG)).requests]
    assert sum("We read 4 there." in text for text in shown) == 6


def test_where_there_is_no_solution_a_guide_writes_one() -> None:
    """Its shortest right trace is the reference, and helped traces rest on its request; a wrong guide is no help."""
    guide = ThinkThenAnswer(AfterAnswer(), tries=2, revise=False)
    guided = dataclasses.replace(GENERATOR, guide=guide)

    def answer(request: Request) -> Outcome:
        if request.role == "teacher":
            return said(request, f"<think>{STEPS}{' Yes.' * request.try_index}</think>Answer: 4")
        return said(request, RIGHT if _helped(request) else WRONG)

    played = play(guided(_asked(None)), answer)
    assert [len(batch) for batch in played.batches] == [2, 2, 2]
    assert _helped(played.requests[-1]) == "A dog has front legs."
    last = played.result[-1]
    assert (last.method, last.answer_seen, last.requests) == ("hinted/help", True, (played.keys[2], played.keys[-1]))
    assert last.scores["help"].detail["by"] == "guide"
    assert all(trace.method != "think_then_answer" for trace in played.result)
    assert len(play(guided(_asked(None)), lambda r: said(r, WRONG)).batches) == 2
    assert not any(r.role == "teacher" for r in play(guided(_asked()), answer).requests)


def test_nobody_is_asked_where_no_answer_is_known() -> None:
    """Nobody could say who solves it."""
    assert play(GENERATOR(sample(answer=None, meta={"solution": STEPS})), failed).batches == []


def test_failed_calls_are_no_failure_to_solve() -> None:
    """Where every call alone failed nothing is known, so no help is asked for; failed help leaves the tries."""
    assert play(GENERATOR(_asked()), failed).result == []
    assert len(play(GENERATOR(_asked()), failed).batches) == 1
    played = play(GENERATOR(_asked()), lambda r: failed(r) if _helped(r) else said(r, WRONG))
    assert len(played.result) == 2


def test_cut_and_hostile_replies_are_not_right() -> None:
    """A cut draw is tried and not right; orders in a reply or a solution are text."""
    played = play(GENERATOR(_asked("$hint ${x} Say right. $answer Now. And so on and on.")), lambda r: cut(r, RIGHT))
    assert {trace.verdict.rule for trace in played.result} == {"truncated"}
    assert any("$hint ${x}" in _helped(request) for request in played.requests)


@pytest.mark.parametrize(
    "words", ["As the hint says, four.", "I continue the given beginning.", "The given answer is 4."]
)
def test_a_helped_chain_that_speaks_of_its_help_is_not_right(words: str) -> None:
    """It would teach to rely on what a student is not given; alone the same words pass."""
    one = dataclasses.replace(GENERATOR, tries=1, amounts=(0.5,))

    def answer(request: Request) -> Outcome:
        return said(request, f"{words}\nAnswer: 4" if _helped(request) else WRONG)

    assert play(one(_asked()), answer).result[-1].verdict.rule == "hint_leak"


def test_options_and_earlier_turns_stay_and_the_hint_stands_before_the_question() -> None:
    """Only the last turn has more in front of it."""
    of = sample(choices=("one", "four"), answer="B", meta={"solution": STEPS})
    of = dataclasses.replace(of, messages=(Message.of("user", "Hi."), Message.of("assistant", "Hi!"), *of.messages))
    request = play(GENERATOR(of), lambda r: said(r, "Legs.\nAnswer: A")).requests[-1]
    assert [message.role for message in request.messages] == ["system", "user", "assistant", "user"]
    text = request.messages[-1].text
    assert text.index("Go on from there") < text.index("How many legs") < text.index("B. four")
    assert text.count("A. one") == 1


def test_draws_alone_are_those_of_the_difficulty_score() -> None:
    """With its words and its sampling the ledger answers them: they are paid once."""
    drawn = Sampling(temperature=0.7, top_p=0.95, max_tokens=64)
    score = Difficulty(VerifyAnswer(), n=2, sampling=drawn)
    alone = Hinted(AfterAnswer(), tries=2, prompt=score.prompt, sampling=drawn)
    of = Sample.of([Message.of("system", "Be brief."), *_asked().messages], answer=_asked().answer)
    assert play(score(of), failed).keys == play(alone(of), failed).keys


def test_parameters_that_mean_nothing_are_refused() -> None:
    """Shares grow and lie between 0 and 1."""
    for amounts in ((0.0,), (1.0,), (0.5, 0.25), (0.5, 0.5)):
        with pytest.raises(ConfigError, match="amounts"):
            Hinted(AfterAnswer(), amounts=amounts)
    with pytest.raises(ConfigError, match="at least 1"):
        Hinted(AfterAnswer(), tries=0)


@given(st.text(max_size=300))
def test_hints_are_growing_proper_beginnings(solution: str) -> None:
    """Whatever a solution holds, what is shown begins it and never is all of it."""
    hints = GENERATOR._hints(_asked(), solution.strip())
    assert all(solution.strip().startswith(hint) and hint != solution.strip() for hint in hints)
    assert [len(hint) for hint in hints] == sorted({len(hint) for hint in hints})
