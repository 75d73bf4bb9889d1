"""Models: fetch the embedded one, and ask any endpoint what it can do.

Examples:
  curate teacher pull smollm2
  curate teacher probe http://127.0.0.1:8000/v1#qwen3-vl
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from curate.cli._options import Json, Workspace

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


@app.command()
def probe(
    spec: Annotated[
        str, typer.Argument(metavar="SPEC", help="A model: a name from curate.toml, URL#model, or embedded.")
    ],
    *,
    workspace: Workspace = Path(".curate"),
    teacher_model: Annotated[
        Path | None, typer.Option("--teacher-model", metavar="FILE.gguf", help="The model file of `embedded`.")
    ] = None,
    mmproj: Annotated[
        Path | None, typer.Option("--mmproj", metavar="FILE", help="The model file's picture projector.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Ask an endpoint what it can do, judge its replies, and keep the answer in the workspace.

    Where reasoning arrives; whether pictures are seen; which penalties, seed, schema and limits its output shows to be
    honoured, whatever it accepts. A run that needs what is missing says so before it spends anything.

    Examples:
      curate teacher probe embedded
      curate teacher probe http://127.0.0.1:8000/v1#qwen3-vl
      curate teacher probe qwen --json
    """
    from dataclasses import asdict

    from curate.cli._output import Form, print_json, print_rows, say
    from curate.config import Models, bind
    from curate.teacher.probe import MOST, keep
    from curate.teacher.probe import probe as ask

    [endpoint] = bind([spec], Models(model_file=str(teacher_model or ""), mmproj=str(mmproj or ""))).values()
    say(f"asking {endpoint.name}: at most {MOST} small requests, which are paid for and not kept in the ledger")
    found = ask(endpoint)
    path = keep(workspace, found)
    if as_json:
        print_json(asdict(found))
        return
    rows = [{"ability": f.name, "answer": f.answer, "evidence": f.evidence} for f in found.findings]
    print_rows(("ability", "answer", "evidence"), rows, Form.TABLE)
    say(f"{found.requests} requests; kept in {path}")
