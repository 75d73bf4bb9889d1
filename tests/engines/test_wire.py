"""The wire format: replies of every provider's dialect, read without loss and without invention."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.engines import _wire
from schemas.errors import TeacherError
from schemas.request import Cause, Reply, Usage


def _completion(message: dict[str, Any], finish: str | None = "stop", **more: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return json.dumps({"model": "m", "choices": [choice], **more}).encode()


def _read(message: dict[str, Any], finish: str | None = "stop", **more: Any) -> Reply:
    return _wire.parse(_completion(message, finish, **more), 0.5)


def _cause(data: bytes) -> tuple[str, str]:
    with pytest.raises(TeacherError) as caught:
        _wire.parse(data, 0.0)
    return caught.value.cause, caught.value.reason


@pytest.mark.parametrize(
    ("message", "text", "thought", "place"),
    [
        ({"content": "42"}, "42", "", "none"),
        ({"content": "42", "reasoning": "so"}, "42", "so", "reasoning"),
        ({"content": "42", "reasoning_content": "so"}, "42", "so", "reasoning_content"),
        ({"content": "42", "reasoning": None, "reasoning_content": "so"}, "42", "so", "reasoning_content"),
        ({"content": "42", "reasoning": "so", "reasoning_content": "so"}, "42", "so", "reasoning"),
        (
            {"content": "42", "reasoning": "so", "reasoning_details": [{"type": "reasoning.text", "text": "so"}]},
            "42",
            "so",
            "reasoning",
        ),
        (
            {
                "content": "42",
                "reasoning_details": [
                    {"type": "reasoning.summary", "summary": "first"},
                    {"type": "reasoning.encrypted", "data": "AAAA"},
                    {"type": "reasoning.text", "text": "then"},
                ],
            },
            "42",
            "first\n\nthen",
            "reasoning_details",
        ),
        ({"content": "<think>so</think>42"}, "42", "so", "inline <think>"),
        ({"content": "so</think>42"}, "42", "so", "lone </think>"),
        ({"content": "so</think>42", "reasoning": "so"}, "42", "so", "reasoning and lone </think>"),
        ({"content": "<think>b</think>42", "reasoning": "a"}, "42", "a\n\nb", "reasoning and inline <think>"),
        ({"content": "<think>\n\n</think>\n\n42"}, "42", "", "none"),
        ({"content": "</think>\n42", "reasoning": "so"}, "42", "so", "reasoning"),
        ({"content": None, "reasoning": "so"}, "", "so", "reasoning"),
        ({"content": " 42\n"}, " 42\n", "", "none"),
        ({"content": [{"type": "text", "text": "4"}, "2"]}, "42", "", "none"),
        (
            {"content": [{"type": "thinking", "thinking": "so"}, {"type": "text", "text": "42"}]},
            "42",
            "so",
            "content parts",
        ),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "s"}, {"type": "text", "text": "o"}]},
                    {"type": "thinking", "thinking": "then"},
                    {"type": "redacted_thinking", "data": "AAAA"},
                    {"type": "output_text", "text": "42"},
                ]
            },
            "42",
            "so\n\nthen",
            "content parts",
        ),
        ({"content": [{"type": "reasoning", "text": "so"}, {"text": "42"}]}, "42", "so", "content parts"),
        ({"content": [{"text": "so", "thought": True}, {"text": "42"}]}, "42", "so", "content parts"),
    ],
)
def test_reasoning_of_every_dialect(message: dict[str, Any], text: str, thought: str, place: str) -> None:
    """Wherever thinking arrives it ends up in one place, once, and the answer without it; and the place is known."""
    reply = _read(message)

    assert (reply.text, reply.reasoning, reply.closed) == (text, thought, True)
    assert _wire.place(_completion(message)) == place


@given(st.text(), st.text(), st.sampled_from(["reasoning", "reasoning_content"]))
def test_nothing_is_lost_or_added(text: str, thought: str, name: str) -> None:
    """Text and thought in fields of their own come out as they went in."""
    if "think" in text or "<|" in text or not (text.strip() or thought.strip()):
        return
    reply = _read({"content": text, name: thought})

    assert reply.text == text
    assert reply.reasoning == (thought if thought.strip() else "")


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("stop", "stop"),
        (None, "stop"),
        ("length", "length"),
        ("MAX_TOKENS", "length"),
        ("model_length", "length"),
        ("end_turn", "stop"),
        ("tool_calls", "tool_calls"),
    ],
)
def test_ends_under_other_names(said: str | None, read: str) -> None:
    """A cut reply is one whatever the provider calls it, for truncation must never pass as an end."""
    assert _read({"content": "42"}, said).finish == read


@pytest.mark.parametrize(
    ("data", "cause", "words"),
    [
        (_completion({"content": None, "refusal": "I will not"}), Cause.REFUSED, "I will not"),
        (_completion({"content": [{"type": "refusal", "refusal": "I will not"}]}), Cause.REFUSED, "I will not"),
        (_completion({"content": "half"}, "content_filter"), Cause.REFUSED, "content filter"),
        (_completion({"content": "half"}, "SAFETY"), Cause.REFUSED, "content filter"),
        (_completion({"content": None}), Cause.EMPTY, "finish_reason stop"),
        (_completion({"content": " \n", "reasoning": " "}), Cause.EMPTY, "neither"),
        (_completion({"content": None}, "tool_calls"), Cause.EMPTY, "tool_calls"),
        (_completion({"content": "half"}, "abort"), Cause.SERVER_ERROR, "broke off"),
        (_completion({"content": 7}), Cause.MALFORMED, "content is a int"),
        (b'{"choices": [{"message": null}]}', Cause.MALFORMED, "it begins"),
        (b'{"choices": null}', Cause.MALFORMED, "it begins"),
        (b"null", Cause.MALFORMED, "it begins"),
        (b"<html>502", Cause.MALFORMED, "it begins b'<html>502'"),
        (b"[" * 200_000, Cause.MALFORMED, "it begins"),
        (b'{"error": {"code": 429, "message": "slow\\ndown"}}', Cause.RATE_LIMITED, "slow down"),
        (b'{"error": {"code": "content_filter", "message": "no"}}', Cause.REFUSED, "no"),
        (b'{"error": "upstream died"}', Cause.SERVER_ERROR, "upstream died"),
        (b'{"choices": [{"message": {"content": "ha"}, "error": {"code": 502, "message": "gone"}}]}',
         Cause.SERVER_ERROR, "gone"),
    ],
)  # fmt: skip
def test_no_reply_has_its_cause(data: bytes, cause: Cause, words: str) -> None:
    """What is no reply is told from what is one, with the server's words; errors with status 200 too."""
    found, reason = _cause(data)

    assert found == cause
    assert words in reason


