"""The length controller: Eq. 1, the budget, frozen ranges, and scores that are not there."""

from __future__ import annotations

import math
import pickle

import pytest
from fakes.programs import sample
from hypothesis import given
from hypothesis import strategies as st

from schemas.canonical import canonical, spec
from schemas.errors import ConfigError
from schemas.sample import Media, Sample
from schemas.score import Score
from scorers.length._formula import budget, limit, penalty, scaled, translated, weighted
from scorers.length.controller import LengthController

UNIT = st.floats(0, 1)
ALPHA = st.floats(0, 5)


def unread(media: Media) -> bytes:
    """Stand for the blobs, which a controller never opens."""
    raise AssertionError(media)


def scores(
    *,
    clarity: float | None = 0.8,
    necessity: float | None = 0.6,
    quality: float | None = 0.9,
    difficulty: float | None = 0.5,
    demand: float | None = 0.1,
    integration: float | None = 0.3,
) -> Sample:
    """Make a sample with these scores; None is unscored."""
    detail = {} if demand is None else {"reasoning_demand": demand}
    made = {
        "clarity": Score(clarity),
        "necessity": Score(necessity),
        "question_quality": Score(quality, detail=detail),
        "difficulty": Score(difficulty),
        "integration": Score(integration),
    }
    result = sample()
    for name, score in made.items():
        result = result.with_score(name, score)
    return result


def test_equation_one_by_hand() -> None:
    """S_v = 0.7, S_t = 0.5, S_I = 0.3 with beta 2 and gamma 1 give s = 0.5 and P = exp(0.1)."""
    score = LengthController(alpha=0.2, beta=2.0, gamma=1.0, min_tokens=1000, max_tokens=4000)(scores(), unread)
    assert score.value == pytest.approx(0.5)
    assert score.detail["penalty"] == pytest.approx(math.exp(0.1))
    assert score.detail["max_tokens"] == 2000
    assert score.detail["vision"] == pytest.approx(0.7)
    assert score.detail["text"] == pytest.approx(0.5)
    assert score.detail["integration"] == pytest.approx(0.3)
    assert (score.detail["weight"], score.detail["missing"]) == (1.0, "")
    assert all(isinstance(value, LengthController.detail_fields[key]) for key, value in score.detail.items())


@pytest.mark.parametrize(("alpha", "expected"), [(0.1, 1.05), (0.2, 1.11), (0.693, 1.41), (1.0, 1.65)])
def test_penalty_at_half(alpha: float, expected: float) -> None:
    """The values that follow from the paper's formula at s = 0.5."""
    assert penalty(0.5, alpha) == pytest.approx(expected, abs=0.006)


@given(UNIT, UNIT, ALPHA)
def test_penalty_is_bounded_and_falls_with_the_score(a: float, b: float, alpha: float) -> None:
    """Between 1 and 2, exactly 1 at s = 1, never higher for a higher score."""
    low, high = sorted((a, b))
    assert 1.0 <= penalty(high, alpha) <= penalty(low, alpha) <= 2.0
    assert penalty(1.0, alpha) == 1.0


@given(UNIT, st.floats(0, math.log(2) - 1e-9))
def test_the_clamp_only_bites_from_ln_2_on(s: float, alpha: float) -> None:
    """Below ln 2 the formula is never cut; from there on it is, at s = 0."""
    assert penalty(s, alpha) == math.exp(alpha * (1 - s)) < 2.0
    assert penalty(0.0, alpha + math.log(2) + 1e-9) == 2.0


@given(UNIT, UNIT, st.integers(1, 10_000), st.integers(0, 100_000))
def test_budget_is_bounded_and_rises_with_the_score(a: float, b: float, low: int, more: int) -> None:
    """From the least to the most tokens, in whole tokens."""
    s, t = sorted((a, b))
    assert low <= budget(s, low, low + more) <= budget(t, low, low + more) <= low + more
    assert budget(0.0, low, low + more) == low
    assert budget(1.0, low, low + more) == low + more


@given(st.floats(-10, 10), st.floats(-10, 10), st.floats(-10, 10))
def test_scaling_stays_in_the_unit_interval(value: float, a: float, b: float) -> None:
    """Values outside the frozen range are clamped, a range of no width is the middle."""
    low, high = sorted((a, b))
    assert 0.0 <= scaled(value, low, high) <= 1.0
    assert scaled(value, low, low) == 0.5


@given(st.lists(st.tuples(st.none() | UNIT, st.floats(0, 10)), max_size=6))
def test_what_is_missing_neither_lowers_nor_raises(pairs: list[tuple[float | None, float]]) -> None:
    """The mean lies among the values that are there, and does not change when gaps are added."""
    s, weight = weighted(pairs)
    assert 0.0 <= weight <= 1.0
    there = [value for value, part in pairs if value is not None and part > 0]
    if s is not None:
        assert min(there) - 1e-9 <= s <= max(there) + 1e-9
        assert weighted([*pairs, (None, 3.0)])[0] == s


def test_frozen_ranges_are_used() -> None:
    """A score at the top of its range counts 1, beyond it too, and a range of no width 0.5."""
    controller = LengthController(
        ranges={"integration.value": (0.1, 0.3), "clarity.value": (0.8, 0.8), "necessity.value": (0.7, 0.9)}
    )
    detail = controller(scores(), unread).detail
    assert detail["integration"] == pytest.approx(1.0)
    assert detail["vision"] == pytest.approx((0.5 + 0.0) / 2)


