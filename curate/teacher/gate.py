"""How many requests may be at one endpoint, and when: the limiter that 429 and overload go to.

A request that is refused now and then waits alone. Where refusals are many, or requests time out, the limit falls by a
third, nothing is sent for as long as the server asked, and the limit grows back by one for every full round of answers.
Refusals are not retries: they cost no attempt.
Servers that never refuse are given what they answer at full rate (`knee`). Requests and tokens a minute are kept where
they are known.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from curate.teacher.knee import Knee

__all__ = ["Gate", "Rate"]

_FALL = 0.7
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0
_LONGEST_WISH = 300.0
"""Seconds; a server may ask for more, it is then asked again after this."""
_FEW, _MANY = 3, 0.25
"""Refusals, and share of the latest requests that were refused, above which the server is overloaded."""
_BURST = 5.0
"""Seconds' worth of a rate that may be sent at once: providers count over less than their minute."""


class Rate:
    """A bucket that fills at so much a minute."""

    def __init__(self, per_minute: float) -> None:
        """Start full."""
        self._per_second = per_minute / 60
        self._room = max(1.0, self._per_second * _BURST)
        self._left = self._room
        self._at = 0.0

    def wait(self, now: float) -> float:
        """Return the seconds until something may be taken."""
        self._fill(now)
        return 0.0 if self._left > 0 else max(1e-3, -self._left / self._per_second)

    def take(self, now: float, amount: float) -> None:
        """Take `amount`, negative to give back; a bucket may go below empty and is waited for then."""
        self._fill(now)
        self._left -= amount

    def _fill(self, now: float) -> None:
        if self._at:
            self._left = min(self._room, self._left + (now - self._at) * self._per_second)
        self._at = now


class Gate:
    """Admission to one endpoint."""

    def __init__(self, most: int, *, rpm: float | None = None, tpm: float | None = None, adaptive: bool = True) -> None:
        """Open fully at first.

        Args:
            most: highest number of requests at once.
            rpm: requests a minute, None where that is not limited.
            tpm: tokens a minute, prompts included.
            adaptive: look for the knee of a server that never refuses.

        """
        self.most = most
        self.active = 0
        self._allowed = float(most)
        self._knee = Knee(most)
        self._adaptive = adaptive
        self._rpm = Rate(rpm) if rpm else None
        self._tpm = Rate(tpm) if tpm else None
        self._recent: deque[bool] = deque(maxlen=32)
        """Whether each of the latest requests was refused."""
        self._opens = 0.0
        self._fell = 0.0
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()
        """Their places, and the tokens they will probably take."""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def limit(self) -> int:
        """Most requests at once, now."""
        return min(int(self._allowed), self._knee.limit)

    @asynccontextmanager
    async def slot(self, tokens: int = 0) -> AsyncIterator[None]:
        """Wait for a place and hold it; `tokens` is what the request will probably take."""
        await self._enter(tokens)
        try:
            yield
        finally:
            self.active -= 1
            self._wake()

    def answered(self, *, latency: float = 0.0, completion: int = 0, correction: int = 0) -> None:
        """Note that the server took a request: the limit may grow.

        Args:
            latency: seconds from sending to the end of the reply.
            completion: generated tokens.
            correction: tokens the request took beyond those it was let in with; negative for fewer.

        """
        now = asyncio.get_running_loop().time()
        self._recent.append(False)
        if self._tpm is not None:
            self._tpm.take(now, correction)
        full = self._adaptive and self.active >= self.limit and bool(self._waiting)
        self._knee.answered(now, latency, completion + 1.0, full=full)
        if self._allowed < self.most:
            self._allowed = min(float(self.most), self._allowed + 1 / self._allowed)

    def refused(self, wish: float | None, turn: int = 0) -> float:
        """Note a 429 or overload and return the seconds that the refused request has to wait.

        A refusal now and then is the request's own matter. Where they are many, nobody is sent before that time, and
        fewer at once after it.

        Args:
            wish: seconds that the server asked for.
            turn: how often this request was refused before.

        """
        pause = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(turn, 10)) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        wait = pause if wish is None else min(wish, _LONGEST_WISH)
        self._recent.append(True)
        if sum(self._recent) > max(_FEW, _MANY * len(self._recent)):
            self._opens = max(self._opens, asyncio.get_running_loop().time() + wait)
            self.slower()
        return wait

    def slower(self) -> None:
        """Lower the limit, at most once a second: one burst of trouble is one sign, not fifty."""
        now = asyncio.get_running_loop().time()
        if now - self._fell > 1.0:
            self._fell = now
            self._allowed = max(1.0, min(self._allowed, float(self._knee.limit)) * _FALL)

    def allow(self, allowed: Mapping[str, float]) -> None:
        """Keep what a server says it takes a minute, where nothing was configured."""
        if self._rpm is None and "requests" in allowed:
            self._rpm = Rate(allowed["requests"])
        if self._tpm is None and "tokens" in allowed:
            self._tpm = Rate(allowed["tokens"])

    @property
    def counts_tokens(self) -> bool:
        """Whether tokens a minute are limited."""
        return self._tpm is not None

    async def _enter(self, tokens: int) -> None:
        """Wait in line: whoever came first goes first, so that programs of many steps end together."""
        loop = asyncio.get_running_loop()
        if not self._waiting and self.active < self.limit and not self._pause(loop.time()):
            self._admit(tokens)
            return
        place: asyncio.Future[None] = loop.create_future()
        self._waiting.append((place, tokens))
        self._wake()
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():  # the place was given, and nobody takes it
                self.active -= 1
                self._wake()
            raise

    def _admit(self, tokens: int) -> None:
        self.active += 1
        for rate, amount in ((self._rpm, 1), (self._tpm, tokens)):
            if rate is not None:
                rate.take(asyncio.get_running_loop().time(), amount)

    def _pause(self, now: float) -> float:
        """Return the seconds for which nothing may be sent."""
        rates = (rate.wait(now) for rate in (self._rpm, self._tpm) if rate is not None)
        return max(0.0, self._opens - now, *rates)

    def _wake(self) -> None:
        """Give free places to those who wait, in their order."""
        loop = asyncio.get_running_loop()
        while self._waiting and self.active < self.limit:
            pause = self._pause(loop.time())
            if pause:
                if self._timer is None or self._timer.cancelled():
                    self._timer = loop.call_later(pause, self._alarm)
                return
            place, tokens = self._waiting.popleft()
            if not place.done():
                self._admit(tokens)
                place.set_result(None)

    def _alarm(self) -> None:
        self._timer = None
        self._wake()
