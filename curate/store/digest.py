"""Name rows by what they say: bucket numbers, and a hash of a table that does not depend on how parquet writes it.

The hash walks the columns of a sorted table once. For each column: the number of rows; whether any is null, and then
which; then the values. Text is its lengths and its UTF-8 bytes, a list its lengths and its items, a struct its members
in order, a number its little-endian bytes, a boolean one bit. It starts with the canonical JSON of the layout's number,
the table's name and its score columns, so that equal bytes under other columns get another name.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from schemas.canonical import canonical

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from schemas.arrow import Fields

__all__ = ["LAYOUT", "PREFIXES", "bucket_count", "digest", "prefixes", "weight"]

LAYOUT = 1
"""Version of columns, order and hash; raise it when one of them changes."""

PREFIXES = 65_536
"""Values of a row's prefix: the first 16 bits of its sample's id."""

_ROWS = 2_000
_WEIGHT = 64_000_000


def bucket_count(rows: int, size: int) -> int:
    """Return into how many files a table of so many rows and characters is cut.

    The least power of two that leaves at most 2,000 rows and 64 million characters to a file in the mean; ids are
    hashes, so the files come out nearly equal.
    """
    wanted = max(1, -(-rows // _ROWS), -(-size // _WEIGHT))
    return min(PREFIXES, 1 << (wanted - 1).bit_length())


def weight(batch: pa.RecordBatch | pa.Table) -> int:
    """Return the number of characters in the text columns of a table, nested ones apart."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = [batch.column(i) for i, field in enumerate(batch.schema) if field.type == pa.string()]
    return sum(pc.sum(pc.utf8_length(text)).as_py() or 0 for text in texts)


def prefixes(batch: pa.RecordBatch | pa.Table, table: str) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """Return the prefix of every row: the first 16 bits of its sample's id, or of a hash of its source and row."""
    import numpy as np

    ids = batch.column("id" if table == "samples" else "sample_id").to_pylist()
    if table == "failed":
        places = zip(batch.column("source").to_pylist(), batch.column("row").to_pylist(), strict=True)
        ids = [ident or _placed(source, row) for ident, (source, row) in zip(ids, places, strict=True)]
    return np.array([int(ident[:4], 16) for ident in ids], dtype=np.uint16)


def digest(table: pa.Table, name: str, fields: Fields) -> str:
    """Return the hash of a shard's rows in their order, 64 hex digits.

    `table` holds the rows of one bucket, `name` says of which table, `fields` are its score columns.
    """
    hasher = hashlib.sha256(canonical([LAYOUT, name, [[k, list(v.items())] for k, v in fields.items()]]))
    for column in table.columns:
        _feed(hasher, column.combine_chunks())
    return hasher.hexdigest()


def _placed(source: str, row: int) -> str:
    return hashlib.sha256(f"{source}\n{row}".encode()).hexdigest()


def _feed(hasher: hashlib._Hash, array: Any) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    hasher.update(len(array).to_bytes(8, "little"))
    hasher.update(b"\x01" if array.null_count else b"\x00")
    if array.null_count:
        hasher.update(_bits(array.is_valid()))
        array = array.drop_null()
    kind = array.type
    if pa.types.is_struct(kind):
        for member in array.flatten():
            _feed(hasher, member)
    elif pa.types.is_list(kind):
        hasher.update(pc.list_value_length(array).to_numpy(zero_copy_only=False).astype("<i4").tobytes())
        _feed(hasher, array.flatten())
    elif pa.types.is_string(kind):
        hasher.update(pc.binary_length(array).to_numpy(zero_copy_only=False).astype("<i4").tobytes())
        hasher.update(_text(array))
    elif pa.types.is_boolean(kind):
        hasher.update(_bits(array))
    else:
        values = array.to_numpy(zero_copy_only=False)
        hasher.update(values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes())


def _bits(array: Any) -> bytes:
    import numpy as np

    return np.packbits(array.to_numpy(zero_copy_only=False)).tobytes()


def _text(array: Any) -> memoryview:
    """Return the bytes of a column of text without nulls, as they lie one after another."""
    import numpy as np

    _, offsets, data = array.buffers()
    if not len(array) or data is None:
        return memoryview(b"")
    bounds = np.frombuffer(offsets, dtype=np.int32, count=len(array) + 1, offset=array.offset * 4)
    return memoryview(data)[bounds[0] : bounds[-1]]
