"""SQL over a version and over the ledger, answered by DuckDB; select rules are SQL too.

Views: `samples`, `traces`, `rejected`, `dropped`, `failed` of one version, `versions` of the whole workspace, and
`requests` and `attempts` of the ledger.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.store import Store
from curate.store.views import open_views
from schemas.arrow import schema
from schemas.errors import ConfigError, StoreError
from schemas.version import TABLES, Version

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["Result", "asking", "connect", "evaluate", "query", "ranges"]

_LEDGER = {
    "requests": {
        **dict.fromkeys(("key", "model", "role", "purpose", "cause"), "string"),
        **dict.fromkeys(("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens"), "int64"),
        **dict.fromkeys(("cost", "latency", "created"), "float64"),
    },
    "attempts": {
        "id": "int64",
        **dict.fromkeys(("key", "model", "cause", "reason"), "string"),
        "status": "int64",
        **dict.fromkeys(("latency", "cost", "created"), "float64"),
    },
}
"""Views over the ledger and their columns; requests and replies themselves are read with the ledger."""

_SOURCE = {"requests": "replies", "attempts": "attempts"}
_COUNTS = ("kept", "dropped", "dropped_traces", "failed", "traces", "rejected")
_FETCH = 1_000
_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class Result:
    """What a query answers; its rows stream and can be read once."""

    columns: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]


def connect(store: Store, at: str | None = None, ledger: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Open an in-memory database with the views of the version `at` (the newest one where it is None) and the ledger.

    Raises:
        ConfigError: there is no version `at`.
        StoreError: a manifest or the ledger is damaged.

    """
    connection = _open(store, at)
    _add_versions(connection, store.versions())
    for name in _LEDGER:
        _add_ledger(connection, name, ledger)
    return connection


def query(store: Store, sql: str, *, at: str | None = None, ledger: Path | None = None) -> Result:
    """Answer an SQL statement.

    Args:
        store: the workspace.
        sql: one or more statements; the last one gives the result.
        at: the version that the views show; the newest one where it is None.
        ledger: the ledger's file; it is only opened where the statement names one of its views.

    Raises:
        ConfigError: DuckDB refuses the statement, or there is no version `at`. Also while the rows are read.

    """
    import duckdb

    connection = _open(store, at)
    _add_versions(connection, store.versions() if _mentions(sql, "versions") else [])
    for name in _LEDGER:
        _add_ledger(connection, name, ledger if _mentions(sql, name) else None)
    try:
        # a string of blanks and comments gives no cursor (duckdb 2.0), although its types say it does
        cursor: duckdb.DuckDBPyConnection | None = connection.execute(sql)
    except duckdb.Error as exc:
        raise ConfigError(_said(exc)) from exc
    if cursor is None:
        raise ConfigError("there is no SQL to answer")
    return Result(tuple(column[0] for column in cursor.description or ()), _stream(connection))


@contextmanager
def asking(
    store: Store, version: Version, ledger: Path | None = None
) -> Iterator[Callable[[str], list[dict[str, Any]]]]:
    """Open the tables of a version for many statements with few rows each: `ask(sql)` returns the rows by column.

    Where `ledger` is given, one statement may read the view `requests` once: it streams, so that a ledger of any size
    is summed in bounded memory.

    Raises:
        StoreError: a table is not there or cannot be opened.
        ConfigError: DuckDB refuses a statement.

    """
    import duckdb
    import pyarrow as pa

    try:
        opened = open_views({table: store.files(version, table) for table in TABLES})
    except duckdb.Error as exc:
        raise StoreError(f"{version.ref} cannot be read: {_said(exc)}; see `curate check`") from exc
    with closing(opened) as connection:
        connection.execute("SET parquet_metadata_cache = true")  # a version's files never change
        if ledger is not None:
            shape = _ledger_shape("requests")
            batches = _read_ledger(ledger, "requests", shape)
            connection.register("requests", pa.RecordBatchReader.from_batches(shape, batches))

        def ask(sql: str) -> list[dict[str, Any]]:
            _run(connection, sql)
            names = [column[0] for column in connection.description or ()]
            return [dict(zip(names, row, strict=True)) for row in _stream(connection)]

        yield ask


def evaluate(
    store: Store, version: Version, expressions: Mapping[str, str], *, table: str = "samples"
) -> Iterator[dict[str, Any]]:
    """Yield the `id` of every row of a version's table, in order, with the values of SQL expressions over its columns.

    Args:
        store: the workspace.
        version: the version whose rows are asked.
        expressions: names, other than `id`, to SQL expressions such as `clarity.value >= 0.3`.
        table: `samples`, `traces` or `rejected`.

    Raises:
        ConfigError: DuckDB refuses an expression.

    """
    for name, text in expressions.items():
        _check_expression(name, text)
    columns = ", ".join(f"({text}\n) AS {_quoted(name)}" for name, text in expressions.items())
    with closing(open_views({table: store.files(version, table)})) as connection:
        _run(connection, f"SELECT id{', ' if columns else ''}{columns} FROM {table} ORDER BY id")  # noqa: S608
        names = ("id", *expressions)
        for row in _stream(connection):
            yield dict(zip(names, row, strict=True))


