"""Rows in any order to sorted buckets, in bounded memory.

Batches are written to one Arrow file as they come, each sorted by the rows' prefixes. When all are there, each bucket's
part of every batch is found by binary search in the mapped file, put together, sorted and handed on. In memory are
the rows of one group of buckets, about 64 MB; the mapped pages are given back as soon as they are copied.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.store.digest import PREFIXES, bucket_count, prefixes, weight

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ORDER", "Spool"]

ORDER = {
    "samples": ("id", "source", "row"),
    "traces": ("sample_id", "id", "try_index"),
    "rejected": ("sample_id", "id", "try_index"),
    "dropped": ("sample_id", "trace_id", "stage", "rule", "value", "threshold", "source", "row"),
    "failed": ("sample_id", "source", "row", "stage", "cause", "reason"),
}
"""Columns that rows of a bucket are sorted by."""

_PREFIX = "_prefix"
_GROUP = 64_000_000
_AT_ONCE = 32
"""Batches whose rows are copied before the mapped pages go: the system maps 64 KB around each of a batch's columns."""


class Spool:
    """The rows of one table of a version while it is written."""

    def __init__(self, path: Path, table: str, schema: pa.Schema) -> None:
        self.table = table
        self.schema = schema
        self.rows = 0
        self._path = path
        self._weight = 0
        self._sink: Any = None

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows of the table's schema, in any order."""
        import numpy as np
        import pyarrow as pa

        if not batch.num_rows:
            return
        keys = prefixes(batch, self.table)
        order = np.argsort(keys, kind="stable")
        shape = self.schema.append(pa.field(_PREFIX, pa.uint16()))
        if self._sink is None:
            self._sink = pa.ipc.new_file(str(self._path), shape)
        columns = [*batch.take(pa.array(order)).columns, pa.array(keys[order])]
        self._sink.write_batch(pa.RecordBatch.from_arrays(columns, schema=shape))
        self.rows += batch.num_rows
        self._weight += weight(batch)

    def buckets(self) -> Iterator[tuple[int, pa.Table]]:
        """Yield each bucket that has rows with its sorted rows, in order; one empty bucket where there are none."""
        if self._sink is None:
            yield 0, self.schema.empty_table()
            return
        self._sink.close()
        count = bucket_count(self.rows, self._weight)
        group = max(1, _GROUP * count // self._path.stat().st_size)
        with self._path.open("rb") as file:
            pages = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        for rows in _groups(pages, [*range(0, count, group), count], count):
            yield from self._cut(rows, count)

    def close(self) -> None:
        """Let go of the file, whether or not everything was written."""
        import pyarrow as pa

        if self._sink is not None:
            # on a full disk the end of the file cannot be written either, and the file is on its way out
            with suppress(OSError, pa.ArrowException):
                self._sink.close()

    def _cut(self, rows: pa.Table, count: int) -> Iterator[tuple[int, pa.Table]]:
        """Sort the rows of neighbouring buckets and part them."""
        import numpy as np
        import pyarrow.compute as pc

        if not rows.num_rows:
            return
        whole = rows.combine_chunks()
        keys = [(_PREFIX, "ascending"), *((name, "ascending") for name in ORDER[self.table])]
        whole = whole.take(pc.sort_indices(whole, sort_keys=keys))
        found = whole.column(_PREFIX).to_numpy().astype(np.int64) * count // PREFIXES
        table = whole.drop_columns(_PREFIX)
        starts = np.flatnonzero(np.diff(found, prepend=-1))
        for start, end in pairwise([*starts, len(found)]):
            yield int(found[start]), table.slice(start, end - start)


def _groups(pages: mmap.mmap, firsts: list[int], count: int) -> Iterator[pa.Table]:
    """Yield the unsorted rows of the buckets from each of `firsts` to the next."""
    import numpy as np
    import pyarrow as pa

    reader = pa.ipc.open_file(pa.py_buffer(pages))
    batches = [reader.get_batch(index) for index in range(reader.num_record_batches)]
    # a prefix p lies in bucket p * count // PREFIXES, so bucket b starts at b * PREFIXES / count, a whole number
    bounds = np.array(firsts) * (PREFIXES // count)
    cuts = [np.searchsorted(batch.column(_PREFIX).to_numpy(), bounds).tolist() for batch in batches]
    for index in range(len(firsts) - 1):
        parts = []
        for some in range(0, len(batches), _AT_ONCE):
            near = zip(batches[some : some + _AT_ONCE], cuts[some : some + _AT_ONCE], strict=True)
            slices = [batch.slice(cut[index], cut[index + 1] - cut[index]) for batch, cut in near]
            parts.append(pa.Table.from_batches(slices, schema=reader.schema).combine_chunks())
            pages.madvise(mmap.MADV_DONTNEED)
        yield pa.concat_tables(parts)
