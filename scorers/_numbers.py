"""Plain numbers, exactly: integers, decimals, fractions, mixed numbers, percent, money, units, numbers in words.

Values are fractions, so nothing is lost to rounding; a decimal remembers how many places it was written with, because
`0.333333` may stand for a third and `1/3` never stands for anything else.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from schemas.policy import Policy
from scorers._clean import peel
from scorers._number_words import SCALES, number_in_words
from scorers._terms import DEFAULT, Terms
from scorers._units import Unit, converted, may_be_letters, may_be_same, parse_unit

__all__ = [
    "Agreement",
    "Fit",
    "Number",
    "agree_numbers",
    "agree_values",
    "fit_units",
    "parse_number",
    "parse_ratio",
    "rounds_to",
    "weighed",
    "within",
]


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


_POINTED = r"\d{1,3}(?:\.\d{3}){2,}(?![.\d])"
"""Thousands as much of Europe writes them; one group alone is a decimal."""
_INTEGER = rf"{_POINTED}|" + r"\d{1,3}(?:,\d{3})+(?!\d)|\d{1,3}(?: \d{3})+(?![\d/])|\d+"
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
_MARKED, _MARKS = re.compile(r"0([xXbBoO])([0-9A-Fa-f]{1,200})"), {"x": 16, "o": 8, "b": 2}
_PERCENT = re.compile(r"\s*(?:\\?%|percent(?:age)?(?: points?)?|per cent|pct\.?)\s*", re.IGNORECASE)
_ORDINAL = re.compile(r"\s*\^?\s*\{?\s*(?:st|nd|rd|th)\s*\}?(?![a-zA-Z])")
_SCALE = re.compile(rf"\s*({'|'.join(SCALES)}|[万亿萬億])s?(?![a-z])", re.IGNORECASE)
_HAN = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_LETTERS = ("ampere", "bit", "gram", "kelvin", "meter", "mole", "second")
"""What a lone letter at a number stands for, if it is a unit: `5m`, `5g`, `5s`."""
_RATIO = re.compile(r"\s*(?::|(?<=[\d\s])(?:to|比|对)(?=[\d\s]))\s*")
_PART = re.compile(r"\d{1,12}(?:\.\d{1,12})?|\d{1,9}/\d{1,9}")
_LONGEST_RATIO, _LEAST_PARTS = 80, 2
_AMOUNT = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)\s*([^\W\d_]+)")
_AMOUNTS = re.compile(r"(?:\d{1,12}(?:\.\d{1,12})?\s*[^\W\d_]{1,20}(?:,?\s+and\s+|,\s*|\s*)){2,4}")
_MONEY_HAN, _COINS_HAN = frozenset({"元", "角", "块"}), frozenset({"块", "角", "毛", "分"})
_JOINING, _JOINED = "或和与及且并", re.compile(r"(?:or|and|nor|not|but)(?![a-z])", re.IGNORECASE)
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
    # Several units before one: `5米3分米` is no product of a cubic metre and a decimetre.
    return _compound(text) or _based(text) or _fraction(text) or _decimal(text) or _words(text)


def parse_ratio(text: str) -> tuple[Fraction, ...] | None:
    """Read `3:2`, `1:2:3` or `3 to 2` as its parts over the first; None where it is no ratio."""
    parts = _RATIO.split(text) if len(text) <= _LONGEST_RATIO else []
    numbers = [parse_number(part) if _PART.fullmatch(part) else None for part in parts]
    values = [number.value for number in numbers if number is not None]
    if not _LEAST_PARTS <= len(values) == len(parts) or not all(values):
        return None
    return tuple(value / values[0] for value in values)


def agree_numbers(gold: Number, said: Number, terms: Terms = DEFAULT) -> Agreement:
    """Compare two numbers on the terms of the question."""
    if gold.base != said.base:
        value = (said.base or 10, gold.base or 10)
        if gold.value != said.value:
            return Agreement(same=False, rule="number", reason=f"written in base {value[0]}, the answer in {value[1]}")
        return Agreement(None, "base", f"the same value, in base {value[0]} where the answer is in base {value[1]}")
    if said.percent and said.places is None and said.value:
        said = said._replace(places=0, digits=len(str(abs(said.value.numerator))))  # 33% is rounded, not exact
    if gold.percent != said.percent:
        return _percent(gold, said, terms)
    fit = fit_units(gold.unit, said.unit, terms.policy)
    if not fit.kindred and gold.unit is not None and said.unit is not None:
        return _unlike(gold, said, gold.unit, said.unit, terms) or Agreement(fit.same, fit.rule, fit.reason)
    return weighed(agree_values(gold, said, terms, fit.ratio), fit)


class Fit(NamedTuple):
    """How the unit of a prediction stands to that of the known answer."""

    same: bool | None
    """What is to be said where the values agree."""
    ratio: Fraction = Fraction(1)
    """What one of the prediction's units is in units of the known answer."""
    rule: str = ""
    reason: str = ""
    kindred: bool = True
    """False where the units measure different things, so that no value makes them the same."""


