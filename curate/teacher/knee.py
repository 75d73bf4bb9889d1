"""How many requests a server that never refuses is given: as few as it answers at full rate.

Above a server's capacity more requests at once only wait longer (vLLM queues without bound), and some wait past their
time limit. Where replies take much longer than the fastest ones, a lower number is tried for a while: if the rate of
the replies holds, it stays, and a still lower one is tried; if the rate falls, the former number comes back. Higher
numbers are tried now and then, for servers grow. What decides is the rate, never the latency alone: long replies and
large batches are slow for good reasons.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Knee"]

_STEP = 0.7
_HOLDS = 0.95
"""Share of the best rate at which a lower number is as good."""
_GAINS = 1.05
_SUSPECT = 2.0
"""Mean latency over that of the fastest tenth, above which a queue is suspected."""
_FEWEST = 48
"""Fewest replies that a rate is measured by."""
_ROUNDS = 2
"""Replies that a rate is measured by, as multiples of the requests at once."""
_FIRST_PATIENCE = 1
_LEAST = 2


@dataclass(slots=True)
class _Window:
    """Replies since the number last changed."""

    skip: int = 0
    """Replies that are still of the former number."""
    started: float = 0.0
    work: float = 0.0
    latencies: list[float] = field(default_factory=list)


class Knee:
    """The number for one server, learned from its replies."""

    def __init__(self, most: int) -> None:
        """Start with the highest number, `most`."""
        self.limit = most
        self._most = most
        self._kept = most
        self._best = 0.0
        self._trying: Literal["", "down", "up"] = ""
        self._patience = _FIRST_PATIENCE
        self._wait = _FIRST_PATIENCE
        self._window = _Window()

    def answered(self, now: float, latency: float, work: float, *, full: bool) -> None:
        """Take note of a reply.

        Args:
            now: seconds on any clock that only goes forward.
            latency: seconds the reply took.
            work: what it was worth: its generated tokens.
            full: whether as many requests were out as allowed; else the rate says nothing about the server.

        """
        window = self._window
        if not full:
            self._window = _Window()
            return
        if window.skip > 0:
            window.skip -= 1
            window.started = now
            return
        if not window.started:
            window.started = now
            return
        window.work += work
        window.latencies.append(latency)
        if len(window.latencies) >= max(_FEWEST, _ROUNDS * self.limit):
            self._measured(window.work / max(now - window.started, 1e-9), sorted(window.latencies))
            if self._window is window:
                self._window = _Window(started=now)

    def _measured(self, rate: float, latencies: list[float]) -> None:
        if self._trying == "down":
            if rate >= _HOLDS * self._best:
                self._kept = self.limit
                self._try("down")
            else:
                self._back()
        elif self._trying == "up":
            if rate > _GAINS * self._best:
                self._kept, self._best = self.limit, rate
                self._try("up")
            else:
                self._back()
        else:
            self._steady(rate, latencies)

    def _steady(self, rate: float, latencies: list[float]) -> None:
        self._best = rate if not self._best else (self._best + rate) / 2
        self._wait -= 1
        if self._wait > 0:
            return
        fastest = latencies[: max(1, len(latencies) // 10)]
        queued = sum(latencies) / len(latencies) > _SUSPECT * sum(fastest) / len(fastest)
        if queued and self._kept == self._most:
            self._try("down")
        elif self._kept < self._most:
            self._try("up")

    def _try(self, way: Literal["down", "up"]) -> None:
        target = max(_LEAST, int(self._kept * _STEP)) if way == "down" else min(self._most, int(self._kept / _STEP) + 1)
        if target == self._kept:
            self._trying = ""
            self._rest()
            return
        self._trying = way
        self._change(target)

    def _back(self) -> None:
        self._trying = ""
        self._change(self._kept)
        self._rest()

    def _rest(self) -> None:
        self._patience = min(64, 2 * self._patience)
        self._wait = self._patience

    def _change(self, target: int) -> None:
        self._window = _Window(skip=max(self.limit, target))
        self.limit = target
