"""From an iterator that may be slow to the event loop, without stopping it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import TypeVar

__all__ = ["feed"]

T = TypeVar("T")


async def feed(items: Iterable[T], slots: asyncio.Semaphore) -> AsyncIterator[T]:
    """Yield items as places free up; the iterator runs in a thread, for it may read files or wait for workers."""
    source = iter(items)
    chunk = await asyncio.to_thread(_take, source)
    while chunk:
        for item in chunk:
            await slots.acquire()
            yield item
        chunk = await asyncio.to_thread(_take, source)


def _take(source: Iterator[T], most: int = 64, seconds: float = 0.05) -> list[T]:
    """Take what comes within a moment, at least one item."""
    until = time.monotonic() + seconds
    taken: list[T] = []
    for item in source:
        taken.append(item)
        if len(taken) >= most or time.monotonic() > until:
            break
    return taken