def fit_units(gold: Unit | None, said: Unit | None, policy: Policy) -> Fit:
    """Compare two units, or a unit with none, by the policy."""
    if policy.units == "ignored" or gold == said or (gold is None and said is None):
        return Fit(same=True)
    if gold is None or said is None:
        return _one_unit(gold, said, policy)
    if gold.dims == said.dims:
        return Fit(same=True, ratio=said.factor / gold.factor, rule="unit")
    if _money(gold, said):
        return Fit(same=True)
    if gold.known and said.known:
        return Fit(same=False, rule="unit", reason="the units measure different things", kindred=False)
    return Fit(same=None, rule="unit", reason="the same number, maybe of something else")


def weighed(found: Agreement, fit: Fit) -> Agreement:
    """Put together what values and units say."""
    if not fit.kindred or (found.same and not fit.same):
        return Agreement(fit.same, fit.rule, fit.reason)
    if found.same is None or fit.same:
        return found._replace(rule=fit.rule) if fit.rule and found.rule == "number" else found
    return found


def rounds_to(exact: Fraction, said: Number, terms: Terms = DEFAULT) -> Agreement:
    """Tell whether a decimal stands for an exact value that it does not equal."""
    if said.places is None:
        return Agreement(same=False, rule="number")
    step = Fraction(1, 10**said.places) if said.places >= 0 else Fraction(10**-said.places)
    if abs(exact - said.value) >= step or (abs(exact - said.value) > step / 2 and abs(said.value) > abs(exact)):
        return Agreement(same=False, rule="number")
    if said.digits >= terms.policy.digits:
        return Agreement(same=True, rule="rounded", reason=f"agrees to {said.digits} significant digits")
    return Agreement(None, "rounded", f"agrees, but only to {said.digits} significant digits")


def agree_values(gold: Number, said: Number, terms: Terms, ratio: Fraction = Fraction(1)) -> Agreement:
    """Compare values; `ratio` is what one of the prediction is in the measure of the known answer."""
    there, back = said.value * ratio, gold.value / ratio
    if gold.value == there:
        return Agreement(same=True, rule="number")
    if within(gold, there, terms):
        return Agreement(same=True, rule="tolerance", reason="within the policy's tolerance")
    if max(gold.digits, said.digits) >= _NOISE_DIGITS and abs(gold.value - there) <= _NOISE * abs(gold.value):
        return Agreement(same=True, rule="rounded", reason="differs by the noise of floating point")
    for exact, value, decimal in ((gold, back, said), (said, there, gold)):
        if decimal.places is not None and value.denominator != 1 and _finer(exact, decimal):
            found = rounds_to(value, decimal, terms)
            # A decimal that was written shorter is not the longer one: how far to round was the question's to say.
            return found._replace(same=None) if found.same and exact.places is not None else found
    return Agreement(same=False, rule="number")


def within(gold: Number, said: Fraction, terms: Terms) -> bool:
    """Whether a value is within the policy's tolerance, where the known answer may be approximate at all."""
    policy = terms.policy
    if not policy.tolerant or not terms.approximate(gold.value, measured=_measured(gold)):
        return False
    return abs(gold.value - said) <= max(Fraction(policy.absolute), Fraction(policy.relative) * abs(gold.value))


