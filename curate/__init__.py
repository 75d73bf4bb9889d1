"""curate: turn raw question-answer collections into verified long chain-of-thought corpora."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

__all__ = ["__version__"]

__version__ = "0.1.0"

_FLOORS = ("schemas", "scorers", "generators")


def _guard() -> None:
    """Refuse to run when another package shadows one of our floors (docs/adr/0001)."""
    home = Path(__file__).resolve().parent.parent
    for name in _FLOORS:
        found = find_spec(name)
        origin = Path(found.origin).resolve() if found and found.origin else None
        if origin is None or origin.parent.parent != home:
            where = origin or "nowhere"
            message = (
                f"curate needs its own package '{name}', but Python finds it at {where}: rename that file or folder, "
                f"or start Python from another folder (curate is installed in {home})"
            )
            raise ImportError(message)


_guard()
