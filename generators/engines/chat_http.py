"""Chat completions over plain aiohttp: the engine for large runs, at a fraction of the SDK's work per request.

It does what `openai_http` does, the SDK's part left out: about 0.2 ms of CPU a request (benchmarks/README.md). One pool
of kept connections; certificates verified; proxies from the environment; no cookies; redirects are errors; replies
bounded. Every error is translated here, once, into a `TeacherError` with its cause.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, ClassVar

from generators.engines import _failures, _wire
from generators.engines._endpoint import find_key, parsed, prepared, proxy_of
from generators.engines._pictures import Pictures
from schemas.errors import TeacherError
from schemas.protocols import ReadMedia, Session
from schemas.request import Cause, Reply, Request

if TYPE_CHECKING:
    import aiohttp

__all__ = ["ChatHttp"]

_LARGEST = 64 << 20
"""Bytes of a reply, unpacked, above which it is refused."""
_CONNECTING = 30.0
"""Seconds a connection may take to open."""
_WRITTEN_AT_ONCE = 1 << 20
"""Bytes of a body above which aiohttp wants a file, which it sends piece by piece."""
_SUCCESS = range(200, 300)
_DIGITS = 15


@dataclass(frozen=True, slots=True)
class ChatHttp:
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
        """Make a session; connections open with its requests.

        Raises:
            ConfigError: `key_env` is not in the environment, or the environment's proxy is of no use here.

        """
        return connected(self, read)


@asynccontextmanager
async def connected(engine: ChatHttp, read: ReadMedia) -> AsyncIterator[OpenSession]:
    """Open the session that `ChatHttp.open` gives; `embed_http` posts through one too."""
    import aiohttp

    key = find_key(engine.model, engine.key_env)
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    client = aiohttp.ClientSession(
        # Concurrency is the driver's business: a pool limit here would only queue requests unseen.
        connector=aiohttp.TCPConnector(limit=0),
        headers=headers,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=engine.timeout, sock_connect=_CONNECTING),
        # Not `trust_env`: it looks the proxy up in a thread for every request, and takes passwords from ~/.netrc.
        proxy=proxy_of(engine.base_url),
    )
    async with client:
        yield OpenSession(engine, client, f"{engine.base_url.rstrip('/')}/chat/completions", Pictures(read), key)


@dataclass(frozen=True, slots=True)
class OpenSession:
    """An open session: a pool of connections with the endpoint's key."""

    engine: ChatHttp
    client: aiohttp.ClientSession
    url: str
    pictures: Pictures
    key: str
    allowed: dict[str, float] = field(default_factory=dict)
    """`requests` and `tokens` a minute, where the server's headers say so."""

    async def complete(self, request: Request, /) -> Reply:
        """Ask for a chat completion."""
        body = await prepared(self._body, request)
        started = time.perf_counter()
        data = await self.post(self.url, body)
        return parsed(data, time.perf_counter() - started, self.key)

    async def post(self, url: str, body: bytes) -> bytes:
        """Return the body of a good answer; what is none is raised as a `TeacherError`."""
        with _boundary(self.key):
            async with self.client.post(
                url, data=body if len(body) <= _WRITTEN_AT_ONCE else BytesIO(body), allow_redirects=False
            ) as response:
                data = await _bounded(response.content)
        _note_rates(self.allowed, response.headers)
        if response.status not in _SUCCESS:
            raise _failures.refused(response.status, data, response.headers, self.key)
        return data

    def _body(self, request: Request) -> bytes:
        made = _wire.body(request, self.engine.model, self.pictures, rename=self.engine.rename)
        return json.dumps(made, separators=(",", ":")).encode()


def _note_rates(allowed: dict[str, float], headers: Mapping[str, str]) -> None:
    for what in ("requests", "tokens"):
        text = headers.get(f"x-ratelimit-limit-{what}", "")
        # Python reads no number of thousands of digits, and no server has such a limit.
        if len(text) <= _DIGITS and text.isascii() and text.isdigit() and int(text):
            allowed[what] = float(text)


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    data = await content.readany()
    if content.at_eof():
        return data
    parts, size = [data], len(data)
    while part := await content.readany():
        parts.append(part)
        size += len(part)
        if size > _LARGEST:
            raise TeacherError(Cause.MALFORMED, f"the reply is larger than {_LARGEST >> 20} MB")
    return b"".join(parts)


@contextmanager
def _boundary(key: str) -> Iterator[None]:
    """Translate everything aiohttp raises; keys never leave in a message."""
    import aiohttp

    try:
        yield
    except (aiohttp.ConnectionTimeoutError, aiohttp.ServerDisconnectedError) as error:
        raise TeacherError(Cause.UNREACHABLE, _failures.scrub(_failures.said(error), key)) from None
    except TimeoutError:
        raise TeacherError(Cause.TIMEOUT, "no complete answer within the time limit") from None
    except (aiohttp.ClientSSLError, aiohttp.InvalidURL) as error:
        raise TeacherError(Cause.MISCONFIGURED, _failures.scrub(_failures.said(error), key)) from None
    except aiohttp.ClientResponseError as error:
        reason = f"not an HTTP answer: {_failures.said(error)}"
        raise TeacherError(Cause.MALFORMED, _failures.scrub(reason, key)) from None
    except (aiohttp.ClientError, OSError) as error:
        raise TeacherError(Cause.UNREACHABLE, _failures.scrub(_failures.said(error), key)) from None
