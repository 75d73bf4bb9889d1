"""Rounds of data: the union with the errors, the cap on what returns, and what is not known."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest
from fakes.runs import asked, drawn, numbers, played
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.rounds import Round, answered, check_names, errors_of, history, rated, rated_in, round_set
from curate.run import Run
from schemas.errors import ConfigError
from schemas.request import Request
from schemas.version import Version
from scorers.difficulty import Difficulty
from scorers.reward_rating import RewardRating
from scorers.verify_answer import VerifyAnswer

RATINGS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5}


def _data(run: Run, ratings: dict[int, int] | None = None, count: int = 6) -> Version:
    return drawn(
        run, {n: [(True, 5), (False, 5)] for n in range(count)}, ratings=RATINGS if ratings is None else ratings
    )


def _turn(number: int, tau: float, *wrong: int, most: int = 2) -> Round:
    return Round(number, tau, {asked(n).id: True for n in wrong}, most)


def _sound(run: Run, version: Version) -> None:
    report = run.store.check(version)
    assert report.problems == ()


def test_the_errors_are_united_with_what_is_rated_well(tmp_path: Path) -> None:
    """Well rated or wrong is kept, said why; the others are dropped with their rating, and no trace is lost."""
    with played(tmp_path, lambda _: "") as run:
        data = _data(run)
        made = round_set(run, data, _turn(1, 4, 1, 5), name="r1")
        assert numbers(run, made) == [1, 4, 5]
        why = {s.row: s.scores["round"].detail["why"] for s in run.store.samples(made)}
        assert why == {1: "error", 4: "reward", 5: "both"}
        told = {d.row: (d.rule, d.value) for d in run.store.dropped(made) if d.trace_id is None}
        assert told == {2: ("reward.detail.rating", "2"), 3: ("reward.detail.rating", "3")}
        assert made.manifest.counts["traces"] == 3
        assert made.manifest.counts["rejected"] == 9
        _sound(run, made)


def test_a_missing_rating_is_failed_and_no_low_one(tmp_path: Path) -> None:
    """Nothing is known of it, so a rerun may do better; an error is kept without a rating."""
    with played(tmp_path, lambda _: "") as run:
        made = round_set(run, _data(run), _turn(1, 2), name="r1")
        assert [f.row for f in run.store.failed(made)] == [0]
        assert made.manifest.retryable
        again = round_set(run, _data(run), _turn(1, 2, 0), name="r1")
        assert 0 in numbers(run, again)
        assert not again.manifest.retryable
        _sound(run, made)


def test_what_is_not_known_is_failed_and_no_low_rating(tmp_path: Path) -> None:
    """Rated low and not known to be an error, or returned too often without a rating: a rerun may know more."""
    with played(tmp_path, lambda _: "") as run:
        data = _data(run)
        turn = Round(1, 3, {asked(0).id: True, asked(1).id: None, asked(4).id: None}, most_returns=0)
        made = round_set(run, data, turn, name="r1")
        assert numbers(run, made) == [3, 4, 5]
        assert {f.row: f.reason.partition(" ")[0] for f in run.store.failed(made)} == {0: "no", 1: "rated"}
        assert made.manifest.retryable
        assert round_set(run, data, _turn(1, 3, 0, most=0), name="r1").id != made.id
        _sound(run, made)


def test_label_noise_returns_only_so_often(tmp_path: Path) -> None:
    """What is wrong in every round comes back twice, and then is dropped by the rule that says so."""
    with played(tmp_path, lambda _: "") as run:
        data = _data(run)
        earlier: tuple[Version, ...] = ()
        kept = []
        for number, tau in enumerate((2, 3, 4, 5), start=1):
            made = round_set(run, data, _turn(number, tau, 1), name=f"r{number}", earlier=earlier)
            earlier = (*earlier, made)
            kept.append(1 in numbers(run, made))
        assert kept == [True, True, False, False]
        (told,) = [d for d in run.store.dropped(made) if d.row == 1 and d.trace_id is None]
        assert (told.rule, told.value, told.threshold) == ("round.returns", "2", "< 2")
        assert history(run, ("r1", "r2", "r3")) == earlier[:3]


def test_an_item_that_was_well_rated_has_not_returned(tmp_path: Path) -> None:
    """Rounds in which it was there by its rating do not count."""
    with played(tmp_path, lambda _: "") as run:
        data = _data(run)
        first = round_set(run, data, _turn(1, 2, 2), name="r1")
        second = round_set(run, data, _turn(2, 3, 2, most=1), name="r2", earlier=(first,))
        third = round_set(run, data, _turn(3, 4, 2, most=1), name="r3", earlier=(first, second))
        assert [2 in numbers(run, version) for version in (first, second, third)] == [True, True, False]


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ratings=st.dictionaries(st.integers(0, 5), st.integers(1, 5)),
    rounds=st.lists(st.sets(st.integers(0, 5)), min_size=1, max_size=4),
    most=st.integers(0, 3),
)
def test_every_round_is_the_union_but_for_the_cap(
    tmp_path_factory: pytest.TempPathFactory, ratings: dict[int, int], rounds: list[set[int]], most: int
) -> None:
    """Against the definition, item by item."""
    with played(tmp_path_factory.mktemp("w"), lambda _: "") as run:
        data = _data(run, ratings)
        earlier: tuple[Version, ...] = ()
        returned: Counter[int] = Counter()
        for number, wrong in enumerate(rounds, start=1):
            tau = number + 1
            good = {n for n, rating in ratings.items() if rating >= tau}
            back = {n for n in wrong - good if returned[n] < most}
            made = round_set(run, data, _turn(number, tau, *wrong, most=most), name=f"r{number}", earlier=earlier)
            assert set(numbers(run, made)) == good | back
            returned.update(back)
            earlier = (*earlier, made)


def _simulated(run: Run, most: int) -> list[tuple[float, float]]:
    """Play four rounds of 400 items, of which 20 have a wrong label; return noise and true errors kept, by round."""
    rng = random.Random(3)
    noise = set(range(20))
    ratings = {n: rng.choice((1, 1, 2) if n in noise else (1, 2, 3, 3, 4, 4, 5, 5)) for n in range(400)}
    hard = {n: rng.betavariate(1.2, 2.5) for n in range(400)}
    data = drawn(run, {n: [(True, 5)] for n in range(400)}, ratings=ratings)
    earlier: tuple[Version, ...] = ()
    found = []
    for number, share in enumerate((1.0, 0.85, 0.7, 0.6), start=1):
        missed = {n for n in range(20, 400) if rng.random() < hard[n] * share}
        made = round_set(
            run, data, _turn(number, number + 1, *noise, *missed, most=most), name=f"r{number}", earlier=earlier
        )
        earlier = (*earlier, made)
        kept = set(numbers(run, made))
        found.append((len(kept & noise) / len(kept), len(kept & missed) / len(missed)))
    return found


def test_the_cap_ends_label_noise_and_keeps_most_true_errors(tmp_path: Path) -> None:
    """Without it the share of wrong labels grows from round to round; docs/methods.md has 2,000 items."""
    with played(tmp_path / "free", lambda _: "") as run:
        free = _simulated(run, 100)
    with played(tmp_path / "capped", lambda _: "") as run:
        capped = _simulated(run, 2)
    assert [noise for noise, _ in free] == sorted(noise for noise, _ in free)
    assert free[3][0] > 0.1
    assert capped[:2] == free[:2]
    assert capped[3][0] == 0
    assert capped[3][1] > 0.85


def test_the_first_kept_trace_is_graded_and_nothing_is_asked_twice(tmp_path: Path) -> None:
    """A grade for every sample; a sample whose grade cannot be read makes the version one to try again."""
    asked_for: list[str] = []

    def say(request: Request) -> str:
        text = request.messages[0].text
        asked_for.append(text)
        return "no idea" if "What is 3 and" in text else '{"reason": "", "rating": 4}'

    with played(tmp_path, say) as run:
        data = drawn(run, {n: [(True, 5), (True, 3)] for n in range(5)})
        made = rated(run, data, RewardRating(), name="rated")
        assert len(asked_for) == 6
        assert all("Thought" in text for text in asked_for)
        ratings = {s.row: s.scores["reward"].detail.get("rating") for s in run.store.samples(made)}
        assert ratings == {0: 4.0, 1: 4.0, 2: 4.0, 3: None, 4: 4.0}
        assert made.manifest.retryable
        assert rated(run, data, RewardRating(), name="rated").id == made.id
        assert len(asked_for) == 6
        _sound(run, made)


def test_errors_are_what_was_answered_and_not_right(tmp_path: Path) -> None:
    """A wrong and an unusable answer are errors, a right one is none."""
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f'{{"question": "What is {n} and 2?", "answer": "{n + 2}"}}\n' for n in range(3)))

    def say(request: Request) -> str:
        text = request.messages[-1].text
        return "Answer: 2" if "0 and" in text else "I cannot say." if "1 and" in text else "Answer: 5"

    with played(tmp_path / "w", say) as run:
        version = run.read(path, name="judged", score=[Difficulty(VerifyAnswer(), n=1)])
        found = errors_of(run, version)
        rows = {s.id: s.row for s in run.store.samples(version)}
        assert {rows[ident]: wrong for ident, wrong in found.items()} == {0: False, 1: True, 2: True}


def test_the_student_answers_the_rows_of_d_and_an_open_answer_is_no_error(tmp_path: Path) -> None:
    """One call a kept row; an answer that cannot be compared and calls that failed are not known."""
    calls: list[str] = []

    def say(request: Request) -> str:
        calls.append(request.messages[-1].text)
        return "Answer: blue" if "is 0 and" in calls[-1] else "Answer: 3" if "is 1 and" in calls[-1] else "Answer: 9"

    with played(tmp_path, say) as run:
        made = answered(run, _data(run, count=3), Difficulty(VerifyAnswer(), n=1), name="answers")
        rows = {asked(n).id: n for n in range(3)}
        assert {rows[ident]: wrong for ident, wrong in errors_of(run, made).items()} == {0: None, 1: False, 2: True}
        assert len(calls) == 3
        assert numbers(run, made) == [0, 1, 2]
        _sound(run, made)


def test_a_model_under_its_old_name_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """New weights under an old name would be answered by the ledger; another name, or no round before, says nothing."""
    student = Difficulty(VerifyAnswer(), n=1)
    for number, model in ((1, "m0"), (2, "m1"), (3, "m1")):
        with played(tmp_path, lambda _: "Answer: 2", identity=model) as run:
            run.quiet = False
            made = answered(run, _data(run, count=2), student, name=f"r{number}")
            capsys.readouterr()
            check_names(run, made, f"r{number - 1}")
            assert ("a name of their own" in capsys.readouterr().err) == (number == 3)


def test_rewards_that_rows_bring_along(tmp_path: Path) -> None:
    """A number from 0 to 5 is a rating, in text too; anything else is none, and a field nobody has is told."""
    values = [0, 2.5, "4", 6, "good", None, True]
    path = tmp_path / "rows.jsonl"
    rows = [{"question": f"What is {n} and 2?", "answer": str(n + 2), "rm": v} for n, v in enumerate(values)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with played(tmp_path / "w", lambda _: "") as run:
        made = rated_in(run, run.read(path, name="d"), "rm", name="rated")
        found = {s.row: s.scores["reward"].detail.get("rating") for s in run.store.samples(made)}
        assert found == {0: 0.0, 1: 2.5, 2: 4.0, 3: None, 4: None, 5: None, 6: None}
        assert numbers(run, round_set(run, made, Round(5, 4), name="rl")) == [2]
        with pytest.raises(ConfigError, match="'nope'"):
            rated_in(run, run.read(path, name="d"), "nope", name="rated")


def test_a_version_without_rewards_is_told(tmp_path: Path) -> None:
    """One line says what to do first; rounds that are not there count nothing."""
    with played(tmp_path, lambda _: "") as run:
        with pytest.raises(ConfigError, match="rate it first"):
            round_set(run, drawn(run, {0: [(True, 1)]}), _turn(1, 2), name="r1")
        assert history(run, ("r1",)) == ()
    with pytest.raises(ConfigError, match="0 times or more"):
        _turn(1, 2, most=-1)
