"""Mixtures: the ratio holds, every row is accounted for once, and the same seed takes the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.runs import drawn, numbers, played
from hypothesis import given
from hypothesis import strategies as st

from curate.bands import Bands, banded
from curate.mixing import Part, _takes, mix
from schemas.errors import ConfigError

ONE = [(True, 5), (False, 5)]


@pytest.mark.parametrize(
    ("weights", "expected"), [((1, 1), (10, 10)), ((3, 1), (30, 10)), ((1, 3), (3, 10)), ((0, 1), (0, 10))]
)
def test_the_ratio_holds(tmp_path: Path, weights: tuple[float, float], expected: tuple[int, int]) -> None:
    """As many as the scarcest part allows; the others are dropped by the ratio, their traces kept as rejected."""
    with played(tmp_path, lambda _: "") as run:
        texts = drawn(run, dict.fromkeys(range(30), ONE), name="texts")
        pictures = drawn(run, dict.fromkeys(range(100, 110), ONE), name="pictures")
        made = mix(run, [Part(texts, weights[0]), Part(pictures, weights[1])], name="mixed")
        kept = numbers(run, made)
        assert (sum(n < 100 for n in kept), sum(n >= 100 for n in kept)) == expected
        assert made.manifest.counts["traces"] == len(kept)
        told = {(d.value, d.threshold) for d in run.store.dropped(made) if d.rule == "mix.ratio"}
        assert told <= {("texts", f"{expected[0]} of 30"), ("pictures", f"{expected[1]} of 10")}
        assert len(told) == (expected[0] < 30) + (expected[1] < 10)
        assert made.manifest.counts["traces"] + made.manifest.counts["rejected"] == 80
        report = run.store.check(made)
        assert report.problems == ()
        assert report.rows_in == 40
        assert mix(run, [Part(texts, weights[0]), Part(pictures, weights[1])], name="mixed").id == made.id


def test_a_limit_and_a_seed(tmp_path: Path) -> None:
    """No more than asked for; another seed takes others; a part that grows keeps most of what was taken."""
    with played(tmp_path, lambda _: "") as run:
        few = drawn(run, dict.fromkeys(range(40), ONE), name="few")
        other = drawn(run, dict.fromkeys(range(100, 140), ONE), name="other")
        first = mix(run, [Part(few, 1), Part(other, 1)], name="a", most=20)
        second = mix(run, [Part(few, 1), Part(other, 1)], name="b", most=20, seed=1)
        assert len(numbers(run, first)) == len(numbers(run, second)) == 20
        assert numbers(run, first) != numbers(run, second)


def test_a_question_of_two_parts_is_one_sample_with_the_traces_of_both(tmp_path: Path) -> None:
    """D_QVQ and D_SD share their questions; nothing is both kept and dropped."""
    with played(tmp_path, lambda _: "") as run:
        one = drawn(run, dict.fromkeys(range(6), ONE), name="qvq")
        two = drawn(run, dict.fromkeys(range(3, 9), ONE), name="sd")
        made = mix(run, [Part(one, 1), Part(two, 1)], name="both")
        assert numbers(run, made) == list(range(9))
        assert made.manifest.counts["traces"] == 12
        assert {d.rule for d in run.store.dropped(made)} == {"duplicate"}
        assert run.store.check(made).problems == ()
        part = mix(run, [Part(one, 1), Part(made, 1)], name="part", most=8)
        assert run.store.check(part).problems == ()
        assert part.manifest.rows_in == one.manifest.rows_in + made.manifest.rows_in


def test_bands_of_the_same_rollouts_mix(tmp_path: Path) -> None:
    """Each question is kept in one part and dropped in the other, and comes out once; so does each trace."""
    solved = {n: [(index < 1 + n % 5, 3000) for index in range(5)] for n in range(20)}
    with played(tmp_path, lambda _: "") as run:
        base = drawn(run, solved)
        parts = [Part(banded(run, base, Bands.named(name), name=name), 1) for name in ("medium", "hard")]
        made = mix(run, parts, name="both")
        report = run.store.check(made)
        assert (report.problems, report.rows_in, report.kept) == ((), 40, 16)
        traces = [trace.id for table in (run.store.traces, run.store.rejected) for trace in table(made)]
        assert len(traces) == len(set(traces)) == 100


def test_what_cannot_be_mixed_is_told(tmp_path: Path) -> None:
    """No weight at all, a negative one, the same version twice, no sample at most."""
    with played(tmp_path, lambda _: "") as run:
        one = drawn(run, {0: ONE}, name="one")
        two = drawn(run, {1: ONE}, name="two", ratings={1: 3})
        for weights in ((0, 0), (-1, 2), (float("nan"), 1), (float("inf"), 1)):
            with pytest.raises(ConfigError, match="weights"):
                mix(run, [Part(one, weights[0]), Part(two, weights[1])], name="m")
        with pytest.raises(ConfigError, match="twice"):
            mix(run, [Part(one, 1), Part(one, 1)], name="m")
        with pytest.raises(ConfigError, match="at most 0"):
            mix(run, [Part(one, 1), Part(two, 1)], name="m", most=0)
        made = mix(run, [Part(one, 1), Part(two, 1)], name="m")
        assert {s.row: "reward" in s.scores for s in run.store.samples(made)} == {0: False, 1: True}


@pytest.mark.parametrize(
    ("weights", "sizes", "most", "expected"),
    [
        ((1, 1), (10, 10), 3, [2, 1]),
        ((1, 1, 1), (9, 9, 9), 8, [3, 3, 2]),
        ((0.3, 1 - 0.3), (3, 7), None, [3, 7]),
        ((0.7, 1 - 0.7), (70, 30), None, [70, 30]),
        ((0.4, 0.6), (7, 100), None, [7, 10]),
        ((31, 29), (31, 29), None, [31, 29]),
        ((1, 1), (0, 9), None, [0, 0]),
        ((0, 1), (9, 5), 9, [0, 5]),
    ],
)
def test_takes_are_exact(
    weights: tuple[float, ...], sizes: tuple[int, ...], most: int | None, expected: list[int]
) -> None:
    """Never more than asked for, nothing lost to floats, and what is left over goes to the largest remainder."""
    assert _takes(weights, sizes, most) == expected


@given(
    st.lists(
        st.tuples(st.integers(0, 10_000).map(lambda n: n / 1000), st.integers(0, 500)), min_size=1, max_size=5
    ).filter(lambda parts: any(weight > 0.01 for weight, _ in parts)),
    st.one_of(st.none(), st.integers(0, 300)),
)
def test_takes_never_exceed_what_is_there(parts: list[tuple[float, int]], most: int | None) -> None:
    """Each part gives at most what it has, and the shares are off by less than one sample."""
    weights, sizes = [weight for weight, _ in parts], [size for _, size in parts]
    takes = _takes(weights, sizes, most)
    assert all(0 <= take <= size for take, size in zip(takes, sizes, strict=True))
    assert most is None or sum(takes) <= most
    whole = sum(weight for weight in weights)
    limit = min(size / (weight / whole) for weight, size in parts if weight)
    limit = limit if most is None else min(limit, most)
    assert all(abs(take - limit * weight / whole) < 1 for take, (weight, _) in zip(takes, parts, strict=True))
