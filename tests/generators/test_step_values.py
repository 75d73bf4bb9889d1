"""Step values: chains rated by how often their beginnings come out right, and wrong ones repaired from there."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pickle
import random
from collections.abc import Callable
from statistics import mean

import pytest
from fakes.programs import AfterAnswer, cut, failed, play, said, sample
from hypothesis import given
from hypothesis import strategies as st

from generators._steps import step_ends
from generators.step_values import StepValues
from generators.think_then_answer import ThinkThenAnswer
from schemas.canonical import fingerprint
from schemas.errors import ConfigError
from schemas.request import Outcome, Request, Sampling

GENERATOR = StepValues(AfterAnswer(), n=2)
WRONG = "It has four legs.\n\nOne is a tail.\n\nSo three are left.\nAnswer: 3"
RIGHT = WRONG.replace("Answer: 3", "Answer: 4")


def beginning(request: Request) -> str:
    """Return the beginning that a continuation is asked for; empty for the bare question."""
    return request.messages[-1].text.partition("Beginning:\n")[2]


def teacher(chain: str, *, dead: str = "tail", end: str = "So it is four.\nAnswer: 4") -> Callable[[Request], Outcome]:
    """Write the chain; go on rightly from every beginning that does not hold the fatal words."""

    def answer(request: Request) -> Outcome:
        if request.purpose != "step_values.continue":
            return said(request, chain)
        return said(request, "Alas.\nAnswer: 3" if dead in beginning(request) else end)

    return answer


def detail(trace: object) -> dict[str, object]:
    """Return the detail of a trace's score."""
    return dict(trace.scores["step_values"].detail)  # type: ignore[attr-defined]


def test_every_step_has_a_value_and_the_fatal_one_is_named() -> None:
    """One request for the chain, n for the bare question and for each step, all of those at once."""
    played = play(GENERATOR(sample()), teacher(WRONG))
    assert [len(batch) for batch in played.batches] == [1, 8]
    assert [r.try_index for r in played.batches[1]] == [0, 1] * 4
    assert [beginning(r) for r in played.batches[1]][::2] == [
        "",
        "It has four legs.",
        "It has four legs.\n\nOne is a tail.",
        "It has four legs.\n\nOne is a tail.\n\nSo three are left.",
    ]
    chain, repaired = played.result
    assert detail(chain) == {
        "steps": 3, "n": 2, "values": "[1.0, 0.0, 0.0]", "decided": "[2, 2, 2]", "ends": "[17, 33, 53]",
        "intervals": "[[0.3424, 1.0], [0.0, 0.6576], [0.0, 0.6576]]",
        "baseline": 1.0, "dead_from": 2, "dead_below": 0.6576, "missing": 0,
    }  # fmt: skip
    assert (chain.scores["step_values"].value, chain.scores["step_values"].passed) == (0.0, False)
    assert (chain.method, chain.verdict.value) == ("think_then_answer", "wrong")
    assert (repaired.reasoning, repaired.answer) == ("It has four legs.\n\nSo it is four.", "Answer: 4")
    assert (repaired.method, repaired.origin, repaired.answer_seen) == ("step_values/repaired", "teacher", False)
    assert repaired.requests == (played.keys[0], played.keys[3])
    assert (repaired.verdict.value, repaired.sampling) == ("right", GENERATOR.sampling)


def test_a_right_chain_is_rated_and_not_repaired() -> None:
    """All its steps are alive."""
    (chain,) = play(GENERATOR(sample()), teacher(RIGHT, dead="nothing")).result
    assert chain.scores["step_values"].value == 1.0
    assert "dead_from" not in detail(chain)


def test_seeds_follow_the_try_and_the_number_of_continuations_is_a_parameter() -> None:
    """Each continuation of a step has a seed of its own; without a baseline the bare question is not asked again."""
    one = dataclasses.replace(GENERATOR, n=3, baseline=False, steps=2, sampling=Sampling(seed=10))
    asked = play(one(sample()), teacher(WRONG)).batches[1]
    assert [(r.try_index, r.sampling.seed) for r in asked] == [(0, 10), (1, 11), (2, 12)] * 2


