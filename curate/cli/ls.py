"""`curate ls`: the versions of a workspace."""

from __future__ import annotations

from pathlib import Path

from curate.cli._options import Csv, Json, Limit, Workspace

__all__ = ["command"]

_COLUMNS = ("name", "version", "id", "rows", "step", "created")


def command(
    *, workspace: Workspace = Path(".curate"), as_json: Json = False, as_csv: Csv = False, limit: Limit = 0
) -> None:
    """List the versions of the workspace, oldest first, with the number of kept samples.

    Examples:
      curate ls
      curate ls --json
    """
    from curate.cli._output import Form, form, print_rows, say
    from curate.report import summary
    from curate.store import Store

    how = form(as_json=as_json, as_csv=as_csv)
    rows = [summary(version) for version in Store(workspace).versions()]
    if how is Form.TABLE:
        if not rows:
            say(f"no versions in {workspace}: curate run RECIPE makes one")
            return
        rows = [{**row, "id": row["id"][:12], "created": row["created"][:19]} for row in rows]
    print_rows(_COLUMNS, rows, how, limit=limit)
