"""Plain numbers, exactly: integers, decimals, fractions, mixed numbers, percent, money, units, numbers in words.

Values are fractions, so nothing is lost to rounding; a decimal remembers how many places it was written with, because
`0.333333` may stand for a third and `1/3` never stands for anything else.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from scorers._clean import peel
from scorers._number_words import SCALES, number_in_words
from scorers._units import Unit, parse_unit

__all__ = ["Agreement", "Number", "Policy", "agree_numbers", "parse_number", "rounds_to"]


class Policy(NamedTuple):
    """What counts as the same number."""

    units: str = "optional"
    """`optional`: may be missing on one side; `required`: a unit of the known answer must be there; `ignored`."""
    digits: int = 6
    """Significant digits from which on a correctly rounded decimal stands for a value that has no end."""
    relative: float = 0.0
    """Relative tolerance for measured values: decimals, percentages, amounts with a unit; never integers alone."""
    percent_asked: bool = False
    """The question asks for a percentage, so `28` means `28%`."""


class Number(NamedTuple):
    """A number as it was written."""

    value: Fraction
    places: int | None = None
    """Decimal places, where it was written as a decimal."""
    digits: int = 0
    """Significant digits, where it was written as a decimal."""
    percent: bool = False
    unit: Unit | None = None
    comma: bool = False
    """Written with a comma that may be a decimal mark or part a list."""
    base: int | None = None
    """Base of its notation where one is given: `1011_2`."""


class Agreement(NamedTuple):
    """Whether two answers are the same; None where that cannot be told."""

    same: bool | None
    rule: str
    reason: str = ""


_INTEGER = r"\d{1,3}(?:,\d{3})+(?!\d)|\d{1,3}(?: \d{3})+(?![\d/])|\d+"
_COMMA = r"\d+,(?:\d{1,2}|\d{4,})(?![\d,.])|0,\d+(?![\d,.])"
_PLAIN = rf"(?:(?P<comma>{_COMMA})|(?P<whole>{_INTEGER})?(?P<point>\.\d*)?)"
_POWER = r"(?:[eE](?P<exp>[-+]?\d{1,4})|\s*(?:\\times|\\cdot|\*|x)\s*10\s*\^\s*\{?\s*(?P<ten>[-+]?\d{1,4})\s*\}?)?"
_MONEY = r"(?P<money>\\?\$|€|£|¥|₹|₽|₩|(?:USD|EUR|GBP|CNY|RMB|Rs\.?)\s)?\s*"
_NUMBER = re.compile(rf"(?P<sign>[-+])?\s*{_MONEY}(?P<sign2>[-+])?\s*{_PLAIN}{_POWER}(?P<rest>.*)", re.DOTALL)
_FRACTION = re.compile(
    r"(?P<sign>[-+])?\s*(?:(?P<whole>\d{1,30})(?:\s+|\s*(?=\\frac))(?:and\s+)?)?"
    r"(?:(?P<top>[-+]?\d{1,60})\s*/\s*(?P<low>[-+]?\d{1,60})"
    r"|\\frac\s*\{\s*(?P<ltop>[-+]?\d{1,60})\s*\}\s*\{\s*(?P<llow>[-+]?\d{1,60})\s*\})(?P<rest>.*)",
    re.DOTALL,
)
_BASED = re.compile(r"(?P<digits>[0-9A-Fa-f]{1,200})\s*_\s*\{?\s*(?P<base>\d{1,2})\s*\}?")
_PERCENT = re.compile(r"\s*(?:\\?%|percent(?:age)?(?: points?)?|per cent|pct\.?)\s*", re.IGNORECASE)
_SCALE = re.compile(rf"\s*({'|'.join(SCALES)}|[万亿萬億])(?![a-z])", re.IGNORECASE)
_HAN = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_LETTERS = ("length", "mass", "time")
"""What a lone letter at a number stands for, if it is a unit: `5m`, `5g`, `5s`."""
_LIMIT = 1000
_BIG_EXPONENT = 1000
_MAX_BASE = 16
_NOISE, _NOISE_DIGITS = Fraction(1, 10**8), 9


@lru_cache(maxsize=4096)
def parse_number(text: str) -> Number | None:
    """Read a number that is the whole of `text` (cleaned); None where it is anything else."""
    text = _bare(text)
    if not text or len(text) > _LIMIT:
        return None
    if text[-1].isdigit() and text.isdecimal():
        return Number(Fraction(int(text)))
    return _based(text) or _fraction(text) or _decimal(text) or _words(text)


def agree_numbers(gold: Number, said: Number, policy: Policy) -> Agreement:
    """Compare two numbers by the policy."""
    if gold.base != said.base:
        value = (said.base or 10, gold.base or 10)
        if gold.value != said.value:
            return Agreement(same=False, rule="number", reason=f"written in base {value[0]}, the answer in {value[1]}")
        return Agreement(None, "base", f"the same value, in base {value[0]} where the answer is in base {value[1]}")
    if gold.percent != said.percent:
        return _percent(gold, said, policy)
    return _with_units(gold, said, policy)


def rounds_to(exact: Fraction, said: Number, policy: Policy) -> Agreement:
    """Tell whether a decimal stands for an exact value that it does not equal."""
    if said.places is None:
        return Agreement(same=False, rule="number")
    step = Fraction(1, 10**said.places) if said.places >= 0 else Fraction(10**-said.places)
    if abs(exact - said.value) >= step or (abs(exact - said.value) > step / 2 and abs(said.value) > abs(exact)):
        return Agreement(same=False, rule="number")
    if said.digits >= policy.digits:
        return Agreement(same=True, rule="rounded", reason=f"agrees to {said.digits} significant digits")
    return Agreement(None, "rounded", f"agrees, but only to {said.digits} significant digits")


def _percent(gold: Number, said: Number, policy: Policy) -> Agreement:
    if policy.percent_asked and gold.value == said.value and (gold.unit is None and said.unit is None):
        return Agreement(same=True, rule="percent_asked", reason="the question asks for a percentage")
    scaled = [
        n._replace(value=n.value / 100, percent=False, places=_shift(n)) if n.percent else n for n in (gold, said)
    ]
    found = _values(scaled[0], scaled[1], policy)
    reason = found.reason or ("" if found.same else "a percentage against a plain number")
    return found._replace(rule="percent" if found.rule == "number" else found.rule, reason=reason)


def _shift(number: Number) -> int | None:
    return None if number.places is None else number.places + 2


def _with_units(gold: Number, said: Number, policy: Policy) -> Agreement:
    mine, theirs = gold.unit, said.unit
    if policy.units == "ignored" or mine == theirs or (mine is None and theirs is None):
        return _values(gold, said, policy)
    if mine is None or theirs is None:
        return _one_unit(gold, said, policy)
    if mine.dims == theirs.dims:
        scaled = (gold._replace(value=gold.value * mine.factor), said._replace(value=said.value * theirs.factor))
        return _values(*scaled, policy)._replace(rule="unit")
    if _money(mine, theirs):
        return _values(gold, said, policy)
    if mine.known and theirs.known:
        return Agreement(same=False, rule="unit", reason="the units measure different things")
    differ = _values(gold, said, policy).same is False
    return Agreement(False if differ else None, "unit", "" if differ else "the same number, maybe of something else")


def _one_unit(gold: Number, said: Number, policy: Policy) -> Agreement:
    found = _values(gold, said, policy)
    unit = gold.unit or said.unit
    if found.same and unit is not None and not unit.known and unit.dims[0][0] in _LETTERS:
        return Agreement(None, "unit", "a letter that may be a unit or a variable")
    if found.same and gold.unit is not None and gold.unit.known and policy.units == "required":
        return Agreement(same=False, rule="unit", reason="the unit is missing")
    return found


def _money(mine: Unit, theirs: Unit) -> bool:
    """Tell whether the two units are one currency sign and one of its currencies: the yen sign is also the yuan's."""
    names = {unit.dims[0][0] for unit in (mine, theirs) if len(unit.dims) == 1}
    return "yen_or_yuan" in names and bool(names & {"cny", "jpy"})


