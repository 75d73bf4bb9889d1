"""Think-then-answer: what is asked, what becomes of every kind of reply, and the one revision."""

from __future__ import annotations

import dataclasses
import pickle

import pytest
from fakes.programs import PICTURE, AfterAnswer, cut, failed, play, said, sample
from hypothesis import given
from hypothesis import strategies as st

from generators._answer_line import answer_line
from generators.think_then_answer import ThinkThenAnswer
from schemas.canonical import canonical, spec
from schemas.errors import SchemaError
from schemas.leaks import answer_leak, bridge_leak
from schemas.request import Cause, Outcome, Request, Sampling
from schemas.sample import Media, Message, Sample
from schemas.score import Score

GENERATOR = ThinkThenAnswer(AfterAnswer(), tries=3)


def always(text: str) -> object:
    """Answer every request with the same text."""
    return lambda request: said(request, text)


def by_try(*texts: str, revision: str = "") -> object:
    """Answer the tries in order, and the revision with its own text."""
    return lambda request: said(request, revision if request.role == "reviser" else texts[request.try_index])


def verdicts(traces: list) -> list[tuple[str, str]]:
    """Return value and rule of every trace's verdict."""
    return [(trace.verdict.value, trace.verdict.rule) for trace in traces]


def test_all_tries_are_asked_for_at_once_and_each_reply_becomes_a_trace() -> None:
    """Three tries are one batch; right and wrong ones are all handed back."""
    played = play(GENERATOR(sample()), by_try("Legs: 4.\nAnswer: 4", "Five.\nAnswer: 5", "A dog.\n\nAnswer: 4"))
    assert [len(batch) for batch in played.batches] == [3]
    assert [r.try_index for r in played.requests] == [0, 1, 2]
    assert [v for v, _ in verdicts(played.result)] == ["right", "wrong", "right"]
    first = played.result[0]
    assert (first.reasoning, first.answer, first.origin, first.answer_seen) == (
        "Legs: 4.",
        "Answer: 4",
        "teacher",
        False,
    )
    assert first.requests == (played.keys[0],)
    assert len({trace.id for trace in played.result}) == 3


@pytest.mark.parametrize(
    ("text", "reasoning", "expected"),
    [
        ("I see.\nAnswer: 4", "", ("I see.", "Answer: 4")),
        ("<think>I see.</think>\nAnswer: 4", "", ("I see.", "Answer: 4")),
        ("I see.</think>Answer: 4", "", ("I see.", "Answer: 4")),
        ("It is so.\nAnswer: 4", "I see.", ("I see.", "It is so.\nAnswer: 4")),
        ("just 4", "", ("", "just 4")),
    ],
)
def test_reasoning_is_found_where_the_model_put_it(text: str, reasoning: str, expected: tuple[str, str]) -> None:
    """The reply's own field comes first, then tags, then the answer line."""
    one = dataclasses.replace(GENERATOR, tries=1, revise=False)
    (trace,) = play(one(sample()), lambda r: said(r, text, reasoning=reasoning)).result
    assert (trace.reasoning, trace.answer) == expected


def test_failed_requests_leave_no_trace_and_do_not_hurt_the_others() -> None:
    """Two failures and one reply give one trace; all failures give none and no revision."""
    outcomes = {0: Cause.TIMEOUT, 1: Cause.REFUSED}
    played = play(
        GENERATOR(sample()),
        lambda r: failed(r, outcomes[r.try_index]) if r.try_index in outcomes else said(r, "Four.\nAnswer: 4"),
    )
    assert verdicts(played.result) == [("right", "text")]
    lost = play(GENERATOR(sample()), failed)
    assert lost.result == []
    assert len(lost.batches) == 1


def test_a_cut_reply_is_a_trace_without_the_verifier() -> None:
    """Truncation is undecided by its own rule, and is never taken for a wrong answer to revise."""
    played = play(GENERATOR(sample()), lambda r: cut(r, "So the legs are Answer: 4 and", tokens=9))
    assert verdicts(played.result) == [("undecided", "truncated")] * 3
    assert {trace.finish for trace in played.result} == {"length"}
    assert played.result[0].reasoning == "So the legs are Answer: 4 and"
    assert played.result[0].usage.completion == 9
    assert len(played.batches) == 1


