"""The front of the command line: quick help, one-line errors, exit codes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fakes.command_line import Cli

import curate.cli
from curate import __version__
from curate.cli import main as front

HEAVY = {
    "PIL",
    "aiohttp",
    "asyncio",
    "datasets",
    "duckdb",
    "math_verify",
    "matplotlib",
    "numpy",
    "openai",
    "pebble",
    "polars",
    "pyarrow",
    "pydantic",
    "rich",
    "sqlite3",
    "sympy",
    "tenacity",
}
LOADED = """
import sys
from curate.cli.main import main
try:
    main({arguments})
except SystemExit as end:
    assert not end.code, end.code
print(*sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    # typer itself reads the value of an option with pydantic (0.29)
    [(["--help"], set()), (["--version"], {"pydantic"}), (["sql", "--help"], {"pydantic"})],
)
def test_help_imports_nothing_heavy(arguments: list[str], allowed: set[str]) -> None:
    """Help is what people wait for first: it loads typer and the standard library, and little else."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(arguments=arguments)], capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert loaded & HEAVY <= allowed


def test_version_and_help(cli: Cli) -> None:
    """`--version` names the version; no arguments give the help."""
    assert cli("--version").out == f"curate {__version__}\n"
    assert "Commands:" in cli().out
    assert cli("--help").out == cli().out


@pytest.mark.parametrize("name", front.names())
def test_every_command_has_help_and_an_example(cli: Cli, name: str) -> None:
    """A command's docstring is its help and shows how it is called."""
    public = name.replace("_", "-")
    told = cli(public, "--help")
    assert told.code == 0
    assert "Usage: curate" in told.out
    assert f"curate {public}" in told.out.partition("Usage")[2].partition("\n")[2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lss"], "No such command 'lss'. Did you mean 'ls'?"),
        (["ls", "--nope"], "No such option: --nope"),
        (["run"], "Missing argument 'RECIPE'"),
        (["ls", "--json", "--csv"], "choose one of --json and --csv"),
        (["show", "gone"], "there is no version 'gone'"),
        (["score", "x", "--scorer", "gone"], "no scorer is named 'gone'"),
    ],
)
def test_errors_are_one_line(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    """What the user can change is said in one line on stderr, with exit code 2."""
    monkeypatch.chdir(tmp_path)
    ended = cli(*arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.startswith("curate: error: ")
    assert said in ended.err
    assert ended.err.count("\n") == 1


def test_a_bug_shows_its_traceback(reds: Path) -> None:
    """What nobody foresaw is not dressed up as the user's fault."""
    (reds / "recipe.py").write_text("def build(run):\n    raise ZeroDivisionError('ours')\n")
    done = subprocess.run(
        [sys.executable, "-m", "curate.cli.main", "run", str(reds / "recipe.py"), "--workspace", str(reds / "x")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ZeroDivisionError: ours" in done.stderr


def test_a_closed_pipe_is_no_error() -> None:
    """`curate sql … | head -1` ends in silence."""
    command = f"{sys.executable} -m curate.cli.main sql 'SELECT * FROM range(500000)' --csv | head -1"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout == "range\n"
    assert done.stderr == ""


def test_a_new_file_is_a_command(cli: Cli, tmp_path: Path) -> None:
    """A module with `command` is a command, one with `app` a group; private ones are neither."""
    (tmp_path / "wave_hello.py").write_text(
        'def command(name: str) -> None:\n    """Wave.\n\n    Examples:\n      curate wave-hello you\n    """\n'
        "    print('hello', name)\n"
    )
    (tmp_path / "many.py").write_text(
        "import typer\napp = typer.Typer()\n@app.callback()\ndef front() -> None:\n    'Many.'\n"
        "@app.command()\ndef one() -> None:\n    'Say one.'\n    print('one')\n"
    )
    (tmp_path / "_hidden.py").write_text("raise OSError")
    curate.cli.__path__.append(str(tmp_path))
    try:
        assert cli("wave-hello", "you").out == "hello you\n"
        assert cli("many", "one").out == "one\n"
        assert "wave-hello" in cli("--help").out
        assert "hidden" not in cli("--help").out
    finally:
        curate.cli.__path__.remove(str(tmp_path))
        for name in ("wave_hello", "many"):
            sys.modules.pop(f"curate.cli.{name}", None)
