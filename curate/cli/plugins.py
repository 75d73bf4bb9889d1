"""`curate plugins`: what there is to name on the command line."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from curate.cli._options import Csv, Json, Workspace

__all__ = ["command"]

_COLUMNS = ("kind", "name", "version", "summary", "where")


def command(
    kind: Annotated[str | None, typer.Argument(metavar="KIND", help="Only this kind, with its parameters.")] = None,
    *,
    _workspace: Workspace = Path(".curate"),
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """List scorers, verifiers, generators, engines, sources and exporters: ours, and those of installed packages.

    Examples:
      curate plugins
      curate plugins scorer --json
    """
    from curate import plugins
    from curate.cli._output import Form, form, print_rows

    how = form(as_json=as_json, as_csv=as_csv)
    kinds = [kind] if kind else list(plugins.KINDS)
    rows = [_row(each, name) for each in kinds for name in plugins.names(each)]
    if how is Form.JSON:
        print_rows(_COLUMNS, rows, how)
    else:
        columns = (*_COLUMNS[:-1], "parameters") if kind and how is Form.TABLE else _COLUMNS
        print_rows(columns, ({**row, "parameters": _brief(row)} for row in rows), how)


def _row(kind: str, name: str) -> dict[str, Any]:
    """Describe one plug-in; one that cannot be loaded says why in place of its summary."""
    from curate import plugins
    from schemas.errors import PluginError

    row: dict[str, Any] = {"kind": kind, "name": name, "where": plugins.where(kind, name)}
    try:
        cls = plugins.load(kind, name)
    except PluginError as error:
        return {**row, "version": None, "summary": f"broken: {error}", "parameters": []}
    summary = (inspect.getdoc(cls) or "").partition("\n")[0]
    found = [asdict(parameter) for parameter in plugins.parameters(cls)]
    return {**row, "version": getattr(cls, "version", None), "summary": summary, "parameters": found}


def _brief(row: dict[str, Any]) -> str:
    return ", ".join(_parameters(row))


def _parameters(row: dict[str, Any], most: int = 24) -> Iterator[str]:
    for parameter in row["parameters"]:
        default = parameter["default"]
        short = default if len(default) <= most else "…"
        yield f"{parameter['name']}={short}" if default else parameter["name"]
