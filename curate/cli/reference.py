"""Write docs/cli.md: the help of every command. `python -m curate.cli.reference docs/cli.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from curate.cli.main import build

__all__ = ["reference"]

_WIDTH = 100
_INTRODUCTION = """# The command line

Written by `make docs` out of the commands themselves.

Data goes to stdout and talk to stderr. Exit codes: 0 done, 1 `curate check` found a problem (or curate has a bug, which
comes with a traceback), 2 one line on stderr says what to change, 3 a spending cap was reached, 130 stopped by Ctrl-C.
"""


def reference() -> str:
    """Return the page: one section for every command, in alphabetical order."""
    sections = [f"## `{path}`\n\n```text\n{text}\n```\n" for path, text in _helps(typer.main.get_command(build()))]
    return "\n".join([_INTRODUCTION, *sections])


def _helps(command: Any, name: str = "curate", parent: Any = None) -> Iterator[tuple[str, str]]:
    """Yield the path and the help of a command and of every one below it."""
    context = command.make_context(
        name, [], parent=parent, resilient_parsing=True, terminal_width=_WIDTH, max_content_width=_WIDTH
    )
    yield context.command_path, "\n".join(line.rstrip() for line in context.get_help().splitlines())
    for below, inner in sorted(getattr(command, "commands", {}).items()):
        yield from _helps(inner, below, context)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
