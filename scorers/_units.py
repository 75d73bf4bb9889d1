"""Units of measure: enough of them to tell `5 cm` from `5 m` and to find `50 mm` in `5 cm`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

__all__ = ["Unit", "parse_unit"]


class Unit(NamedTuple):
    """A unit as powers of base units and a factor; an unknown word is a base unit of its own, named by the word."""

    dims: tuple[tuple[str, int], ...]
    factor: Fraction
    known: bool


_BASE: Mapping[str, tuple[str, str]] = {
    # word: (base dimension, factor)
    "m": ("length", "1"), "meter": ("length", "1"), "metre": ("length", "1"), "米": ("length", "1"),
    "km": ("length", "1000"), "kilometer": ("length", "1000"), "kilometre": ("length", "1000"),
    "千米": ("length", "1000"), "公里": ("length", "1000"),
    "cm": ("length", "0.01"), "centimeter": ("length", "0.01"), "centimetre": ("length", "0.01"),
    "厘米": ("length", "0.01"), "dm": ("length", "0.1"), "decimeter": ("length", "0.1"), "分米": ("length", "0.1"),
    "mm": ("length", "0.001"), "millimeter": ("length", "0.001"), "millimetre": ("length", "0.001"),
    "毫米": ("length", "0.001"), "nm": ("length", "1e-9"), "nanometer": ("length", "1e-9"),
    "inch": ("length", "0.0254"), "inches": ("length", "0.0254"), "ft": ("length", "0.3048"),
    "foot": ("length", "0.3048"), "feet": ("length", "0.3048"), "yard": ("length", "0.9144"),
    "yd": ("length", "0.9144"), "mile": ("length", "1609.344"), "mi": ("length", "1609.344"),
    "kg": ("mass", "1"), "kilogram": ("mass", "1"), "千克": ("mass", "1"), "公斤": ("mass", "1"),
    "g": ("mass", "0.001"), "gram": ("mass", "0.001"), "克": ("mass", "0.001"), "mg": ("mass", "1e-6"),
    "milligram": ("mass", "1e-6"), "ton": ("mass", "1000"), "tonne": ("mass", "1000"), "吨": ("mass", "1000"),
    "lb": ("mass", "0.45359237"), "pound": ("mass", "0.45359237"), "ounce": ("mass", "0.028349523125"),
    "oz": ("mass", "0.028349523125"),
    "s": ("time", "1"), "sec": ("time", "1"), "second": ("time", "1"), "秒": ("time", "1"),
    "ms": ("time", "0.001"), "millisecond": ("time", "0.001"), "min": ("time", "60"), "minute": ("time", "60"),
    "分钟": ("time", "60"), "h": ("time", "3600"), "hr": ("time", "3600"), "hour": ("time", "3600"),
    "小时": ("time", "3600"), "day": ("time", "86400"), "天": ("time", "86400"), "week": ("time", "604800"),
    "month": ("month", "1"), "year": ("month", "12"), "yr": ("month", "12"), "年": ("month", "12"),
    "°": ("degree", "1"), "degree": ("degree", "1"), "deg": ("degree", "1"), "度": ("degree", "1"),
    "rad": ("radian", "1"), "radian": ("radian", "1"),
    "°c": ("celsius", "1"), "degreecelsius": ("celsius", "1"), "celsius": ("celsius", "1"), "摄氏度": ("celsius", "1"),
    "°f": ("fahrenheit", "1"), "degreefahrenheit": ("fahrenheit", "1"), "fahrenheit": ("fahrenheit", "1"),
    "k": ("kelvin", "1"), "kelvin": ("kelvin", "1"),
    "$": ("usd", "1"), "dollar": ("usd", "1"), "usd": ("usd", "1"), "buck": ("usd", "1"), "美元": ("usd", "1"),
    "cent": ("usd", "0.01"), "¢": ("usd", "0.01"), "€": ("eur", "1"), "euro": ("eur", "1"), "eur": ("eur", "1"),
    "£": ("gbp", "1"), "gbp": ("gbp", "1"), "元": ("cny", "1"), "yuan": ("cny", "1"), "cny": ("cny", "1"),
    "rmb": ("cny", "1"), "人民币": ("cny", "1"), "¥": ("yen_or_yuan", "1"), "yen": ("jpy", "1"), "₹": ("inr", "1"),
    "rupee": ("inr", "1"), "rs": ("inr", "1"), "₽": ("rub", "1"), "₩": ("krw", "1"),
    "n": ("newton", "1"), "newton": ("newton", "1"), "j": ("joule", "1"), "joule": ("joule", "1"),
    "kj": ("joule", "1000"), "w": ("watt", "1"), "watt": ("watt", "1"), "kw": ("watt", "1000"),
    "v": ("volt", "1"), "volt": ("volt", "1"), "amp": ("ampere", "1"), "ampere": ("ampere", "1"),
    "ohm": ("ohm", "1"), "ω": ("ohm", "1"), "hz": ("hertz", "1"), "hertz": ("hertz", "1"), "mol": ("mole", "1"),
    "mole": ("mole", "1"), "pa": ("pascal", "1"), "pascal": ("pascal", "1"), "kpa": ("pascal", "1000"),
}  # fmt: skip
_COMPOUND: Mapping[str, tuple[tuple[tuple[str, int], ...], str]] = {
    "l": ((("length", 3),), "0.001"), "liter": ((("length", 3),), "0.001"), "litre": ((("length", 3),), "0.001"),
    "升": ((("length", 3),), "0.001"), "ml": ((("length", 3),), "1e-6"), "milliliter": ((("length", 3),), "1e-6"),
    "毫升": ((("length", 3),), "1e-6"), "cc": ((("length", 3),), "1e-6"),
    "mph": ((("length", 1), ("time", -1)), "0.44704"), "kph": ((("length", 1), ("time", -1)), "5/18"),
    "kmh": ((("length", 1), ("time", -1)), "5/18"),
    "平方米": ((("length", 2),), "1"), "平方厘米": ((("length", 2),), "0.0001"), "平方千米": ((("length", 2),), "1e6"),
    "立方米": ((("length", 3),), "1"), "立方厘米": ((("length", 3),), "1e-6"),
    "unit": ((), "1"), "units": ((), "1"),
}  # fmt: skip
_POWERS = {"square": 2, "sq": 2, "squared": 2, "cubic": 3, "cu": 3, "cubed": 3}
_OPERATIONS = frozenset(
    [
        "less",
        "below",
        "minus",
        "plus",
        "over",
        "times",
        "factorial",
        "mod",
        "choose",
        "and",
        "not",
        "sin",
        "cos",
        "tan",
        "log",
        "exp",
        "sqrt",
        "theta",
        "alpha",
        "beta",
    ]
)
_TOKEN = re.compile(r"([a-zA-Z]+|[°¢€£¥₹₽₩$](?:[CF](?![a-z]))?|[^\W\d_a-zA-Z]+)(?:\s*\^?\s*\{?\s*(-?[1-9])\s*\}?)?")
_JOIN = re.compile(r"\s*(/|\\cdot|\*|\\times|(?<![a-zA-Z])per(?![a-zA-Z])|[-])?\s*")
_LIMIT = 60


@lru_cache(maxsize=4096)
def parse_unit(text: str) -> Unit | None:
    """Read a unit such as `km/h`, `square centimeters`, `m^2`, `dollars`; None where it is no unit at all."""
    text = text.strip().rstrip(".")
    if not text or len(text) > _LIMIT:
        return None
    dims: dict[str, int] = {}
    factor, known, sign, waiting, place = Fraction(1), True, 1, 0, 0
    while place < len(text):
        join = _JOIN.match(text, place)
        if join is not None and join.end() > place:
            sign = -1 if join.group(1) in ("/", "per") else sign if join.group(1) is None else 1
            place = join.end()
        token = _TOKEN.match(text, place)
        if token is None:
            return None
        place = token.end()
        word = token.group(1)
        if word.casefold() in _POWERS:
            power = _POWERS[word.casefold()]
            if word.casefold() in ("squared", "cubed") and dims:
                last = next(reversed(dims))
                dims[last] *= power
                continue
            waiting = power
            continue
        power = sign * int(token.group(2) or waiting or 1)
        waiting = 0
        base, scale, familiar = _word(word)
        if not familiar and _no_noun(word):
            return None
        known &= familiar
        factor *= scale**power
        for name, exponent in base:
            dims[name] = dims.get(name, 0) + exponent * power
    if waiting:
        return None
    return Unit(tuple(sorted((name, power) for name, power in dims.items() if power)), factor, known)


def _word(word: str) -> tuple[tuple[tuple[str, int], ...], Fraction, bool]:
    for form in _forms(word):
        if form in _BASE:
            name, scale = _BASE[form]
            return ((name, 1),), Fraction(scale), True
        if form in _COMPOUND:
            dims, scale = _COMPOUND[form]
            return dims, Fraction(scale), True
    return ((_forms(word)[-1], 1),), Fraction(1), False


def _no_noun(word: str) -> bool:
    """Short letters are variables, and some words say what to do with the number instead of what it counts."""
    return word.isascii() and (len(word) <= 2 or word.casefold() in _OPERATIONS)  # noqa: PLR2004 - `ab` is a product


def _forms(word: str) -> tuple[str, ...]:
    low = word.casefold()
    if word in ("M", "G"):  # not metres or grams
        return (word,)
    if len(low) > 3 and low.endswith("s"):  # noqa: PLR2004 - plurals of words, not of symbols
        return (low, low[:-1])
    return (low,)
