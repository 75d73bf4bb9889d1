"""Bands of pass rates and lengths: Virgo's tables as presets, the shortest right one, and nothing lost."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from fakes.runs import Rollout, asked, drawn, numbers, played, rollout

from curate.bands import THOUGHT, Bands, banded
from curate.query import evaluate
from curate.store import Writer
from schemas.errors import ConfigError
from schemas.request import Usage
from schemas.version import Step

WIDE = {"shortest": 0, "longest": 0}


def _solved(right: int, of: int = 5) -> list[Rollout]:
    return [(index < right, 10) for index in range(of)]


@pytest.mark.parametrize(("name", "kept"), [("any", [1, 2, 3, 4, 5]), ("medium", [4, 5]), ("hard", [2, 3])])
def test_presets_are_those_of_the_difficulty_study(tmp_path: Path, name: str, kept: list[int]) -> None:
    """Medium is 4 or 5 right of 5, hard 2 or 3; 0 of 5 has no right trace and is never there."""
    with played(tmp_path, lambda _: "") as run:
        rollouts = drawn(run, {n: _solved(n) for n in range(1, 6)})
        made = banded(run, rollouts, Bands.named(name, **WIDE), name="band")
        assert numbers(run, made) == kept
        assert {s.scores["rollouts"].detail["right"] for s in run.store.samples(made)} == set(kept)
        assert run.store.check(made).problems == ()


def test_the_shortest_right_rollout_in_the_length_band_is_kept(tmp_path: Path) -> None:
    """More than 2000 and at most 4000 tokens of thought; the others are rejected with the reason, verdict unchanged."""
    lengths = [(True, 2000), (True, 4000), (True, 2001), (False, 3000), (True, 4001)]
    with played(tmp_path, lambda _: "") as run:
        made = banded(run, drawn(run, {0: lengths, 1: [(True, 1999), (True, 4001)]}), Bands(), name="band")
        (trace,) = run.store.traces(made)
        assert trace.usage.reasoning == 2001
        rejected = {t.usage.reasoning: t.verdict.value for t in run.store.rejected(made) if t.verdict}
        assert rejected == {2000: "right", 4000: "right", 3000: "wrong", 4001: "right", 1999: "right"}
        told = sorted((d.rule, d.value) for d in run.store.dropped(made) if d.row == 0)
        assert told == [("surplus", "shortest"), ("thought_tokens", "2000"), ("thought_tokens", "4001")]
        (whole,) = [d for d in run.store.dropped(made) if d.row == 1 and d.trace_id is None]
        assert (whole.rule, whole.value, whole.threshold) == ("thought_tokens", "1999, 4001", "(2000, 4000]")
        assert run.store.check(made).problems == ()


def test_another_band_is_made_of_the_same_rollouts(tmp_path: Path) -> None:
    """Two bands of one version are two versions; the same band is the same one."""
    with played(tmp_path, lambda _: "") as run:
        rollouts = drawn(run, {n: _solved(n) for n in range(1, 6)})
        first = banded(run, rollouts, Bands(**WIDE), name="band")
        assert banded(run, rollouts, Bands(**WIDE), name="band").id == first.id
        two = banded(run, rollouts, Bands(**WIDE, most=2), name="two")
        assert two.manifest.counts["traces"] == 9


def test_a_length_that_nobody_counted_is_not_a_short_one(tmp_path: Path) -> None:
    """Missing is never low: it passes, after those that were counted."""
    with played(tmp_path, lambda _: "") as run:
        made = banded(run, drawn(run, {0: [(True, 0)], 1: [(True, 0), (True, 3000)]}), Bands(), name="band")
        assert numbers(run, made) == [0, 1]
        assert {t.usage.reasoning for t in run.store.traces(made)} == {0, 3000}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [(Usage(9, 3100, 3000), 3000.0), (Usage(9, 1000), 900.0), (Usage(9, 1), 1.0), (Usage(), None)],
    ids=["counted", "share", "rounded", "nobody counted"],
)
def test_tokens_of_a_thought(tmp_path: Path, usage: Usage, expected: float | None) -> None:
    """The server's count, else the thought's share of all tokens by its characters."""
    with played(tmp_path, lambda _: "") as run:
        sample = asked(1)
        made = rollout(sample, 0, (True, 1))
        trace = dataclasses.replace(made, usage=usage, reasoning="t" * 900, answer="a" * 100)

        def write(writer: Writer) -> int:
            writer.sample(sample)
            writer.trace(trace)
            return 1

        version = run.store.derive("one", Step("made"), write=write)
        [row] = evaluate(run.store, version, {"tokens": THOUGHT}, table="traces")
        assert row["tokens"] == expected


def test_bands_that_nothing_can_be_in_are_refused() -> None:
    """Each is told before anything is read."""
    for wrong in ({"low": 0.9, "high": 0.1}, {"high": 1.1}, {"shortest": 9, "longest": 9}, {"most": 0}):
        with pytest.raises(ConfigError):
            Bands(**wrong)
    with pytest.raises(ConfigError, match="medium"):
        Bands.named("easy")
