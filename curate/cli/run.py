"""`curate run`: execute a recipe in a workspace, with its models bound from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from curate.cli._options import Json, Teachers, Workspace

__all__ = ["CONTEXT", "command"]

# Options that are not ours are the recipe's; help is ours to give, for it shows the recipe's options too.
CONTEXT = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}

_HELP = ("--help", "-h")
_SPENT = 3


def command(
    context: typer.Context,
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe's file, or its name in ./recipes.")],
    *,
    workspace: Workspace = Path(".curate"),
    teacher: Teachers = None,
    teacher_model: Annotated[
        Path | None, typer.Option("--teacher-model", metavar="FILE.gguf", help="The model file of `embedded`.")
    ] = None,
    mmproj: Annotated[
        Path | None, typer.Option("--mmproj", metavar="FILE", help="The model file's picture projector.")
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", metavar="N", min=1, help="Most requests at once to one endpoint.")
    ] = None,
    allow_urls: Annotated[bool, typer.Option("--allow-urls", help="Fetch pictures that are given as URLs.")] = False,
    media_root: Annotated[
        Path | None, typer.Option("--media-root", metavar="DIR", help="Folder of a source's pictures.")
    ] = None,
    max_failed: Annotated[
        str | None,
        typer.Option("--max-failed", metavar="N|SHARE", help="Stop once more rows fail than this: 25, 0.1 or 10%."),
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option("--max-cost", metavar="MONEY", min=0, help="Most that this run may cost.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", metavar="N", min=0, help="Most tokens of this run, prompts included.")
    ] = None,
    max_requests: Annotated[
        int | None, typer.Option("--max-requests", metavar="N", min=0, help="Most requests that this run may send.")
    ] = None,
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
    from curate.cli._output import print_json, say
    from curate.cli._recipe import find, read

    if recipe in _HELP:
        typer.echo(context.get_help())
        return
    ours = [name.removeprefix("--") for option in context.command.params for name in option.opts]
    loaded = read(find(recipe), taken=ours)
    if any(argument in _HELP for argument in context.args):
        typer.echo(f"{loaded.help()}\n\n{context.get_help()}")
        return
    from curate.config import Models, bind
    from curate.report import summary
    from curate.rules import MaxFailed
    from curate.run import open_run
    from curate.teacher.budget import BudgetSpent, Caps

    options = loaded.parse(context.args)
    models = Models(concurrency, str(teacher_model or ""), str(mmproj or ""))
    # A model file says that the embedded model is meant.
    specs = teacher or (["embedded"] if teacher_model else [])
    limit = MaxFailed.parse(max_failed)
    try:
        with open_run(
            workspace,
            roles=bind(specs, models),
            media_root=media_root,
            allow_urls=allow_urls,
            max_failed=limit,
            caps=Caps(max_cost, max_tokens, max_requests),
            progress_file=json_progress,
            quiet=quiet,
        ) as run:
            version = loaded.build(run, **options)
    except BudgetSpent as spent:
        say(f"curate: stopped: {spent}. What is done is kept; the same command with a new cap goes on from here.")
        raise typer.Exit(_SPENT) from None
    except KeyboardInterrupt:
        say("curate: stopped. What is done is kept; the same command goes on from here.")
        raise typer.Exit(130) from None
    if as_json:
        print_json(summary(version))
    else:
        print(version.ref)
