"""Parquet files of rows, named by what the rows say and shared between versions.

The pool `shards/ab/<digest>.parquet` holds each file once; a version's folder holds hard links to it. Pages carry
checksums, so that a flipped bit is noticed wherever a file is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from curate.store.digest import digest
from curate.store.disk import one_line, sync
from schemas.arrow import Fields
from schemas.errors import StoreError
from schemas.version import Shard

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Pool", "file_name", "read_batches", "read_table"]


def file_name(shard: Shard) -> str:
    """Return a shard's name in its version's folder; names sort as the rows do."""
    return f"{shard.bucket:04x}-{shard.digest[:16]}.parquet"


def read_batches(path: Path, size: int = 256) -> Iterator[pa.RecordBatch]:
    """Stream a file's rows, `size` at a time.

    Raises:
        StoreError: the file is missing or damaged.

    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            yield from file.iter_batches(batch_size=size)
    except (OSError, ValueError, pa.ArrowException) as exc:
        raise StoreError(f"{path} is missing or damaged ({one_line(exc)}): see `curate check`") from exc


def read_table(path: Path) -> pa.Table:
    """Return a whole file.

    Raises:
        StoreError: the file is missing or damaged.

    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            return file.read()
    except (OSError, ValueError, pa.ArrowException) as exc:
        raise StoreError(f"{path} is missing or damaged ({one_line(exc)})") from exc


@dataclass(frozen=True, slots=True)
class Pool:
    """The files that all versions of a workspace share."""

    root: Path

    def path(self, shard: Shard) -> Path:
        """Return where a shard is kept, whether or not it is there."""
        return self.root / shard.digest[:2] / f"{shard.digest}.parquet"

    def put(self, table: pa.Table, bucket: int, *, name: str, fields: Fields, staging: Path) -> Shard:
        """Keep the sorted rows of a bucket; where an equal file is there and whole, nothing is written.

        Args:
            table: the rows.
            bucket: number of the bucket.
            name: name of the table.
            fields: score columns of the table.
            staging: folder on the same disk to write in before the file takes its name.

        """
        shard = Shard(bucket, digest(table, name, fields), table.num_rows)
        path = self.path(shard)
        if not (path.exists() and _holds(path, table)):
            part = staging / path.name
            _write(part, table)
            path.parent.mkdir(parents=True, exist_ok=True)
            part.replace(path)
        return shard


def _holds(path: Path, table: pa.Table) -> bool:
    """Whether the file is whole and has these rows: a damaged one is written anew."""
    try:
        found = read_table(path)
    except StoreError:
        return False
    same: bool = found.schema.equals(table.schema) and found.equals(table)
    return same


def _write(path: Path, table: pa.Table) -> None:
    import pyarrow.parquet as pq

    # Dictionaries stay on for long texts too: from a text column that is written plain, has one value and nulls, DuckDB
    # 2.0 answers `IS NULL` with every row.
    pq.write_table(table, path, compression="zstd", use_dictionary=True, write_page_checksum=True)
    sync(path)
