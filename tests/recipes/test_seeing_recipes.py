"""Recipes whose chains are held to the picture, against a loopback endpoint: end to end, killed and resumed."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fakes.killed import CURATE, killed_and_resumed, rows_of, version_of
from fakes.server import Answer, serve
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[2]
ROWS = 16
BOXES = ["--boxes", "coordinate"]
SECTIONS = ("GLOBAL_PERCEPTION", "LOCAL_PERCEPTION", "SHALLOW_COGNITION", "DEEP_COGNITION", "CONCLUSION")
CASES = {
    "modality_bridge": ("bridge", ["--pseudo"]),
    "escalate": ("honey", []),
    "grounded_cot": ("grounded", BOXES),
    "perception_to_cognition": ("perception", []),
    "visual_facts": ("facts", []),
}


def _text(body: Mapping[str, Any]) -> str:
    """Return all text of a request, the last turn last."""
    turns = (turn["content"] for turn in body["messages"])
    return "\n".join(t if isinstance(t, str) else "\n".join(part.get("text", "") for part in t) for t in turns)


def _say(body: Mapping[str, Any], before: int) -> Answer:
    """Answer 4 in the form that is asked for; judge as one who likes 4; have short chains fail."""
    text = _text(body)
    block = dict(re.findall(r"\[(\w+) \w{16}\]\n(.*?)\n\[end", text, re.DOTALL))
    if "leads - yes" in text:
        leads = "yes" if re.search(r"\b4\b", block["conclusion"]) else "no"
        chain = block.get("reasoning") or block.get("cognition") or text
        said = json.dumps({"quote": "so four", "reason": "So.", "leads": leads if "so four" in chain else "no"})
    elif "key facts" in text:
        said = '{"facts": ["The box is black", "The ground is white"]}'
    elif "holds - yes" in text:
        said = '{"seen": "A box.", "holds": "yes"}'
    elif "key stated" in text:
        said = '{"stated": [1]}'
    elif "Do not answer the question above" in text or "Think about the question above" in text:
        said = "A black box on white ground."
    elif "GLOBAL_PERCEPTION" in text:
        said = "\n".join(f"<{n}> {'4' if n == 'CONCLUSION' else 'It is seen, so four.'} </{n}>" for n in SECTIONS)
    elif "numbered steps" in text:
        said = "Step 1: the box is at [125, 167, 563, 667].\nStep 2: it counts as it does, so four.\nAnswer: 4"
    elif "shortest reasoning" in text:
        said = "It is short.\nAnswer: 3"
    else:
        said = (
            "According to the description it is black, so four.\nAnswer: 4"
            if "[picture]" in text
            else "I see it, so four.\nAnswer: 4"
        )
    return Answer(said, hang=0.02)


def _command(recipe: str, source: Path, workspace: Path, url: str) -> list[str]:
    given = ["--source", str(source), "--workspace", str(workspace), "--teacher", f"{url}#mock", "--json", "--quiet"]
    path = str(ROOT / "recipes" / f"{recipe}.py")
    return [*CURATE, "run", path, *given, *CASES[recipe][1]]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Write questions with a picture and a known box each, of which every second one is answered by 4."""
    rows = []
    for n in range(ROWS):
        picture = Image.new("RGB", (160, 120), "white")
        ImageDraw.Draw(picture).rectangle((20, 20, 90, 80 - n), fill="black")
        picture.save(tmp_path / f"{n}.png")
        answer = "4" if n % 2 else "5"
        rows.append(
            {
                "image": f"{n}.png",
                "question": f"What is {n}?",
                "answer": answer,
                "coordinate": [0.125, 0.167, 0.44, 0.5],
            }
        )
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("recipe", CASES)
def test_killed_and_resumed_it_asks_for_nothing_that_was_answered(recipe: str, source: Path, tmp_path: Path) -> None:
    """Torn and whole runs are one version, a further run asks nothing, and traces say how they were made."""
    with serve(_say) as server:
        torn = killed_and_resumed(server, _command(recipe, source, tmp_path / "w", server.url), tmp_path / "w")
        whole = version_of(_command(recipe, source, tmp_path / "whole", server.url))
        asked = len(server.bodies)
        assert version_of(_command(recipe, source, tmp_path / "whole", server.url))["id"] == whole["id"] == torn["id"]
        assert len(server.bodies) == asked
    _check_traces(recipe, tmp_path / "whole")


