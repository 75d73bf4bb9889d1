"""The tables of a version as DuckDB views."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

__all__ = ["open_views"]


def open_views(files: Mapping[str, Sequence[Path]]) -> duckdb.DuckDBPyConnection:
    """Open an in-memory database with one view per table over its parquet files."""
    import duckdb

    # without this DuckDB makes a folder .tmp wherever it is started when a sort does not fit into memory
    spill = Path(tempfile.gettempdir()) / f"curate-duckdb-{os.getpid()}"
    connection = duckdb.connect(config={"temp_directory": str(spill)})
    for table, paths in files.items():
        listed = ", ".join(_literal(path) for path in paths)
        connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet([{listed}])")  # noqa: S608 - quoted below
    return connection


def _literal(path: Path) -> str:
    """Quote a path for SQL, and for DuckDB's globs, which a folder's name may look like."""
    plain = re.sub(r"([\[\]*?])", r"[\1]", str(path))
    return "'" + plain.replace("'", "''") + "'"
