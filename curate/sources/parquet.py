"""Parquet files: pictures as structs of bytes and path, with or without Hugging Face's feature metadata."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from curate.sources._arrow import BATCH, class_names, rows
from curate.sources._files import is_file
from curate.sources._row import Found, failed, one_line
from schemas.errors import ConfigError

__all__ = ["Parquet"]


@dataclass(frozen=True, slots=True)
class Parquet:
    """A parquet file, read one row group at a time."""

    version: ClassVar[int] = 1

    def takes(self, ref: str) -> bool:
        """Whether the path is a parquet file by its name."""
        return is_file(ref, ".parquet")

    def __call__(self, ref: str, /) -> Iterator[Found]:
        """Yield every row in order.

        Raises:
            ConfigError: the file is not parquet.

        """
        import pyarrow as pa
        import pyarrow.dataset as ds

        name, number = Path(ref).name, 0
        try:
            data = ds.dataset(ref, format="parquet")
        except (OSError, pa.ArrowException) as error:
            raise ConfigError(f"{ref} is not a parquet file: {one_line(error)}") from error
        labels = class_names(data.schema.metadata)
        try:
            # Row groups are held whole; without a readahead it is never more than one of them.
            for batch in data.to_batches(batch_size=BATCH, batch_readahead=0, fragment_readahead=0, use_threads=False):
                for fields in rows(batch, labels):
                    yield Found(fields, f"{name}[{number}]")
                    number += 1
        except (OSError, ValueError, pa.ArrowException) as error:
            reason = f"the file cannot be read from here on: {one_line(error)}"
            yield failed(f"{name}[{number}]", "unreadable", reason)
