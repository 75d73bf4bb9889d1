"""What can be told of plug-ins before anything is asked: settings that mean nothing, and the roles they ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from schemas.canonical import JSON
from schemas.errors import ConfigError

__all__ = ["check_settings", "roles_asked"]

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
_SWITCHES = {"reviser_role": ("revise",), "judge_role": ("judge", "judge_reasoning")}
"""Parameters that say whether a role is asked."""


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


def roles_asked(spec: JSON) -> set[str]:
    """Return the roles that plug-ins may ask, those apart whose switch is off.

    Args:
        spec: as `schemas.canonical.spec` describes plug-ins.

    """
    found: set[str] = set()
    for params in _params(spec):
        for name, value in params.items():
            off = any(params.get(switch) is False for switch in _SWITCHES.get(name, ()))
            if (name == "role" or name.endswith("_role")) and isinstance(value, str) and not off:
                found.add(value)
    return found


def _params(value: JSON) -> Iterator[Mapping[str, JSON]]:
    if isinstance(value, Mapping):
        if "type" in value and isinstance(params := value.get("params"), Mapping):
            yield params
        for inner in value.values():
            yield from _params(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _params(inner)
