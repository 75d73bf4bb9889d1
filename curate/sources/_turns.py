"""Read conversations in the shapes they come in: role and content, from and value, user and assistant, pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from curate.sources._json import decode
from curate.sources._marks import MARK, Turn
from curate.sources._media import Picture, pictures_in
from schemas.errors import SourceError

__all__ = ["conversation", "history", "text_of"]

_ROLES = {
    "user": "user",
    "human": "user",
    "question": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "chatgpt": "assistant",
    "answer": "assistant",
    "system": "system",
    "developer": "system",
}
_ROLE_KEYS = ("role", "from", "speaker")
_CONTENT_KEYS = ("content", "value", "text")
_PICTURE_KEYS = ("image_url", "image", "url", "path", "base64", "bytes", "source", "data")
_TEXT_TYPES = ("text", "input_text", "output_text")
_PICTURE_TYPES = ("image", "image_url", "input_image")


def conversation(value: Any) -> list[Turn] | None:
    """Return the turns of a conversation; None where the value is none.

    Raises:
        SourceError: `unknown_role`, `unsupported_content` or `malformed`.

    """
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = decode(value)
        except ValueError:
            return None
    if not isinstance(value, (list, tuple)) or not value or not all(isinstance(turn, Mapping) for turn in value):
        return None
    if "user" in value[0] or "assistant" in value[0]:
        return [
            Turn(role, _parts(pair[role]))
            for pair in value
            for role in ("user", "assistant")
            if pair.get(role) is not None
        ]
    return [_turn(turn) for turn in value]


def history(value: Any) -> list[Turn]:
    """Return earlier question-answer pairs as turns; nothing where there are none."""
    pairs = value if isinstance(value, (list, tuple)) else []
    two = 2
    if any(not isinstance(pair, (list, tuple)) or len(pair) != two for pair in pairs):
        raise SourceError("malformed", "the history must be pairs of question and answer")
    return [Turn(role, _parts(text)) for pair in pairs for role, text in zip(("user", "assistant"), pair, strict=True)]


def text_of(turn: Turn) -> str:
    """Return the text of a turn, parts joined."""
    return "\n".join(part for part in turn.parts if isinstance(part, str)).strip()


def _turn(turn: Mapping[str, Any]) -> Turn:
    said = str(next((turn[key] for key in _ROLE_KEYS if turn.get(key)), ""))
    role = _ROLES.get(said.strip().lower())
    if role is None:
        raise SourceError("unknown_role", f"a turn of {said!r}: turns are of user, assistant and system")
    return Turn(role, _parts(next((turn[key] for key in _CONTENT_KEYS if turn.get(key) is not None), None)))


def _parts(content: Any) -> tuple[str | Picture, ...]:
    """Return texts and pictures of a turn's content; texts that follow each other are lines of one."""
    items = content if isinstance(content, (list, tuple)) else [content]
    out: list[str | Picture] = []
    for part in (_part(item) for item in items):
        if isinstance(part, str) and out and isinstance(out[-1], str):
            out[-1] = f"{out[-1]}\n{part}"
        elif part is not None:
            out.append(part)
    return tuple(out)


def _part(item: Any) -> str | Picture | None:
    if item is None:
        return None
    if not isinstance(item, Mapping):
        return str(item)
    kind = str(item.get("type") or "")
    if kind in _TEXT_TYPES or (not kind and item.get("text") is not None):
        return str(item.get("text") or "")
    given = next((item[key] for key in _PICTURE_KEYS if item.get(key)), None)
    if kind in _PICTURE_TYPES or (not kind and given is not None):
        found: Sequence[Picture] = pictures_in(item if "bytes" in item else given)
        return found[0] if found else MARK  # a bare picture part stands for the next of the row's pictures
    raise SourceError(
        "unsupported_content", f"a turn holds a part of type {kind or 'unknown'!r}: text and pictures are read"
    )
