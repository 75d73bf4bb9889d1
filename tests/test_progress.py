"""What a run shows of itself."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import pytest

from curate.progress import Show, line, snapshot
from curate.teacher.budget import Amount, Budget, Caps
from curate.teacher.driver import Progress


def _progress() -> Progress:
    return Progress(
        started=time.monotonic() - 100,
        total=400,
        done=100,
        kept=60,
        running=8,
        asked=150,
        replayed=3,
        completion_tokens=20_000,
        cost=0.5,
        causes=Counter(refused=2),
        attempts=Counter(timeout=4, malformed=1),
        in_flight={"qwen": 8},
        limits={"qwen": 64},
    )


def test_a_line_tells_what_people_ask() -> None:
    """Rows, kept share, rate, spent against cap, failures by cause, places taken, and how long it takes still."""
    budget = Budget(Caps(cost=2.0))
    budget.run.spent = Amount(0.5, 21_000, 155)
    said = line(_progress(), "distil", budget)
    for part in (
        "distil: 100 of 400 done, 8 running", "60% kept", "150 asked, 3 from the ledger", "200 tokens/s",
        "cost 0.5 of 2", "failed: 2 refused", "tried again: 4 timeout, 1 malformed", "at work: qwen 8/64",
        "about 5 min 00 s left",
    ):  # fmt: skip
        assert part in said


def test_what_is_not_known_is_left_out() -> None:
    """No total, no forecast; no cap, no share of it; nothing kept where nothing can be."""
    said = line(Progress(done=3), "score")
    assert said.startswith("score: 3 done, 0 running")
    assert not {"left", "kept", "cost", "failed"} & set(said.replace(":", "").split())
    assert snapshot(Progress(total=10, done=1), "score")["seconds_left"] is None


def test_the_file_is_always_whole_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is replaced, never rewritten in place; quiet leaves it on."""
    file = tmp_path / "now.json"
    with Show("distil", budget=Budget(Caps(tokens=9)), file=file, quiet=True) as show:
        show(_progress())
        first = json.loads(file.read_text())
        show(_progress())
    assert first["kept"] == 60
    assert first["caps"] == {"cost": None, "tokens": 9, "requests": None}
    assert [path.name for path in tmp_path.iterdir()] == ["now.json"]
    assert capsys.readouterr().err == ""