def test_what_failed_or_was_cut_is_missing_and_not_wrong() -> None:
    """A value rests on what was decided alone; without any it is missing, and nothing is called dead."""

    def answer(request: Request) -> Outcome:
        if request.purpose != "step_values.continue":
            return said(request, WRONG)
        if "tail" in beginning(request):
            return failed(request) if request.try_index else cut(request, "Answer: 3")
        return said(request, "So four.\nAnswer: 4") if request.try_index else said(request, "no end")

    chain, repaired = play(GENERATOR(sample()), answer).result
    assert detail(chain)["values"] == "[0.5, null, null]"
    assert json.loads(str(detail(chain)["intervals"]))[1] == [0.0, 1.0]
    assert "dead_from" not in detail(chain)
    assert detail(chain)["missing"] == 4
    assert repaired.verdict.value == "right"
    (unrated,) = play(
        GENERATOR(sample()), lambda r: said(r, WRONG) if "continue" not in r.purpose else failed(r)
    ).result
    assert unrated.scores["step_values"].value is None
    assert "no continuation" in unrated.scores["step_values"].reason


def test_undecided_chains_are_not_worth_continuing() -> None:
    """Cut, empty and failed ones cost one request."""
    for answer in (
        lambda r: cut(r, WRONG),
        lambda r: said(r, "Answer: 4"),
        lambda r: said(r, "Hm.\nAnswer: ?"),
        failed,
    ):
        played = play(GENERATOR(sample()), answer)
        assert len(played.requests) == 1
        assert all(not trace.scores for trace in played.result)


def test_hostile_beginnings_and_continuations_stay_text() -> None:
    """A `$` in a chain is no field, a thinking model's thoughts are no part of a repaired chain, leaks are none."""
    odd = WRONG.replace("It has four", "It costs $beginning ${prompt} four")
    played = play(GENERATOR(sample()), teacher(odd, end="<think>They gave me a draft.</think>Four.\nAnswer: 4"))
    assert "$beginning ${prompt}" in beginning(played.batches[1][2])
    assert played.result[1].reasoning.endswith("four legs.\n\nFour.")
    leaking = play(GENERATOR(sample()), teacher(WRONG, end="As the draft says, four.\nAnswer: 4"))
    assert len(leaking.result) == 1
    assert detail(leaking.result[0])["values"] == "[1.0, 0.0, 0.0]"


def test_a_bare_answer_repairs_nothing() -> None:
    """A model that thinks in secret and names the answer shows what a step is worth, and adds no step to the chain."""
    bare = play(GENERATOR(sample()), teacher(WRONG, end="<think>Four.</think>Answer: 4"))
    assert len(bare.result) == 1
    assert detail(bare.result[0])["values"] == "[1.0, 0.0, 0.0]"


def test_draws_of_the_bare_question_are_the_writers_own() -> None:
    """Asked in the same words with the same sampling, they are in the ledger already."""
    verifier, drawn = AfterAnswer(), Sampling(temperature=0.8, seed=3)
    writer = ThinkThenAnswer(verifier, tries=2, revise=False, sampling=drawn)
    asked = play(StepValues(verifier, writer=writer, n=3, sampling=drawn)(sample()), teacher(WRONG))
    tries, continued, _ = (asked.keys[:2], asked.keys[2:5], asked.keys[5:])
    assert continued[:2] == tries
    assert continued[2] not in tries


def test_a_repaired_chain_is_as_long_as_both_its_parts() -> None:
    """Its tokens are the continuation's and the beginning's share of the wrong chain's."""
    counting = lambda r: said(r, teacher(WRONG)(r).reply.text, tokens=100 if "continue" not in r.purpose else 7)  # noqa: E731
    chain, repaired = play(GENERATOR(sample()), counting).result
    assert chain.usage.completion == 100
    assert repaired.usage.completion == 7 + round(100 * 17 / (len(chain.reasoning) + len(chain.answer)))


