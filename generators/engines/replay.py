"""The ledger alone: answers what was answered before and never calls out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar

from schemas.errors import TeacherError
from schemas.protocols import ReadMedia, Session
from schemas.request import Cause, Reply, Request

__all__ = ["Replay"]


@dataclass(frozen=True, slots=True)
class Replay:
    """Stands in for `model`. The driver asks the ledger first, so only unknown requests get here, and they fail."""

    version: ClassVar[int] = 1
    model: str

    @property
    def identity(self) -> str:
        """Name of the model whose replies are replayed."""
        return self.model

    def open(self, read: ReadMedia, /) -> AbstractAsyncContextManager[Session]:
        """Return a session that answers nothing."""
        return _session(self)


@asynccontextmanager
async def _session(engine: Replay) -> AsyncIterator[_ReplaySession]:
    yield _ReplaySession(engine)


@dataclass(frozen=True, slots=True)
class _ReplaySession:
    engine: Replay

    async def complete(self, request: Request, /) -> Reply:
        raise TeacherError(
            Cause.CANCELLED,
            f"not in the ledger, and replay#{self.engine.model} asks nobody ({request.purpose or request.role})",
        )
