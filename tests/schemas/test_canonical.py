"""Canonical JSON: one encoding for one meaning, and nothing that is not JSON."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.canonical import canonical, fingerprint, plain, spec
from schemas.errors import SchemaError

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_idempotent(value: Any) -> None:
    """Reading the canonical form and writing it again changes nothing."""
    once = canonical(value)

    assert canonical(json.loads(once.decode("utf-8", "surrogatepass"))) == once


@given(st.dictionaries(st.text(), json_values, min_size=2, max_size=6), st.randoms())
def test_order_of_keys_does_not_count(value: dict[str, Any], chance: random.Random) -> None:
    """A dict is the same in any order."""
    items = list(value.items())
    chance.shuffle(items)

    assert fingerprint(dict(items)) == fingerprint(value)


@given(json_values, json_values)
def test_different_values_differ(one: Any, other: Any) -> None:
    """Equal bytes mean equal values."""
    assert (canonical(one) == canonical(other)) == (
        plain(one) == plain(other) and _types(plain(one)) == _types(plain(other))
    )


def _types(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _types(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_types(item) for item in value]
    return type(value)


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), ((1, 2), [1, 2]), ({"a": 0.5}, {"a": 0.50})])
def test_same_meaning_same_bytes(one: Any, other: Any) -> None:
    """Whole floats are integers and tuples are lists."""
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(("one", "other"), [(1, True), ("1", 1), (None, ""), ([], {}), (0.1, 0.2)])
def test_other_meaning_other_bytes(one: Any, other: Any) -> None:
    """What means something else has another fingerprint."""
    assert fingerprint(one) != fingerprint(other)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes", object(), {1: "a"}, {"a": {1, 2}}, print])
def test_what_is_not_json_is_refused(value: Any) -> None:
    """No address, no bytes, no NaN gets into a key."""
    with pytest.raises(SchemaError, match="cannot fingerprint"):
        canonical(value)


@dataclass(frozen=True)
class Inner:
    """A plug-in inside a plug-in."""

    version: ClassVar[int] = 3
    n: int = 2


@dataclass(frozen=True)
class Outer:
    """A plug-in with parameters."""

    version: ClassVar[int] = 1
    inner: Inner = Inner()
    words: tuple[str, ...] = ("a",)


def test_spec_names_all_that_decides_output() -> None:
    """A plug-in's spec holds its name, version and parameters, nested ones too."""
    found = spec(Outer())

    assert found["type"] == "Outer"
    assert found["params"]["inner"]["version"] == 3
    assert found["params"]["inner"]["params"] == {"n": 2}
    assert fingerprint(spec(Outer(inner=Inner(n=5)))) != fingerprint(found)
