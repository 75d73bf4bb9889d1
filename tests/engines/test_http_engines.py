"""The HTTP engines against a loopback server: what is sent, what is read, and every way it can go wrong."""

from __future__ import annotations

import asyncio
import base64
import os
from io import BytesIO
from typing import Any

import pytest
from fakes.server import Answer, serve
from PIL import Image

from generators.engines.chat_http import ChatHttp
from generators.engines.openai_http import OpenaiHttp
from schemas.errors import ConfigError, TeacherError
from schemas.prompt import user
from schemas.request import Cause, Reply, Request, Sampling, Usage
from schemas.sample import Media

KEY = "sk-canary-0123456789"

Kind = type[ChatHttp] | type[OpenaiHttp]


@pytest.fixture(params=[ChatHttp, OpenaiHttp], ids=["chat", "sdk"])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Return each engine in turn: the SDK is the reference, the lean one has to agree with it."""
    made: Kind = request.param
    return made


def _no_media(_: object) -> bytes:
    raise AssertionError("no picture is asked for")


def _ask(kind: Kind, url: str, request: Request | None = None, **engine: Any) -> Reply:
    async def main() -> Reply:
        async with kind(url, "mock", **engine).open(_no_media) as session:
            return await session.complete(request or Request("teacher", user("why?")))

    return asyncio.run(main())


def _fails(kind: Kind, answer: Answer, **engine: Any) -> TeacherError:
    with serve(lambda body, before: answer) as server, pytest.raises(TeacherError) as caught:
        _ask(kind, server.url, **engine)
    return caught.value


def test_sends_what_was_set(kind: Kind) -> None:
    """Every sampling setting reaches the body under the name the server knows; unset ones are absent."""
    sampling = Sampling(
        temperature=0.6, top_p=0.95, max_tokens=64, seed=3, stop=("END",), repetition_penalty=1.05, top_k=20,
        schema={"type": "object"}, extra={"min_tokens": 1},
    )  # fmt: skip
    with serve(lambda body, before: "ok") as server:
        _ask(
            kind, server.url, Request("teacher", user("why?"), sampling), rename={"max_tokens": "max_completion_tokens"}
        )
        [body] = server.bodies

    assert body["model"] == "mock"
    assert body["messages"] == [{"role": "user", "content": "why?"}]
    assert (body["temperature"], body["top_p"], body["seed"], body["stop"]) == (0.6, 0.95, 3, ["END"])
    assert body["max_completion_tokens"] == 64
    assert body["repetition_penalty"] == 1.05
    assert body["min_tokens"] == 1
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert "presence_penalty" not in body
    assert "max_tokens" not in body


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"content": "42"}, ("42", "")),
        ({"content": "42", "reasoning": "because"}, ("42", "because")),
        ({"content": "42", "reasoning_content": "because"}, ("42", "because")),
        ({"content": "<think>because</think>42"}, ("42", "because")),
        ({"content": "because</think>42"}, ("42", "because")),
        ({"content": [{"type": "text", "text": "4"}, {"type": "text", "text": "2"}]}, ("42", "")),
        ({"content": None, "reasoning": "because"}, ("", "because")),
    ],
)
def test_reads_reasoning_wherever_it_is(kind: Kind, message: dict[str, Any], expected: tuple[str, str]) -> None:
    """Thinking arrives in several places and ends up in one."""
    with serve(lambda body, before: Answer(message=message)) as server:
        reply = _ask(kind, server.url)

    assert (reply.text, reply.reasoning) == expected
    assert reply.usage == Usage(11, 7)
    assert reply.latency > 0


def test_unclosed_thinking_is_all_reasoning(kind: Kind) -> None:
    """Thinking that never closes is reasoning without an answer, and said to be open."""
    with serve(lambda body, before: Answer("<think>still at it", finish="length")) as server:
        reply = _ask(kind, server.url)

    assert (reply.text, reply.reasoning, reply.closed, reply.finish) == ("", "still at it", False, "length")


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (Answer(status=400), Cause.BAD_REQUEST),
        (Answer(status=413), Cause.BAD_REQUEST),
        (Answer(status=401), Cause.MISCONFIGURED),
        (Answer(status=404), Cause.MISCONFIGURED),
        (Answer(status=408), Cause.TIMEOUT),
        (Answer(status=429), Cause.RATE_LIMITED),
        (Answer(status=503), Cause.OVERLOADED),
        (Answer(status=529), Cause.OVERLOADED),
        (Answer(status=500), Cause.SERVER_ERROR),
        (Answer(finish="content_filter"), Cause.REFUSED),
        (Answer(message={"content": None, "refusal": "I cannot"}), Cause.REFUSED),
        (Answer(""), Cause.EMPTY),
        (Answer(raw=b'{"choices": [{"mess'), Cause.MALFORMED),
        (Answer(raw=b'{"choices": []}'), Cause.MALFORMED),
        (Answer(raw=b"[1, 2]"), Cause.MALFORMED),
        (Answer(raw=b""), Cause.MALFORMED),
        (Answer(reset=True), Cause.UNREACHABLE),
        (Answer("half", cut=True), Cause.UNREACHABLE),
    ],
)
def test_names_every_failure(kind: Kind, answer: Answer, cause: Cause) -> None:
    """Each way of going wrong has its cause, and a reason in words."""
    error = _fails(kind, answer)

    assert error.cause == cause
    assert error.reason


@pytest.mark.parametrize(
    ("raw", "status", "cause", "words"),
    [
        (b'{"error": {"message": "no money", "code": "insufficient_quota"}}', 429, Cause.MISCONFIGURED, "no money"),
        (b'{"error": {"message": "unsafe", "code": "content_filter"}}', 400, Cause.REFUSED, "unsafe"),
        (b'{"object": "error", "message": "too long", "code": 400}', 400, Cause.BAD_REQUEST, "too long"),
        (b'{"detail": "Not Found"}', 404, Cause.MISCONFIGURED, "Not Found"),
        (b'{"error": "plain words"}', 400, Cause.BAD_REQUEST, "plain words"),
        (b"<h1>Bad gateway</h1>", 502, Cause.SERVER_ERROR, "Bad gateway"),
        (b"[" * 100_000, 500, Cause.SERVER_ERROR, "HTTP 500"),
        (b"\xff\xfe", 500, Cause.SERVER_ERROR, "HTTP 500"),
    ],
)
def test_reads_errors_in_every_dress(kind: Kind, raw: bytes, status: int, cause: Cause, words: str) -> None:
    """The server's own words and code are found wherever it puts them."""
    error = _fails(kind, Answer(raw=raw, status=status))

    assert error.cause == cause
    assert words in error.reason
    assert len(error.reason) <= 500