def test_without_a_student_the_judge_rates_difficulty() -> None:
    """The report has all text scores from one judge: what the student solved is not read then, nor may it be scaled."""
    judge = Score(0.9, detail={"reasoning_demand": 0.1, "difficulty": 0.2})
    rated = scores(difficulty=1.0).with_score("question_quality", judge)
    controller = LengthController(text=LengthController.judged)
    found = controller(rated, unread)
    assert found.detail["text"] == pytest.approx((0.9 + 0.2 + 0.1) / 3)
    assert found.detail["missing"] == ""
    assert "difficulty.value" not in controller.reads
    assert set(LengthController().reads) == set(LengthController.columns)
    with pytest.raises(ConfigError, match="ranges of difficulty"):
        LengthController(text=LengthController.judged, ranges={"difficulty.value": (0.0, 1.0)})


def test_a_missing_score_is_left_out_and_named() -> None:
    """Neither zero nor maximum penalty: the rest decides."""
    whole = LengthController()(scores(necessity=0.8), unread)
    gap = LengthController()(scores(necessity=None), unread)
    assert gap.value == pytest.approx(whole.value)
    assert gap.detail["missing"] == "necessity.value"
    assert "necessity.value" in gap.reason
    no_vision = LengthController()(scores(clarity=None, necessity=float("nan")), unread)
    assert "vision" not in no_vision.detail
    assert no_vision.detail["weight"] == pytest.approx(2 / 3)
    assert no_vision.value == pytest.approx((0.5 + 0.3) / 2)


@pytest.mark.parametrize(
    "bare",
    [sample(), scores(clarity=None, necessity=None, quality=None, difficulty=None, demand=None, integration=None)],
)
def test_without_any_score_nothing_is_pressed(bare: Sample) -> None:
    """Unscored, no penalty, and the middle of the budget in log tokens."""
    score = LengthController(min_tokens=1000, max_tokens=4000)(bare, unread)
    assert score.value is None
    assert (score.detail["penalty"], score.detail["max_tokens"], score.detail["weight"]) == (1.0, 2000, 0.0)


@pytest.mark.parametrize(
    ("policy", "sent"), [("budget", {"max_tokens"}), ("paper", {"penalty"}), ("both", {"max_tokens", "penalty"})]
)
@pytest.mark.parametrize("field", ["repetition_penalty", "presence_penalty", "frequency_penalty"])
def test_a_policy_decides_what_is_sent_and_p_is_always_told(policy: str, sent: set[str], field: str) -> None:
    """The limit, the penalty in the endpoint's own setting, or both; P is in the detail whatever is sent."""
    detail = LengthController(policy=policy, penalty_field=field)(scores(), unread).detail
    settings = {"max_tokens", "repetition_penalty", "presence_penalty", "frequency_penalty"}
    assert settings & set(detail) == {field if name == "penalty" else name for name in sent}
    assert detail["penalty"] > 1
    assert detail["policy"] == policy


def test_a_penalty_that_the_endpoint_ignores_is_not_sent() -> None:
    """Without a setting that carries it nothing but the limit is left, and P is still told."""
    detail = LengthController(policy="both", penalty_field="")(scores(), unread).detail
    assert "max_tokens" in detail
    assert detail["penalty"] > 1
    assert not [name for name in detail if name.endswith("_penalty")]


def test_no_penalty_is_sent_where_no_score_is_known() -> None:
    """Nothing is known, so nothing is pressed."""
    detail = LengthController(policy="both")(sample(), unread).detail
    assert detail["penalty"] == 1.0
    assert "repetition_penalty" not in detail


@given(st.floats(1, 2))
def test_translated_penalties_stay_within_what_endpoints_take(strength: float) -> None:
    """Off at P = 1, rising with P, and at most 2."""
    assert translated(strength, "repetition_penalty") == strength
    for field in ("presence_penalty", "frequency_penalty"):
        assert 0 <= translated(strength, field) <= 2
        assert translated(1.0, field) == 0
    assert translated(strength, "frequency_penalty") <= translated(strength, "presence_penalty")


@given(st.floats(1, 1e6), st.floats(0, 1), st.integers(1, 2048), st.integers(1, 1000), st.integers(0, 100_000))
def test_a_limit_is_never_short_of_what_was_asked_unless_clamped(
    tokens: float, margin: float, step: int, low: int, more: int
) -> None:
    """Rounded up to a step, within its bounds."""
    made = limit(tokens, margin=margin, step=step, low=low, high=low + more)
    assert low <= made <= low + more
    assert made >= min(tokens, low + more)
    assert made in (low, low + more) or made % step == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"alpha": -0.1},
        {"beta": float("nan")},
        {"gamma": float("inf")},
        {"min_tokens": 0},
        {"min_tokens": 9, "max_tokens": 8},
        {"ranges": {"clarity.value": (1.0, 0.0)}},
        {"ranges": {"clarity.value": (0.0, float("nan"))}},
        {"ranges": {"clearness.value": (0.0, 1.0)}},
        {"policy": "hard"},
        {"penalty_field": "penalty"},
    ],
)
def test_parameters_without_meaning_are_refused(wrong: dict) -> None:
    """One clear line instead of a strange penalty."""
    with pytest.raises(ConfigError):
        LengthController(**wrong)


def test_the_controller_travels() -> None:
    """It pickles, and its spec moves with the frozen ranges."""
    controller = LengthController(ranges={"clarity.value": (0.2, 0.9)})
    assert pickle.loads(pickle.dumps(controller)) == controller
    assert canonical(spec(controller)) != canonical(spec(LengthController()))
    assert set(LengthController.columns) >= {"clarity.value", "question_quality.detail.reasoning_demand"}
