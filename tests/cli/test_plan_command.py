"""`curate plan`: nothing is asked, what is known is counted, and a pilot is paid once and forecasts the rest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fakes.command_line import Cli
from fakes.server import Answer, serve

RECIPE = '''"""Ask twice a row, and a third time where both are wrong."""

from curate.run import Run
from generators.think_then_answer import ThinkThenAnswer
from schemas.request import Sampling
from scorers.verify_answer import VerifyAnswer


def build(run: Run, *, source: str):
    """Build one version."""
    ask = ThinkThenAnswer(VerifyAnswer(), tries=2, sampling=Sampling(max_tokens=50))
    return run.distil(run.read(source, name="rows"), ask, name="asked")
'''
ROWS = 40


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a recipe and forty sums, and go there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "twice.py").write_text(RECIPE)
    rows = [{"question": f"What is {i} + 0?", "answer": str(i % 2)} for i in range(ROWS)]
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    return tmp_path


def _teach(body: object, before: int) -> Answer:
    """Right for odd rows, so that even ones are revised."""
    return Answer("<think>It is so.</think>Answer: 1")


def test_nothing_is_asked_and_nothing_stays(cli: Cli, place: Path) -> None:
    """Requests are counted with bounds, the first one is shown in full, and no version is made."""
    with serve(_teach) as server:
        told = cli("plan", "twice.py", "--source", "rows.jsonl", "--teacher", f"{server.url}#mock")
        assert server.bodies == []
    assert told.code == 0, told.err
    assert "--- first request of think_then_answer to mock" in told.out
    assert "What is " in told.out
    assert "Looked at 40 rows (the whole source)" in told.out
    assert "No forecast" in told.out
    assert cli("ls", "--json").json() == []
    assert not list((place / ".curate").glob(".plan-*"))


def test_a_pilot_forecasts_and_is_paid_once(cli: Cli, place: Path) -> None:
    """The forecast covers what a full run then really asks, follow-ups too; nothing is asked again."""
    with serve(_teach) as server:
        command = ("twice.py", "--source", "rows.jsonl", "--teacher", f"{server.url}#mock")
        plan = cli("plan", *command, "--pilot", "16", "--json").json()
        piloted = len(server.bodies)
        assert 32 < piloted < 48
        assert plan["requests"]["think_then_answer"]["known"] == 32
        forecast = plan["forecast"]
        assert (forecast["rows"], forecast["rests_on"]) == (24, 16)
        assert cli("run", *command).code == 0
        really = len(server.bodies) - piloted

    assert forecast["requests"]["low"] <= really <= forecast["requests"]["high"]
    assert forecast["tokens"]["low"] <= really * 18 <= forecast["tokens"]["high"]
    assert forecast["cost"] is None
    again = cli("plan", *command).out
    assert "Every request is in the ledger" in again


def test_a_dry_run_looks_at_all_rows(cli: Cli, place: Path) -> None:
    """`run --dry-run` is the plan of the very same command."""
    with serve(_teach) as server:
        command = ("twice.py", "--source", "rows.jsonl", "--teacher", f"{server.url}#mock")
        plan = cli("run", *command, "--dry-run", "--json").json()
        few = cli("plan", *command, "--rows", "5", "--json").json()
        assert server.bodies == []
    assert (plan["rows"], plan["all_rows"]) == (ROWS, True)
    assert (few["rows"], few["all_rows"]) == (5, False)
    assert plan["requests"]["think_then_answer"]["worst_completion_tokens"] == 2 * ROWS * 50


def test_a_pilot_keeps_its_cap(cli: Cli, place: Path) -> None:
    """Exit 3, as a run."""
    with serve(_teach) as server:
        command = ("twice.py", "--source", "rows.jsonl", "--teacher", f"{server.url}#mock")
        assert cli("plan", *command, "--pilot", "16", "--max-requests", "6").code == 3
        assert len(server.bodies) == 6


def test_costs_are_bounded_where_a_price_is_known(cli: Cli, place: Path) -> None:
    """Worst case of every request at the configured price."""
    (place / "curate.toml").write_text(
        '[teachers.paid]\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "m"\ninput_price = 0\noutput_price = 1000000\n'
    )
    plan = cli("plan", "twice.py", "--source", "rows.jsonl", "--teacher", "paid", "--json").json()
    assert plan["requests"]["think_then_answer"]["worst_cost"] == 2 * ROWS * 50


def test_what_two_passes_share_is_counted_once(cli: Cli, place: Path) -> None:
    """The second asking costs nothing, for the first one's replies serve it."""
    recipe = RECIPE.replace("import Run\n", "import Run\nfrom curate.chain import Keep\n")
    recipe = recipe.replace("    return run.distil", "    run.distil")
    last = 'run.distil(run.read(source, name="rows"), ask, name="again", keep=Keep(most=2))'
    (place / "shared.py").write_text(f"{recipe}    return {last}\n")
    with serve(_teach) as server:
        command = ("shared.py", "--source", "rows.jsonl", "--teacher", f"{server.url}#mock")
        plan = cli("plan", *command, "--json").json()
        assert cli("run", *command).code == 0
        revised = sum("draft" in json.dumps(body) for body in server.bodies)
    asked = plan["requests"]["think_then_answer"]
    assert (asked["requests"], asked["known"]) == (4 * ROWS, 2 * ROWS)
    assert asked["worst_completion_tokens"] == 2 * ROWS * 50
    assert len(server.bodies) - revised == asked["requests"] - asked["known"]
