"""Amounts with a unit: what is converted, what is told apart, and what stays open."""

# ruff: noqa: RUF001 - Greek and Cyrillic letters are units
from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import product

import pytest
from fakes.verdicts import judged
from hypothesis import given, settings
from hypothesis import strategies as st

from scorers._clean import clean
from scorers._numbers import parse_number
from scorers._unit_words import ALIASES, DOUBTFUL, OWN, PINT, PREFIXED
from scorers._units import Unit, converted, may_be_same, parse_unit

LENGTHS = [
    "m",
    "km",
    "cm",
    "mm",
    "µm",
    "nm",
    "inch",
    "feet",
    "yards",
    "mile",
    "light-year",
    "Å",
    "米",
    "nautical miles",
]
ENERGIES = ["J", "kJ", "N m", "kWh", "eV", "cal", "kcal", "W s", "kg m^2/s^2", "erg", "BTU"]
SPEEDS = ["m/s", "km/h", "mph", "knots", "ft per second", "meters per second", "cm s^{-1}", "ms^{-1}"]
KINDS = [LENGTHS, ENERGIES, SPEEDS]

SAME = [
    ("5 cm", "50 mm"), ("72 km/h", "20 m/s"), ("1 L", "1000 cm^3"), ("1 kWh", "3.6 MJ"), ("$5", "5 dollars"),
    ("$5", "500 cents"), ("5 newtons", "5 kg m/s^2"), ("5 J", "5 N m"), ("5 J", "5 Nm"), ("3 µm", "3000 nm"),
    ("10 knots", "18.52 km/h"), ("1 atm", "101325 Pa"), ("60 L/min", "1 L/s"), ("1 g/cm^3", "1000 kg/m³"),
    ("60 rpm", "360 deg/s"), ("1 Å", "0.1 nm"), ("1 light-year", "1 light year"), ("2 dozen", "24"), ("2 dozens", "24"),
    ("1 acre", "43560 sq. ft."), ("760 mmHg", "1 atm"), ("25 °C", "298.15 K"), ("25 °C", "77 °F"),
    ("0 K", "-273.15 °C"),
    ("1 year", "12 months"), ("5 boxes", "5 box"), ("3 children", "3 child"), ("2 knives", "2 knife"),
    ("1 mile", "1.609344 km"), ("9.8 m/s^2", "9.8 m/s/s"), ("9.8 m/s^2", "9.8 ms^{-2}"), ("9 cc", "9 mL"),
    ("4.2 J/(g °C)", "4.2 J/g·K"), ("4.2 J/(g K)", r"4.2 \frac{J}{g\cdot K}"), ("12 in", "1 ft"), ("¥5", "5 yuan"),
    ("60 km/h", "60公里每小时"), ("5平方米", "5 m²"), ("5 м/с", "5 m/s"), ("3 heures", "180 min"), ("100 MW", "0.1 GW"),
    (r"5\ \mathrm{kg\,m/s^2}", "5 N"), (r"5\,\mu\mathrm{m}", "5 µm"), (r"10\,\Omega", "10 ohms"), ("5 KG", "5000 g"),
    ("2 Hrs", "120 mins"), ("3 kw", "3 kW"), ("5 square feet", "5 ft2"), ("7 cubic meters", "7 m^3"),
    ("8 bits", "1 byte"), (r"5\ \mathrm{m\,s^{-1}}", "18 km/h"), (r"5\,{\rm cm}", "50 mm"), ("2 hour(s)", "120 min"),
    (r"9\ \frac{\mathrm{kg}}{\mathrm{m}^{3}}", "9 g/L"), ("60 m.p.h.", "60 miles per hour"), ("3 m/(s)", "3 m/s"),
]  # fmt: skip
OTHER = [
    ("5 cm", "5 m"), ("5 cm", "5 cm^2"), ("5 kg", "5 m"), ("25 °C", "30 K"), ("25 °C", "26 °C"), ("1 year", "3 days"),
    ("5 dollars", "5 euros"), ("500 N/m", "500 N m"), ("3 bits", "3 bytes"), ("7 pH", "7 pm"), ("5 mW", "5 MW"),
    ("1 mile", "1.7 km"), ("10 dB", "10 Hz"), ("1 ton", "5 kg"), ("5 kg", "6 apples"),
]  # fmt: skip
OPEN = [
    ("5 kg", "5 apples"), ("16 students", "16 boxes"), ("25 °C", "25 K"), ("25 °C", "298 K"), ("25 degrees", "25 °C"),
    ("1 year", "365 days"), ("1 ton", "1000 kg"), ("60 rpm", "1 Hz"), ("5 pounds", "£5"), ("5 C", "5 °C"), ("5m", "5"),
    ("5 units", "5 cm"), ("1 mile", "1.61 km"), ("5A", "5"), ("3 exams", "3 m"),
]  # fmt: skip


