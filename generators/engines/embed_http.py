"""Embeddings of an OpenAI-compatible endpoint: vLLM, llama.cpp, Ollama and most providers have `/v1/embeddings`.

A request is one text, its reply the vector written as text (`generators._meaning`): an embedding goes through driver,
ledger and caps like any other answer and is bought once.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar

from generators._meaning import pack
from generators.engines import _failures, _wire
from generators.engines.chat_http import ChatHttp, OpenSession, connected
from schemas.errors import TeacherError
from schemas.protocols import ReadMedia, Session
from schemas.request import Cause, Reply, Request

__all__ = ["EmbedHttp"]

PREFIX = "embeddings:"
"""Of the identity of every model that is asked for embeddings."""
_MOST = 65_536
"""Numbers of a vector."""


@dataclass(frozen=True, slots=True)
class EmbedHttp:
    """Embeddings of one model at one base URL."""

    version: ClassVar[int] = 1
    base_url: str
    """Up to and with `/v1`."""
    model: str
    key_env: str = ""
    """Environment variable that holds the key; empty for servers that want none."""
    timeout: float = 600.0
    """Seconds one request may take in all."""

    @property
    def identity(self) -> str:
        """The model's name, marked: its vectors are no answers of the chat model of that name."""
        return f"{PREFIX}{self.model}"

    def open(self, read: ReadMedia, /) -> AbstractAsyncContextManager[Session]:
        """Make a session; connections open with its requests.

        Raises:
            ConfigError: `key_env` is not in the environment, or the environment's proxy is of no use here.

        """
        return _session(self, read)


@asynccontextmanager
async def _session(engine: EmbedHttp, read: ReadMedia) -> AsyncIterator[_OpenSession]:
    async with connected(ChatHttp(engine.base_url, engine.model, engine.key_env, engine.timeout), read) as chat:
        yield _OpenSession(engine, chat, f"{engine.base_url.rstrip('/')}/embeddings")


@dataclass(frozen=True, slots=True)
class _OpenSession:
    engine: EmbedHttp
    chat: OpenSession
    url: str

    @property
    def allowed(self) -> dict[str, float]:
        """`requests` and `tokens` a minute, where the server's headers say so."""
        return self.chat.allowed

    async def complete(self, request: Request, /) -> Reply:
        text = "\n".join(message.text for message in request.messages)
        body = json.dumps({"model": self.engine.model, "input": text, "encoding_format": "float"}).encode()
        started = time.perf_counter()
        data = await self.chat.post(self.url, body)
        return _reply(_failures.hide(data, self.chat.key), time.perf_counter() - started)


def _reply(data: bytes, latency: float) -> Reply:
    try:
        answer = json.loads(data)
        if answer.get("error") and not answer.get("data"):
            raise _wire.failure(answer["error"])
        vector = [float(value) for value in answer["data"][0]["embedding"][:_MOST]]
        text = pack(vector)
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise TeacherError(Cause.MALFORMED, f"no embedding: {type(error).__name__}: {error}"[:300]) from error
    return Reply(text, usage=_wire.usage(answer.get("usage")), model=str(answer.get("model") or ""), latency=latency)
