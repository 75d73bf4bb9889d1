"""Skywork R1V, Virgo and the lightweight recipe against a loopback endpoint: end to end, killed and resumed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fakes.killed import CURATE, killed_and_resumed, rows_of, version_of
from fakes.server import Answer, serve

ROOT = Path(__file__).resolve().parents[2]
WIDE = ["--min-thought", "0", "--max-thought", "0"]
RECIPES = {
    "skywork_r1v": ["--round", "1"],
    "virgo": ["--text-share", "0.5", *WIDE],
    "lightweight_long_cot": ["--attempts", "2", "--revise"],
}
KEPT = {"skywork_r1v": "r1v-r1", "virgo": "virgo", "lightweight_long_cot": "lightweight"}


def _text(body: Mapping[str, Any]) -> str:
    turns = [message["content"] for message in body["messages"]]
    return "\n".join(turn if isinstance(turn, str) else "\n".join(p.get("text", "") for p in turn) for turn in turns)


def _say(body: Mapping[str, Any], before: int) -> Answer:
    """Add one to a number up to 11, and a wrong one to others unless it is shown something; rate even ones well."""
    text = _text(body)
    found = re.search(r"follows (\d+)\?", text)
    number = int(found[1]) if found else 0
    if "rating - a whole" in text:
        return Answer(json.dumps({"reason": "So.", "rating": 4 if number % 2 == 0 else 1}), hang=0.02)
    if "wording" in text:
        levels = dict.fromkeys(("wording", "coherence", "difficulty", "reasoning", "knowledge", "picture"), 3)
        return Answer(json.dumps({"reason": "So.", **levels, "domain": "arithmetic"}), hang=0.02)
    if "Draft:" in text:
        return Answer(f"Count on. It is one more than that.\nAnswer: {number + 1}", hang=0.02)
    right = number < 12 or "Go on from there" in text
    said = f"<think>One more than {number}.</think>\nAnswer: {number + 1 if right else 99}"
    return Answer(said, hang=0.02, usage={"prompt_tokens": 9, "completion_tokens": 3000, "total_tokens": 3009})


def _write(path: Path, numbers: range) -> Path:
    rows = [{"question": f"What follows {n}?", "answer": str(n + 1)} for n in numbers]
    for row in rows[1::2]:  # the others have to be guided
        row["solution"] = "Count on. Start where you are. Add one. Done."
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _command(recipe: str, folder: Path, workspace: Path, url: str, *options: str) -> list[str]:
    given = ["--source", str(folder / "rows.jsonl"), "--workspace", str(workspace), "--teacher", f"{url}#mock"]
    given += ["--text", str(folder / "texts.jsonl")] if recipe == "virgo" else []
    path = str(ROOT / "recipes" / f"{recipe}.py")
    return [*CURATE, "run", path, *given, "--json", "--quiet", *options]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write questions, a third never solved alone and one without an answer, and texts for Virgo's other set."""
    with _write(tmp_path / "rows.jsonl", range(18)).open("a") as rows:
        rows.write('{"question": "Does anyone know?"}\n')
    _write(tmp_path / "texts.jsonl", range(100, 110)).write_text(
        "".join(json.dumps({"question": f"Then what follows {n}?", "answer": str(n + 1)}) + "\n" for n in range(6))
    )
    return tmp_path


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("recipe", RECIPES)
def test_killed_and_resumed_it_asks_for_nothing_that_was_answered(recipe: str, folder: Path) -> None:
    """What is in the ledger at a kill -9 is not sent again; the version is an undisturbed run's, traces say all."""
    with serve(_say) as server:
        command = _command(recipe, folder, folder / "w", server.url, *RECIPES[recipe])
        torn = killed_and_resumed(server, command, folder / "w")
        asked = len(server.bodies)
        assert version_of(command)["id"] == torn["id"]
        assert len(server.bodies) == asked
        whole = version_of(_command(recipe, folder, folder / "whole", server.url, *RECIPES[recipe]))
    assert torn["id"] == whole["id"]
    rows = rows_of(
        folder / "w", "SELECT method, origin, answer_seen, len(requests) n, sampling FROM traces", KEPT[recipe]
    )
    assert rows
    for row in rows:
        assert row["method"]
        assert row["n"] == (2 if row["origin"] == "revised" else 1)
        assert row["answer_seen"] == (row["origin"] == "revised")
        assert row["sampling"]["temperature"] == 0.6


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_rounds_of_skywork_r1v(folder: Path) -> None:
    """Well rated or wrong in each round, errors return twice, the RL set has no errors; a file says the same."""
    with serve(_say) as server:
        run = [_command("skywork_r1v", folder, folder / "w", server.url, "--round", str(t)) for t in range(1, 6)]
        kept = [version_of(command)["rows"] for command in run]
        # 9 are even and rated 4, 12 to 17 are wrong: 3 odd ones return twice, 3 even ones once, when tau is 5
        assert kept == [12, 12, 9, 3, 0]
        assert [
            row["n"]
            for row in rows_of(folder / "w", "SELECT count(*) n FROM dropped WHERE rule = 'round.returns'", "r1v-r3")
        ] == [6]
        predictions = folder / "p.jsonl"
        predictions.write_text(json.dumps({"question": "What follows 1?", "prediction": "Answer: 9"}) + "\n")
        told = [*run[0], "--name", "filed", "--predictions", str(predictions)]
        assert version_of(told)["rows"] == 10
    why = 'SELECT "round".detail.why AS why, count(*) AS n FROM samples GROUP BY 1 ORDER BY 1'
    assert rows_of(folder / "w", why, "filed-r1") == [{"why": "error", "n": 1}, {"why": "reward", "n": 9}]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_zones_of_the_lightweight_recipe(folder: Path) -> None:
    """Solved always: dropped; never alone but with help: kept, and its trace says that help was shown."""
    with serve(_say) as server:
        made = version_of(_command("lightweight_long_cot", folder, folder / "w", server.url, "--attempts", "2"))
        assert made["rows"] == 0  # the teacher fails where the student did, so rows without a solution get no help
        zones = "SELECT count(*) AS n FROM samples"
        assert rows_of(folder / "w", zones, "lightweight-zones") == [{"n": 3}]
        helped = version_of(
            _command("lightweight_long_cot", folder, folder / "w", server.url, "--attempts", "2", "--revise")
        )
        assert helped["rows"] == 6
    unknown = "SELECT count(*) AS n FROM dropped WHERE rule = 'answer IS NOT NULL'"
    assert rows_of(folder / "w", unknown, "lightweight-zones") == [{"n": 1}]
    query = "SELECT method, answer_seen, count(*) AS n FROM traces GROUP BY 1, 2"
    assert rows_of(folder / "w", query, "lightweight-zones") == [{"method": "hinted/help", "answer_seen": True, "n": 6}]
    out = folder / "out"
    export = ["export", "lightweight", "--to", "lightweight", "--out", str(out), "--workspace", str(folder / "w")]
    subprocess.run([sys.executable, "-m", "curate.cli.main", *export], cwd=ROOT, check=True, capture_output=True)
    row = json.loads((out / "SFT.jsonl").read_text().splitlines()[0])
    assert (row["provenance"]["origin"], row["provenance"]["answer_seen"]) == ("revised", True)
    assert any(".revise_prompt@" in ref for ref in row["provenance"]["prompts"])
    assert len((out / "TEXT_DATA_RL.jsonl").read_text().splitlines()) == 6


@pytest.mark.parametrize(
    ("recipe", "options", "words"),
    [
        ("skywork_r1v", ["--round", "6"], "5 is the RL set"),
        ("skywork_r1v", ["--round", "5", "--predictions", "p.jsonl"], "--round 1 to 4"),
        ("skywork_r1v", ["--round", "1", "--predictions", "nowhere.jsonl"], "no such file"),
        ("skywork_r1v", ["--round", "1", "--max-returns", "-1"], "0 times or more"),
        ("skywork_r1v", ["--shortest", "9000"], "token limits"),
        ("skywork_r1v", ["--ranges", "nowhere"], "no version 'nowhere'"),
        ("virgo", ["--text-share", "2"], "share from 0 to 1"),
        ("lightweight_long_cot", ["--low", "0.9", "--high", "0.1"], "middle band"),
    ],
)
def test_options_that_make_no_sense_are_told(recipe: str, options: list[str], words: str, folder: Path) -> None:
    """One line and exit code 2, before anything is asked."""
    command = _command(recipe, folder, folder / "w", "http://127.0.0.1:9/v1", *options)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert words in done.stderr
