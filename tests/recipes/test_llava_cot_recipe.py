"""The LLaVA-CoT recipe against a loopback endpoint: all three methods, killed and resumed."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fakes.judges import opinion, shown
from fakes.killed import CURATE, killed_and_resumed, rows_of, version_of
from fakes.runs import played
from fakes.server import Answer, serve

from schemas.errors import ConfigError
from schemas.request import Request

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("SUMMARY", "CAPTION", "REASONING", "CONCLUSION")
METHODS = {
    "plain": [],
    "conditioned": ["--mode", "answer_conditioned"],
    "beam": ["--method", "beam", "--candidates", "3"],
    "swires": ["--method", "swires", "--limits", "paper"],
}


def _text(body: Mapping[str, Any]) -> str:
    last = body["messages"][-1]["content"]
    return last if isinstance(last, str) else "\n".join(part.get("text", "") for part in last)


def _say(body: Mapping[str, Any], before: int) -> Answer:
    """Write stages in form, concluding 4; judge as a judge that likes 4 and what comes first."""
    text = _text(body)
    if stop := body.get("stop"):
        stage = stop[0].strip("</>")
        said = f"<{stage}> {'4' if stage == 'CONCLUSION' else f'Text of {len(text)}.'}"
    elif "better - A or B" in text:
        said = '{"reason": "Better.", "better": "A"}'
    elif "correct - yes" in text:
        said = '{"reason": "Sound.", "correct": "yes"}'
    elif "score - a whole" in text:
        said = '{"reason": "Good.", "score": 70}'
    elif "leads - yes" in text:
        found = re.search(r"\[reasoning \w+\]\n(.*?)\n\[end", text, re.DOTALL)
        leads = "yes" if re.search(r"\[conclusion \w+\]\n4\n", text) else "no"
        said = json.dumps({"quote": found[1] if found else "", "reason": "So.", "leads": leads})
    else:
        said = "\n".join(f"<{n}> {'4' if n == 'CONCLUSION' else 'It is so.'} </{n}>" for n in STAGES)
    return Answer(said, hang=0.02)


def _command(source: Path, workspace: Path, url: str, *options: str) -> list[str]:
    recipe = str(ROOT / "recipes" / "llava_cot.py")
    given = ["--source", str(source), "--workspace", str(workspace), "--teacher", f"{url}#mock", "--json", "--quiet"]
    return [*CURATE, "run", recipe, *given, *options]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Write text questions, of which every second one is answered by 4."""
    path = tmp_path / "rows.jsonl"
    rows = [{"question": f"What is {n} and so on?", "answer": "4" if n % 2 else "5"} for n in range(20)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("method", METHODS)
def test_runs_end_to_end_and_asks_nothing_twice(method: str, source: Path, tmp_path: Path) -> None:
    """Half of the questions are kept, by traces that say how they were made; a second run asks nothing."""
    with serve(_say) as server:
        made = version_of(_command(source, tmp_path / "w", server.url, *METHODS[method]))
        asked = len(server.bodies)
        assert version_of(_command(source, tmp_path / "w", server.url, *METHODS[method]))["id"] == made["id"]
        assert len(server.bodies) == asked > 0
    rows = rows_of(
        tmp_path / "w",
        "SELECT method, origin, answer_seen, reasoning, answer, len(requests) n FROM traces",
        "llava-cot",
    )
    assert len(rows) == 10
    expected = {"plain": ("llava_cot", False, 1), "conditioned": ("llava_cot/answer_conditioned", True, 1)}
    for row in rows:
        made_by = (row["method"], row["answer_seen"], row["n"])
        assert made_by == expected.get(method, (f"{'stage_beam' if method == 'beam' else method}", False, 4))
        assert row["origin"] == "teacher"
        assert re.findall(r"</?(\w+)>", row["reasoning"] + row["answer"]) == [n for n in STAGES for _ in range(2)]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("method", ["beam", "swires"])
def test_killed_and_resumed_it_asks_for_nothing_that_was_answered(method: str, source: Path, tmp_path: Path) -> None:
    """What is in the ledger at a kill -9 is not sent again, and the version is an undisturbed run's."""
    with serve(_say) as server:
        command = _command(source, tmp_path / "w", server.url, *METHODS[method])
        torn = killed_and_resumed(server, command, tmp_path / "w")
        whole = version_of(_command(source, tmp_path / "whole", server.url, *METHODS[method]))
    assert torn["id"] == whole["id"]


def test_modes_that_do_not_go_together_are_told(source: Path, tmp_path: Path) -> None:
    """A search never sees the answer; asking for that is one line and exit code 2."""
    command = _command(
        source, tmp_path / "w", "http://127.0.0.1:9/v1", "--method", "beam", "--mode", "answer_conditioned"
    )
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "goes with --method plain" in done.stderr


IDLE = [
    ({"width": 2}, "--width goes with --method beam: plain"),
    ({"method": "beam", "tries": 1}, "--tries goes with --method plain: beam"),
    ({"method": "beam", "rounds": 1}, "--rounds goes with --method swires: beam"),
    ({"method": "swires", "check": False}, "--check goes with --method beam: swires"),
    ({"reward_model": True}, "--reward-model goes with --method swires: plain"),
    ({"hints": "clues"}, "--hints goes with --mode answer_conditioned: honest"),
    ({"prefill": True}, "--prefill goes with --method beam or swires"),
    ({"method": "swires", "rounds": 0}, "rounds of at least 1: got 0"),
    ({"method": "beam", "candidates": 2, "width": 3}, "width 3 of 2 candidates"),
]


@pytest.mark.parametrize(("options", "told"), IDLE, ids=str)
def test_options_that_would_do_nothing_are_told(options: dict[str, Any], told: str, source: Path) -> None:
    """Before anything is read or asked, in words that name the option."""
    build = runpy.run_path(str(ROOT / "recipes" / "llava_cot.py"))["build"]
    with pytest.raises(ConfigError, match=told):
        build(None, source=str(source), **options)


def test_a_conclusion_in_other_words_is_judged_and_its_prompts_stand_on_the_trace(tmp_path: Path) -> None:
    """Where rules leave it open a judge of answers decides, and then the judge of the reasoning is asked."""
    build = runpy.run_path(str(ROOT / "recipes" / "llava_cot.py"))["build"]
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"question": "Who barks?", "answer": "a dog with brown fur", "hints": "Look at it."}))

    def say(request: Request) -> str:
        text = request.messages[-1].text
        if request.purpose.startswith("llava_cot.judge"):
            leads = "yes" if "[conclusion" in text and "\nthe brown dog\n" in text else "no"
            return json.dumps({"quote": "It is so.", "reason": "So.", "leads": leads})
        if request.role == "judge":
            case = shown(text)
            return opinion("yes" if case.known == "a dog with brown fur" else "no", case.answer)
        return "\n".join(f"<{n}> {'the brown dog' if n == 'CONCLUSION' else 'It is so.'} </{n}>" for n in STAGES)

    with played(tmp_path / "w", say) as run:
        [trace] = run.store.traces(build(run, source=str(path), mode="answer_conditioned"))
    assert trace.verdict is not None
    assert (trace.verdict.value, trace.verdict.rule) == ("right", "judge")
    assert [ref.partition("@")[0] for ref in trace.prompts] == [
        f"llava_cot.{name}" for name in ("hints_prompt", "known_prompt", "prompt")
    ]


def test_rows_that_nothing_can_be_right_for_are_dropped_unasked_and_hints_are_shown(tmp_path: Path) -> None:
    """A row without a known answer costs nothing and is accounted for; the other one's hint is in its request."""
    build = runpy.run_path(str(ROOT / "recipes" / "llava_cot.py"))["build"]
    path, seen = tmp_path / "rows.jsonl", []
    rows = [{"question": "Open?"}, {"question": "What is 2 + 2?", "answer": "4", "clue": "Count on."}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def say(request: Request) -> str:
        seen.append(request.messages[-1].text)
        return "\n".join(f"<{n}> {'4' if n == 'CONCLUSION' else 'It is so.'} </{n}>" for n in STAGES)

    with played(tmp_path / "w", say) as run:
        version = build(run, source=str(path), mode="answer_conditioned", hints="clue", judge=False)
        dropped = [(drop.stage, drop.rule) for drop in run.store.dropped(version)]
    assert dropped == [("select", "answer IS NOT NULL")]
    assert version.manifest.counts["kept"] == 1
    [asked] = seen
    assert "- Count on." in asked
