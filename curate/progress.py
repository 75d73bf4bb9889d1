"""What a run shows while it works: a live line on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.live import Live

    from curate.teacher.driver import Progress

__all__ = ["Show", "line"]

_EVERY = 5.0
"""Seconds between plain lines."""


def line(progress: Progress, what: str) -> str:
    """Say how far a pass is, in one line."""
    seconds = max(time.monotonic() - progress.started, 1e-3)
    parts = [
        f"{what}: {progress.done} done, {progress.running} running",
        f"{progress.asked} asked, {progress.replayed} from the ledger",
        f"{progress.completion_tokens / seconds:,.0f} tokens/s",
    ]
    if progress.cost:
        parts.append(f"cost {progress.cost:.4f}")
    if progress.causes:
        parts.append("failed: " + ", ".join(f"{n} {cause}" for cause, n in progress.causes.most_common(3)))
    if progress.attempts:
        parts.append("tried again: " + ", ".join(f"{n} {cause}" for cause, n in progress.attempts.most_common(3)))
    busy = ", ".join(f"{name} {count}" for name, count in progress.in_flight.items() if count)
    return "; ".join([*parts, f"at work: {busy}" if busy else ""]).rstrip("; ")


class Show:
    """A callback for `Driver(report=...)`. Use it as a context manager."""

    def __init__(self, what: str, *, quiet: bool = False) -> None:
        """Name the pass; `quiet` shows nothing."""
        self._what = what
        self._quiet = quiet
        self._next = time.monotonic() + _EVERY
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(stderr=True), refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, progress: Progress) -> None:
        """Show the counts."""
        if self._live is not None:
            from rich.text import Text

            self._live.update(Text(line(progress, self._what)))
        elif not self._quiet and time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY
            print(line(progress, self._what), file=sys.stderr, flush=True)  # noqa: T201 - talk goes to stderr
