"""Embeddings over HTTP: what is sent, what becomes of the vector, and every way it can go wrong."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import pytest
from fakes.server import Answer, serve

from generators._meaning import unpack
from generators.engines.chat_http import ChatHttp
from generators.engines.embed_http import EmbedHttp
from schemas.errors import ConfigError, TeacherError
from schemas.prompt import user
from schemas.request import Cause, Reply, Request, Sampling, Usage, request_key

ASKED = Request("embedder", user("How tall is it?"), Sampling(max_tokens=1))


def _vector(*values: Any, **more: Any) -> Answer:
    body = {"data": [{"embedding": list(values)}], "model": "e5", "usage": {"prompt_tokens": 6, "total_tokens": 6}}
    return Answer(raw=json.dumps(body | more).encode())


def _ask(url: str, request: Request = ASKED, **engine: Any) -> Reply:
    async def main() -> Reply:
        async with EmbedHttp(url, "e5", **engine).open(lambda _: b"") as session:
            return await session.complete(request)

    return asyncio.run(main())


def test_a_text_becomes_a_vector_of_length_one() -> None:
    """The text goes out as it is; the reply holds the vector, and the tokens that were counted."""
    with serve(lambda body, before: _vector(3, -4.0, 0)) as server:
        reply = _ask(f"{server.url}/")
        odd = Request("embedder", user("\ud800 \u2028 \x00"))
        _ask(server.url, odd)
    assert server.bodies[0] == {"model": "e5", "input": "How tall is it?", "encoding_format": "float"}
    assert server.bodies[1]["input"] == "\ud800 \u2028 \x00"
    assert unpack(reply.text) == pytest.approx((0.6, -0.8, 0.0), abs=1e-3)
    assert (reply.usage, reply.model, reply.finish) == (Usage(prompt=6), "e5", "stop")


def test_a_long_vector_keeps_its_direction() -> None:
    """Half precision moves a cosine by less than a thousandth."""
    values = [math.sin(7 * n) / (1 + n % 5) for n in range(1024)]
    with serve(lambda body, before: _vector(*values)) as server:
        vector = unpack(_ask(server.url).text)
    size = math.hypot(*values)
    assert sum(a * b / size for a, b in zip(vector, values, strict=True)) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (_vector(), Cause.MALFORMED),
        (_vector(0, 0), Cause.MALFORMED),
        (_vector(1, None), Cause.MALFORMED),
        (_vector("x"), Cause.MALFORMED),
        (Answer(raw=b'{"data": [{"embedding": [1e400, 1]}]}'), Cause.MALFORMED),
        (Answer(raw=b'{"data": [{"embedding": [NaN, 1]}]}'), Cause.MALFORMED),
        (Answer(raw=b'{"data": []}'), Cause.MALFORMED),
        (Answer(raw=b"[" * 100_000), Cause.MALFORMED),
        (Answer("a chat completion"), Cause.MALFORMED),
        (Answer(raw=b'{"error": {"message": "too long", "code": 400}}'), Cause.SERVER_ERROR),
        (Answer(status=400), Cause.BAD_REQUEST),
        (Answer(status=404), Cause.MISCONFIGURED),
        (Answer(status=429), Cause.RATE_LIMITED),
        (Answer(reset=True), Cause.UNREACHABLE),
    ],
)
def test_what_is_no_vector_has_a_cause(answer: Answer, cause: Cause) -> None:
    """Nothing but a `TeacherError` escapes, and nothing is made up."""
    with serve(lambda body, before: answer) as server, pytest.raises(TeacherError) as caught:
        _ask(server.url)
    assert caught.value.cause == cause


def test_its_replies_are_never_those_of_the_chat_model_of_that_name() -> None:
    """The ledger's key holds another identity; a key that is not set is told before anything is sent."""
    embeds, writes = EmbedHttp("http://h/v1", "m").identity, ChatHttp("http://h/v1", "m").identity
    assert request_key(ASKED, embeds) != request_key(ASKED, writes)
    with pytest.raises(ConfigError, match="NO_SUCH_KEY"):
        _ask("http://127.0.0.1:1/v1", key_env="NO_SUCH_KEY")
