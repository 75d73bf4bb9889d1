"""`curate run`: execute a recipe in a workspace, with its models bound from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from curate.cli._execute import CONTEXT, Setup, bound
from curate.cli._options import (
    AllowUrls,
    Concurrency,
    Json,
    MaxCost,
    MaxRequests,
    MaxTokens,
    MediaRoot,
    Mmproj,
    RecipeRef,
    TeacherModel,
    Teachers,
    Workspace,
)

__all__ = ["CONTEXT", "command"]


def command(
    context: typer.Context,
    recipe: RecipeRef,
    *,
    workspace: Workspace = Path(".curate"),
    teacher: Teachers = None,
    teacher_model: TeacherModel = None,
    mmproj: Mmproj = None,
    concurrency: Concurrency = None,
    allow_urls: AllowUrls = False,
    media_root: MediaRoot = None,
    max_failed: Annotated[
        str | None,
        typer.Option("--max-failed", metavar="N|SHARE", help="Stop once more rows fail than this: 25, 0.1 or 10%."),
    ] = None,
    max_cost: MaxCost = None,
    max_tokens: MaxTokens = None,
    max_requests: MaxRequests = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Ask nobody; say what would be asked (`plan`).")] = False,
    json_progress: Annotated[
        Path | None,
        typer.Option("--json-progress", metavar="FILE", help="Keep the latest counts in this file, as JSON."),
    ] = None,
    as_json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Run a recipe: raw data in, a dataset version out.

    Every option that is not listed here is handed to the recipe; `curate run RECIPE --help` shows them. Ctrl-C keeps
    what is done, and the same command goes on from there. So does a cap (--max-cost, --max-tokens, --max-requests):
    what is in flight is finished and kept, nothing more is sent, and the exit code is 3.

    Examples:
      curate run quickstart
      curate run recipes/vqa_long_cot.py --source rows.jsonl --teacher http://127.0.0.1:8000/v1#qwen3-vl
      curate run vqa_long_cot --source rows.jsonl --teacher qwen --max-cost 20
    """
    ready = bound(context, recipe)
    if ready is None:
        return
    setup = Setup(
        workspace, teacher, teacher_model, mmproj, concurrency, allow_urls, media_root, max_cost, max_tokens,
        max_requests, max_failed, json_progress, quiet,
    )  # fmt: skip
    if dry_run:
        from curate.cli.plan import print_plan

        print_plan(setup, ready, rows=None, pilot=0, as_json=as_json)
        return
    from curate.cli._output import print_json
    from curate.report import summary

    with setup.open() as run:
        version = ready.build(run)
    if as_json:
        print_json(summary(version))
    else:
        print(version.ref)
