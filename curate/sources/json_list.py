"""A JSON file that is one list of objects (LLaVA and its kin), read element by element."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TextIO

from curate.sources._files import UNREADABLE, is_file, opened
from curate.sources._json import DECODER, decode
from curate.sources._row import MAX_ROW_BYTES, Found, failed
from curate.sources.jsonl import Jsonl
from schemas.errors import ConfigError

__all__ = ["JsonList"]

_BOM = b"\xef\xbb\xbf"
_CHUNK = 2**20
_MAX_WHOLE = 512 * 2**20
_SPACE = re.compile(r"[ \t\r\n]*")
_NOT_UTF8 = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class JsonList:
    """A `.json` file: a list of objects, streamed; or one object that holds them; or JSON lines under this name.

    One object is read whole and may be: a single list under any name beside smaller things, rows by their id, or one
    row.
    """

    version: ClassVar[int] = 1

    def takes(self, ref: str) -> bool:
        """Whether the path is a JSON file by its name."""
        return is_file(ref, ".json")

    def __call__(self, ref: str, /) -> Iterator[Found]:
        """Yield every element in order; after a damaged one the rest of the list is lost, which the last row says.

        Raises:
            ConfigError: the file holds neither a list nor an object, or one object too large to read whole.

        """
        first, lines = _first(ref)
        if first == "[":
            with opened(ref) as stream:
                text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape")
                yield from _Elements(text, Path(ref).name).rows()
        elif lines:
            yield from Jsonl()(ref)
        elif first == "{":
            yield from _whole(ref)
        else:
            raise ConfigError(f"{ref} holds no JSON list or object: it starts with {first!r}")


def _first(ref: str) -> tuple[str, bool]:
    """Return the first character, and whether the first line is an object of its own with more to come."""
    try:
        with opened(ref) as stream:
            first = stream.read(_CHUNK).removeprefix(_BOM).lstrip()[:1].decode("utf-8", "replace")
        if first != "{":
            return first, False
        with opened(ref) as stream:
            line = stream.readline(MAX_ROW_BYTES).removeprefix(_BOM)
            while line.isspace():
                line = stream.readline(MAX_ROW_BYTES)
            more = bool(stream.read(_CHUNK).strip())
    except UNREADABLE as error:
        raise ConfigError(f"cannot read {ref}: {error}") from error
    return first, more and line.rstrip().endswith(b"}") and _is_json(line)


def _is_json(line: bytes) -> bool:
    try:
        decode(line.decode())
    except ValueError:
        return False
    return True


@dataclass(slots=True)
class _Elements:
    """The elements of one long list, with never much more than one of them in memory."""

    text: TextIO
    name: str
    buffer: str = ""
    at: int = 0
    ended: bool = False
    number: int = field(default=0)

    def rows(self) -> Iterator[Found]:
        """Yield the rows; a last one with an error where the list breaks off."""
        try:
            self._skip()
            self.at += 1  # the opening bracket
            while not self._closed():
                yield self._element()
                self.number += 1
        except (*UNREADABLE, ValueError, RecursionError) as error:
            reason = f"the list cannot be read from this element on ({error}); mend the file, or turn it into jsonl"
            yield failed(self._where(), "malformed", reason)

    def _where(self) -> str:
        return f"{self.name}[{self.number}]"

    def _element(self) -> Found:
        while True:
            try:
                value, end = DECODER.raw_decode(self.buffer, self.at)
            except ValueError:
                if self.ended or len(self.buffer) - self.at > MAX_ROW_BYTES:
                    raise
            else:
                if end < len(self.buffer) or self.ended:
                    break
            self._more()
        raw, self.at = self.buffer[self.at : end], end
        if _NOT_UTF8.search(raw):
            return failed(self._where(), "malformed", "not UTF-8 text")
        if not isinstance(value, dict):
            reason = f"a row must be a JSON object, and this is a {type(value).__name__}"
            return failed(self._where(), "not_an_object", reason)
        return Found(value, self._where())

    def _closed(self) -> bool:
        """Step over the comma between elements; True at the closing bracket."""
        sign = self._skip()
        if sign == "]":
            return True
        if self.number and sign != ",":
            raise ValueError(f"a comma or closing bracket is missing, and {sign!r} is there")
        if self.number:
            self.at += 1
            sign = self._skip()
        if not sign:
            raise ValueError("the file ends before its list does")
        return False

    def _skip(self) -> str:
        """Step over white space and return the character there; nothing at the end of the file."""
        while True:
            found = _SPACE.match(self.buffer, self.at)
            self.at = found.end() if found else self.at
            if self.at < len(self.buffer) or self.ended:
                return self.buffer[self.at : self.at + 1]
            self._more()

    def _more(self) -> None:
        """Read on, doubling what is held, so that a long element is not parsed from its start too often."""
        rest = self.buffer[self.at :]
        chunk = self.text.read(max(_CHUNK, len(rest)))
        self.buffer, self.at, self.ended = rest + chunk, 0, not chunk


def _whole(ref: str) -> Iterator[Found]:
    """Read a file that is one object."""
    name = Path(ref).name
    with opened(ref) as stream:
        try:
            data = stream.read(_MAX_WHOLE + 1)
        except UNREADABLE as error:
            raise ConfigError(f"cannot read {ref}: {error}") from error
    if len(data) > _MAX_WHOLE:
        raise ConfigError(f"{ref} is one JSON object of over {_MAX_WHOLE // 2**20} MB: turn its rows into jsonl")
    try:
        body = decode(data.decode("utf-8-sig"))
    except ValueError as error:
        raise ConfigError(f"{ref} is not JSON: {error}") from error
    for where, row in _inner(body):
        if isinstance(row, dict):
            yield Found(row, f"{name}{where}")
        else:
            yield failed(f"{name}{where}", "not_an_object", "a row must be a JSON object")


def _inner(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Find the rows in an object: by id, in its one list of objects, or the object itself."""
    if body and all(isinstance(value, dict) for value in body.values()):
        for key, value in body.items():
            yield f"[{key!r}]", {"id": key, **value}
        return
    lists = {key: value for key, value in body.items() if isinstance(value, list) and value}
    tables = [key for key, value in lists.items() if all(isinstance(item, dict) for item in value)]
    if len(tables) == 1 and tables[0] not in _TURNS:
        for index, value in enumerate(body[tables[0]]):
            yield f"[{tables[0]!r}][{index}]", value
        return
    yield "", body


_TURNS = ("messages", "conversations", "conversation", "texts", "prompt")
