"""Any OpenAI-compatible chat endpoint over HTTP, through the `openai` SDK with its own retries off.

The reference that `chat_http` is held against, and the way to what the SDK alone knows. Its aiohttp transport and raw
responses are used: about 1 ms of CPU a request where its defaults cost 2 ms (benchmarks/README.md). Every error is
translated here, once, into a `TeacherError` with its cause.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from generators.engines import _failures, _wire
from generators.engines._endpoint import find_key, parsed, prepared
from generators.engines._pictures import Pictures
from schemas.errors import TeacherError
from schemas.protocols import ReadMedia, Session
from schemas.request import Cause, Reply, Request

if TYPE_CHECKING:
    import httpx2
    import openai

__all__ = ["OpenaiHttp"]


@dataclass(frozen=True, slots=True)
class OpenaiHttp:
    """Chat completions of one model at one base URL."""

    version: ClassVar[int] = 1
    base_url: str
    """Up to and with `/v1`."""
    model: str
    key_env: str = ""
    """Environment variable that holds the key; empty for servers that want none."""
    timeout: float = 600.0
    """Seconds one request may take in all."""
    rename: Mapping[str, str] = field(default_factory=dict)
    """Our sampling field names to the server's, e.g. `{"max_tokens": "max_completion_tokens"}`."""

    @property
    def identity(self) -> str:
        """The model's name: the same model behind another URL is the same model."""
        return self.model

    def open(self, read: ReadMedia, /) -> AbstractAsyncContextManager[Session]:
        """Connect. A key named by `key_env` must be in the environment, else `ConfigError`."""
        return _session(self, read)


@asynccontextmanager
async def _session(engine: OpenaiHttp, read: ReadMedia) -> AsyncIterator[_OpenSession]:
    import openai

    key = find_key(engine.model, engine.key_env)
    # Concurrency is the driver's business: a pool limit here would only queue requests unseen.
    http = openai.DefaultAioHttpClient(limits=_limits(), follow_redirects=False)
    client = openai.AsyncOpenAI(
        base_url=engine.base_url, api_key=key or "none", max_retries=0, timeout=engine.timeout, http_client=http
    )
    async with client:
        yield _OpenSession(engine, client, Pictures(read), key)


@dataclass(frozen=True, slots=True)
class _OpenSession:
    engine: OpenaiHttp
    client: openai.AsyncOpenAI
    pictures: Pictures
    key: str

    async def complete(self, request: Request, /) -> Reply:
        import httpx2

        body = await prepared(self._body, request)
        started = time.perf_counter()
        with _boundary(self.key):
            # `post` with the response as its type skips the SDK's models: a third of its cost, none of its use here.
            async with asyncio.timeout(self.engine.timeout):
                response = await self.client.post("/chat/completions", cast_to=httpx2.Response, body=body)
            return parsed(response.content, time.perf_counter() - started, self.key)

    def _body(self, request: Request) -> dict[str, object]:
        return _wire.body(request, self.engine.model, self.pictures, rename=self.engine.rename)


def _limits() -> httpx2.Limits:
    import httpx2

    return httpx2.Limits(max_connections=None, max_keepalive_connections=None)


@contextmanager
def _boundary(key: str) -> Iterator[None]:
    """Translate everything the SDK raises; keys never leave in a message."""
    import openai

    try:
        yield
    except openai.APIStatusError as error:
        raise _failures.refused(error.status_code, error.response.content, error.response.headers, key) from None
    except TimeoutError:
        raise TeacherError(Cause.TIMEOUT, "no complete answer within the time limit") from None
    except openai.APIConnectionError as error:
        cause = Cause.TIMEOUT if _timed_out(error) else Cause.UNREACHABLE
        raise TeacherError(cause, _failures.scrub(_failures.said(_first(error)), key)) from None
    except openai.OpenAIError as error:
        reason = f"the SDK could not read the answer: {error}"
        raise TeacherError(Cause.MALFORMED, _failures.scrub(reason, key)) from None


def _timed_out(error: BaseException) -> bool:
    # The aiohttp transport reports a lost connection as a connect time-out, so the root decides.
    import aiohttp

    return isinstance(_first(error), (TimeoutError, aiohttp.ServerTimeoutError))


def _first(error: BaseException) -> BaseException:
    while error.__cause__ is not None or (error.__context__ is not None and not error.__suppress_context__):
        error = error.__cause__ or error.__context__ or error
    return error
