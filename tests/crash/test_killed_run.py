"""kill -9 a run at any moment and start it again: nothing is bought twice, and the version is the same."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fakes.server import Answer, serve
from PIL import Image, ImageDraw

from curate.teacher.ledger import Ledger

REPO = Path(__file__).resolve().parents[2]
ROWS = 30


def _say(body: Mapping[str, Any], before: int) -> Answer:
    """Answer by the words asked alone, right for about half of the questions."""
    text = json.dumps(body["messages"])
    digest = hashlib.sha256(text.encode()).digest()
    if "json_schema" in json.dumps(body.get("response_format", "")):
        return Answer(json.dumps({"not": "the rubric"}), hang=0.005)
    number = digest[0] % 2 + 1
    return Answer(f"<think>I look closely. {digest.hex()}</think>Answer: {number}", hang=0.01 * (digest[1] % 4))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Write questions about small pictures, one of them twice and one of them broken."""
    folder = tmp_path / "data"
    folder.mkdir()
    rows = []
    for i in range(ROWS):
        picture = Image.new("RGB", (160, 120), "white")
        ImageDraw.Draw(picture).rectangle((20 + i, 20, 90, 80), outline="black", width=3)
        picture.save(folder / f"{i}.png")
        rows.append({"image": f"{i}.png", "question": f"How many boxes are in picture {i}?", "answer": "1"})
    rows += [rows[3], {"image": "gone.png", "question": "Where?", "answer": "1"}]
    path = folder / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def _start(source: Path, workspace: Path, url: str) -> subprocess.Popen[str]:
    command = [
        sys.executable, "-m", "curate.cli.main", "run", str(REPO / "recipes" / "vqa_long_cot.py"), "--json", "--quiet",
        "--source", str(source), "--workspace", str(workspace), "--teacher", f"{url}#mock",
        "--rollouts", "2", "--tries", "2",
    ]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPO)


def _finish(source: Path, workspace: Path, url: str) -> dict[str, Any]:
    process = _start(source, workspace, url)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    version: dict[str, Any] = json.loads(out)
    return version


def _settled(bodies: list[Any]) -> int:
    """Return the number of requests once those that were on their way have arrived."""
    count = -1
    while count != len(bodies):
        count = len(bodies)
        time.sleep(1.0)
    return count


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_resumes_to_the_same_version_and_buys_nothing_twice(source: Path, tmp_path: Path) -> None:
    """After several kills the version's id is an undisturbed run's, and what was answered was asked once."""
    chance = random.Random(7)
    with serve(_say) as server:
        whole = _finish(source, tmp_path / "whole", f"{server.url}")
        once = len(server.bodies)
        for _ in range(5):
            process = _start(source, tmp_path / "torn", server.url)
            time.sleep(chance.uniform(1.0, 4.0))
            process.send_signal(signal.SIGKILL)
            process.communicate()
        torn = _finish(source, tmp_path / "torn", server.url)
        extra = len(server.bodies) - 2 * once

    assert torn["id"] == whole["id"]
    # Only what was in flight at a kill may be asked again: at most the endpoint's 32 places each time.
    assert extra <= 5 * 32
    check = subprocess.run(
        [sys.executable, "-m", "curate.cli.main", "check", "--json", "--workspace", str(tmp_path / "torn")],
        capture_output=True, text=True, check=False, cwd=REPO,
    )  # fmt: skip
    reports = [json.loads(line) for line in check.stdout.splitlines()]
    assert check.returncode == 0, check.stdout
    assert reports
    for report in reports:
        assert report["problems"] == []
        assert report["rows_in"] == ROWS + 2 == report["kept"] + report["dropped"] + report["failed"]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_is_in_the_ledger_at_a_kill_is_not_asked_again(source: Path, tmp_path: Path) -> None:
    """The questions answered before a kill are not among those sent after it."""
    with serve(_say) as server:
        process = _start(source, tmp_path / "w", server.url)
        deadline = time.monotonic() + 60
        while len(server.bodies) < 60 and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        before = _settled(server.bodies)
        with Ledger(tmp_path / "w" / "ledger.sqlite") as ledger:
            stored = ledger.count()
        _finish(source, tmp_path / "w", server.url)
        with Ledger(tmp_path / "w" / "ledger.sqlite") as ledger:
            total = ledger.count()
        after = len(server.bodies) - before

    assert stored > 0
    assert after == total - stored