def compared(gold: str, said: str) -> str:
    """Compare two amounts without a worker."""
    return judged(gold, said, compute=False).value


def unit(text: str) -> Unit:
    """Read what must be a unit."""
    found = parse_unit(clean(text))
    assert found is not None
    assert found.known
    return found


@pytest.mark.parametrize(("gold", "said"), SAME)
def test_the_same_amount_in_another_unit_is_the_same(gold: str, said: str) -> None:
    """Exactly, in both directions."""
    assert compared(gold, said) == "right"
    assert compared(said, gold) == "right"


@pytest.mark.parametrize(("gold", "said"), OTHER)
def test_other_amounts_are_told_apart(gold: str, said: str) -> None:
    """Another size or another kind, in both directions."""
    assert compared(gold, said) == "wrong"
    assert compared(said, gold) == "wrong"


@pytest.mark.parametrize(("gold", "said"), OPEN)
def test_what_has_no_exact_ratio_stays_open(gold: str, said: str) -> None:
    """Neither right nor wrong, in both directions."""
    assert compared(gold, said) == "undecided"
    assert compared(said, gold) == "undecided"


@pytest.mark.parametrize(
    ("gold", "said", "value"),
    [
        ("2 hours 30 minutes", "150 minutes", "right"),
        ("5 feet 6 inches", "66 inches", "right"),
        ("5 feet, 6 inches", "5 feet 7 inches", "wrong"),
        ("1 hour and 5 minutes", "65 min", "right"),
        ("2小时30分钟", "150分钟", "right"),
        ("2小时30分", "150分钟", "right"),
        ("2时30分", "2.5小时", "right"),
        ("3小时20分", "3小时30分", "wrong"),
        ("7元5角", "7.5元", "right"),
        ("7.05元", "7元5分", "right"),
        ("7.5元", "7块5毛", "right"),
        ("7元5角", "7元6角", "wrong"),
        ("5米3分米", "5.3米", "right"),
        ("5米3分米", "5.3分米", "wrong"),
    ],
)
def test_amounts_in_several_units_are_added(gold: str, said: str, value: str) -> None:
    """Hours and minutes, feet and inches."""
    assert compared(gold, said) == value


@pytest.mark.parametrize(
    "text", ["2ab", "5cd", "2MN", "5AC", "7d", "3t", "5x", "5 feet 6 seconds", "5 m_1", "5(m)", "3T^2", "2A/C"]
)
def test_letters_behind_a_number_stay_a_formula(text: str) -> None:
    """A product of letters is no amount."""
    assert parse_number(text) is None


@pytest.mark.parametrize(
    "word",
    ["exam", "finch", "pins", "flux", "points", "hands", "bags", "fifths", "circles", "gas", "cats", "particles"],
)
def test_plain_words_are_no_units(word: str) -> None:
    """What pint would read as exametres, femto-inches or gigayears is a noun."""
    found = parse_unit(word)
    assert found is not None
    assert not found.known


@pytest.mark.parametrize(
    "words", ["boxes box", "cities city", "children child", "houses house", "classes class", "pies pie"]
)
def test_singular_and_plural_are_one_noun(words: str) -> None:
    """Unknown nouns are named by their singular."""
    many, one = (parse_unit(word) for word in words.split())
    assert many == one is not None


