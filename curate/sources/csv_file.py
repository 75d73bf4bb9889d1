"""Comma- or tab-separated tables, every cell as text: `007` stays `007`."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from curate.sources._files import UNREADABLE, is_file, opened, suffix
from curate.sources._row import MAX_ROW_BYTES, Found, failed
from schemas.errors import ConfigError

__all__ = ["CsvFile"]

_NOT_UTF8 = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A table with a header line: `.csv` (comma, else semicolon or tab), `.tsv`, packed as `.gz` or `.zst` too."""

    version: ClassVar[int] = 1

    def takes(self, ref: str) -> bool:
        """Whether the path is a table by its name."""
        return is_file(ref, ".csv", ".tsv")

    def __call__(self, ref: str, /) -> Iterator[Found]:
        """Yield one row for every record after the header; an empty cell is an empty text.

        Raises:
            ConfigError: the file has no header.

        """
        name = Path(ref).name
        # The module's own limit is 128 kB a cell, which a picture as base64 passes. The setting is the process's.
        csv.field_size_limit(MAX_ROW_BYTES)
        with opened(ref) as stream:
            text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
            header, mark = _header(text, ref)
            records = csv.reader(text, delimiter=mark, strict=True)
            while True:
                try:
                    cells = next(records, None)
                except csv.Error as error:
                    yield failed(f"{name}:{records.line_num + 1}", "malformed", f"not a record: {error}")
                    continue
                except UNREADABLE as error:
                    reason = f"the file cannot be read from here on: {error}"
                    yield failed(f"{name}:{records.line_num + 1}", "unreadable", reason)
                    return
                if cells is None:
                    return
                if cells:
                    yield _row(header, cells, f"{name}:{records.line_num + 1}")


def _header(text: io.TextIOWrapper, ref: str) -> tuple[list[str], str]:
    """Read the header line and find out what separates cells."""
    try:
        line = text.readline(2**20)
        mark = "\t" if suffix(ref) == ".tsv" else next((c for c in ",;\t" if c in line), ",")
        header = [name.strip() for name in next(csv.reader([line], delimiter=mark), [])]
    except (*UNREADABLE, csv.Error) as error:
        raise ConfigError(f"cannot read the header of {ref}: {error}") from error
    if not any(header):
        raise ConfigError(f"{ref} has no header line: its first line must name the columns")
    repeated = {name for name in header if name and header.count(name) > 1}
    if repeated:
        raise ConfigError(f"{ref} names the column {min(repeated)!r} twice: rename one of them")
    return header, mark


def _row(header: Sequence[str], cells: Sequence[str], where: str) -> Found:
    if len(cells) != len(header):
        return failed(where, "malformed", f"{len(cells)} cells where the header names {len(header)}")
    if any(_NOT_UTF8.search(cell) for cell in cells):
        return failed(where, "malformed", "not UTF-8 text")
    return Found({name: cell for name, cell in zip(header, cells, strict=True) if name}, where)