def _values(gold: Number, said: Number, policy: Policy) -> Agreement:
    if gold.value == said.value:
        return Agreement(same=True, rule="number")
    if (
        policy.relative
        and _measured(gold)
        and abs(gold.value - said.value) <= Fraction(policy.relative) * abs(gold.value)
    ):
        return Agreement(same=True, rule="tolerance", reason=f"within {policy.relative:g} of the answer")
    if max(gold.digits, said.digits) >= _NOISE_DIGITS and abs(gold.value - said.value) <= _NOISE * abs(gold.value):
        return Agreement(same=True, rule="rounded", reason="differs by the noise of floating point")
    for exact, decimal in ((gold, said), (said, gold)):
        if decimal.places is not None and exact.value.denominator != 1 and _finer(exact, decimal):
            found = rounds_to(exact.value, decimal, policy)
            # A decimal that was written shorter is not the longer one: how far to round was the question's to say.
            return found._replace(same=None) if found.same and exact.places is not None else found
    return Agreement(same=False, rule="number")


def _finer(exact: Number, decimal: Number) -> bool:
    return exact.places is None or (decimal.places or 0) < exact.places


def _measured(number: Number) -> bool:
    return number.places is not None or number.percent or number.unit is not None


def _bare(text: str) -> str:
    text = peel(text)
    while text.startswith("(") and text.endswith(")") and "(" not in text[1:] and "," not in text:
        text = peel(text[1:-1])
    return text.removeprefix("=").strip()


