"""JSON as sources need it: numbers keep their spelling, and what is no JSON is an error with a reason."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, time
from typing import Any

from schemas.canonical import JSON

__all__ = ["DECODER", "Spelled", "decode", "plain_meta", "well_formed"]

_SHORT_INT = 18
"""Digits of whole numbers that fit 64 bits; longer ones keep their text."""


class Spelled(str):
    """A number as the file spells it: `1.0`, `1e5`, a whole number too long for 64 bits."""

    __slots__ = ()


def _whole(text: str) -> int | Spelled:
    return int(text) if len(text) <= _SHORT_INT and text != "-0" else Spelled(text)


DECODER = json.JSONDecoder(parse_float=Spelled, parse_int=_whole, parse_constant=Spelled)
"""Reads floats and long whole numbers as `Spelled`, NaN and Infinity too."""


def decode(text: str) -> Any:
    """Return the JSON value.

    Raises:
        ValueError: it is not JSON, or is nested beyond what can be read.

    """
    try:
        return DECODER.decode(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def plain_meta(value: object) -> JSON:
    """Return a value of a source row as plain JSON: bytes by their length only, dates and other types as text."""
    if isinstance(value, Mapping):
        return {well_formed(str(key)): plain_meta(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_meta(item) for item in value]
    return _scalar(value)


def _scalar(value: object) -> JSON:
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, (Spelled, float)):
        return _number(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(value)} bytes>"
    return value.isoformat() if isinstance(value, (date, time)) else well_formed(str(value))


def well_formed(text: str) -> str:
    """Replace lone surrogates, which no UTF-8 file can hold, by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _number(given: Spelled | float) -> float | str:
    """Return a float; what no float holds exactly (a long whole number) or JSON does not know (NaN) as text."""
    value, text = float(given), str(given)
    return value if math.isfinite(value) and not text.lstrip("-").isdigit() else text
