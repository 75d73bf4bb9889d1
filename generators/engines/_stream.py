"""A chat completion that arrives in pieces (server-sent events), put together into the same reply as one that is whole.

Pure: an engine hands over the lines as they come. Nothing is kept but what the reply needs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from generators.engines import _wire
from schemas.errors import TeacherError
from schemas.request import Cause, Reply

__all__ = ["Stream", "parse_stream"]

_DATA = b"data:"
_DONE = b"[DONE]"


def parse_stream(lines: Iterable[bytes], latency: float) -> Reply:
    """Read the lines of a streamed chat completion.

    Raises:
        TeacherError: `malformed` (not the format, or cut before its end), or whatever `_wire.parse` finds.

    """
    stream = Stream()
    for line in lines:
        stream.add(line)
    return stream.reply(latency)


@dataclass(slots=True)
class Stream:
    """A reply on its way. `add` each line, then take the `reply`."""

    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    finish: str = ""
    usage: object = None
    model: str = ""
    done: bool = False
    """The server has said that nothing more comes."""

    @property
    def begun(self) -> bool:
        """True once a word was said or thought: the time to the first token ends here."""
        return bool(self.texts or self.thoughts)

    def add(self, line: bytes) -> None:
        """Take in one line, with or without its end; comments, blank lines and other fields are passed over.

        Raises:
            TeacherError: `malformed`, or the error the server sent in place of a piece.

        """
        line = line.strip()
        if not line.startswith(_DATA):
            return
        data = line[len(_DATA) :].strip()
        if data == _DONE:
            self.done = True
            return
        try:
            chunk = json.loads(data)
            if error := chunk.get("error"):
                raise _wire.failure(error)
            self._take(chunk)
        except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
            raise TeacherError(
                Cause.MALFORMED, f"not a piece of a chat completion: {error!r}; it begins {data[:80]!r}"
            ) from error

    def reply(self, latency: float) -> Reply:
        """Return the whole.

        A finish reason or `[DONE]` is an end. Where the end came and the token counts did not, the usage is unknown.

        Raises:
            TeacherError: `malformed` where the stream was cut before its end, `refused`, `empty`.

        """
        if not (self.done or self.finish):
            got = sum(map(len, self.texts)) + sum(map(len, self.thoughts))
            raise TeacherError(Cause.MALFORMED, f"the stream was cut before its end, after {got} characters")
        message = {
            "content": "".join(self.texts),
            "reasoning": "".join(self.thoughts),
            "refusal": "".join(self.refusals),
        }
        choice = {"message": message, "finish_reason": self.finish}
        return _wire.read({"choices": [choice], "usage": self.usage, "model": self.model}, latency)

    def _take(self, chunk: Mapping[str, Any]) -> None:
        # The last count is the whole count, also where a server counts with every piece.
        self.usage = chunk.get("usage") or self.usage
        self.model = self.model or str(chunk.get("model") or "")
        for choice in chunk.get("choices") or ():
            if choice.get("index"):
                continue
            self.finish = str(choice.get("finish_reason") or self.finish)
            if choice.get("error"):
                raise _wire.failure(choice["error"])
            self._grow(choice.get("delta") or {})

    def _grow(self, delta: Mapping[str, Any]) -> None:
        _, thought = _wire.thought_field(delta)
        in_parts, text = _wire.pieces(delta.get("content"))
        for pile, words in ((self.thoughts, thought), (self.thoughts, in_parts), (self.texts, text)):
            if words:
                pile.append(words)
        if delta.get("refusal"):
            self.refusals.append(str(delta["refusal"]))