def _based(text: str) -> Number | None:
    match = _BASED.fullmatch(text)
    if match is None:
        return None
    base = int(match["base"])
    digits = [int(d, 16) for d in match["digits"]]
    if not 2 <= base <= _MAX_BASE or max(digits) >= base:  # noqa: PLR2004 - the smallest base
        return None
    value = int(match["digits"], base)
    return Number(Fraction(value), base=None if base == 10 else base)  # noqa: PLR2004 - ten is ours


def _fraction(text: str) -> Number | None:
    match = _FRACTION.fullmatch(text)
    if match is None:
        return None
    top, low = int(match["top"] or match["ltop"]), int(match["low"] or match["llow"])
    if low == 0 or (match["whole"] and top < 0):
        return None
    value = int(match["whole"] or 0) + Fraction(top, low)
    return _tail(Number(-value if match["sign"] == "-" else value), match["rest"])


def _decimal(text: str) -> Number | None:
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    whole, point, comma = match["whole"] or "", match["point"] or "", match["comma"]
    if comma:
        whole, _, after = comma.partition(",")
        point = "." + after
    if not whole and len(point) < 2:  # noqa: PLR2004 - a lone point is no number
        return None
    exponent = int(match["exp"] or match["ten"] or 0)
    if abs(exponent) > _BIG_EXPONENT:
        return None
    digits = re.sub(r"[ ,]", "", whole) + point[1:]
    value = Fraction(int(digits), 10 ** (len(point) - 1)) if len(point) > 1 else Fraction(int(digits))
    value *= Fraction(10) ** exponent
    written = bool(point) or bool(match["exp"] or match["ten"])
    negative = "-" in (match["sign"] or "") + (match["sign2"] or "")
    number = Number(
        -value if negative else value,
        places=max(len(point) - 1, 0) - exponent if written else None,
        digits=len(digits.lstrip("0")) if written else 0,
        comma=bool(comma),
    )
    return _tail(number, match["rest"], money=match["money"])


def _words(text: str) -> Number | None:
    percent = _PERCENT.search(text)
    words = text[: percent.start()] if percent and percent.end() == len(text) else text
    value = number_in_words(words.strip())
    if value is not None:
        return Number(value, percent=words is not text)
    head, _, noun = words.strip().rpartition(" ")  # "forty-two apples"
    value = number_in_words(head)
    return None if value is None or not noun.isalpha() else Number(value, unit=parse_unit(noun))


def _tail(number: Number, rest: str, *, money: str | None = None) -> Number | None:
    """Read what follows the digits: a scale, a percent sign, a unit, a currency."""
    if scale := _SCALE.match(rest):
        word = scale.group(1).casefold()
        number = number._replace(value=number.value * (SCALES.get(word) or _HAN[word]), places=None, digits=0)
        rest = rest[scale.end() :]
    if percent := _PERCENT.match(rest):
        number, rest = number._replace(percent=True), rest[percent.end() :]
    unit = parse_unit(money.strip().removeprefix("\\")) if money else None
    noun = rest.replace(r"\$", "$").strip()
    if noun:
        tail = parse_unit(noun)
        if tail is None or not (tail.known or rest[0].isspace() or not rest[0].isascii()):
            return None
        unit = unit or (tail._replace(known=False) if len(rest) == 1 and rest.islower() else tail)
    return number._replace(unit=unit)