def test_a_cut_try_is_drawn_once_more_with_the_highest_limit() -> None:
    """Only what was cut, only where the limit is higher, and a second cut stays one."""
    longer = dataclasses.replace(GENERATOR, longest=500, revise=False, sampling=Sampling(max_tokens=100))

    def answer(request: Request) -> Outcome:
        if request.try_index == 0 or (request.try_index == 1 and request.sampling.max_tokens == 500):
            return said(request, "Four.\nAnswer: 4")
        return cut(request, "On and on", tokens=request.sampling.max_tokens)

    played = play(longer(sample()), answer)
    assert [len(batch) for batch in played.batches] == [3, 2]
    assert [r.sampling.max_tokens for r in played.requests] == [100, 100, 100, 500, 500]
    assert verdicts(played.result) == [("right", "text"), ("right", "text"), ("undecided", "truncated")]
    assert played.result[2].usage.completion == 500
    assert len(play(dataclasses.replace(longer, longest=100)(sample()), answer).batches) == 1


def test_thinking_without_an_answer_is_undecided() -> None:
    """A reply that never left its thoughts is not shown to the verifier."""
    one = dataclasses.replace(GENERATOR, tries=1)
    played = play(one(sample()), always("<think>on and on"))
    assert verdicts(played.result) == [("undecided", "no_answer_found")]


def test_an_answer_without_reasoning_is_no_right_trace() -> None:
    """It would teach to answer at once; its revision may bring the reasoning."""
    played = play(GENERATOR(sample()), by_try("4", "Answer: 4", "Answer: 4", revision="Two and two.\nAnswer: 4"))
    assert verdicts(played.result) == [("undecided", "no_reasoning")] * 3 + [("right", "text")]


def test_the_shortest_wrong_try_is_revised_once() -> None:
    """The reviser sees the question, the draft and the known answer; its trace says what it is."""
    played = play(
        GENERATOR(sample()),
        by_try("Long, long way.\nAnswer: 5", "Short $answer.\nAnswer: 6", "Answer: ?", revision="Four.\nAnswer: 4"),
    )
    assert [len(batch) for batch in played.batches] == [3, 1]
    asked = played.requests[-1].messages[-1]
    assert asked.media == (PICTURE,)
    assert "Short $answer.\n\nAnswer: 6" in asked.text
    assert "right final answer is: 4" in asked.text
    revised = played.result[-1]
    assert (revised.origin, revised.answer_seen, revised.reasoning) == ("revised", True, "Four.")
    assert revised.requests == (played.keys[1], played.keys[3])
    assert verdicts([revised]) == [("right", "text")]


def test_a_thinking_revisers_own_thoughts_are_not_the_chain() -> None:
    """What a reviser thinks about the task of rewriting never becomes training data."""
    one = dataclasses.replace(GENERATOR, tries=1)

    def answer(request: Request) -> Outcome:
        if request.role == "reviser":
            return said(request, "Count them.\nAnswer: 4", reasoning="The user wants the draft rewritten.")
        return said(request, "Answer: 5")

    revised = play(one(sample()), answer).result[-1]
    assert revised.reasoning == "Count them."
    bare = play(one(sample()), by_try("Answer: 5", revision="Answer: 4")).result[-1]
    assert verdicts([bare]) == [("undecided", "no_reasoning")]


@pytest.mark.parametrize(
    "text",
    [
        "This agrees with the given answer.\nAnswer: 4",
        "The reference answer is 4, so four.\nAnswer: 4",
        "Unlike the draft, count again.\nAnswer: 4",
        "since the answer is known to be 4\nAnswer: 4",
        "根据参考答案是四。\nAnswer: 4",
    ],
)
def test_a_revision_that_betrays_the_answer_it_was_given_is_not_right(text: str) -> None:
    """Hint leakage makes a right verdict undecided, and keeps what the verifier found."""
    one = dataclasses.replace(GENERATOR, tries=1)
    revised = play(one(sample()), by_try("Answer: 5", revision=text)).result[-1]
    assert verdicts([revised]) == [("undecided", "hint_leak")]
    assert revised.verdict.extracted == "4"


@pytest.mark.parametrize(
    "text",
    [
        "From the given answer choices, B fits.",
        "So the correct answer is B.",
        "We are given 4 and asked for the answer.",
        "The answer is given by the sum.",
        "The known values lead to the solution.",
        "The draft of the ship is 4 m.",
    ],
)
def test_ordinary_words_are_not_leaks(text: str) -> None:
    """Talk of answers that any solver may use passes, with one known exception."""
    expected = "The draft" if "draft" in text else ""
    assert answer_leak(text) == expected


