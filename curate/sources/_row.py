"""What a source yields: rows as they were found, before anything is made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

from schemas.errors import SourceError

__all__ = ["MAX_PICTURE_BYTES", "MAX_ROW_BYTES", "Found", "RawRow", "Source", "failed", "one_line"]

MAX_ROW_BYTES = 128 * 1024 * 1024
"""Longest line or element a reader holds in memory; room for a few pictures as base64."""

MAX_PICTURE_BYTES = 50 * 1024 * 1024
"""Largest picture file that is read, unpacked or fetched."""


class Found(NamedTuple):
    """One row as a format's reader found it."""

    fields: Mapping[str, Any]
    """Plain values; pictures may be bytes."""
    where: str
    """Place for people: `vqa.jsonl:12`."""
    error: SourceError | None = None
    """Why there are no fields."""


class Source(Protocol):
    """Reads one format. `takes` is cheap and looks at names and first bytes only; the call streams."""

    version: ClassVar[int]

    def takes(self, ref: str) -> bool:
        """Whether this path or name is of the format."""

    def __call__(self, ref: str, /) -> Iterator[Found]:
        """Yield every row in order; a row that cannot be read is yielded with its error.

        Raises:
            ConfigError: nothing of the file can be read.

        """


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row in its place in the stream; picklable, and made into a sample by `load`."""

    row: int
    """Place in the stream, from 0."""
    source: str
    """Name of the file or dataset, for rows that name no source of their own."""
    fields: Mapping[str, Any]
    where: str = field(compare=False)
    """Place for people: `vqa.jsonl:12`."""
    media_root: Path | None = None
    """Pictures are read below this folder and nowhere else; None where a source has no folder."""
    error: SourceError | None = field(default=None, compare=False)
    """Why the row could not be read; `load` raises it."""


def failed(where: str, cause: str, reason: str) -> Found:
    """Make the row that says why there is no row."""
    return Found({}, where, SourceError(cause, f"{where}: {reason}"))


def one_line(error: object) -> str:
    """Return what a library said as one short line."""
    return " ".join(str(error).split())[:300] or type(error).__name__
