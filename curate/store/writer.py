"""What `Store.derive` hands to the code that makes the rows of a version."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.store.disk import reporting
from curate.store.shards import Pool, read_batches
from curate.store.spool import Spool
from schemas.arrow import Fields, batch_of, dropped_row, failed_row, sample_row, schema, trace_row
from schemas.earlier import brought_up
from schemas.errors import SchemaError
from schemas.sample import ID_DIGITS, Sample
from schemas.trace import Trace
from schemas.version import TABLES, Dropped, Failed, Shard, Version

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ScoreFields", "Writer", "columns_of"]

ScoreFields = Mapping[str, Fields]
"""`samples` and `traces` to the score columns of each."""

_ROWS = 4_096
_WEIGHT = 16_000_000
"""Rows and characters that are gathered before they go to disk."""

_ID = re.compile(rf"[0-9a-f]{{{ID_DIGITS}}}")


def columns_of(table: str, fields: ScoreFields) -> Fields:
    """Return the score columns of a table: rejected traces have those of traces."""
    if table in ("dropped", "failed"):
        return {}
    return fields.get("samples" if table == "samples" else "traces", {})


class Writer:
    """Takes the rows of a version in any order. For one thread at a time.

    Every method raises `SchemaError` for a row that its table cannot hold, and `StoreError` when the disk is full.
    """

    rows_in: int | None = None
    """Source rows the version accounts for, where `write` does not return them."""
    retryable: bool = False
    """Set it where a rerun could do better: some rows failed for a passing cause."""

    def __init__(self, folder: Path, fields: ScoreFields, files: Callable[[Version, str], Sequence[Path]]) -> None:
        self._folder = folder
        self._fields = {table: columns_of(table, fields) for table in TABLES}
        self._files = files
        self._spools = {t: Spool(folder / f"{t}.arrow", t, schema(t, self._fields[t])) for t in TABLES}
        self._rows: dict[str, list[dict[str, Any]]] = {table: [] for table in TABLES}
        self._weights = dict.fromkeys(TABLES, 0)

    def sample(self, sample: Sample) -> None:
        """Keep a sample with its scores."""
        _check_id(sample.id)
        self._add("samples", sample_row(sample, self._fields["samples"]))

    def trace(self, trace: Trace) -> None:
        """Keep a trace; its sample must be kept too."""
        _check_id(trace.sample_id)
        self._add("traces", trace_row(trace, self._fields["traces"]))

    def rejected(self, trace: Trace) -> None:
        """Record a trace that was written and is not kept."""
        _check_id(trace.sample_id)
        self._add("rejected", trace_row(trace, self._fields["rejected"]))

    def dropped(self, item: Dropped) -> None:
        """Record why a sample or a trace is not kept."""
        _check_id(item.sample_id)
        self._add("dropped", dropped_row(item))

    def failed(self, item: Failed) -> None:
        """Record a row that could not be worked on."""
        if item.sample_id is not None:
            _check_id(item.sample_id)
        self._add("failed", failed_row(item))

    def inherit(self, parent: Version, tables: Iterable[str] = ("dropped", "failed")) -> None:
        """Take over whole tables of a parent, without making Python objects of their rows.

        Raises:
            SchemaError: the parent's table has other score columns.

        """
        for table in tables:
            fields = columns_of(table, parent.manifest.score_fields)
            if schema(table, fields) != self._spools[table].schema:
                raise SchemaError(f"cannot take {table} over from {parent.ref}: its score columns are others")
            for path in self._files(parent, table):
                for batch in read_batches(path, _ROWS):
                    self._spool(table, brought_up(batch, self._spools[table].schema))

    def finish(self, pool: Pool, watch: Callable[[str], None]) -> tuple[dict[str, tuple[Shard, ...]], dict[str, int]]:
        """Sort and cut what was written, put it into the pool, and return the shards and the counts of the tables."""
        counts = dict.fromkeys(("kept", "dropped", "dropped_traces", "failed", "traces", "rejected"), 0)
        tables = {}
        for table, spool in self._spools.items():
            self._flush(table)
            shards = []
            with reporting(f"write the table {table}"):
                for bucket, rows in spool.buckets():
                    fields = self._fields[table]
                    shards.append(pool.put(rows, bucket, name=table, fields=fields, staging=self._folder))
                    _count(counts, table, rows)
                    watch("shard")
            tables[table] = tuple(shards)
        return tables, counts

    def close(self) -> None:
        """Let go of the files in the staging folder."""
        for spool in self._spools.values():
            spool.close()

    def _add(self, table: str, row: dict[str, Any]) -> None:
        self._rows[table].append(row)
        self._weights[table] += sum(len(value) for value in row.values() if type(value) is str)
        if len(self._rows[table]) >= _ROWS or self._weights[table] >= _WEIGHT:
            self._flush(table)

    def _flush(self, table: str) -> None:
        rows = self._rows[table]
        if rows:
            self._rows[table], self._weights[table] = [], 0
            self._spool(table, batch_of(rows, self._spools[table].schema))

    def _spool(self, table: str, batch: pa.RecordBatch) -> None:
        with reporting(f"write the table {table}"):
            self._spools[table].add(batch)


def _check_id(ident: str) -> None:
    if not _ID.fullmatch(ident):
        raise SchemaError(f"{ident!r} is not the id of a sample: {ID_DIGITS} hex digits, made by Sample.of")


def _count(counts: dict[str, int], table: str, rows: pa.Table) -> None:
    if table == "dropped":
        whole = rows.column("trace_id").null_count
        counts["dropped"] += whole
        counts["dropped_traces"] += rows.num_rows - whole
    else:
        counts["kept" if table == "samples" else table] += rows.num_rows
