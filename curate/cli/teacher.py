"""`curate teacher`: the models that ship with the toolkit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from curate.cli._options import Workspace

__all__ = ["app"]

app = typer.Typer(help="Models to ask.")


@app.command()
def pull(
    name: Annotated[str, typer.Argument(help="Name of the model: smollm2.")] = "smollm2",
    *,
    workspace: Workspace = Path(".curate"),
) -> None:
    """Fetch a small model for `--teacher embedded` into the user's cache folder, once, and check it.

    Examples:
      curate teacher pull smollm2
    """
    from curate.teacher.models import pull as fetch

    print(fetch(name))