def _check_traces(recipe: str, workspace: Path) -> None:
    name = CASES[recipe][0]
    query = "SELECT *, sampling.max_tokens AS limit_sent FROM traces"
    rows = rows_of(workspace, query, name)
    assert len(rows) == ROWS // 2
    for row in rows:
        assert row["answer_seen"] is False
        assert row["limit_sent"]
        assert row["requests"]
        assert row["prompts"]
        assert row["method"].startswith(
            {"escalate": "escalate/long", "visual_facts": "think_then_answer"}.get(recipe, recipe)
        )
    if recipe == "modality_bridge":
        assert {(row["origin"], len(row["requests"])) for row in rows} == {("revised", 4)}
        lost = rows_of(
            workspace,
            "SELECT verdict.rule r, count(*) n FROM rejected WHERE verdict.rule LIKE 'bridge%' GROUP BY 1",
            name,
        )
        assert lost == [{"r": "bridge_leak", "n": ROWS}]
    if recipe == "escalate":
        assert {row["escalation"]["detail"]["short_requests"] for row in rows} == {1}
        assert {row["escalation"]["detail"]["long_requests"] for row in rows} == {4}
    if recipe == "grounded_cot":
        assert all(row["grounding"]["detail"]["consistent"] for row in rows)
        assert all("[0.125, 0.167, 0.438, 0.500]" in row["reasoning"] for row in rows)
    if recipe == "visual_facts":
        assert {row["visual_facts"]["value"] for row in rows} == {0.5}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--known-unit", "pixel"], "0 of 16 known boxes can be boxes as xywh pixel, 16 as xywh share"),
        (["--boxes", "coordnate"], "--boxes coordnate: none of 16 rows with one picture has a box there"),
    ],
)
def test_boxes_that_are_not_as_declared_are_told_before_anything_is_asked(
    source: Path, tmp_path: Path, options: list[str], words: str
) -> None:
    """A convention by which fewer of them can be boxes, a field that no row has: one line and exit code 2."""
    with serve(_say) as server:
        command = _command("grounded_cot", source, tmp_path / "w", server.url)
        command = [one for one in command if one not in BOXES] + (
            options if "--boxes" in options else [*BOXES, *options]
        )
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert server.bodies == []
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert words in done.stderr


def test_rows_of_the_published_shape_and_answers_that_are_boxes(source: Path, tmp_path: Path) -> None:
    """What is not qualified or has no answer is asked nothing; boxes are texts, in answers judged by their overlap."""
    rows = [json.loads(line) for line in source.read_text().splitlines()][:5]
    for row, qualified in zip(rows, (True, False, None, "False", True), strict=True):
        row |= {"answer": "[0.1, 0.2, 0.4, 0.5]", "qualified": qualified, "img": row.pop("image")}
        row |= {"cot": "Step 1: it is at [0.1, 0.2, 0.4, 0.5]", "coordinate": "[0.100, 0.200, 0.400, 0.500]"}
    del rows[-1]["answer"]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def say(body: Mapping[str, Any], before: int) -> Answer | str:
        text = _text(body)
        if "leads - yes" in text:
            return _say(body, before)
        return "Step 1: it is at [100, 200, 500, 700], so four.\nAnswer: [100, 200, 480, 700]"

    with serve(say) as server:
        command = [*_command("grounded_cot", source, tmp_path / "w", server.url), "--qualified", "qualified"]
        version_of([*command, "--no-judge"])
        assert len(server.bodies) == 2
    lost = "(SELECT count(*) FROM dropped WHERE stage = 'select') AS lost"
    found = rows_of(tmp_path / "w", f"SELECT answer, verdict.rule AS rule, {lost} FROM traces", "grounded")
    assert found == [{"answer": "Answer: [0.100, 0.200, 0.380, 0.500]", "rule": "box", "lost": 3}] * 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--no-describe"], "--no-describe needs --given"),
        (["--no-describe", "--given", "ocr"], "--given ocr: none of 16 rows with pictures has it"),
    ],
)
def test_a_bridge_of_nothing_is_told(source: Path, tmp_path: Path, options: list[str], words: str) -> None:
    """Neither a describer nor a field with text, or one that no row has."""
    command = [*_command("modality_bridge", source, tmp_path / "w", "http://127.0.0.1:9/v1"), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert words in done.stderr