def test_every_listed_word_is_known() -> None:
    """No entry of the tables is misspelled, and no unit is more than fractions can hold."""
    for word in {*ALIASES, *OWN, *PINT} - DOUBTFUL - {"turn"}:
        assert unit(word).factor > 0, word
    assert PREFIXED <= PINT


@given(st.sampled_from(KINDS), st.data(), st.fractions(-1000, 1000))
@settings(deadline=None)
def test_conversion_is_symmetric_and_transitive(kind: list[str], data: st.DataObject, value: Fraction) -> None:
    """There and back is the same, and so is every way round."""
    first, second, third = (unit(data.draw(st.sampled_from(kind))) for _ in range(3))
    there = converted(value, first, second)
    assert there is not None
    assert converted(there, second, first) == value
    assert converted(there, second, third) == converted(value, first, third)


@given(st.fractions(-1000, 1000), st.permutations(["°C", "°F", "K"]))
@settings(deadline=None)
def test_temperatures_go_round_exactly(value: Fraction, names: list[str]) -> None:
    """Offsets are fractions, too."""
    first, second, third = map(unit, names)
    there = converted(value, first, second)
    assert there is not None
    beyond = converted(there, second, third)
    assert beyond is not None
    assert converted(beyond, third, first) == value


@pytest.mark.parametrize(
    ("prefix", "size"),
    [
        ("k", 3),
        ("M", 6),
        ("G", 9),
        ("m", -3),
        ("µ", -6),
        ("n", -9),
        ("kilo", 3),
        ("mega", 6),
        ("milli", -3),
        ("nano", -9),
    ],
)
def test_prefixes_scale_exactly(prefix: str, size: int) -> None:
    """By powers of ten, in symbols and words."""
    for symbol, word in [
        ("W", "watt"),
        ("J", "joule"),
        ("Hz", "hertz"),
        ("V", "volt"),
        ("g", "gram"),
        ("Pa", "pascal"),
    ]:
        name = word if len(prefix) > 1 else symbol
        assert unit(prefix + name).factor == Fraction(10) ** size * unit(name).factor


@given(st.sampled_from([*LENGTHS, *ENERGIES, *SPEEDS]), st.sampled_from(["", " ", "  "]), st.sampled_from(["", " "]))
def test_spaces_do_not_change_a_unit(text: str, around: str, slash: str) -> None:
    """Around it, and around its slash."""
    spaced = around + text.replace("/", f"{slash}/{slash}").replace(" ", " " + around) + around
    assert unit(spaced) == unit(text)


@given(st.text(max_size=90) | st.text("kmsgNJ/^{}()-12 *\\cdotper°µ每平方", max_size=90))
@settings(max_examples=400, deadline=2000)
def test_any_text_is_read_or_refused(text: str) -> None:
    """It never raises, and what is found is bounded and equal to itself."""
    found = parse_unit(text)
    if found is not None:
        assert all(abs(power) < 1000 for _, power in found.dims)
        assert converted(Fraction(3), found, found) == 3
        assert not may_be_same(Fraction(1), found, Fraction(2), found)


@pytest.mark.parametrize(
    "text", ["m^" * 40, "(" * 80, "((((((m))))))", "m/" * 40, "m" * 81, "m^99", "__import__('os')"]
)
def test_odd_texts_are_no_units(text: str) -> None:
    """Brackets that do not close, powers without end, code."""
    assert parse_unit(text) is None


def test_threads_agree() -> None:
    """Sixteen threads that ask for new units at once get what one gets."""
    names = [
        prefix + name for prefix, name in product(["k", "M", "m", "n", "p"], ["Pa", "F", "Wb", "lx", "Bq", "Sv", "C"])
    ]
    parse_unit.cache_clear()
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(parse_unit, names * 4))
    parse_unit.cache_clear()
    assert found == [parse_unit(name) for name in names] * 4


def test_plain_numbers_need_no_pint() -> None:
    """What is imported for numbers without units stays cheap."""
    code = (
        "import sys; from scorers._numbers import parse_number as p; p('12'); p('1/2'); p('0.5'); p('3 million'); "
        "sys.exit('pint' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
