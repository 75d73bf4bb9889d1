"""What commands write to stdout: tables for people, JSON and CSV for programs. Talk goes to stderr.

Text from data or models is untrusted: control characters are shown, never sent to the terminal.
"""

from __future__ import annotations

import csv
import json
import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

import typer

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = ["Form", "cell", "form", "print_json", "print_lines", "print_rows", "safe", "say", "show"]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_WIDE = 100_000
"""Columns of a table that is not written to a terminal, where nothing should wrap."""


class Form(StrEnum):
    """How rows are written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    TSV = "tsv"


def form(*, as_json: bool, as_csv: bool, as_tsv: bool = False) -> Form:
    """Return the one form that the options ask for.

    Raises:
        BadParameter: more than one.

    """
    asked = [kind for kind, wanted in ((Form.JSON, as_json), (Form.CSV, as_csv), (Form.TSV, as_tsv)) if wanted]
    if len(asked) > 1:
        raise typer.BadParameter("choose one of " + " and ".join(f"--{kind}" for kind in asked))
    return asked[0] if asked else Form.TABLE


def print_rows(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], how: Form, *, limit: int = 0) -> None:
    """Write rows as a table (the first `limit`, 0 for all), as one JSON list, or as CSV with a header."""
    if how is Form.JSON:
        _json_list(rows)
    elif how is Form.CSV:
        _csv(columns, rows)
    else:
        _table(columns, iter(rows), limit)


def print_lines(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], how: Form, *, limit: int = 0) -> None:
    """Write like `print_rows`, but JSON as one object a line, each as soon as it is there."""
    if how is not Form.JSON:
        print_rows(columns, rows, how, limit=limit)
        return
    for row in rows:
        print(_dump(row), flush=True)


def print_json(value: object) -> None:
    """Write one JSON value, indented."""
    print(_dump(value, indent=2))


def show(renderable: RenderableType) -> None:
    """Write something rich can draw, unwrapped where stdout is not a terminal."""
    _console().print(renderable)


def say(text: str) -> None:
    """Tell the user something, on stderr."""
    print(safe(text), file=sys.stderr, flush=True)


def safe(text: str) -> str:
    """Return text whose control characters (but line ends and tabs) are spelled out."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def cell(value: object) -> str:
    """Return a value as one cell of a table or CSV: text as it is, missing ones empty, structures as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else _dump(_plain(value)).strip('"')


def _json_list(rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a list one row a line, without holding it."""
    lead = "["
    for row in rows:
        print(lead, _dump(row), sep="", end="")
        lead = ",\n "
    print("[]" if lead == "[" else "]")


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell(row.get(name)) for name in columns])


def _table(columns: Sequence[str], rows: Iterator[Mapping[str, Any]], limit: int) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in columns:
        table.add_column(Text(safe(name)))
    for row in islice(rows, limit or None):
        table.add_row(*(Text(_one_line(cell(row.get(name)))) for name in columns))
    show(table)
    more = sum(1 for _ in rows)
    if more:
        say(f"{more} more rows: --limit 0 shows all")


def _console() -> Console:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False, soft_wrap=False)


def _one_line(text: str, most: int = 300) -> str:
    short = " ".join(safe(text).split())
    return short if len(short) <= most else f"{short[: most - 1]}…"


def _dump(value: object, *, indent: int | None = None) -> str:
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, indent=indent)


def _plain(value: object) -> Any:
    """Return a database's value as JSON data."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return _number(value) if isinstance(value, (float, Decimal)) else _text(value)


def _number(value: float | Decimal) -> float | int | None:
    if not math.isfinite(value):
        return None
    return int(value) if isinstance(value, Decimal) and value == value.to_integral_value() else float(value)


def _text(value: object) -> Any:
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, (date, time)):
        return value.isoformat()
    return str(value) if isinstance(value, (timedelta, UUID)) else value