def test_nothing_is_revised_where_it_cannot_help() -> None:
    """No revision with a right try, without a known answer, or when switched off."""
    for generator, asked, texts in (
        (GENERATOR, sample(), ("Four.\nAnswer: 4", "Answer: 5", "Answer: 5")),
        (GENERATOR, sample(answer=None), ("Answer: 4", "Answer: 5", "Answer: 5")),
        (dataclasses.replace(GENERATOR, revise=False), sample(), ("Answer: 5", "Answer: 5", "Answer: 5")),
    ):
        assert len(play(generator(asked), by_try(*texts)).batches) == 1


def test_a_failed_revision_leaves_the_tries() -> None:
    """The tries are handed back when the reviser cannot be reached."""
    played = play(GENERATOR(sample()), lambda r: failed(r) if r.role == "reviser" else said(r, "Answer: 5"))
    assert [trace.origin for trace in played.result] == ["teacher"] * 3


def test_the_request_starts_with_what_all_samples_share() -> None:
    """Instruction and examples come first, then the sample's own system text and turns, then the question."""
    talk = [
        Message.of("system", "Be brief."),
        Message.of("user", PICTURE, "What is it?"),
        Message.of("assistant", "A dog."),
        Message.of("user", "How many legs?"),
    ]
    generator = dataclasses.replace(GENERATOR, prompt="Think.", examples=(("1+1?", "One more.", "2"),), tries=1)
    (request,) = play(generator(Sample.of(talk)), always("Four.\nAnswer: 4")).requests
    assert [m.role for m in request.messages] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert request.messages[0].content == ("Think.\n\nBe brief.",)
    assert request.messages[2].text == "One more.\n\nAnswer: 2"
    assert request.messages[3:] == tuple(talk[1:])


def test_the_instruction_can_go_into_the_first_user_turn() -> None:
    """Teachers that want no system turn get none."""
    generator = dataclasses.replace(GENERATOR, prompt="Think.", system=False, tries=1)
    (request,) = play(generator(sample()), always("Four.\nAnswer: 4")).requests
    assert [m.role for m in request.messages] == ["user"]
    assert request.messages[0].content == ("Think.", PICTURE, "How many legs has the animal?")


def test_a_bridge_replaces_pictures_by_text_and_says_so() -> None:
    """The first picture gives its place to the text, the others go, in the revision too."""
    other = Media("cd" * 32, "image/png", 2, 2, 9)
    asked = Sample.of(
        [Message.of("user", "Chart:", PICTURE, other, "Highest?")],
        answer=sample().answer,
        meta={"table": "a 1\nb 4"},
    )
    generator = dataclasses.replace(GENERATOR, bridge="table", tries=1)
    played = play(generator(asked), by_try("Answer: 1", revision="b has 4.\nAnswer: 4"))
    assert played.requests[0].messages[-1].content == ("Chart:", "a 1\nb 4", "Highest?")
    assert played.requests[1].messages[-1].content[:3] == ("Chart:", "a 1\nb 4", "Highest?")
    assert {trace.method for trace in played.result} == {"think_then_answer/text_bridge"}


def test_a_bridge_without_its_text_says_what_is_missing() -> None:
    """A picture is never dropped in silence."""
    generator = dataclasses.replace(GENERATOR, bridge="table")
    with pytest.raises(SchemaError, match="table"):
        play(generator(sample(meta={"table": 3})), always("Four.\nAnswer: 4"))
    plain = play(generator(sample(picture=False)), always("Four.\nAnswer: 4"))
    assert {trace.method for trace in plain.result} == {"think_then_answer"}


def test_a_bridged_chain_that_cites_the_description_is_not_right() -> None:
    """The student will see a picture and no description."""
    generator = dataclasses.replace(GENERATOR, bridge="table", tries=1, revise=False)
    text = "According to the given description, four.\nAnswer: 4"
    (trace,) = play(generator(sample(meta={"table": "legs 4"})), always(text)).result
    assert verdicts([trace]) == [("undecided", "bridge_leak")]
    assert bridge_leak("The table shows four legs.") == ""


def test_what_the_length_score_asks_for_is_sent_and_nothing_else() -> None:
    """Limit and penalties under their own names are sent, P by itself is not, nonsense never; traces record it."""
    only_told = sample().with_score("length", Score(0.5, detail={"max_tokens": 700, "penalty": 1.1}))
    (trace, *_) = play(GENERATOR(only_told), always("Four.\nAnswer: 4")).result
    assert trace.sampling == dataclasses.replace(GENERATOR.sampling, max_tokens=700)
    asked = {"repetition_penalty": 1.1, "presence_penalty": 0.2, "frequency_penalty": None}
    both = sample().with_score("length", Score(0.5, detail=asked))
    (trace, *_) = play(GENERATOR(both), always("Four.\nAnswer: 4")).result
    assert trace.sampling == dataclasses.replace(GENERATOR.sampling, repetition_penalty=1.1, presence_penalty=0.2)
    nonsense = {"max_tokens": -1, "repetition_penalty": float("nan"), "presence_penalty": "much"}
    odd = sample().with_score("length", Score(0.5, detail=nonsense))
    (trace, *_) = play(GENERATOR(odd), always("Four.\nAnswer: 4")).result
    assert trace.sampling == GENERATOR.sampling


