"""The command `curate`: finds its commands as files of this folder and turns errors into exit codes.

A module with a function `command` is one command, named after the module; a module with a typer `app` is a group of
commands, helped by the module's docstring. Modules are imported to build the help, so they import nothing but typer and
the standard library at the top.

Exit codes: 0 done, 1 a check found problems or we have a bug (with a traceback), 2 the user must change something (one
line), 3 a spending cap was reached, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import inspect
import os
import pkgutil
import re
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from io import TextIOWrapper
from types import ModuleType
from typing import Annotated, Any

import typer

import curate.cli
from curate import __version__
from schemas.errors import CurateError

__all__ = ["build", "main", "names"]

_NOT_COMMANDS = frozenset({"main", "reference"})
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""
    sys.exit(_run(sys.argv[1:] if arguments is None else list(arguments)))


def names() -> list[str]:
    """Return the modules of this folder that hold commands, sorted, without importing them."""
    found = (entry.name for entry in pkgutil.iter_modules(curate.cli.__path__))
    return sorted(name for name in found if not name.startswith("_") and name not in _NOT_COMMANDS)


def build() -> typer.Typer:
    """Build the application out of every command found."""
    # Plain help: rich's would cost a third of the time that `--help` takes.
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.callback(invoke_without_command=True, help=curate.cli.__doc__)(_front)
    for name in names():
        module = import_module(f"curate.cli.{name}")
        public = name.replace("_", "-")
        if hasattr(module, "app"):
            for inner in module.app.registered_commands:
                inner.help = inner.help or _help(inner.callback)
            app.add_typer(module.app, name=public, help=_help(module), no_args_is_help=True)
        else:
            settings = getattr(module, "CONTEXT", None)
            app.command(public, help=_help(module.command), context_settings=settings)(module.command)
    return app


def _help(documented: Callable[..., Any] | ModuleType | None) -> str:
    """Return the docstring of a command or a group's module, with the lines of its examples kept as they are."""
    return re.sub(r"(?m)^(Examples?:)", "\b\n\\1", inspect.getdoc(documented) or "")


def _front(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(f"curate {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _run(arguments: list[str]) -> int:
    if isinstance(sys.stdout, TextIOWrapper):
        # Half a surrogate pair in a model's text must not end a listing; in JSON this spelling is even right.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = typer.main.get_command(build())(arguments, prog_name="curate", standalone_mode=False)
        sys.stdout.flush()
    except (typer.TyperException, CurateError) as error:
        return _complain(error)
    except typer.Abort:
        return _INTERRUPTED
    except BrokenPipeError:
        return _quiet()
    except KeyboardInterrupt:
        return _INTERRUPTED
    return code if isinstance(code, int) else 0


def _complain(error: typer.TyperException | CurateError) -> int:
    """Say in one line what the user can change; a group called without a command brings its help as the message."""
    message = error.format_message() if isinstance(error, typer.TyperException) else str(error)
    print(f"curate: error: {' '.join(message.split())}" if "Usage:" not in message else message, file=sys.stderr)
    return 2


def _quiet() -> int:
    """Nobody reads on, as in `curate sql ... | head`: end without a word, at the final flush too."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    main()
