"""`curate run` under a cap: exit 3, nothing lost, and the same command goes on; counts in a file for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fakes.command_line import Cli
from fakes.server import Answer, serve

RECIPE = '''"""Ask once a row."""

from curate.run import Run
from generators.think_then_answer import ThinkThenAnswer
from schemas.request import Sampling
from scorers.verify_answer import VerifyAnswer


def build(run: Run, *, source: str):
    """Build one version."""
    ask = ThinkThenAnswer(VerifyAnswer(), tries=1, revise=False, sampling=Sampling(max_tokens=50))
    return run.distil(run.read(source, name="rows"), ask, name="asked")
'''
ROWS = 30


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a recipe and thirty sums, and go there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "once.py").write_text(RECIPE)
    rows = [{"question": f"What is {i} + 0?", "answer": str(i)} for i in range(ROWS)]
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    return tmp_path


def _teach(body: object, before: int) -> Answer:
    return Answer("<think>Nothing is added.</think>Answer: 7", hang=0.005)


def test_a_cap_ends_with_code_three_and_a_rerun_finishes(cli: Cli, place: Path) -> None:
    """What was asked before the cap is not asked again."""
    with serve(_teach) as server:
        command = ("run", "once.py", "--source", "rows.jsonl", "--teacher", f"{server.url}#mock")
        stopped = cli(*command, "--max-requests", "12", "--json-progress", "now.json")
        assert stopped.code == 3
        assert "stopped: the cap of 12 requests is reached" in stopped.err
        assert "goes on from here" in stopped.err
        assert len(server.bodies) == 12
        now = json.loads((place / "now.json").read_text())
        assert (now["pass"], now["total"], now["asked"], now["caps"]["requests"]) == ("distil", ROWS, 12, 12)
        assert now["spent"]["requests"] == 12

        done = cli(*command, "--json-progress", "now.json")
        assert (done.code, done.out) == (0, "asked@v1\n")
        assert len(server.bodies) == ROWS
    now = json.loads((place / "now.json").read_text())
    assert (now["done"], now["kept"], now["asked"], now["replayed"]) == (ROWS, 1, ROWS - 12, 12)


def test_a_cap_on_money_needs_a_price(cli: Cli, place: Path) -> None:
    """Said in one line before anything is asked."""
    with serve(_teach) as server:
        ended = cli("run", "once.py", "--source=rows.jsonl", f"--teacher={server.url}#mock", "--max-cost=1")
        assert ended.code == 2
        assert "no price is known for" in ended.err
        assert len(ended.err.strip().splitlines()) == 1
        assert server.bodies == []


def test_a_price_of_the_configuration(cli: Cli, place: Path) -> None:
    """Eleven prompt and seven written tokens a reply, at the prices given."""
    with serve(_teach) as server:
        (place / "curate.toml").write_text(
            f'[teachers.paid]\nbase_url = "{server.url}"\nmodel = "mock"\ninput_price = 1000\noutput_price = 10000\n'
        )
        command = ("run", "once.py", "--source", "rows.jsonl", "--teacher", "paid")
        stopped = cli(*command, "--max-cost", "2.0")
        assert stopped.code == 3
        assert 1 <= len(server.bodies) <= 2.0 / (0.011 + 0.07)
        assert cli(*command, "--max-tokens", "100000").code == 0


def test_a_probe_is_heeded(cli: Cli, place: Path) -> None:
    """What the endpoint was found to ignore ends the run in one line, before anything is sent."""
    needy = (place / "once.py").read_text().replace("max_tokens=50", "max_tokens=50, repetition_penalty=1.1")
    (place / "needy.py").write_text(needy)
    with serve(lambda body, before: f"<think>{'round and round ' * 40}</think>Answer: 7") as server:
        assert cli("teacher", "probe", f"{server.url}#mock").code == 0
        server.bodies.clear()
        ended = cli("run", "needy.py", "--source", "rows.jsonl", "--teacher", f"{server.url}#mock")
        assert ended.code == 2
        assert "does not give repetition_penalty" in ended.err
        assert "think_then_answer needs it" in ended.err
        assert server.bodies == []
        assert cli("run", "once.py", "--source", "rows.jsonl", "--teacher", f"{server.url}#mock").code == 0