def test_prefill_goes_on_in_the_models_own_turn() -> None:
    """The beginning is the last assistant turn, and the server is told so."""
    one = dataclasses.replace(GENERATOR, prefill=True)
    bare, *steps = play(one(sample()), teacher(RIGHT)).batches[1][::2]
    assert bare.messages[-1].role == "user"
    assert [r.messages[-1].role for r in steps] == ["assistant"] * 3
    assert steps[0].sampling.extra == {"add_generation_prompt": False, "continue_final_message": True}


def test_a_server_that_repeats_the_beginning_is_understood() -> None:
    """llama.cpp's reply begins with the prefilled turn, which stands in the chain once all the same."""
    one = dataclasses.replace(GENERATOR, prefill=True)

    def echo(request: Request) -> Outcome:
        outcome = teacher(WRONG)(request)
        begun = request.messages[-1]
        if begun.role != "assistant" or outcome.reply is None:
            return outcome
        return said(request, begun.text + outcome.reply.text)

    assert play(one(sample()), echo).result == play(one(sample()), teacher(WRONG)).result


def test_values_are_near_the_true_ones() -> None:
    """A seeded teacher with known chances: the mean value of each step is within its 99.9 % interval."""
    chances = {0: 0.7, 1: 0.8, 2: 0.3, 3: 0.05}

    def answer(request: Request) -> Outcome:
        if request.purpose != "step_values.continue":
            return said(request, WRONG)
        draw = hashlib.sha256(fingerprint([m.to_json() for m in request.messages] + [request.try_index]).encode())
        chance = chances[len([p for p in beginning(request).split("\n\n") if p])]
        return said(request, f"So.\nAnswer: {4 if random.Random(draw.digest()).random() < chance else 3}")

    one = dataclasses.replace(GENERATOR, n=8, repair=False)
    rated = [play(one(sample(f"Question {i}?")), answer).result[0] for i in range(150)]
    for step in (1, 2, 3):
        value = mean(json.loads(str(detail(trace)["values"]))[step - 1] for trace in rated)
        chance = chances[step]
        assert abs(value - chance) < 3.3 * (chance * (1 - chance) / (8 * 150)) ** 0.5


@given(st.text(alphabet="ab.\n \u3002", max_size=200), st.integers(1, 6))
def test_steps_cover_the_text_in_order(text: str, most: int) -> None:
    """Ends rise, are at most as many as asked for, and the last is the text's."""
    ends = step_ends(text, most)
    assert ends == sorted(set(ends))
    assert len(ends) <= most
    assert bool(ends) == bool(text.strip())
    if ends:
        assert ends[-1] == len(text.rstrip())
        assert text[: ends[0]].strip()


@pytest.mark.parametrize(
    ("text", "most", "steps"),
    [
        ("One.\n\nTwo.\n \nThree.", 8, ["One.", "Two.", "Three."]),
        ("One.\nTwo.", 8, ["One.", "Two."]),
        ("One is 1.5. Two!", 8, ["One is 1.5.", "Two!"]),
        ("先算。再加。", 8, ["先算。", "再加。"]),
        ("a\n\nb\n\nc\n\nd", 2, ["a\n\nb", "c\n\nd"]),
    ],
)
def test_steps_are_paragraphs_lines_or_sentences(text: str, most: int, steps: list[str]) -> None:
    """The coarsest border that there is; neighbours are joined where there are too many."""
    ends = step_ends(text, most)
    assert [text[a:b].strip() for a, b in zip([0, *ends], ends, strict=False)] == steps


def test_it_is_a_value_and_refuses_nonsense() -> None:
    """It travels, and a writer of chains can be handed in."""
    assert pickle.loads(pickle.dumps(GENERATOR)) == GENERATOR
    with pytest.raises(ConfigError, match="n=0"):
        StepValues(AfterAnswer(), n=0)