def test_cut_before_the_first_word_is_a_truncated_reply() -> None:
    """Hidden reasoning that used up the limit leaves nothing to read: paid for, and cut, not empty."""
    counts = {"prompt_tokens": 5, "completion_tokens": 64, "completion_tokens_details": {"reasoning_tokens": 64}}
    reply = _read({"content": None}, "length", usage=counts)

    assert (reply.text, reply.finish) == ("", "length")
    assert reply.usage == Usage(5, 64, 64)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}, Usage(9, 4)),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 4,
                "completion_tokens_details": {"reasoning_tokens": 3},
                "prompt_tokens_details": {"cached_tokens": 8},
            },
            Usage(9, 4, 3, 8),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 4, "prompt_cache_hit_tokens": 6}, Usage(9, 4, 0, 6)),
        ({"prompt_tokens": 9, "completion_tokens": 4, "cached_tokens": 6}, Usage(9, 4, 0, 6)),
        # Grok and Gemini: reasoning is beside the completion, and in the total.
        (
            {
                "prompt_tokens": 32,
                "completion_tokens": 9,
                "total_tokens": 135,
                "completion_tokens_details": {"reasoning_tokens": 94},
            },
            Usage(32, 103, 94),
        ),
        ({"prompt_tokens": 20, "completion_tokens": 424, "total_tokens": 1016}, Usage(20, 996)),
        ({"prompt_tokens": 21, "completion_tokens": 0, "completion_tokens_details": {"reasoning_tokens": 60}},
         Usage(21, 60, 60)),
        ({"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": None}, Usage(9, 4)),
        ({"prompt_tokens": 9, "completion_tokens": 4, "cached_tokens": 99}, Usage(9, 4, 0, 9)),
        ({"prompt_tokens": True, "completion_tokens": "4", "total_tokens": -1}, Usage()),
        ({"prompt_tokens": 9.0, "completion_tokens": 1e300}, Usage(9)),
        (None, Usage()),
        ([], Usage()),
    ],
)  # fmt: skip
def test_usage_of_every_dialect(counts: object, expected: Usage) -> None:
    """Reasoning is always in the completion, cached tokens never exceed the prompt, and unknown is all zero."""
    assert _wire.usage(counts) == expected


NAMES = ["type", "text", "thinking", "reasoning", "reasoning_details", "summary", "refusal", "content", "message"]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.just("thinking")
ODD = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(NAMES), inner))


@given(ODD, ODD, ODD, ODD)
def test_any_json_is_a_reply_or_a_named_failure(message: Any, finish: Any, error: Any, counts: Any) -> None:
    """No body whatever makes the reader raise anything but a `TeacherError`."""
    choice = {"message": message, "finish_reason": finish, "error": error}
    found: Reply | TeacherError
    try:
        found = _wire.parse(json.dumps({"choices": [choice], "usage": counts}).encode(), 0.0)
    except TeacherError as failed:
        found = failed

    assert isinstance(found, Reply) or found.cause in set(Cause)
