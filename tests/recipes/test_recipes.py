"""What every recipe promises. A new file is covered the moment it exists: nothing here names one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer
from PIL import Image, ImageDraw

from curate.cli._recipe import Recipe, read
from curate.cli.main import build
from curate.run import Run, open_run
from curate.teacher.driver import Endpoint
from generators.engines.scripted import Scripted
from schemas.errors import ConfigError
from schemas.request import Request

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.py"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Write seven good rows, a repeated one and one without its picture."""
    rows = []
    for number in range(7):
        picture = Image.new("RGB", (160, 120), (250, 250, 250))
        ImageDraw.Draw(picture).rectangle((20, 20, 40 + 15 * number, 90), fill=(20, 60, 30 * number))
        picture.save(tmp_path / f"{number}.png")
        rows.append({"image": f"{number}.png", "question": f"What is {number} + 2?", "answer": str(number + 2)})
    rows += [rows[0], {"image": "gone.png", "question": "What is 1 + 1?", "answer": "2"}]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


class Teacher:
    """Always says 4, after some thought, and counts how often it was asked."""

    def __init__(self) -> None:
        """Start at none."""
        self.asked = 0

    def __call__(self, request: Request) -> str:
        """Answer."""
        self.asked += 1
        return "<think>I look at it, count, and come to four.</think>\nAnswer: 4"


@contextmanager
def _run(workspace: Path, teacher: Teacher) -> Iterator[Run]:
    with open_run(workspace, roles={"": Endpoint("m", Scripted(teacher))}, quiet=True) as run:
        yield run


def _given(recipe: Recipe, source: Path) -> dict[str, str]:
    return {"source": str(source)} if "source" in recipe.options else {}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_runs_end_to_end(path: Path, source: Path, tmp_path: Path) -> None:
    """Every row is accounted for, the version is whole, and a second run asks nothing and makes the same version."""
    recipe, teacher = read(path), Teacher()
    for _ in range(2):
        with _run(tmp_path / "work", teacher) as run:
            version = recipe.build(run, **_given(recipe, source))
        if _ == 0:
            first, asked = version, teacher.asked

    assert asked > 0
    assert teacher.asked == asked
    assert version.id == first.id
    report = run.store.check(version)
    assert report.problems == ()
    assert report.rows_in == report.kept + report.dropped + report.failed
    assert report.rows_in > 0


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_same_version_anywhere(path: Path, source: Path, tmp_path: Path) -> None:
    """Another workspace, with nothing in its ledger, comes to the same id."""
    recipe, ids = read(path), set()
    for place in ("one", "two"):
        with _run(tmp_path / place, Teacher()) as run:
            ids.add(recipe.build(run, **_given(recipe, source)).id)

    assert len(ids) == 1


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_its_options_are_not_those_of_the_commands(path: Path) -> None:
    """No parameter of `build` is spelled like an option that `curate run` or `curate plan` keeps for itself."""
    commands = typer.main.get_command(build()).commands
    kept = {name.removeprefix("--") for at in ("run", "plan") for o in commands[at].params for name in o.opts}
    assert {"workspace", "teacher", "quiet"} <= kept
    assert read(path, taken=sorted(kept)).options.keys().isdisjoint(kept)


NOTHING = {"limit": 0, "tries": 0, "max_traces": 0, "rollouts": -1, "temperature": -0.5, "top_p": 1.5}
"""Values that leave nothing to read, draw or keep, or that no server takes."""


@pytest.mark.parametrize(
    "path", [path for path in RECIPES if "source: str" in path.read_text()], ids=lambda path: path.stem
)
def test_options_that_mean_nothing_are_told(path: Path, source: Path, tmp_path: Path) -> None:
    """One clear error, whatever the recipe."""
    recipe, taken = read(path), []
    source.write_text(source.read_text().splitlines()[0])
    with _run(tmp_path / "work", Teacher()) as run:
        for name in sorted(NOTHING.keys() & {option.replace("-", "_") for option in recipe.options}):
            try:
                recipe.build(run, **_given(recipe, source), **{name: NOTHING[name]})
            except ConfigError:
                continue
            taken.append(name)
    assert taken == []