def test_follows_no_redirect(kind: Kind) -> None:
    """The key goes to the address it was given for and to no other; the reason names the new one."""
    os.environ["CANARY_KEY"] = KEY
    with serve(lambda body, before: "ok") as other:
        moved = Answer(status=308, headers={"Location": f"{other.url}/chat/completions"})
        error = _fails(kind, moved, key_env="CANARY_KEY")

    assert error.cause == Cause.MISCONFIGURED
    assert other.url in error.reason
    assert other.bodies == []


def test_keeps_its_connections(kind: Kind) -> None:
    """Requests after one another share a connection; opening one anew for each would cost a handshake."""

    async def main(url: str) -> None:
        async with kind(url, "mock").open(_no_media) as session:
            for index in range(3):
                await session.complete(Request("teacher", user(f"why {index}?")))

    with serve(lambda body, before: "ok") as server:
        asyncio.run(main(server.url))

    assert server.connections == 1


def test_hang_is_a_timeout(kind: Kind) -> None:
    """A server that stays silent is given up after the time limit."""
    assert _fails(kind, Answer("late", hang=2.0), timeout=0.2).cause == Cause.TIMEOUT


def test_nobody_there(kind: Kind) -> None:
    """A closed port is unreachable, not a time-out."""
    with serve(lambda body, before: "") as server:
        url = server.url
    with pytest.raises(TeacherError) as caught:
        _ask(kind, url)

    assert caught.value.cause == Cause.UNREACHABLE


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "2"}, 2.0),
        ({"Retry-After-Ms": "50"}, 0.05),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "nan"}, None),
        ({}, None),
    ],
)
def test_passes_on_how_long_to_wait(kind: Kind, headers: dict[str, str], wait: float | None) -> None:
    """The server's wish is kept where it is a number of seconds."""
    assert _fails(kind, Answer(status=429, headers=headers)).retry_after == wait


