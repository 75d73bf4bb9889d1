"""Models that run inside curate, for `--teacher embedded`.

Examples:
  curate teacher pull smollm2
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from curate.cli._options import Workspace

__all__ = ["app"]

app = typer.Typer()


@app.command()
def pull(
    name: Annotated[str, typer.Argument(help="Name of the model: smollm2.")] = "smollm2",
    *,
    workspace: Workspace = Path(".curate"),  # noqa: ARG001 - every command takes it; a model serves all workspaces
) -> None:
    """Fetch a small model for `--teacher embedded` into the user's cache folder, once, and check it.

    Examples:
      curate teacher pull smollm2
    """
    from curate.teacher.models import pull as fetch

    print(fetch(name))
