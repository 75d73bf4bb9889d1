"""What worker processes are given to do. Importing it costs nothing, so that deadlines measure the work."""

from __future__ import annotations

import math
import os
import time

from schemas.errors import SourceError


class Odd(Exception):  # noqa: N818 - a class that pickles and cannot be unpickled
    """Needs two arguments, and gives pickle one."""

    def __init__(self, one: str, two: str) -> None:
        """Hand only a part to the base."""
        super().__init__(one)


def raise_source_error(cause: str, reason: str) -> None:
    """Raise one of ours."""
    raise SourceError(cause, reason)


def raise_odd() -> None:
    """Raise what cannot travel."""
    raise Odd("lost", "fields")


def return_lambda() -> object:
    """Return what cannot travel."""
    return lambda: 1


def poison(item: object) -> float:
    """Crash, hang or fail on request."""
    if item == "exit":
        os._exit(1)
    if item == "hang":
        time.sleep(60)
    if item == "error":
        message = "no number"
        raise ValueError(message)
    return math.sqrt(item)  # type: ignore[arg-type]