def ranges(store: Store, version: Version, columns: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Return the least and greatest value of SQL expressions over a version's samples; NULL does not count.

    An expression that has a finite value for no sample is left out.

    Raises:
        ConfigError: DuckDB refuses an expression, or its values are no numbers.

    """
    found = {}
    with closing(open_views({"samples": store.files(version, "samples")})) as connection:
        for text in columns:
            _check_expression(text, text)
            value = f"CAST(({text}\n) AS DOUBLE)"
            _run(connection, f"SELECT min(x), max(x) FROM (SELECT {value} AS x FROM samples) WHERE isfinite(x)")  # noqa: S608
            ((least, most),) = _stream(connection)
            if least is not None:
                found[text] = (float(least), float(most))
    return found


def _open(store: Store, at: str | None) -> duckdb.DuckDBPyConnection:
    version = store.latest() if at is None else store.resolve(at)
    if version is not None:
        return open_views({table: store.files(version, table) for table in TABLES})
    connection = open_views({})
    for table in TABLES:
        _add(connection, table, schema(table).empty_table())
    return connection


def _add_versions(connection: duckdb.DuckDBPyConnection, versions: Sequence[Version]) -> None:
    import pyarrow as pa

    text, whole = pa.string(), pa.int64()
    columns = {"name": text, "number": whole, **dict.fromkeys(("ref", "id", "step", "created"), text)}
    columns |= {"rows_in": whole, **dict.fromkeys(_COUNTS, whole), "parents": pa.list_(text)}
    shape = pa.schema(list(columns.items()))
    rows = [
        {
            "name": version.name,
            "number": version.number,
            "ref": version.ref,
            "id": version.id,
            "step": version.manifest.step.kind,
            "created": version.manifest.created,
            "rows_in": version.manifest.rows_in,
            **{name: version.manifest.counts.get(name, 0) for name in _COUNTS},
            "parents": list(version.manifest.parents),
        }
        for version in versions
    ]
    _add(connection, "versions", pa.Table.from_pylist(rows, schema=shape))


def _add_ledger(connection: duckdb.DuckDBPyConnection, name: str, ledger: Path | None) -> None:
    """Copy a ledger's table, without the texts, into the database: DuckDB's own SQLite reader is a download."""
    import pyarrow as pa

    shape = _ledger_shape(name)
    _add(connection, name, shape.empty_table())
    if ledger is not None and ledger.exists():
        for batch in _read_ledger(ledger, name, shape):
            connection.register("incoming", pa.Table.from_batches([batch]))
            connection.execute(f"INSERT INTO {name} SELECT * FROM incoming")  # noqa: S608 - names are ours
            connection.unregister("incoming")


def _ledger_shape(name: str) -> pa.Schema:
    import pyarrow as pa

    return pa.schema([(column, pa.type_for_alias(kind)) for column, kind in _LEDGER[name].items()])


def _read_ledger(ledger: Path, name: str, shape: pa.Schema) -> Iterator[pa.RecordBatch]:
    import sqlite3

    import pyarrow as pa

    try:
        # DuckDB may ask for the next batch from any of its threads, though never from two at once
        uri = f"{ledger.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, check_same_thread=False)) as source:
            cursor = source.execute(f"SELECT {', '.join(shape.names)} FROM {_SOURCE[name]}")  # noqa: S608 - our names
            while rows := cursor.fetchmany(_BATCH):
                columns = zip(*rows, strict=True)
                arrays = [pa.array(column, field.type) for column, field in zip(columns, shape, strict=True)]
                yield pa.RecordBatch.from_arrays(arrays, schema=shape)
    except sqlite3.Error as exc:
        raise StoreError(f"the ledger {ledger} cannot be read: {exc}") from exc


def _add(connection: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    connection.register("incoming", rows)
    connection.execute(f"CREATE TABLE {name} AS SELECT * FROM incoming")  # noqa: S608 - names are ours
    connection.unregister("incoming")


def _run(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    import duckdb

    try:
        connection.execute(sql)
    except duckdb.Error as exc:
        raise ConfigError(_said(exc)) from exc


def _stream(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    import duckdb

    try:
        while rows := connection.fetchmany(_FETCH):
            yield from rows
    except duckdb.Error as exc:
        raise ConfigError(_said(exc)) from exc


def _check_expression(name: str, text: str) -> None:
    """Refuse what is not one expression before it becomes a part of a statement."""
    import duckdb

    try:
        duckdb.SQLExpression(text)
    except duckdb.Error as exc:
        raise ConfigError(f"{name} is not an SQL expression: {_said(exc)}") from exc


def _mentions(sql: str, name: str) -> bool:
    return re.search(rf"\b{name}\b", sql, re.IGNORECASE) is not None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _said(exc: Exception) -> str:
    """Return DuckDB's message on one line, without its drawing of the place and its list of functions."""
    return " ".join(re.split(r"\n\s*\nLINE \d+:|\s*Candidate functions:", str(exc))[0].split())
