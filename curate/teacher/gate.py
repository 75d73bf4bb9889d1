"""How many requests may be at one endpoint, and when: the limiter that 429 and overload go to.

The limit falls by a third when the server refuses and grows back by one for every full round of answers. While a
server has asked for a pause nothing is sent. Refusals are not retries: they cost no attempt.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["Gate"]

_FALL = 0.7
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0
_LONGEST_WISH = 300.0
"""Seconds; a server may ask for more, it is then asked again after this."""


class Gate:
    """Admission to one endpoint. `most` is the highest number of requests at once."""

    def __init__(self, most: int) -> None:
        """Open fully at first."""
        self.most = most
        self.limit = float(most)
        self.active = 0
        self._streak = 0
        self._opens = 0.0
        self._fell = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a place and hold it."""
        await self._enter()
        try:
            yield
        finally:
            self.active -= 1
            self._wake()

    def answered(self) -> None:
        """Note that the server took a request: the limit may grow."""
        self._streak = 0
        if self.limit < self.most:
            self.limit = min(float(self.most), self.limit + 1 / self.limit)

    def refused(self, wish: float | None) -> None:
        """Note a 429 or overload: pause for `wish` seconds, or for a growing random time, and lower the limit."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._streak += 1
        pause = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(self._streak // max(1, int(self.limit)), 10))
        wait = min(wish, _LONGEST_WISH) if wish is not None else pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        self._opens = max(self._opens, now + wait)
        loop.call_later(wait, self._wake)
        if now - self._fell > 1.0:  # one burst of refusals is one sign, not fifty
            self._fell = now
            self.limit = max(1.0, self.limit * _FALL)

    async def _enter(self) -> None:
        loop = asyncio.get_running_loop()
        while self.active >= int(self.limit) or loop.time() < self._opens:
            place: asyncio.Future[None] = loop.create_future()
            self._waiting.append(place)
            await place
        self.active += 1

    def _wake(self) -> None:
        if asyncio.get_running_loop().time() < self._opens:
            return
        room = int(self.limit) - self.active
        while room > 0 and self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                room -= 1
