"""A loopback server that answers like an OpenAI-compatible endpoint, well or badly, as a function decides."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Say = Callable[[Mapping[str, Any], int], "Answer | str"]
"""From the request's body and how often this body was sent before, to what the server does."""


@dataclass(frozen=True)
class Answer:
    """What the server does with one request."""

    text: str = ""
    message: Mapping[str, Any] | None = None
    """The whole message object, where the text alone does not say it."""
    finish: str = "stop"
    usage: Mapping[str, int] | None = None
    """What the server counts; 11 and 7 tokens where not given."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    """The body as it is, instead of a chat completion."""
    hang: float = 0.0
    """Seconds of silence before the answer."""
    reset: bool = False
    """Close the connection instead of answering."""
    cut: bool = False
    """Promise the whole body and send half of it."""


@dataclass
class Endpoint:
    """A running server and what it was asked; requests for embeddings are those with an `input`."""

    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    most_at_once: int = 0
    now: int = 0
    peers: set[tuple[str, int]] = field(default_factory=set)

    @property
    def connections(self) -> int:
        """Return over how many connections requests came."""
        return len(self.peers)


@contextmanager
def serve(say: Say) -> Iterator[Endpoint]:
    """Run a server in a thread for the length of a `with` block."""
    endpoint = Endpoint()
    started = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def main() -> None:
        app = web.Application(client_max_size=64 * 2**20)
        for path in ("/v1/chat/completions", "/v1/embeddings"):
            app.router.add_post(path, _handler(say, endpoint))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        endpoint.url = f"http://127.0.0.1:{port}/v1"
        started.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),), daemon=True)
    thread.start()
    started.wait(10)
    try:
        yield endpoint
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def _handler(say: Say, endpoint: Endpoint) -> Callable[[web.Request], Any]:
    seen: dict[str, int] = {}

    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        endpoint.bodies.append(body)
        endpoint.headers.append(dict(request.headers))
        endpoint.peers.add(_peer(request))
        key = json.dumps(body, sort_keys=True)
        before = seen.get(key, 0)
        seen[key] = before + 1
        endpoint.now += 1
        endpoint.most_at_once = max(endpoint.most_at_once, endpoint.now)
        try:
            return await _respond(request, _answer(say(body, before)))
        finally:
            endpoint.now -= 1

    return handle


def _peer(request: web.Request) -> tuple[str, int]:
    assert request.transport is not None
    host, port = request.transport.get_extra_info("peername")[:2]
    return host, port


def _answer(said: Answer | str) -> Answer:
    return Answer(said) if isinstance(said, str) else said


async def _respond(request: web.Request, answer: Answer) -> web.StreamResponse:
    await asyncio.sleep(answer.hang)
    if answer.reset:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()
    data = answer.raw if answer.raw is not None else _completion(answer)
    if answer.cut:
        response = web.StreamResponse(headers={"Content-Length": str(len(data)), "Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(data[: len(data) // 2])
        assert request.transport is not None
        request.transport.abort()
        return response
    return web.Response(body=data, status=answer.status, headers=dict(answer.headers), content_type="application/json")


def _completion(answer: Answer) -> bytes:
    if answer.status != 200:
        return json.dumps({"error": {"message": answer.text or "no", "code": None}}).encode()
    message = answer.message or {"role": "assistant", "content": answer.text}
    body = {
        "id": "c-1",
        "object": "chat.completion",
        "model": "mock",
        "choices": [{"index": 0, "message": message, "finish_reason": answer.finish}],
        "usage": answer.usage or {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }
    return json.dumps(body).encode()
