"""What `curate run` and `curate plan` share: a recipe with its options, and a run that may be stopped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from curate.cli._recipe import Recipe
    from curate.run import Run

__all__ = ["CONTEXT", "Bound", "Setup", "bound"]

# Options that are not ours are the recipe's; help is ours to give, for it shows the recipe's options too.
CONTEXT = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}

_HELP = ("--help", "-h")
_SPENT = 3
_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Bound:
    """A recipe and the values of its options."""

    recipe: Recipe
    options: dict[str, Any]

    def build(self, run: Run) -> Any:
        """Call the recipe's `build`."""
        return self.recipe.build(run, **self.options)


@dataclass(frozen=True, slots=True)
class Setup:
    """Options of the command line that a run is opened with."""

    workspace: Path
    teacher: list[str] | None
    teacher_model: Path | None
    mmproj: Path | None
    concurrency: int | None
    allow_urls: bool
    media_root: Path | None
    max_cost: float | None
    max_tokens: int | None
    max_requests: int | None
    max_failed: str | None = None
    json_progress: Path | None = None
    quiet: bool = False

    @contextmanager
    def open(self) -> Iterator[Run]:
        """Open the run; a cap or Ctrl-C becomes an exit code and a line that says how to go on."""
        from curate.cli._output import say
        from curate.config import Models, bind
        from curate.rules import MaxFailed
        from curate.run import open_run
        from curate.teacher.budget import BudgetSpent, Caps

        models = Models(self.concurrency, str(self.teacher_model or ""), str(self.mmproj or ""), self.workspace)
        # A model file says that the embedded model is meant.
        specs = self.teacher or (["embedded"] if self.teacher_model else [])
        limit = MaxFailed.parse(self.max_failed)
        self._check_progress_file()
        try:
            with open_run(
                self.workspace,
                roles=bind(specs, models),
                media_root=self.media_root,
                allow_urls=self.allow_urls,
                max_failed=limit,
                caps=Caps(self.max_cost, self.max_tokens, self.max_requests),
                progress_file=self.json_progress,
                quiet=self.quiet,
            ) as run:
                yield run
        except BudgetSpent as spent:
            say(f"curate: stopped: {spent}. What is done is kept; the same command with a new cap goes on from here.")
            raise typer.Exit(_SPENT) from None
        except KeyboardInterrupt:
            say("curate: stopped. What is done is kept; the same command goes on from here.")
            raise typer.Exit(_INTERRUPTED) from None

    def _check_progress_file(self) -> None:
        """Refuse a progress file that cannot be written before anything is asked."""
        from schemas.errors import ConfigError

        file = self.json_progress
        if file is None:
            return
        if file.is_dir():
            raise ConfigError(f"--json-progress {file} is a folder: name a file in it")
        if not (file.parent.is_dir() and os.access(file.parent, os.W_OK)):
            raise ConfigError(f"--json-progress {file} cannot be written: make the folder {file.parent} first")


def bound(context: typer.Context, recipe: str) -> Bound | None:
    """Read a recipe and its options from the command line; None where help was asked for and given."""
    from curate.cli._recipe import find, read

    if recipe in _HELP:
        typer.echo(context.get_help())
        return None
    ours = [name.removeprefix("--") for option in context.command.params for name in option.opts]
    path, helps = find(recipe), any(argument in _HELP for argument in context.args)
    if not helps:
        from curate.teacher.workers import warm

        warm()
    loaded = read(path, taken=ours)
    if helps:
        typer.echo(f"{loaded.help()}\n\n{context.get_help()}")
        return None
    return Bound(loaded, loaded.parse(context.args))