def test_key_comes_from_the_environment_and_stays_there(kind: Kind) -> None:
    """The key is sent, and never repeated in an error even where the server repeats it."""
    os.environ["CANARY_KEY"] = KEY
    with (
        serve(lambda body, before: Answer(f"bad key {KEY}", status=401)) as server,
        pytest.raises(TeacherError) as caught,
    ):
        _ask(kind, server.url, key_env="CANARY_KEY")

    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert KEY not in caught.value.reason
    assert "***" in caught.value.reason


def test_missing_key_is_said_before_anything_is_sent(kind: Kind) -> None:
    """Without its key an endpoint is not opened."""
    with (
        serve(lambda body, before: "ok") as server,
        pytest.raises(ConfigError, match="set the environment variable NO_SUCH_KEY"),
    ):
        _ask(kind, server.url, key_env="NO_SUCH_KEY")

    assert server.bodies == []


def test_lost_picture_fails_its_request_alone(kind: Kind) -> None:
    """A picture whose bytes are gone is that request's failure, with the reason, and nothing is sent."""

    def lost(_: object) -> bytes:
        raise FileNotFoundError("blob is gone")

    async def main(url: str) -> Reply:
        async with kind(url, "mock").open(lost) as session:
            return await session.complete(Request("teacher", user("what?", Media("ab" * 32, "image/png", 9, 9, 9))))

    with serve(lambda body, before: "ok") as server, pytest.raises(TeacherError, match="blob is gone") as caught:
        asyncio.run(main(server.url))

    assert caught.value.cause == Cause.CALL_FAILED
    assert server.bodies == []


def test_picture_is_sent_as_a_data_url(kind: Kind) -> None:
    """Text and picture go out as parts in their order."""
    out = BytesIO()
    Image.new("RGB", (16, 16), "red").save(out, "PNG")
    data = out.getvalue()

    async def main(url: str) -> Reply:
        async with kind(url, "mock").open(lambda media: data) as session:
            return await session.complete(
                Request("t", user("before", Media("ab" * 32, "image/png", 16, 16, 9), "after"))
            )

    with serve(lambda body, before: "ok") as server:
        asyncio.run(main(server.url))
        [message] = server.bodies[0]["messages"]

    assert [part["type"] for part in message["content"]] == ["text", "image_url", "text"]
    url = message["content"][1]["image_url"]["url"]
    assert base64.b64decode(url.removeprefix("data:image/png;base64,")) == data


@pytest.mark.parametrize(
    "answer",
    [
        Answer(f"You sent {KEY}."),
        Answer(raw=f"you sent {KEY} and more".encode()),
        Answer(raw=f'{{"error": {{"message": "no such key {KEY}"}}}}'.encode()),
        Answer(message={"role": "assistant", "content": None, "refusal": f"not with {KEY}"}),
    ],
)
def test_an_echoed_key_stays_here(kind: Kind, answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a reply nor an error made of one holds the key, wherever the server put it."""
    monkeypatch.setenv("CANARY", KEY)
    with serve(lambda body, before: answer) as server:
        try:
            told = repr(_ask(kind, server.url, key_env="CANARY"))
        except TeacherError as error:
            told = f"{error} {error.reason}"
    assert "***" in told or "canary" not in told
    assert KEY not in told
    assert "canary" not in told
