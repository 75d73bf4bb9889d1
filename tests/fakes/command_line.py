"""How a command of `curate` ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Return stdout as one JSON value."""
        return json.loads(self.out)

    def lines(self) -> list[Any]:
        """Return every line of stdout as a JSON value."""
        return [json.loads(line) for line in self.out.splitlines()]


Cli = Callable[..., Ended]