def _unlike(gold: Number, said: Number, unit: Unit, its: Unit, terms: Terms) -> Agreement | None:
    """Compare amounts that no ratio relates: temperatures differ in their zero, months in their length."""
    there = converted(said.value, its, unit)
    if there is not None and (found := agree_values(gold, said._replace(value=there), terms)).same:
        return found._replace(rule="unit")
    if may_be_same(gold.value, unit, said.value, its):
        return Agreement(None, "unit", "the units have no fixed ratio, and the amounts may be the same")
    return None


def _percent(gold: Number, said: Number, terms: Terms) -> Agreement:
    bare = gold.unit is None and said.unit is None
    if terms.percent and bare:
        found = agree_values(gold, said, terms)
        if found.same:
            return found._replace(rule="percent_asked", reason="a percentage, with the sign or without")
    found = agree_values(gold, said, terms, Fraction(1, 100) if said.percent else Fraction(100))
    reason = found.reason or ("" if found.same else "a percentage against a plain number")
    return found._replace(rule="percent" if found.rule == "number" else found.rule, reason=reason)


def _one_unit(gold: Unit | None, said: Unit | None, policy: Policy) -> Fit:
    unit = gold or said
    if unit is not None and not unit.known and unit.dims and unit.dims[0][0] in _LETTERS:
        return Fit(same=None, rule="unit", reason="a letter that may be a unit or a variable")
    if gold is not None and gold.known and policy.units == "required":
        return Fit(same=False, rule="unit", reason="the unit is missing")
    return Fit(same=True)


def _money(mine: Unit, theirs: Unit) -> bool:
    """Tell whether the two units are one currency sign and one of its currencies: the yen sign is also the yuan's."""
    names = {unit.dims[0][0] for unit in (mine, theirs) if len(unit.dims) == 1}
    return "yen_or_yuan" in names and bool(names & {"cny", "jpy"})


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
    if marked := _MARKED.fullmatch(text):
        text = f"{marked[2]}_{_MARKS[marked[1].lower()]}"
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
    digits = re.sub(r"[ ,.]", "", whole) + point[1:]
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


def _compound(text: str) -> Number | None:
    """Read an amount in several units: `2 hours 30 minutes`, `5 feet 6 inches`, `2小时30分钟`, `7元5角`."""
    if not _AMOUNTS.fullmatch(text):
        return None
    found = _AMOUNT.findall(text)
    money = found[0][1] in _MONEY_HAN
    pieces = [_decimal(f"{value} {_beside(unit, money=money)}") for value, unit in found]
    units = [piece.unit for piece in pieces if piece is not None and piece.unit is not None and piece.unit.known]
    if len(units) != len(pieces) or len({unit.dims for unit in units}) != 1:
        return None
    if len({unit.factor for unit in units}) != len(units):
        return None  # `90分85分` are two marks
    total = sum((piece.value * unit.factor for piece, unit in zip(pieces, units, strict=True) if piece), Fraction(0))
    return Number(total / units[-1].factor, unit=units[-1])


def _beside(unit: str, *, money: bool) -> str:
    """Name a unit that only others beside it tell: `分` is a minute behind hours, and a hundredth of a yuan."""
    if money and unit in _COINS_HAN:
        return f"{unit}钱"
    return "分钟" if unit == "分" else unit


def _tail(number: Number, rest: str, *, money: str | None = None) -> Number | None:
    """Read what follows the digits: a scale, a percent sign, a unit, a currency."""
    if scale := _SCALE.match(rest):
        word = scale.group(1).casefold()
        number = number._replace(value=number.value * (SCALES.get(word) or _HAN[word]), places=None, digits=0)
        rest = rest[scale.end() :]
    if number.places is None and (ordinal := _ORDINAL.match(rest)):
        rest = rest[ordinal.end() :]
    if percent := _PERCENT.match(rest):
        number, rest = number._replace(percent=True), rest[percent.end() :]
    unit = parse_unit(money.strip().removeprefix("\\")) if money else None
    noun = rest.replace(r"\$", "$").strip()
    if noun and (noun[0] in _JOINING or _JOINED.match(noun)):
        return None
    if noun:
        tail = parse_unit(noun)
        apart = rest[0].isspace() or not rest[0].isascii()
        glued = not apart and may_be_letters(noun)
        if tail is None or not (apart or (tail.known and not (glued and len(noun) > 1))):
            return None
        unit = unit or (tail._replace(known=False) if glued else tail)
    return number._replace(unit=unit)
