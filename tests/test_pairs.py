"""Preference pairs: which rollouts are chosen and rejected, and a version in which every row is accounted for."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from fakes.programs import sample
from fakes.workspace import fill
from hypothesis import given
from hypothesis import strategies as st

from curate.cli._recipe import read
from curate.pairs import COLUMN, KINDS, Pairing, error_kind, pair_up, rollouts
from curate.plan import make
from curate.run import open_run
from curate.store import Store, Writer
from schemas.errors import ConfigError
from schemas.request import Cause, Outcome, Reply, Request, Sampling, Usage
from schemas.sample import Sample
from schemas.score import Verdict, VerdictValue
from schemas.trace import Trace
from schemas.version import Dropped, Step, Version

QUESTION = sample("How many?", "40", picture=False)


def rollout(
    value: VerdictValue = "wrong",
    extracted: str = "41",
    *,
    of: Sample = QUESTION,
    index: int = 0,
    tokens: int = 100,
    rule: str = "number",
    finish: str = "stop",
    model: str = "m",
    seen: bool = False,
) -> Trace:
    """Return a judged rollout."""
    reply = Reply(f"Answer: {extracted}", f"Thought {index}.", finish, Usage(completion=tokens))
    outcome = Outcome(Cause.OK, reply, key=f"{index:064x}", model=model)
    request = Request("teacher", of.messages, Sampling(temperature=1.0, seed=index), index)
    trace = Trace.of(of, request, outcome, method="made", answer_seen=seen)
    return trace.with_verdict(Verdict(value, rule, extracted, verifier="v"))


RIGHT = rollout("right", "40")


@pytest.mark.parametrize(
    ("known", "extracted", "kind"),
    [
        ("40", "41", "near"),
        ("40", "-40", "sign"),
        ("40", "4", "scale"),
        ("40", "4,000", "scale"),
        ("0.5", "5/10", "form"),
        ("40", "97", "number"),
        ("40", "forty-one", "near"),
        ("40", "dozens", "text"),
        (r"\frac{1}{2}", r"-\frac{1}{2}", "sign"),
        ("12 cm", r"120 \text{ cm}", "scale"),
        ("12 cm", "12 m", "form"),
        ("1e-10", "1" + "0" * 299, "scale"),
        ("0.0000000003", "9" * 290, "number"),
        ("0", "3", "number"),
        ("40", "1/0", "text"),
        ("40", "", "text"),
        ("40", "9" * 400, "text"),
        ("$40", "41%", "near"),
    ],
)
def test_wrong_answers_are_told_apart(known: str, extracted: str, kind: str) -> None:
    """By how far they are from the known one; what is no plain number is text."""
    of = sample("How many?", known, picture=False)
    assert error_kind(of, rollout("wrong", extracted, of=of)) == kind


def test_other_ends_have_kinds_and_doubt_has_none() -> None:
    """A wrong option, a cut reply, one without an answer or form; undecided ones are no failures."""
    of = sample("Which?", "B", ("one", "two"))
    assert error_kind(of, rollout("wrong", "A", of=of)) == "option"
    assert error_kind(QUESTION, rollout("undecided", "", rule="truncated")) == "truncated"
    assert error_kind(QUESTION, rollout("wrong", finish="length")) == "truncated"
    assert error_kind(QUESTION, rollout("undecided", "", rule="no_answer_found")) == "no_answer"
    for rule in ("tag_missing", "step_order", "box_form"):
        assert error_kind(QUESTION, rollout("undecided", "", rule=rule)) == "malformed"
    for doubt in (RIGHT, rollout("undecided", "41", rule="judge_unsure"), dataclasses.replace(RIGHT, verdict=None)):
        assert error_kind(QUESTION, doubt) is None


def test_the_hardest_negative_comes_first() -> None:
    """By its kind and then by length, or by length and then by kind."""
    near, same_length, far = rollout(tokens=180), rollout(extracted="97", index=1), rollout(extracted="98", index=2)
    traces = [far, same_length, near, RIGHT]
    assert Pairing()(QUESTION, traces) == ([(RIGHT, near, "near")], "")
    assert Pairing(by="length")(QUESTION, traces)[0] == [(RIGHT, same_length, "number")]
    again = dataclasses.replace(far, id="f" * 24, try_index=7)
    three = Pairing(most=9)(QUESTION, [again, *traces])[0]
    assert [rejected for _, rejected, _ in three] == [near, same_length, far]
    assert {chosen.id for chosen, _, _ in three} == {RIGHT.id}


def test_the_chosen_one_is_the_best_of_n() -> None:
    """Shortest, longest or first of the right ones; one whose writer saw the answer only where that is allowed."""
    wrong = rollout(tokens=100)
    long, short = rollout("right", "40", index=1, tokens=150), rollout("right", "40", index=2, tokens=90)
    seen = rollout("right", "40", index=3, tokens=80, seen=True)
    traces = [wrong, long, short, seen]
    for best, expected in (("shortest", short), ("longest", long), ("first", long)):
        assert Pairing(best=best)(QUESTION, traces)[0][0][0] == expected
    assert Pairing(answer_seen=True)(QUESTION, traces)[0][0][0] == seen
    assert Pairing()(QUESTION, [wrong, seen]) == ([], "no_right_trace")
    told = rollout("wrong", "41", index=4, tokens=90, seen=True)
    assert Pairing()(QUESTION, [short, told]) == ([], "no_wrong_trace")
    assert Pairing(answer_seen=True)(QUESTION, [short, told])[1] == ""


@pytest.mark.parametrize(
    ("others", "rule"),
    [
        ([], "no_wrong_trace"),
        ([rollout("undecided", "", rule="judge_unsure")], "no_wrong_trace"),
        ([rollout("undecided", "", rule="truncated", tokens=100)], "no_wrong_trace"),
        ([rollout(tokens=201)], "length_ratio"),
        ([rollout(tokens=49)], "length_ratio"),
        ([rollout(model="other")], "no_match"),
        ([rollout("wrong", " 40 ")], "no_match"),
    ],
)
def test_why_there_is_no_pair(others: list[Trace], rule: str) -> None:
    """Each reason has its rule; one answer that was judged both ways makes no pair."""
    pairing = Pairing(kinds=(*KINDS, "form"))
    assert pairing(QUESTION, [RIGHT, *others]) == ([], rule)


def test_a_later_right_trace_is_chosen_where_the_best_has_no_twin_of_its_length() -> None:
    """The best one gives way, so that the question is not lost."""
    long = rollout("right", "40", index=5, tokens=1000)
    pairs, _ = Pairing()(QUESTION, [RIGHT, long, rollout(tokens=900, index=6)])
    assert pairs[0][0] == long


@given(st.lists(st.tuples(st.sampled_from(["right", "wrong", "undecided"]), st.integers(1, 400)), max_size=8))
def test_sides_are_never_mixed_up(drawn: list[tuple[VerdictValue, int]]) -> None:
    """Whatever is there: right against wrong, within the ratio, whatever the order they come in."""
    traces = [rollout(v, "40" if v == "right" else "41", index=i, tokens=n) for i, (v, n) in enumerate(drawn)]
    pairs, why = Pairing(most=3)(QUESTION, traces)
    assert bool(pairs) != bool(why)
    assert pairs == Pairing(most=3)(QUESTION, traces[::-1])[0]
    for chosen, rejected, _ in pairs:
        assert (chosen.verdict.value, rejected.verdict.value) == ("right", "wrong")
        assert max(chosen.usage.completion, rejected.usage.completion) <= 2 * min(
            chosen.usage.completion, rejected.usage.completion
        )


@pytest.mark.parametrize(
    "bad",
    [{"most": 0}, {"max_ratio": 0.5}, {"max_ratio": float("nan")}]
    + [{"kinds": kinds} for kinds in ((), ("near", "near"), ("odd",))],
)
def test_parameters_that_mean_nothing_are_refused(bad: dict[str, Any]) -> None:
    """In one line, before any work."""
    with pytest.raises(ConfigError, match="pairs: "):
        Pairing(**bad)


def _parent(store: Store) -> Version:
    """Make a version of three kept questions: one whose surplus right trace fits better, one with no wrong trace."""
    samples = [dataclasses.replace(sample(f"What is {n}?", "40", picture=False), row=n) for n in range(3)]
    first, second, third = samples
    kept = [rollout("right", "40", of=one, tokens=100) for one in samples]
    surplus = rollout("right", "40", of=first, index=1, tokens=1000)
    wrong = [rollout(of=first, index=2, tokens=1100), rollout(of=third, index=2, extracted="42")]

    def write(writer: Writer) -> int:
        for one, trace in zip(samples, kept, strict=True):
            writer.sample(one)
            writer.trace(trace)
        for trace in (surplus, *wrong):
            writer.rejected(trace)
            rule = "surplus" if trace is surplus else "verdict.number"
            writer.dropped(Dropped(trace.sample_id, "generate", rule, trace_id=trace.id))
        lost = sample("What is lost?", picture=False)
        writer.dropped(Dropped(lost.id, "generate", "no_right_trace", row=3))
        return 4

    assert second.id
    return store.derive("rolled", Step("made"), write=write)


def test_a_version_of_pairs_accounts_for_every_row(tmp_path: Path) -> None:
    """A surplus right trace may be chosen, questions without a pair are dropped, and the store's check holds."""
    store = Store(tmp_path / "w")
    parent = _parent(store)
    version = pair_up(store, parent, name="paired")
    assert store.check(version, deep=True).problems == ()
    report = store.check(version)
    assert (report.rows_in, report.kept, report.dropped) == (4, 2, 2)
    rules = {(lost.rule, lost.trace_id is None) for lost in store.dropped(version)}
    assert ("no_wrong_trace", True) in rules
    by_question = {one.question: (chosen, rejected) for one, chosen, rejected in rollouts(store, version)}
    [chosen], [rejected] = by_question["What is 0?"]
    assert chosen.usage.completion == 1000
    assert rejected.scores[COLUMN].detail == {"chosen": chosen.id, "number": 0, "kind": "near", "ratio": 1.1}
    assert (rejected.method, rejected.sampling.seed, rejected.requests) == ("made", 2, (f"{2:064x}",))
    assert pair_up(store, parent, name="paired").id == version.id
    with pytest.raises(ConfigError, match="holds pairs already"):
        pair_up(store, version, name="again")


def test_the_recipe_pairs_a_version_that_exists(tmp_path: Path) -> None:
    """Without a model; wrong options are told in one line."""
    recipe = read(Path(__file__).parents[1] / "recipes" / "preference_pairs.py")
    parent = _parent(Store(tmp_path / "w"))
    with open_run(tmp_path / "w", quiet=True) as run:
        version = recipe.build(run, rollouts=parent.ref, name="mine", kinds=("near",))
        assert (version.name, version.manifest.counts["kept"]) == ("mine", 2)
        for wrong in ({}, {"source": "rows.jsonl", "rollouts": "rolled"}):
            with pytest.raises(ConfigError, match="--source, or --rollouts"):
                recipe.build(run, **wrong)
        with pytest.raises(ConfigError, match="nothing to plan"):
            make(run, lambda dry: recipe.build(dry, rollouts="rolled"))


def test_rollouts_go_with_their_samples(tmp_path: Path) -> None:
    """Rejected traces of dropped samples are passed over."""
    _, version = fill(tmp_path / "w")
    store = Store(tmp_path / "w")
    rows = [(one.id, len(kept), len(rejected)) for one, kept, rejected in rollouts(store, version)]
    assert [row[1:] for row in rows] == [(1, 0), (1, 0)]
