"""How clear one picture is: five parts in [0, 1], the lowest of which is its clarity.

A part is a logistic reading of its statistics (`_clarity_statistics`) through a frozen table (`_clarity_table`): 0.5
means that a picture with these statistics is as likely damaged as clean. The table has a row for photographs and one
for flat graphics (charts, diagrams, tables, scans), and a picture is read by both, weighted by how much it looks like
either: flat graphics are not blurred photographs. Only resolution, a plain ramp over the sides, is not fitted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from schemas.errors import SourceError
from scorers._clarity_statistics import statistics
from scorers._clarity_table import TABLE, Row
from scorers._pixels import luma

__all__ = ["PARTS", "Clearness", "measure", "photo_share", "reading"]

PARTS = ("sharpness", "noise", "compression", "exposure", "resolution")

_SOFTNESS = 2.0  # divides log odds, so that good pictures do not all read 1.00
_RARITY = 1.25  # log odds by which damage other than blur is rarer in real collections than in the calibration
_EVEN = 0.5
_BLANK_RANGE = 8  # grey levels between the darkest and the lightest thousandth
_SHORT_SIDE = (8.0, 40.0)  # pixels where resolution is 0 and 1
_MEAN_SIDE = (24.0, 96.0)
_SHAPELESS = ("too_small", "aspect")  # causes that are a low resolution, not a broken file


class Clearness(NamedTuple):
    """What was measured of one picture. Parts are in [0, 1], 1 is undamaged."""

    parts: Mapping[str, float]
    """By name; parts that could not be measured because the picture has hardly any pixels are missing."""
    kind: str
    """`photo` or `graphic`; `none` where nothing can be seen."""
    width: int
    """Pixels, upright."""
    height: int
    reason: str
    """The worst part and its value, with what is wrong where it is more likely damaged than clean."""

    @property
    def worst(self) -> str:
        """Name of the lowest part."""
        return min(self.parts, key=self.parts.__getitem__)

    @property
    def value(self) -> float:
        """The lowest part: a picture is as clear as its worst damage lets it be."""
        return min(self.parts.values())


def measure(data: bytes) -> Clearness:
    """Measure one picture from the bytes of its file.

    Raises:
        SourceError: the bytes are no picture, or a damaged or oversized one.

    """
    try:
        seen = luma(data)
    except SourceError as error:
        if error.cause in _SHAPELESS:
            return Clearness({"resolution": 0.0}, "none", 0, 0, f"resolution 0.00: {error.reason}")
        raise
    resolution = _resolution(seen.width, seen.height)
    found = statistics(seen)
    if 2 ** found["exposure"][1] - 1 < _BLANK_RANGE:
        parts = {"exposure": 0.0, "resolution": resolution}
        return Clearness(parts, "none", seen.width, seen.height, "exposure 0.00: blank, one tone all over")
    photo = photo_share(found["kind"])
    parts = {name: _likelihood(name, found[name], photo) for name in PARTS[:-1]} | {"resolution": resolution}
    worst = min(parts, key=parts.__getitem__)
    trouble = _words(worst, found, seen.width, seen.height) if parts[worst] < _EVEN else "clear, nothing is worse"
    kind = "photo" if photo >= _EVEN else "graphic"
    return Clearness(parts, kind, seen.width, seen.height, f"{worst} {parts[worst]:.2f}: {trouble}")


def photo_share(values: Sequence[float]) -> float:
    """Return how much a picture with these `kind` statistics looks like a photograph, in [0, 1]."""
    return _logistic(_line(TABLE["kind"]["all"], values))


def reading(part: str, values: Sequence[float], photo: float) -> float:
    """Return the log odds that a picture with these statistics is clean in this part, before rarity and softness."""
    rows = TABLE[part]
    return photo * _line(rows["photo"], values) + (1 - photo) * _line(rows["graphic"], values)


def _likelihood(part: str, values: Sequence[float], photo: float) -> float:
    odds = reading(part, values, photo) + (0.0 if part == "sharpness" else _RARITY)
    return _logistic(odds / _SOFTNESS)


def _line(row: Row, values: Sequence[float]) -> float:
    """Apply a row to statistics held inside the range it was fitted on."""
    held = (min(max(value, low), high) for value, low, high in zip(values, row.low, row.high, strict=True))
    return row.bias + sum(weight * value for weight, value in zip(row.weights, held, strict=True))


def _logistic(odds: float) -> float:
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, odds))))


def _resolution(width: int, height: int) -> float:
    sides = ((min(width, height), _SHORT_SIDE), (math.sqrt(width * height), _MEAN_SIDE))
    return min(max(0.0, min(1.0, (side - low) / (high - low))) for side, (low, high) in sides)


def _words(part: str, found: Mapping[str, Sequence[float]], width: int, height: int) -> str:
    white, spread = (2**value - 1 for value in found["exposure"])
    exposure = f"dark, white is at {white:.0f} of 255" if white < 2 * spread else f"pale, only {spread:.0f} grey levels"
    return {
        "sharpness": "blurred, shaken or enlarged",
        "noise": f"grain of {math.exp(found['noise'][1]) - 0.2:.0f} grey levels",
        "compression": "blocks and ripples of heavy JPEG compression",
        "exposure": exposure,
        "resolution": f"only {width}x{height} pixels",
    }[part]
