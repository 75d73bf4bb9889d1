"""The house: what ships, what may import what, what is written down."""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from curate.cli import main as front
from curate.cli.reference import reference

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("curate", "generators", "schemas", "scorers")
TOP = {
    ".ci",
    ".git",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Makefile",
    "README.md",
    "benchmarks",
    "curate",
    "docs",
    "generators",
    "pyproject.toml",
    "recipes",
    "schemas",
    "scorers",
    "tests",
}
LONGEST = 400
LONGEST_RECIPE = 500  # a recipe is one file by contract, data it draws itself included


def _tracked() -> list[Path]:
    """Return the files that git knows and that are there."""
    if not (ROOT / ".git").exists():
        pytest.skip("needs the git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / os.fsdecode(name) for name in listed.split(b"\0") if name and (ROOT / os.fsdecode(name)).is_file()]


def _modules() -> list[str]:
    found = []
    for package in PACKAGES:
        module = importlib.import_module(package)
        walked = pkgutil.walk_packages(module.__path__, f"{package}.")
        found += [package, *(entry.name for entry in walked)]
    return found


def test_top_level_is_what_it_should_be() -> None:
    """Nothing is added beside the floors by accident."""
    assert {path.relative_to(ROOT).parts[0] for path in _tracked()} - {"LICENSE"} <= TOP


def test_wheel_holds_the_four_packages_and_nothing_else(tmp_path: Path) -> None:
    """Flat packages share site-packages with everybody: these four names, the metadata, prompts and type marks."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert len(tops) == len(PACKAGES) + 1
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)
    prompts = {str(path.relative_to(ROOT)) for package in PACKAGES for path in (ROOT / package).rglob("prompts/*.md")}
    assert prompts
    assert prompts <= set(names)


@pytest.mark.parametrize("name", _modules())
def test_all_is_sorted_and_true(name: str) -> None:
    """What a module says it offers is there, in order: constants, then types, then functions, each sorted."""
    module = importlib.import_module(name)
    public = getattr(module, "__all__", [])
    assert [entry for entry in public if not hasattr(module, entry)] == []
    assert list(public) == sorted(public, key=lambda entry: (_rank(entry), entry))
    assert module.__doc__


def _rank(entry: str) -> int:
    return 0 if entry.isupper() and len(entry) > 1 else 1 if entry[0].isupper() else 2


def test_floors_hold() -> None:
    """The import contracts of pyproject.toml are kept."""
    script = Path(sysconfig.get_path("scripts")) / "lint-imports"
    if not script.exists():
        pytest.skip("needs import-linter, from the dev extra")
    done = subprocess.run([str(script), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["schemas.py", "scorers/__init__.py"])
def test_a_package_that_shadows_ours_is_named(tmp_path: Path, name: str) -> None:
    """A user's own `schemas.py` in the folder Python starts from is told by its path, with what to do."""
    intruder = tmp_path / name
    intruder.parent.mkdir(exist_ok=True)
    intruder.write_text("")
    done = subprocess.run(
        [sys.executable, "-c", "import curate"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 1
    said = done.stderr.splitlines()[-1]
    assert str(intruder) in said
    assert "rename that file or folder" in said


@pytest.mark.parametrize("name", PACKAGES)
def test_packages_are_quick_to_import(name: str) -> None:
    """Importing a package brings none of the libraries its plug-ins need."""
    code = f"import sys, {name}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"PIL", "datasets", "duckdb", "numpy", "openai", "polars", "pyarrow", "pydantic", "rich", "sympy", "typer"}
    assert {loaded.partition(".")[0] for loaded in done.stdout.split()} & heavy == set()


def test_command_reference_is_up_to_date() -> None:
    """docs/cli.md is what the commands say of themselves: `make docs` writes it."""
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for name in front.names():
        assert f"## `curate {name.replace('_', '-')}`" in page
    assert page == reference(), "docs/cli.md is out of date: run `make docs`"


def test_no_file_is_long() -> None:
    """A file that nobody can hold in mind is two files."""
    lines = {
        path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines())
        for path in _tracked()
        if path.suffix == ".py"
    }
    limits = {path: LONGEST_RECIPE if path.parts[0] == "recipes" else LONGEST for path in lines}
    long = {path: count for path, count in lines.items() if count > limits[path]}
    assert long == {}