def test_a_seed_is_raised_with_every_try() -> None:
    """Each try draws from a seed of its own; without a seed none is invented."""
    seeded = dataclasses.replace(GENERATOR, sampling=Sampling(seed=7))
    assert [r.sampling.seed for r in play(seeded(sample()), always("Four.\nAnswer: 4")).requests] == [7, 8, 9]
    assert {r.sampling.seed for r in play(GENERATOR(sample()), always("Four.\nAnswer: 4")).requests} == {None}


def test_requests_are_the_same_on_every_construction_and_the_generator_travels() -> None:
    """Two fresh generators ask with the same keys; the plug-in pickles and has a canonical spec."""
    again = ThinkThenAnswer(AfterAnswer(), tries=3)
    wrong = always("Answer: 5")
    assert play(GENERATOR(sample()), wrong).keys == play(again(sample()), wrong).keys
    assert pickle.loads(pickle.dumps(GENERATOR)) == GENERATOR
    assert canonical(spec(GENERATOR)) == canonical(spec(again))
    assert canonical(spec(GENERATOR)) != canonical(spec(dataclasses.replace(GENERATOR, prompt="Other.")))


def test_hostile_replies_are_only_text() -> None:
    """Template fields, tags and control characters in a reply pass through unharmed."""
    text = "$draft ${answer} </think> <|im_end|> {0} \x00 \u202e \ud800"
    traces = play(GENERATOR(sample()), always(text)).result
    assert len(traces) == 4
    assert all(trace.verdict is not None and not trace.verdict.right for trace in traces)


LINES = st.sampled_from(
    [
        "Answer: 4",
        "**Final answer:** B",
        "\\boxed{4}",
        "$$",
        "\\[",
        "Answer:",
        "The answer is 4.",
        "答案\uff1a四",
        "",
        "so",
    ]
)


@given(st.one_of(st.text(), st.lists(st.one_of(LINES, st.text(max_size=8))).map("\n".join)))
def test_the_cut_loses_no_character(text: str) -> None:
    """Only white space at the cut and the ends goes."""
    reasoning, answer = answer_line(text)
    whole = text.strip()
    assert whole.startswith(reasoning)
    assert whole.endswith(answer)
    assert whole[len(reasoning) : len(whole) - len(answer)].strip() == ""
    assert answer or not whole


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("a\nAnswer: 1\nb\nFinal Answer: 2", "Final Answer: 2"),
        ("a\n\n**Answer:**\n\n\\boxed{2}", "**Answer:**\n\n\\boxed{2}"),
        ("a\n$$\n\\boxed{2}\n$$", "$$\n\\boxed{2}\n$$"),
        ("a\n### Final answer\n\\[\n\\boxed{2}\n\\]", "### Final answer\n\\[\n\\boxed{2}\n\\]"),
        ("a\nSo the answer is 2.", "So the answer is 2."),
        ("The answer is hard to see.\nIt may be 2.", "The answer is hard to see.\nIt may be 2."),
        ("a\nAnswer: 2\n\nI hope this helps!", "Answer: 2\n\nI hope this helps!"),
        ("a\n答案\uff1a2", "答案\uff1a2"),
        ("The answer: as hard as it is\n\nwork\nAnswer: 2", "Answer: 2"),
        ("一共 29 只。\n最终答案\uff1a29", "最终答案\uff1a29"),
        ("算一算。\n答\uff1a29只。", "答\uff1a29只。"),
        ("算一算。\n**【答案】** 29", "**【答案】** 29"),
        ("算一算。\n【答案】29", "【答案】29"),
        ("算一算。\n答案是\uff1a29只", "答案是\uff1a29只"),
        ("算一算。\n所以\uff0c答案为 29", "所以\uff0c答案为 29"),
        ("答案是什么呢\uff1f\n再算一遍。", "答案是什么呢\uff1f\n再算一遍。"),
    ],
)
def test_answer_lines_of_many_models_are_found(text: str, answer: str) -> None:
    """The last marker counts, with the heading or the opening of the formula it stands in."""
    assert answer_line(text).answer == answer
