"""`curate check`: prove that versions are whole."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from curate.cli._options import Csv, Json, Workspace

__all__ = ["command"]

_COLUMNS = ("ref", "rows_in", "kept", "dropped", "failed", "problems")


def command(
    ref: Annotated[
        str | None, typer.Argument(metavar="REF", help="A version; without it every version is checked.")
    ] = None,
    *,
    deep: Annotated[bool, typer.Option("--deep", help="Also read every picture and compare its hash.")] = False,
    workspace: Workspace = Path(".curate"),
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Check that every source row is kept, dropped or failed, and that no file is missing or damaged.

    Exits with 1 where there is a problem.

    Examples:
      curate check
      curate check mydata@v2 --json
    """
    from curate.cli._output import Form, form, print_lines
    from curate.store import Store

    how = form(as_json=as_json, as_csv=as_csv)
    store = Store(workspace)
    reports = [store.check(ref, deep=deep)] if ref else store.check_all(deep=deep)
    found = 0
    rows = []
    for report in reports:
        found += len(report.problems)
        row = {**asdict(report), "problems": list(report.problems)}
        if how is Form.JSON:
            print_lines(_COLUMNS, [row], how)
        else:
            rows.append({**row, "problems": "; ".join(report.problems)})
    if how is not Form.JSON:
        print_lines(_COLUMNS, rows, how)
    if found:
        raise typer.Exit(1)
