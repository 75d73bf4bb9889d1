"""`curate run`: recipes found, their options read by signature, Ctrl-C kept safe."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fakes.command_line import Cli

from curate.cli._recipe import find, read
from schemas.errors import ConfigError

RECIPE = '''"""Read rows and keep them.

Nothing is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from curate.run import Run
    from schemas.version import Version

SEEN = {}


def build(
    run: Run,
    *,
    source: str,
    name: str = "rows",
    limit: int | None = None,
    share: float = 0.5,
    strict: bool = False,
    tags: tuple[str, ...] = (),
    mode: Literal["a", "b"] = "a",
) -> Version:
    """Build one version.

    Args:
        run: the workspace.
        source: what is read,
            whatever it is.
        limit: most rows.

    """
    SEEN.update(source=source, limit=limit, share=share, strict=strict, tags=tags, mode=mode)
    run.say("working")
    return run.read(source, name=name, limit=limit)
'''


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a recipe and three rows, and go there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").mkdir()
    path = tmp_path / "recipes" / "plain.py"
    path.write_text(RECIPE)
    (tmp_path / "rows.csv").write_text("question,answer\n1 + 1?,2\n2 + 2?,4\n3 + 3?,6\n")
    return path


def test_a_run_prints_the_ref(cli: Cli, recipe: Path) -> None:
    """The version's name is data, the talk is not; a second run makes nothing new."""
    first = cli("run", recipe, "--source", "rows.csv", "--limit", "2")
    assert (first.code, first.out) == (0, "rows@v1\n")
    assert "working" in first.err
    assert cli("run", "plain", "--source=rows.csv", "--limit=2", "--quiet") == (0, "rows@v1\n", "")


def test_json_gives_the_version(cli: Cli, recipe: Path) -> None:
    """The same row that `ls --json` gives."""
    made = cli("run", "plain", "--source", "rows.csv", "--json", "--workspace", "elsewhere").json()
    assert [made] == cli("ls", "--workspace", "elsewhere", "--json").json()
    assert (made["name"], made["version"], made["rows"], made["step"]) == ("rows", 1, 3, "read")


def test_help_shows_docstring_and_options(cli: Cli, recipe: Path) -> None:
    """`--help` after a recipe is about the recipe too."""
    told = cli("run", "plain", "--help").out
    assert told.startswith("Read rows and keep them.")
    assert "--source str" in told
    assert "what is read, whatever it is. [required]" in told
    assert "--strict / --no-strict" in told
    assert "--teacher" in told


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ([], {}),
        (["--limit", "7"], {"limit": 7}),
        (["--limit", "none"], {"limit": None}),
        (["--share=1e-3"], {"share": 0.001}),
        (["--share", "-2"], {"share": -2.0}),
        (["--strict"], {"strict": True}),
        (["--no-strict"], {"strict": False}),
        (["--strict=no"], {"strict": False}),
        (["--tags", "x", "--tags", "y"], {"tags": ("x", "y")}),
        (["--mode", "b"], {"mode": "b"}),
        (["--name", "007"], {"name": "007"}),
    ],
)
def test_options_are_read_by_their_annotations(recipe: Path, arguments: list[str], wanted: dict[str, object]) -> None:
    """Text becomes what the parameter says it is."""
    assert read(recipe).parse(["--source", "x", *arguments]) == {"source": "x", **wanted}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--sauce", "x"], "has no option --sauce; its options are --source, --name, --limit"),
        ([], "needs --source"),
        (["--source"], "--source of recipe plain.py needs a value"),
        (["--source", "x", "--limit", "many"], "--limit many: Input should be a valid integer"),
        (["--source", "x", "--mode", "c"], "--mode c: Input should be 'a' or 'b'"),
        (["--source", "x", "--source", "y"], "--source is given 2 times"),
        (["--source", "x", "stray"], "takes no argument 'stray'"),
        (["--source", "x", "--no-limit"], "has no option --no-limit"),
    ],
)
def test_wrong_options_are_told(recipe: Path, arguments: list[str], said: str) -> None:
    """The message lists what there is."""
    with pytest.raises(ConfigError, match=said.replace("(", r"\(")):
        read(recipe).parse(arguments)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "defines no function build"),
        ("def build():\n    pass\n", "takes no run"),
        ("def build(run, *, teacher: str = ''):\n    pass\n", "--teacher belongs to curate run"),
        ("def build(run:\n", "SyntaxError"),
        ("import not_installed_here\n", "No module named 'not_installed_here'"),
    ],
)
def test_files_that_are_no_recipes_say_why(tmp_path: Path, text: str, said: str) -> None:
    """One line, before anything is opened."""
    path = tmp_path / "odd.py"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        read(path, taken=["teacher"])


def test_recipes_are_found_by_name(recipe: Path) -> None:
    """A path, or a name in ./recipes; else the known ones are listed. Their folder stays off the path."""
    assert find("plain") == Path("recipes/plain.py")
    assert find(str(recipe)) == recipe
    read(recipe)
    assert str(recipe.parent) not in sys.path
    with pytest.raises(ConfigError, match=r"the recipes in \./recipes are: plain"):
        find("fancy")
    with pytest.raises(ConfigError, match="name the recipe before its options"):
        find("--source")


def test_max_failed_is_checked_before_work(cli: Cli, recipe: Path) -> None:
    """An option that makes no sense stops the run at once."""
    ended = cli("run", "plain", "--source", "rows.csv", "--max-failed", "lots")
    assert ended.code == 2
    assert "--max-failed takes a number of rows (25) or a share" in ended.err
    assert not Path(".curate").exists()


def test_ctrl_c_keeps_what_is_done(tmp_path: Path) -> None:
    """Exit code 130 and a word on how to go on; the workspace is free again."""
    recipe = tmp_path / "slow.py"
    recipe.write_text(
        "import time\ndef build(run):\n    run.say('started')\n    time.sleep(60)\n    return run.store.versions()[0]\n"
    )
    command = [sys.executable, "-m", "curate.cli.main", "run", str(recipe), "--workspace", str(tmp_path / "w")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert process.stderr.readline() == "started\n"
    time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert out == ""
    assert err == "curate: stopped. What is done is kept; the same command goes on from here.\n"
