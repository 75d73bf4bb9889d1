"""Verify numbers, formulas, lists, sets, intervals, matrices, dates and times."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Literal

from schemas.request import Call, Cause, Outcome, Program
from schemas.sample import Sample
from schemas.score import Verdict
from scorers._calendar import parse_clock, parse_day
from scorers._clean import peel, squeeze
from scorers._extract import find_math, unwrapped
from scorers._numbers import Agreement, Policy, agree_numbers, parse_number
from scorers._reading import Reading, decided, read, undecided
from scorers._shapes import same_shape
from scorers._structure import Node, parse_structure

__all__ = ["VerifyMath"]

_NAME = "verify_math"
_BOX = re.compile(r"\\boxed\s*\{")
_PERCENT = re.compile(r"percent|per cent|%|百分", re.IGNORECASE)
_RATIO = re.compile(r"([\d.]+)\s*:\s*([\d.]+)")
_LONG_GOLD = 120


@dataclass(frozen=True, slots=True)
class VerifyMath:
    """Compare what two mathematical answers come to: exactly where that is cheap, else in a worker process."""

    version: ClassVar[int] = 1
    on: ClassVar[Literal["verify"]] = "verify"

    units: Literal["optional", "required", "ignored"] = "optional"
    """Whether a unit of the known answer must be there; units that measure different things are always wrong."""
    digits: int = 6
    """Significant digits from which on a rounded decimal stands for a value without end (1/3, pi)."""
    relative: float = 0.0
    """Relative tolerance for decimals, percentages and amounts with a unit; never for bare integers."""
    deadline: float = 2.0
    """Seconds for what has to be computed; past it the answer is undecided."""

    def __call__(self, sample: Sample, prediction: str, /) -> Program[Verdict]:
        """Compare; yields one `Call` where the cheap ways do not decide."""
        reading = read(sample, prediction, _NAME)
        if isinstance(reading, Verdict):
            return reading
        asked = bool(_PERCENT.search(sample.question))
        return (yield from self.compare(reading, percent_asked=asked))

    def compare(self, reading: Reading, *, percent_asked: bool = False) -> Program[Verdict]:
        """Compare two cleaned texts."""
        found = find_math(reading.said)
        if found is None or not found.text.strip():
            rule = found.rule if found else "no_answer_found"
            return undecided(rule, f"no number or formula found {found.note if found else ''}".strip(), _NAME)
        policy = Policy(self.units, self.digits, self.relative, percent_asked)
        gold = known(reading.gold)
        agreed = _quickly(gold, found.text, policy)
        if agreed is None:
            from scorers._symbolic import compare

            outcomes = yield [Call(compare, (gold, found.text, policy), self.deadline)]
            agreed = _computed(outcomes[0])
        return decided(agreed, found, _NAME)


@lru_cache(maxsize=4096)
def known(gold: str) -> str:
    """Return the answer itself where the known answer is a worked solution; cut boxes count here."""
    if "boxed" not in gold and len(gold) <= _LONG_GOLD:
        return unwrapped(gold)
    found = find_math(gold)
    if found is not None and found.text:
        return found.text
    cut = _BOX.search(gold)
    return unwrapped(gold[cut.end() :] if cut else gold)


def _quickly(gold: str, said: str, policy: Policy) -> Agreement | None:
    """Decide without sympy where that is possible."""
    if squeeze(gold) == squeeze(said):
        return Agreement(same=True, rule="same")
    for timely in (_days, _clocks, _ratios):
        agreed = timely(peel(gold), peel(said))
        if agreed is not None:
            return agreed
    numbers = parse_number(gold), parse_number(said)
    if numbers[0] is not None and numbers[1] is not None and not (numbers[0].comma and numbers[1].comma):
        return agree_numbers(numbers[0], numbers[1], policy)
    mine, theirs = parse_structure(gold), parse_structure(said)
    same = same_shape(mine, theirs, lambda a, b: _same_value(a, b, policy))
    return None if same is None else Agreement(same, mine.kind if mine.kind != "value" else theirs.kind)


def _same_value(mine: Node, theirs: Node, policy: Policy) -> bool | None:
    if squeeze(mine.text) == squeeze(theirs.text) and mine.kind == theirs.kind:
        return True
    numbers = parse_number(mine.text), parse_number(theirs.text)
    if numbers[0] is None or numbers[1] is None:
        return None
    return agree_numbers(numbers[0], numbers[1], policy).same


def _days(gold: str, said: str) -> Agreement | None:
    mine, theirs = parse_day(gold), parse_day(said)
    if mine is None or theirs is None:
        return _one_of(gold if mine is None else said, "date") if mine is not theirs else None
    if any(a != b for a, b in zip(mine, theirs, strict=True) if a is not None and b is not None):
        return Agreement(same=False, rule="date")
    missing = mine.day is not None and theirs.day is None
    return Agreement(None if missing else True, "date", "the day is missing" if missing else "")


def _clocks(gold: str, said: str) -> Agreement | None:
    mine, theirs = parse_clock(gold), parse_clock(said)
    if mine == theirs:
        return None if mine is None else Agreement(same=True, rule="time")
    if _as_ratio(gold) == _as_ratio(said) is not None:
        return Agreement(None, "time", "equal as ratios, not as times of day")
    if mine is None or theirs is None:
        return _one_of(gold if mine is None else said, "time")
    return Agreement(same=False, rule="time")


def _one_of(other: str, rule: str) -> Agreement | None:
    """A plain number is neither a date nor a time of day."""
    if parse_number(other) is None:
        return None
    return Agreement(same=False, rule=rule, reason=f"a {rule} against a number")


def _ratios(gold: str, said: str) -> Agreement | None:
    mine, theirs = _as_ratio(gold), _as_ratio(said)
    return Agreement(mine == theirs, "ratio") if mine is not None and theirs is not None else None


def _as_ratio(text: str) -> object:
    match = _RATIO.fullmatch(text)
    parts = [parse_number(part) for part in match.groups()] if match else []
    if len(parts) != 2 or parts[0] is None or parts[1] is None or not parts[1].value:  # noqa: PLR2004 - two sides
        return None
    return parts[0].value / parts[1].value


def _computed(outcome: Outcome) -> Agreement:
    if outcome.ok:
        same, reason = outcome.value
        return Agreement(same, "symbolic", reason or ("" if same is not None else "no rule settles it"))
    rule = "timeout" if outcome.cause is Cause.TIMEOUT else "worker_failed"
    return Agreement(None, rule, outcome.reason)
