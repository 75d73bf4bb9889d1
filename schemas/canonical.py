"""Canonical JSON and the fingerprints made from it.

Two values that mean the same give the same bytes: keys are sorted, whole floats are written as integers, tuples are
lists. Anything that is not plain JSON is refused, so that no memory address or object repr can slip into a key.
`SCHEME` is stored beside every fingerprint; raise it when the rules change.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from schemas.errors import SchemaError

__all__ = ["JSON", "SCHEME", "canonical", "fingerprint", "plain", "spec"]

SCHEME = 1
"""Version of the canonical form; stored with every version and ledger."""

JSON = Any
"""Plain JSON: None, bool, int, float, str, list, dict with string keys."""

_WHOLE = 2.0**53
_AS_THEY_ARE = frozenset({str, bool, int})
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def plain(value: object) -> JSON:
    """Return `value` as plain JSON data.

    Dataclasses become dicts of their fields, mappings dicts, sequences lists, whole floats integers.

    Raises:
        SchemaError: the value holds something that is not JSON (NaN, bytes, an object, a key that is not text).

    """
    kind = type(value)
    if value is None or kind in _AS_THEY_ARE:
        return value
    if kind is dict:
        return {_key(key): plain(item) for key, item in value.items()}  # type: ignore[attr-defined]
    if kind is list or kind is tuple:
        return [plain(item) for item in value]  # type: ignore[attr-defined]
    return _made_plain(value)


def _made_plain(value: object) -> JSON:
    """Do the same for what is rarer: almost every value is of a type that `plain` knows at a glance."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Mapping):
        return {_key(key): plain(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [plain(item) for item in value]
    message = f"cannot fingerprint a {type(value).__name__}: only JSON values have a canonical form"
    raise SchemaError(message)


def canonical(value: object) -> bytes:
    """Return the one UTF-8 encoding of `value` that every run and machine agrees on."""
    return _ENCODER.encode(plain(value)).encode("utf-8", "surrogatepass")


def fingerprint(value: object) -> str:
    """Return the SHA-256 of the canonical form as 64 hex digits."""
    return hashlib.sha256(canonical(value)).hexdigest()


def spec(plugin: object) -> JSON:
    """Describe a plug-in by what decides its output: its name, its `version` and its parameters, recursively.

    The name is the last part of the module's name, which is the plug-in's public id.
    """
    if dataclasses.is_dataclass(plugin) and not isinstance(plugin, type):
        fields = {f.name: spec(getattr(plugin, f.name)) for f in dataclasses.fields(plugin)}
        name = type(plugin).__module__.rpartition(".")[2]
        return {
            "name": name,
            "type": type(plugin).__name__,
            "version": getattr(plugin, "version", 1),
            "params": fields,
        }
    if isinstance(plugin, Mapping):
        return {_key(key): spec(item) for key, item in plugin.items()}
    if isinstance(plugin, (list, tuple)):
        return [spec(item) for item in plugin]
    return plain(plugin)


def _number(value: float) -> float | int:
    if not math.isfinite(value):
        message = f"cannot fingerprint {value}: JSON has no such number"
        raise SchemaError(message)
    return int(value) if value.is_integer() and abs(value) < _WHOLE else value


def _key(key: object) -> str:
    if not isinstance(key, str):
        message = f"cannot fingerprint the key {key!r}: keys of a canonical object are text"
        raise SchemaError(message)
    return key
