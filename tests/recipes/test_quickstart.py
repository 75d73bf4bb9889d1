"""The quickstart's data: charts that show what the tables say, and answers that follow from what the charts show."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from curate.cli._recipe import read

ROOT = Path(__file__).parents[2]
RECIPE = read(ROOT / "recipes" / "quickstart.py")
WRITE = RECIPE.build.__globals__["write"]
OPTION = r"[A-Z][.)]|\(?[A-Z]\)|Options"
WORKED = RECIPE.build.__globals__["worked_examples"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw everything once."""
    folder = tmp_path_factory.mktemp("charts")
    WRITE(folder)
    return folder


def _rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "questions.jsonl").read_text().splitlines()]


def _told(text: str, question: str) -> dict[str, float]:
    """Read the numbers by label off the one line of the chart's text that the question is about."""
    lines = [line for line in text.splitlines() if not line.startswith("From ")]
    for line in lines:
        what, numbers = line.rstrip(".").split(": ")
        if len(lines) == 1 or what.split(" (")[0].lower() in question.lower():
            pairs = (re.fullmatch(r"(.+) ([\d.]+)", part) for part in numbers.split(", "))
            return {pair[1]: float(pair[2]) for pair in pairs if pair}
    raise AssertionError(question)


def _expected(kind: str, told: dict[str, float], question: str) -> str | float:
    """Answer a question from the text alone, without the recipe's code."""
    named = sorted((label for label in told if f" {label}" in question), key=lambda label: -told[label])
    if kind in ("largest", "smallest"):
        return (max if kind == "largest" else min)(told, key=lambda label: told[label])
    if kind == "top":
        return max(told.values())
    if kind == "value":
        return told[named[0]]
    one, other = (told[label] for label in named)
    return {"total": one + other, "difference": one - other}[kind]


def test_answers_follow_from_the_chart(folder: Path) -> None:
    """Every answer is the one that its chart's numbers give, and no tie leaves two right ones."""
    rows = _rows(folder)
    assert len(rows) >= 40
    for row in rows:
        told = _told(row["chart"], row["question"])
        assert len(set(told.values())) == len(told)
        expected = _expected(row["kind"], told, row["question"])
        given = row["answer"] if isinstance(expected, str) else float(row["answer"])
        assert given == (expected if isinstance(expected, str) else pytest.approx(expected)), row


def test_tables_are_the_real_ones(folder: Path) -> None:
    """Known facts of the tables are in the texts."""
    told = {row["image"]: row["chart"] for row in _rows(folder)}
    assert "malignant 212, benign 357" in told["breast_cancer-1.png"]
    assert "class 0 59, class 1 71, class 2 48" in told["wine-1.png"]
    assert "setosa 15, versicolor 43, virginica 56" in told["iris-1.png"]


def test_worked_examples_are_right() -> None:
    """The examples a model learns from are right themselves, and none of them is in the data."""
    for kind, examples in WORKED().items():
        assert len(examples) == 2
        for question, reasoning, answer in examples:
            *text, asked = (
                line for line in question.splitlines() if not re.match(r"[A-Z][.)]|\(?[A-Z]\)|Options", line)
            )
            expected = _expected(kind, _told("\n".join(text), asked), asked)
            assert answer == (expected if isinstance(expected, str) else f"{expected:g}")
            assert answer in reasoning


def test_charts_are_pictures(folder: Path, tmp_path: Path) -> None:
    """Every picture shows something; drawing again gives the same bytes."""
    WRITE(tmp_path)
    for row in _rows(folder):
        drawn = folder / row["image"]
        assert drawn.read_bytes() == (tmp_path / row["image"]).read_bytes()
        with Image.open(drawn) as picture:
            colours = picture.convert("RGB").getcolors(1 << 24)
            assert colours is not None
            white = max(number for number, colour in colours if colour == (255, 255, 255))
            assert picture.size == (640, 420)
            assert 0.02 < 1 - white / (640 * 420) < 0.9
    assert (folder / "questions.jsonl").read_bytes() == (tmp_path / "questions.jsonl").read_bytes()


@pytest.mark.slow
@pytest.mark.embedded
@pytest.mark.timeout(400)
def test_as_the_readme_says(tmp_path: Path) -> None:
    """The embedded model writes at least eight right traces in half the tries; a second run makes the same version."""
    pytest.importorskip("xllamacpp")
    curate = shutil.which("curate", path=str(Path(sys.executable).parent))
    assert curate
    command = [curate, "run", "recipes/quickstart.py", "--workspace", str(tmp_path), "--json", "--tries", "2"]
    first = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if "cannot fetch the model" in first.stderr:
        pytest.skip(first.stderr.strip().splitlines()[-1])
    assert first.returncode == 0, first.stderr
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert json.loads(first.stdout)["id"] == json.loads(second.stdout)["id"]
    assert int(re.findall(r"holds (\d+) verified traces", first.stderr)[0]) >= 8
    assert "text_bridge" in first.stderr
    query = ["SELECT count(*) AS n FROM traces", "--at", "quickstart", "--workspace", str(tmp_path), "--json"]
    counted = subprocess.run([curate, "sql", *query], capture_output=True, text=True, check=True)
    assert json.loads(counted.stdout)[0]["n"] >= 8
