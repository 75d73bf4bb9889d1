"""Verify numbers, formulas, lists, sets, intervals, matrices, dates and times."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar, Literal

from schemas.policy import Policy
from schemas.request import Call, Cause, Outcome, Program
from schemas.sample import Sample
from schemas.score import Verdict
from scorers._calendar import Day, either_day, parse_clock, parse_day
from scorers._clean import peel, squeeze
from scorers._compare import UNREADABLE, compare_answers
from scorers._extract import find_math, unwrapped
from scorers._numbers import Agreement, Number, agree_numbers, parse_number, parse_ratio
from scorers._reading import Reading, decided, read, undecided
from scorers._terms import Terms, terms_of

__all__ = ["VerifyMath"]

_NAME = "verify_math"
_BOX = re.compile(r"\\boxed\s*\{")
_PAIR = 2
_LONG_GOLD = 120
_SAYS = re.compile(r"[^\W_]|\\|\{\s*\}")
"""What an answer has at least: a letter, a digit, a command, or the braces of an empty set."""
_FAULTS = (ValueError, TypeError, AttributeError, ArithmeticError, LookupError, RecursionError, NotImplementedError)
"""What sympy raises for formulas that it can read and not compute with."""
_ENDING = 0.25
"""Seconds it takes to end a worker; they are part of the deadline."""


@dataclass(frozen=True, slots=True)
class VerifyMath:
    """Compare what two mathematical answers come to; only what needs sympy goes to a worker process."""

    version: ClassVar[int] = 4
    on: ClassVar[Literal["verify"]] = "verify"

    policy: Policy = field(default_factory=Policy)
    """What counts as the same."""
    deadline: float = 2.0
    """Seconds for a verdict, once a worker has taken what needs one; past it the answer is undecided."""

    def __call__(self, sample: Sample, prediction: str, /) -> Program[Verdict]:
        """Compare; yields one `Call` where the cheap ways do not decide."""
        reading = read(sample, prediction, _NAME)
        if isinstance(reading, Verdict):
            return reading
        return (yield from self.compare(reading, terms_of(sample, self.policy)))

    def compare(self, reading: Reading, terms: Terms) -> Program[Verdict]:
        """Compare two cleaned texts."""
        found = find_math(reading.said)
        if found is None or not _SAYS.search(found.text):
            rule = found.rule if found and found.rule in ("unclosed_box", "retracted") else "no_answer_found"
            return undecided(rule, f"no number or formula found {found.note if found else ''}".strip(), _NAME)
        gold = known(reading.gold)
        agreed = _quickly(gold, found.text, terms)
        if agreed.rule == UNREADABLE:
            outcomes = yield [Call(compute, (gold, found.text, terms), max(self.deadline - _ENDING, _ENDING))]
            agreed = _computed(outcomes[0])
        return decided(agreed, found, _NAME)


def compute(gold: str, said: str, terms: Terms) -> tuple[bool | None, str]:
    """Compare with sympy: in a worker process, which alone imports it."""
    from scorers._symbolic import compare

    try:
        return compare(gold, said, terms)
    except _FAULTS as error:
        return None, f"sympy cannot compare them: {type(error).__name__}"


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


def _quickly(gold: str, said: str, terms: Terms) -> Agreement:
    """Decide without sympy where that is possible."""
    if squeeze(gold) == squeeze(said):
        return Agreement(same=True, rule="same")
    numbers = _numbers(gold, said)
    if numbers and numbers[0].unit is None and numbers[1].unit is None:
        return agree_numbers(*numbers, terms)
    for timely in (_days, _clocks, _ratios):
        agreed = timely(peel(gold), peel(said))
        if agreed is not None:
            return agreed
    if numbers:
        return agree_numbers(*numbers, terms)
    return compare_answers(gold, said, terms)


def _numbers(gold: str, said: str) -> tuple[Number, Number] | None:
    """Read both as numbers, where a comma in both is not what parts a list."""
    mine = parse_number(gold)
    theirs = parse_number(said) if mine is not None else None
    return None if mine is None or theirs is None or (mine.comma and theirs.comma) else (mine, theirs)


def _days(gold: str, said: str) -> Agreement | None:
    mine, theirs = parse_day(gold), parse_day(said)
    ways, others = either_day(gold), either_day(said)
    if ways or others:
        return _either(ways or _one_day(mine), others or _one_day(theirs), gold, said)
    if mine is None or theirs is None:
        return _one_of(gold if mine is None else said, "date") if mine is not theirs else None
    if any(a != b for a, b in zip(mine, theirs, strict=True) if a is not None and b is not None):
        return Agreement(same=False, rule="date")
    missing = mine.day is not None and theirs.day is None
    return Agreement(None if missing else True, "date", "the day is missing" if missing else "")


def _one_day(day: Day | None) -> tuple[Day, ...]:
    return () if day is None else (day,)


def _either(mine: tuple[Day, ...], theirs: tuple[Day, ...], gold: str, said: str) -> Agreement | None:
    """Compare dates of which one may have its day or its month first."""
    if not mine or not theirs:
        return _one_of(said if mine else gold, "date")
    if mine == theirs and (len(mine) == 1 or gold.lstrip("0") == said.lstrip("0")):
        return Agreement(same=True, rule="date")
    common = any(a == b or (b.year is None and a[1:] == b[1:]) for a in mine for b in theirs)
    return Agreement(None if common else False, "date", "the day or the month may come first" if common else "")


def _clocks(gold: str, said: str) -> Agreement | None:
    mine, theirs = parse_clock(gold), parse_clock(said)
    if mine == theirs:
        return None if mine is None else Agreement(same=True, rule="time")
    if parse_ratio(gold) == parse_ratio(said) is not None:
        return Agreement(None, "time", "equal as ratios, not as times of day")
    if mine is None or theirs is None:
        clock, other = (said, gold) if mine is None else (gold, said)
        lasting = "\u65f6" in clock and parse_number(clock) is not None  # half past two, or two hours and a half
        return None if lasting else _one_of(other, "time")
    return Agreement(same=False, rule="time")


def _one_of(other: str, rule: str) -> Agreement | None:
    """A plain number is neither a date nor a time of day."""
    if parse_number(other) is None:
        return None
    return Agreement(same=False, rule=rule, reason=f"a {rule} against a number")


def _ratios(gold: str, said: str) -> Agreement | None:
    """Compare ratios part by part, and a ratio of two with the number that it comes to."""
    mine, theirs = parse_ratio(gold), parse_ratio(said)
    if mine is not None and theirs is not None:
        return Agreement(mine == theirs, "ratio")
    parts, number = mine or theirs, parse_number(said if mine else gold)
    if parts is None or number is None or len(parts) != _PAIR:
        return None
    if number.unit is not None:
        return Agreement(None, "ratio", "a ratio against an amount")
    ratio = Number(1 / parts[1])
    found = agree_numbers(ratio, number) if mine else agree_numbers(number, ratio)
    return Agreement(found.same, "ratio", found.reason or "a ratio against a number")


def _computed(outcome: Outcome) -> Agreement:
    if outcome.ok:
        same, reason = outcome.value
        return Agreement(same, "symbolic", reason or ("" if same is not None else "no rule settles it"))
    rule = "timeout" if outcome.cause is Cause.TIMEOUT else "worker_failed"
    return Agreement(None, rule, outcome.reason)
