"""A model that is a Python function: for tests, examples and dry runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar

from schemas.protocols import ReadMedia, Session
from schemas.request import Reply, Request, Usage

__all__ = ["Scripted"]


@dataclass(frozen=True, slots=True)
class Scripted:
    """Answers with `say(request)`: a `Reply`, or text that becomes one. It may raise `TeacherError`."""

    version: ClassVar[int] = 1
    say: Callable[[Request], Reply | str]
    model: str = "scripted"

    @property
    def identity(self) -> str:
        """The given name."""
        return self.model

    def open(self, read: ReadMedia, /) -> AbstractAsyncContextManager[Session]:
        """Return a session that calls the function."""
        return _session(self)


@asynccontextmanager
async def _session(engine: Scripted) -> AsyncIterator[_ScriptedSession]:
    yield _ScriptedSession(engine)


@dataclass(frozen=True, slots=True)
class _ScriptedSession:
    engine: Scripted

    async def complete(self, request: Request, /) -> Reply:
        said = self.engine.say(request)
        if isinstance(said, Reply):
            return said
        words = sum(len(message.text.split()) for message in request.messages)
        return Reply(said, usage=Usage(prompt=words, completion=len(said.split())), model=self.engine.model)
