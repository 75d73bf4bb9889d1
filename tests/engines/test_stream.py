"""Streamed replies: the same reply as the whole one, or a named failure; never half a reply passed off as one."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.engines._stream import Stream, parse_stream
from schemas.errors import TeacherError
from schemas.request import Cause, Usage

COUNTS = {"prompt_tokens": 9, "completion_tokens": 4, "completion_tokens_details": {"reasoning_tokens": 2}}


def _line(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n"


def _piece(finish: str | None = None, **delta: Any) -> bytes:
    return _line({"model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


END = [_piece("stop"), _line({"choices": [], "usage": COUNTS}), b"\n", b"data: [DONE]\n"]


def _fails(*lines: bytes) -> TeacherError:
    with pytest.raises(TeacherError) as caught:
        parse_stream(lines, 0.0)
    return caught.value


@pytest.mark.parametrize(
    "lines",
    [
        [_piece(content="4"), _piece(content="2", reasoning="be"), _piece(reasoning="cause")],
        [_piece(reasoning_content="be"), _piece(reasoning_content="cause"), _piece(content="42")],
        [_piece(reasoning="be", reasoning_details=[{"type": "reasoning.text", "text": "be"}]),
         _piece(reasoning="cause", content=""), _piece(content="42")],
        [_piece(reasoning_details=[{"type": "reasoning.text", "text": "be"}]),
         _piece(reasoning_details=[{"type": "reasoning.text", "text": "cause"}], content="42")],
        [_piece(content="<th"), _piece(content="ink>because</thi"), _piece(content="nk>42")],
        [_piece(content="because<"), _piece(content="/think>42")],
        [_piece(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "be"}]}]),
         _piece(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "cause"}]}]),
         _piece(content=[{"type": "text", "text": "4"}]), _piece(content="2")],
        [b": OPENROUTER PROCESSING\n", b"event: message\n", b"\r\n", _piece(role="assistant", content=None),
         _piece(reasoning="because", content="42").replace(b"data: ", b"data:").replace(b"\n", b"\r\n")],
    ],
)  # fmt: skip
def test_pieces_make_the_same_reply(lines: list[bytes]) -> None:
    """Every dialect, cut at any place, is one reply with its counts."""
    reply = parse_stream([*lines, *END], 1.5)

    assert (reply.text, reply.reasoning, reply.finish, reply.model) == ("42", "because", "stop", "m")
    assert (reply.usage, reply.latency) == (Usage(9, 4, 2), 1.5)


@given(st.text(min_size=1), st.lists(st.integers(0, 60)))
def test_where_it_is_cut_does_not_matter(text: str, cuts: list[int]) -> None:
    """A thought in any pieces is the thought, white space included."""
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[a:b] for a, b in pairwise(places)]
    reply = parse_stream([*(_piece(reasoning=piece) for piece in pieces), _piece(content="42"), *END], 0.0)

    assert reply.reasoning == (text if text.strip() else "")


@pytest.mark.parametrize("lines", [[], [_piece(content="half a re")], [_piece(reasoning="half"), b'data: {"choi']])
def test_cut_before_its_end(lines: list[bytes]) -> None:
    """A stream without an end is no reply."""
    assert _fails(*lines).cause == Cause.MALFORMED


def test_an_end_without_counts() -> None:
    """Cut between the last word and the token counts: the reply is whole, its usage unknown."""
    reply = parse_stream([_piece(content="42"), _piece("length")], 0.0)

    assert (reply.text, reply.finish, reply.usage) == ("42", "length", Usage())


def test_the_last_count_holds() -> None:
    """Servers that count with every piece count from the start each time."""
    early = _line({"choices": [{"delta": {"content": "42"}}], "usage": {"prompt_tokens": 9, "completion_tokens": 1}})

    assert parse_stream([early, *END], 0.0).usage == Usage(9, 4, 2)


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (_line({"error": {"code": 429, "message": "slow down"}}), Cause.RATE_LIMITED),
        (_line({"error": {"code": 500, "message": "died"}}), Cause.SERVER_ERROR),
        (_line({"choices": [{"delta": {}, "error": {"message": "died"}}]}), Cause.SERVER_ERROR),
        (_piece("error"), Cause.SERVER_ERROR),
        (_piece("content_filter"), Cause.REFUSED),
        (_piece(refusal="I will not"), Cause.REFUSED),
        (_line([1]), Cause.MALFORMED),
        (_line({"choices": [7]}), Cause.MALFORMED),
    ],
)  # fmt: skip
def test_failures_on_the_way(line: bytes, cause: Cause) -> None:
    """An error in the midst of a stream is that error, however much was said before and whatever end follows."""
    assert _fails(_piece(content="ha"), line, b"data: [DONE]").cause == cause


def test_nothing_said() -> None:
    """An ended stream without a word is empty."""
    assert _fails(*END).cause == Cause.EMPTY


def test_other_choices_are_not_mixed_in() -> None:
    """One reply is read; a second choice does not land in its text."""
    other = _line({"choices": [{"index": 1, "delta": {"content": "43"}, "finish_reason": "stop"}]})

    assert parse_stream([_piece(content="42"), other, *END], 0.0).text == "42"


def test_begun_with_the_first_word() -> None:
    """The first piece often holds a role and no word yet."""
    stream = Stream()
    seen = []
    for line in (_piece(role="assistant", content=""), _piece(reasoning="so"), _piece(content="42")):
        stream.add(line)
        seen.append(stream.begun)

    assert seen == [False, True, True]
