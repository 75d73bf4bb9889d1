"""The chat completions format: requests to bodies, bodies to replies. Pure functions, shared by every HTTP engine."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from schemas.canonical import JSON
from schemas.errors import TeacherError
from schemas.request import Cause, Reply, Request, Sampling, Usage
from schemas.sample import Media, Message
from schemas.thinking import split

__all__ = ["PLAIN_FIELDS", "body", "parse", "usage"]

PLAIN_FIELDS = (
    "temperature",
    "top_p",
    "max_tokens",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    "top_k",
    "min_p",
)
"""Sampling fields that go into the body under their own names. The last three are vLLM's and SGLang's."""

_REASON = 500
"""Most characters of a server's words that are kept."""


def body(
    request: Request, model: str, picture: Callable[[Media], tuple[str, bytes]], *, rename: Mapping[str, str]
) -> dict[str, JSON]:
    """Return the JSON body of a request.

    `picture` gives the mime type and bytes of a picture to send; `rename` maps our field names to the server's.
    """
    made: dict[str, JSON] = {
        "model": model,
        "messages": [{"role": m.role, "content": _content(m, picture)} for m in request.messages],
    }
    return made | _settings(request.sampling, rename)


def parse(data: bytes, latency: float) -> Reply:
    """Read a chat completion.

    Raises:
        TeacherError: `malformed` (not the JSON it should be), `refused` or `empty`.

    """
    try:
        answer = json.loads(data)
        choice = answer["choices"][0]
        message = choice["message"]
        finish = str(choice.get("finish_reason") or "stop")
        text = _text(message.get("content"))
        thought = str(message.get("reasoning") or message.get("reasoning_content") or "")
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise TeacherError(Cause.MALFORMED, f"not a chat completion: {error!r}; it begins {data[:80]!r}") from error
    if finish == "content_filter" or message.get("refusal"):
        raise TeacherError(Cause.REFUSED, str(message.get("refusal") or "stopped by the content filter")[:_REASON])
    inline = split(text)
    if inline.reasoning or not inline.closed:
        thought = "\n\n".join(part for part in (thought, inline.reasoning) if part)
        text = inline.answer
    if not text and not thought and finish != "length":
        raise TeacherError(Cause.EMPTY, f"the reply holds neither text nor reasoning (finish_reason {finish})")
    return Reply(
        text=text,
        reasoning=thought,
        finish=finish,
        usage=usage(answer.get("usage")),
        model=str(answer.get("model") or ""),
        latency=latency,
        closed=inline.closed,
    )


def usage(found: object) -> Usage:
    """Read token counts; what is absent or odd counts as zero."""
    if not isinstance(found, Mapping):
        return Usage()
    return Usage(
        prompt=_count(found, "prompt_tokens"),
        completion=_count(found, "completion_tokens"),
        reasoning=_count(found.get("completion_tokens_details"), "reasoning_tokens"),
        cached=_count(found.get("prompt_tokens_details"), "cached_tokens"),
    )


def _content(message: Message, picture: Callable[[Media], tuple[str, bytes]]) -> JSON:
    if all(isinstance(part, str) for part in message.content):
        return message.text
    return [_part(part, picture) for part in message.content]


def _part(part: str | Media, picture: Callable[[Media], tuple[str, bytes]]) -> JSON:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    mime, data = picture(part)
    return {"type": "image_url", "image_url": {"url": f"data:{mime};base64,{base64.b64encode(data).decode()}"}}


def _settings(sampling: Sampling, rename: Mapping[str, str]) -> dict[str, JSON]:
    made: dict[str, JSON] = {}
    for name in PLAIN_FIELDS:
        value = getattr(sampling, name)
        if value is not None:
            made[rename.get(name, name)] = value
    if sampling.stop:
        made["stop"] = list(sampling.stop)
    if sampling.schema is not None:
        schema = {"name": "reply", "schema": dict(sampling.schema), "strict": True}
        made["response_format"] = {"type": "json_schema", "json_schema": schema}
    return made | dict(sampling.extra)


def _text(content: object) -> str:
    """Return the text of a message's content: a string, a list of parts, or nothing."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        return "".join(_part_text(part) for part in content)
    raise TypeError(f"message content is a {type(content).__name__}")


def _part_text(part: Any) -> str:
    if isinstance(part, str):
        return part
    found = part.get("text") if isinstance(part, Mapping) else None
    return found if isinstance(found, str) else ""


def _count(found: object, name: str) -> int:
    value = found.get(name) if isinstance(found, Mapping) else None
    return value if isinstance(value, int) and value >= 0 else 0
