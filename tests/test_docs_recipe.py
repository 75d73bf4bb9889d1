"""The method that docs/recipes.md writes: short, and it works as it stands."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fakes.programs import cut, failed, play, said, sample
from fakes.runs import played

from curate.cli._recipe import read
from schemas.request import Request

ROOT = Path(__file__).resolve().parents[1]
MOST_LINES = 40


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Take the code out of the page and put it into a file."""
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    section = page.partition("## A new method, in full")[2]
    code = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert code is not None
    path = tmp_path / "restate.py"
    path.write_text(code[1], encoding="utf-8")
    return path


def teacher(request: Request) -> str:
    """Restate first, then add; wrongly from 30 on."""
    text = request.messages[-1].text
    number = int(re.search(r"What is (\d+)", text)[1])
    if "own words" in text:
        return "A number is given, and one more than it is sought."
    return f"I count one on.\nAnswer: {number + 1 if number < 30 else 0}"


def test_it_is_short(written: Path) -> None:
    """A method and its recipe in fewer than 40 lines."""
    assert len(written.read_text(encoding="utf-8").splitlines()) < MOST_LINES


def test_it_runs_and_asks_nothing_twice(written: Path, tmp_path: Path) -> None:
    """Two requests a question, the right ones kept with all they rest on, every row accounted for."""
    rows = [{"question": f"What is {n} and one?", "answer": str(n + 1)} for n in (10, 20, 30)]
    source = tmp_path / "rows.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = read(written)
    with played(tmp_path / "w", teacher) as run:
        version = recipe.build(run, source=str(source))
        assert run.ledger.count() == 6
        traces = list(run.store.traces(version))
        report = run.store.check(version)
        assert recipe.build(run, source=str(source)).id == version.id
        assert run.ledger.count() == 6
    assert (report.problems, report.kept, report.dropped, report.failed) == ((), 2, 1, 0)
    for trace in traces:
        assert trace.reasoning == "A number is given, and one more than it is sought.\n\nI count one on."
        assert (trace.method, trace.origin, trace.answer_seen, len(trace.requests)) == ("restate", "teacher", False, 2)
        assert (trace.sampling.temperature, trace.verdict.value) == (0.6, "right")


def test_it_survives_failures(written: Path) -> None:
    """Where nothing was answered there is no trace; one that was cut or comes to no answer is undecided."""
    generator = read(written).build.__globals__["Restate"]()
    assert play(generator(sample()), failed).result == []
    for solved, rule in ((cut, "truncated"), (said, "no_answer_found")):
        (trace,) = play(
            generator(sample()),
            lambda r, solved=solved: (
                said(r, "I sum.") if "own words" in r.messages[-1].text else solved(r, "<think>On")
            ),
        ).result
        assert (trace.verdict.value, trace.verdict.rule) == ("undecided", rule)
        assert "On" in trace.reasoning
