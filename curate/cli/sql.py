"""`curate sql`: ask a version, the workspace or the ledger anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from curate.cli._options import Csv, Json, Limit, Workspace

__all__ = ["command"]


def command(
    statement: Annotated[str, typer.Argument(metavar="SQL", help="What DuckDB is to answer.")],
    *,
    at: Annotated[
        str | None, typer.Option("--at", metavar="REF", help="The version asked; the newest one by default.")
    ] = None,
    limit: Limit = 100,
    workspace: Workspace = Path(".curate"),
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Answer SQL over the tables samples, traces, rejected, dropped and failed of a version.

    There are also versions (of the workspace), and requests and attempts (of the ledger). A scorer's column is a
    struct: clarity.value, clarity.passed, clarity.reason, clarity.detail.

    Examples:
      curate sql "SELECT source, count(*), avg(clarity.value) FROM samples GROUP BY ALL"
      curate sql "SELECT rule, count(*) FROM dropped GROUP BY ALL" --at mydata@v2 --json
    """
    from curate.cli._output import form, print_rows
    from curate.query import query
    from curate.store import Store

    how = form(as_json=as_json, as_csv=as_csv)
    result = query(Store(workspace), statement, at=at, ledger=workspace / "ledger.sqlite")
    columns = _told_apart(result.columns)
    print_rows(columns, (dict(zip(columns, row, strict=True)) for row in result.rows), how, limit=limit)


def _told_apart(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Number columns of one name, so that none hides another: `n`, `n_2`."""
    return tuple(
        name if columns.index(name) == place else f"{name}_{columns[: place + 1].count(name)}"
        for place, name in enumerate(columns)
    )
