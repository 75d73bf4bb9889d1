"""Arguments and options that several commands share, spelled once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Csv", "Json", "Limit", "Params", "Ref", "Teachers", "Workspace", "pairs"]

Workspace = Annotated[
    Path,
    typer.Option("--workspace", envvar="CURATE_WORKSPACE", help="Folder of versions, pictures and the ledger."),
]

Ref = Annotated[
    str,
    typer.Argument(metavar="REF", help="A version: name@v2, name@latest, name, or the beginning of an id."),
]

Json = Annotated[bool, typer.Option("--json", help="Write JSON to stdout.")]

Csv = Annotated[bool, typer.Option("--csv", help="Write CSV to stdout.")]

Limit = Annotated[int, typer.Option("--limit", min=0, help="Rows of a printed table; 0 for all.")]

Params = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="NAME=VALUE", help="A parameter of the plug-in; may be given several times."),
]

Teachers = Annotated[
    list[str] | None,
    typer.Option(
        "--teacher",
        metavar="[ROLE=]SPEC",
        help="A model: a name from curate.toml, URL#model, embedded, or replay#model; for one role or for all. "
        "May be given several times.",
    ),
]


def pairs(params: list[str] | None) -> dict[str, str]:
    """Split `name=value` texts.

    Raises:
        BadParameter: one without an equals sign.

    """
    split = [text.partition("=") for text in params or []]
    for name, equals, _ in split:
        if not name or not equals:
            raise typer.BadParameter(f"write NAME=VALUE, not {name!r}", param_hint="'--param'")
    return {name.replace("-", "_"): value for name, _, value in split}
