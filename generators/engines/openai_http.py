"""Any OpenAI-compatible chat endpoint over HTTP, through the `openai` SDK with its own retries off.

The SDK's aiohttp transport and raw responses are used: about 0.65 ms of CPU a request where its defaults cost 2.5 ms
(benchmarks/README.md). Every error is translated here, once, into a `TeacherError` with its cause.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from generators.engines import _wire
from generators.engines._pictures import Pictures
from schemas.errors import ConfigError, CurateError, TeacherError
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

    key = os.environ.get(engine.key_env, "") if engine.key_env else "none"
    if not key:
        raise ConfigError(f"no key for {engine.model}: set the environment variable {engine.key_env}")
    # Concurrency is the driver's business: a pool limit here would only queue requests unseen.
    http = openai.DefaultAioHttpClient(limits=_limits())
    client = openai.AsyncOpenAI(
        base_url=engine.base_url, api_key=key, max_retries=0, timeout=engine.timeout, http_client=http
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

        try:
            if any(message.media for message in request.messages):
                body = await asyncio.to_thread(self._body, request)
            else:
                body = self._body(request)
        except (CurateError, OSError) as error:
            raise TeacherError(Cause.CALL_FAILED, f"a picture cannot be sent: {error}") from error
        started = time.perf_counter()
        with _boundary(self.key):
            # `post` with the response as its type skips the SDK's models: a third of its cost, none of its use here.
            async with asyncio.timeout(self.engine.timeout):
                response = await self.client.post("/chat/completions", cast_to=httpx2.Response, body=body)
            return _wire.parse(response.content, time.perf_counter() - started)

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
        cause = _status_cause(error)
        reason = _scrub(f"HTTP {error.status_code}: {error.message}", key)
        raise TeacherError(cause, reason, retry_after=_retry_after(error.response.headers)) from None
    except TimeoutError:
        raise TeacherError(Cause.TIMEOUT, "no complete answer within the time limit") from None
    except openai.APIConnectionError as error:
        cause = Cause.TIMEOUT if _timed_out(error) else Cause.UNREACHABLE
        raise TeacherError(cause, _scrub(_root(error), key)) from None
    except openai.OpenAIError as error:
        raise TeacherError(Cause.MALFORMED, _scrub(f"the SDK could not read the answer: {error}", key)) from None


_STATUS = {
    401: Cause.MISCONFIGURED,
    402: Cause.MISCONFIGURED,
    403: Cause.MISCONFIGURED,
    404: Cause.MISCONFIGURED,
    408: Cause.TIMEOUT,
    409: Cause.OVERLOADED,
    429: Cause.RATE_LIMITED,
    503: Cause.OVERLOADED,
    529: Cause.OVERLOADED,
}
_SERVER_ERROR = 500


def _status_cause(error: openai.APIStatusError) -> Cause:
    code = str(error.code or "")
    if code in {"content_filter", "content_policy_violation"}:
        return Cause.REFUSED
    if code == "insufficient_quota":
        return Cause.MISCONFIGURED
    default = Cause.SERVER_ERROR if error.status_code >= _SERVER_ERROR else Cause.BAD_REQUEST
    return _STATUS.get(error.status_code, default)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Read the wait a server asks for; dates and nonsense count as no wish."""
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return float(milliseconds) / 1000
        return float(headers.get("retry-after", ""))
    except ValueError:
        return None


def _timed_out(error: BaseException) -> bool:
    # The aiohttp transport reports a lost connection as a connect time-out, so the root decides.
    import aiohttp

    return isinstance(_first(error), (TimeoutError, aiohttp.ServerTimeoutError))


def _root(error: BaseException) -> str:
    first = _first(error)
    return f"{type(first).__name__}: {first}" if str(first) else type(first).__name__


def _first(error: BaseException) -> BaseException:
    while error.__cause__ is not None or (error.__context__ is not None and not error.__suppress_context__):
        error = error.__cause__ or error.__context__ or error
    return error


def _scrub(text: str, key: str) -> str:
    hidden = text.replace(key, "***") if key not in {"", "none"} else text
    return " ".join(hidden.split())[:500]
