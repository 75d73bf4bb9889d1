"""Settings that mean nothing, such as a temperature below 0: told before anything is asked, not by rows that fail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from schemas.canonical import JSON
from schemas.errors import ConfigError

__all__ = ["check_settings"]

_BOUNDS: Mapping[str, tuple[float, float, str]] = {
    "temperature": (0, float("inf"), "0 or more"),
    "top_p": (1e-9, 1, "above 0, at most 1"),
    "min_p": (0, 1, "from 0 to 1"),
    "max_tokens": (1, float("inf"), "1 or more"),
    "repetition_penalty": (1e-9, float("inf"), "above 0"),
    "tries": (1, float("inf"), "1 or more"),
    "longest": (0, float("inf"), "0 or more"),
}
"""Parameters of these names, of any plug-in."""


def check_settings(spec: JSON) -> None:
    """Refuse a sampling that no server takes and a number of tries that asks nothing, however deep they stand.

    Args:
        spec: as `schemas.canonical.spec` describes plug-ins.

    Raises:
        ConfigError: a setting is out of its range.

    """
    for params in _params(spec):
        for name, (low, high, words) in _BOUNDS.items():
            value = params.get(name)
            if isinstance(value, (int, float)) and not low <= value <= high:
                raise ConfigError(f"{name} of {value:g} means nothing: use {words}")


def _params(value: JSON) -> Iterator[Mapping[str, JSON]]:
    if isinstance(value, Mapping):
        if "type" in value and isinstance(params := value.get("params"), Mapping):
            yield params
        for inner in value.values():
            yield from _params(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _params(inner)
