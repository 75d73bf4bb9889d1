"""One JSON object a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar

from curate.sources._files import UNREADABLE, is_file, opened
from curate.sources._json import decode
from curate.sources._row import MAX_ROW_BYTES, Found, failed

__all__ = ["Jsonl"]

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Jsonl:
    """JSON lines: `.jsonl`, `.ndjson`, packed as `.gz` or `.zst` too. Blank lines are no rows."""

    version: ClassVar[int] = 1

    def takes(self, ref: str) -> bool:
        """Whether the path is a file of JSON lines by its name."""
        return is_file(ref, ".jsonl", ".ndjson", ".jsonlines")

    def __call__(self, ref: str, /) -> Iterator[Found]:
        """Yield one row for every line that is not blank."""
        name = Path(ref).name
        number = 0
        with opened(ref) as stream:
            try:
                for number, line in _lines(stream):
                    if line is None:
                        reason = f"the line is longer than {MAX_ROW_BYTES // 2**20} MB"
                        yield failed(f"{name}:{number}", "too_long", reason)
                    elif not line.isspace():
                        yield _row(line, f"{name}:{number}")
            except UNREADABLE as error:
                yield failed(f"{name}:{number + 1}", "unreadable", f"the file cannot be read from here on: {error}")


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Yield numbered lines from 1; None for one too long to hold."""
    number = 0
    while line := stream.readline(MAX_ROW_BYTES):
        number += 1
        if len(line) < MAX_ROW_BYTES or line.endswith(b"\n"):
            yield number, line.removeprefix(_BOM) if number == 1 else line
            continue
        while (rest := stream.readline(2**20)) and not rest.endswith(b"\n"):
            pass
        yield number, None


def _row(line: bytes, where: str) -> Found:
    try:
        value = decode(line.decode())
    except UnicodeDecodeError as error:
        return failed(where, "malformed", f"not UTF-8 text: {error.reason} at byte {error.start}")
    except ValueError as error:
        return failed(where, "malformed", f"not a line of JSON: {error}")
    if isinstance(value, dict):
        return Found(value, where)
    return failed(where, "not_an_object", f"a row must be a JSON object, and this is a {type(value).__name__}")
