"""Ask the batch engine against the loopback server: sessions that end well, and sessions that are left."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from fakes.batch_server import Bureau

from generators.engines.openai_batch import OpenaiBatch
from schemas.errors import TeacherError
from schemas.prompt import user
from schemas.protocols import Session
from schemas.request import Reply, Request, Sampling
from schemas.sample import Media

Said = list[Reply | TeacherError]


def no_media(_: object) -> bytes:
    """Stand in for the store where no picture is asked for."""
    raise AssertionError("no picture is asked for")


def questions(count: int, **sampling: Any) -> list[Request]:
    """Return so many different requests."""
    return [Request("teacher", user(f"question {i}"), Sampling(**sampling)) for i in range(count)]


def batch_engine(bureau: Bureau, state: Path, **fields: Any) -> OpenaiBatch:
    """Make an engine that does not wait long."""
    return OpenaiBatch(bureau.url, "mock", str(state), **{"gather": 0.05, "poll": 0.02, **fields})


async def ask_all(session: Session, requests: Sequence[Request]) -> Said:
    """Ask at once and return every outcome in order."""
    said: Said = []
    for outcome in await asyncio.gather(*(session.complete(r) for r in requests), return_exceptions=True):
        assert isinstance(outcome, Reply | TeacherError), repr(outcome)
        said.append(outcome)
    return said


def ask(engine: OpenaiBatch, requests: Sequence[Request], read: Callable[[Media], bytes] = no_media) -> Said:
    """Ask within one session that ends well."""

    async def main() -> Said:
        async with engine.open(read) as session:
            return await ask_all(session, requests)

    return asyncio.run(main())


def abandon(engine: OpenaiBatch, requests: Sequence[Request], until: Callable[[], bool]) -> None:
    """Ask, and leave as Ctrl-C does, once `until` is true."""

    async def main() -> None:
        async with engine.open(no_media) as session:
            waiting = asyncio.create_task(ask_all(session, requests))
            await wait_until(until)
            waiting.cancel()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())


async def wait_until(true: Callable[[], bool]) -> None:
    """Wait for something the server's thread does."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - the server is another thread and has no event to wait for
            await asyncio.sleep(0.01)


def texts(said: Said) -> list[str]:
    """Return what was said, or why nothing was."""
    return [outcome.text if isinstance(outcome, Reply) else f"{outcome.cause}: {outcome.reason}" for outcome in said]


def causes(said: Said) -> list[str]:
    """Return how each request ended."""
    return [outcome.cause if isinstance(outcome, TeacherError) else "ok" for outcome in said]


def tickets(state: Path) -> list[dict[str, Any]]:
    """Return the tickets on disk."""
    return [json.loads(path.read_bytes()) for path in state.glob("*.json")]
