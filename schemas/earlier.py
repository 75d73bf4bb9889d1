"""Tables that were written before a column came: they are read as they are, and the column is null."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["brought_up", "earlier"]

_LATER = frozenset({"prompts"})
"""Columns that the first workspaces did not have."""


def brought_up(batch: pa.RecordBatch, shape: pa.Schema) -> pa.RecordBatch:
    """Return rows under the columns of today; a batch that lacks others is returned as it is."""
    import pyarrow as pa

    if batch.schema.names == shape.names or batch.schema.names != earlier(shape).names:
        return batch
    held = {name: batch.column(name) for name in batch.schema.names}
    columns = [held[field.name] if field.name in held else pa.nulls(batch.num_rows, field.type) for field in shape]
    return pa.RecordBatch.from_arrays(columns, names=shape.names)


def earlier(shape: pa.Schema) -> pa.Schema:
    """Return the columns as they were before some came later."""
    import pyarrow as pa

    return pa.schema([field for field in shape if field.name not in _LATER])
