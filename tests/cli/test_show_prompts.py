"""`curate show --prompts`: the words behind a version's traces."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fakes.command_line import Cli

from curate.store import Store, Writer
from schemas.answer import Answer
from schemas.canonical import fingerprint
from schemas.request import Sampling, Usage
from schemas.sample import Message, Sample
from schemas.score import RIGHT, WRONG, Verdict
from schemas.trace import Trace
from schemas.version import Step

WORDS = "Think it through.\nThen answer."
THINK = f"maker.prompt@{fingerprint(WORDS)[:12]}"
GONE = "maker.revise@0123456789ab"
PARAMS = {"generator": {"name": "maker", "type": "Maker", "version": 1, "params": {"prompt": WORDS, "role": "teacher"}}}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """`made@v1` with two kept traces and one rejected, and `chosen@v1` from it, whose own step has no prompt."""
    store = Store(tmp_path / "w")
    asked = Sample.of([Message.of("user", "How many?")], answer=Answer.of("1"), row=0)

    def trace(number: int, verdict: str, *prompts: str) -> Trace:
        made = Trace(f"{number:024x}", asked.id, "maker", "m", "So.", "1", "stop", Usage(), ("k",), Sampling(), prompts)
        return made.with_verdict(Verdict(verdict, "same"))

    def write(writer: Writer) -> int:
        writer.sample(asked)
        writer.trace(trace(1, RIGHT, THINK))
        writer.trace(trace(2, RIGHT, GONE, THINK))
        writer.rejected(trace(3, WRONG, THINK))
        return 1

    fields = {"samples": {}, "traces": {}}
    made = store.derive("made", Step("distil", PARAMS), write=write, score_fields=fields)
    store.derive("chosen", Step("bands"), parents=[made], write=write, score_fields=fields)
    store.derive("bare", Step("read"), write=lambda _: 0, score_fields=fields)
    return tmp_path / "w"


@pytest.mark.parametrize("name", ["made", "chosen"])
def test_words_and_what_became_of_their_traces(cli: Cli, workspace: Path, name: str) -> None:
    """The words are found in the step that asked, here or above; what no step holds is said to be lost."""
    done = cli("show", name, "--prompts", "--workspace", str(workspace))

    assert f"{THINK}: 2 kept, 1 rejected, 2 right\n    Think it through.\n    Then answer.\n" in done.out
    assert f"{GONE}: 1 kept, 0 rejected, 1 right\n    (its words are in no step" in done.out
    rows = json.loads(cli("show", name, "--prompts", "--json", "--workspace", str(workspace)).out)
    assert [(row["prompt"], row["text"]) for row in rows] == [(THINK, WORDS), (GONE, None)]


def test_a_version_without_traces_has_none(cli: Cli, workspace: Path) -> None:
    """And an id makes no sense beside them."""
    none = cli("show", "bare", "--prompts", "--workspace", str(workspace))
    assert (none.out, none.code) == ("", 0)
    assert "no traces" in none.err
    both = cli("show", "made", "abcd", "--prompts", "--workspace", str(workspace))
    assert both.code == 2
    assert "leave the ID out" in both.err
