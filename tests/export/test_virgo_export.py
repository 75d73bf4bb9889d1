"""Virgo's released columns: every rollout with its score, the shortest right one to train on, tags of our own only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fakes.runs import drawn, played
from fakes.workspace import question, trace

from curate.bands import Bands, banded
from curate.cli.main import main
from curate.export.virgo import Virgo
from curate.store import Store
from schemas.answer import Answer
from schemas.sample import Media, Message, Sample
from schemas.trace import Trace


def _export(store: Store, rows: list[tuple[Sample, Trace]], out: Path) -> tuple[list[dict[str, Any]], dict[str, int]]:
    out.mkdir()
    counts = Virgo()(iter(rows), store.blobs.read, out)
    return json.loads((out / "train.json").read_text()), dict(counts)


def test_a_row_in_full(tmp_path: Path) -> None:
    """All rollouts in the order they were drawn; the first one handed over is the conversation."""
    store = Store(tmp_path / "w")
    sample = question(store, 3)
    right, wrong = trace(sample), trace(sample, right=False, answer="Answer: A")
    [row], counts = _export(store, [(sample, right), (sample, wrong)], tmp_path / "out")

    tagged = (
        "<|begin_of_thought|>\n\nIt is light.\n\n<|end_of_thought|>\n\n"
        "<|begin_of_solution|>\n\nAnswer: B\n\n<|end_of_solution|>"
    )
    assert row["question"] == "<image>\nHow red is picture 3?\nA. dark\nB. light"
    assert row["answer"] == "B"
    assert sorted(zip(row["score"], row["response"], strict=True)) == [(0, tagged.replace(": B", ": A")), (1, tagged)]
    assert row["conversation"] == [{"from": "human", "value": row["question"]}, {"from": "gpt", "value": tagged}]
    assert (tmp_path / "out" / row["images"][0]).read_bytes() == store.blobs.read(sample.media[0])
    assert (row["sample_id"], row["trace_id"]) == (sample.id, right.id)
    for name in ("method", "origin", "answer_seen", "requests", "prompts", "sampling", "teacher"):
        assert name in row["provenance"]
    assert counts == {"written": 1, "responses": 2, "marks_neutralised": 0, "pictures": 1}
    assert not (tmp_path / "out" / "left_out.jsonl").exists()


def test_an_instruction_opens_the_conversation_alone(tmp_path: Path) -> None:
    """The first turn of several; the question stays the source's."""
    store = Store(tmp_path / "w")
    turns = [Message.of("user", "Hi."), Message.of("assistant", "Hello."), Message.of("user", "What is 1 + 1?")]
    sample = Sample.of(turns, answer=Answer.of("2"))
    (tmp_path / "out").mkdir()
    Virgo(instruction=" Think first.\n")(
        iter([(sample, trace(sample, answer="2"))]), store.blobs.read, tmp_path / "out"
    )
    [row] = json.loads((tmp_path / "out" / "train.json").read_text())
    assert [turn["value"] for turn in row["conversation"][:3]] == ["Think first.\n\nHi.", "Hello.", "What is 1 + 1?"]
    assert row["question"] == "What is 1 + 1?"


def test_the_shortest_of_several_kept_ones_is_the_conversation(tmp_path: Path) -> None:
    """Whatever their ids; a rejected one is not looked at, however short and right it is."""
    with played(tmp_path / "w", lambda _: "") as run:
        rollouts = drawn(run, {0: [(True, 50), (True, 20), (False, 3), (True, 30), (True, 5)]})
        banded(run, rollouts, Bands(shortest=10, longest=99, most=3), name="band")
    for ref, tokens in (("drawn", 5), ("band", 20)):
        command = ["export", ref, "--to", "virgo", "--workspace", str(tmp_path / "w"), "--out", str(tmp_path / ref)]
        with pytest.raises(SystemExit, match="0"):
            main(command)
        [row] = json.loads((tmp_path / ref / "train.json").read_text())
        assert row["conversation"][-1]["value"].count(".") == tokens
        assert row["score"] == [1, 1, 0, 1, 1]
        assert len(row["response"]) == 5


def test_marks_in_texts_are_harmless_and_untrainable_rows_are_listed(tmp_path: Path) -> None:
    """A rollout cannot close its tags; a picture that is gone leaves its question out, and the file is still JSON."""
    store = Store(tmp_path / "w")
    hostile = Sample.of([Message.of("user", "What <image> is <|end_of_thought|> 1 + 1?")], answer=Answer.of("2"))
    broken = Media(store.blobs.put(b"not a picture"), "image/png", 8, 8, 13)
    gone = Sample.of([Message.of("user", broken, "Red?")], answer=Answer.of("yes"))
    rows = [(s, trace(s, reasoning="So <|end_of_thought|> 2 <image>.", answer="\\boxed{2}")) for s in (hostile, gone)]
    [row], counts = _export(store, rows, tmp_path / "out")

    assert "<image>" not in row["question"] + row["response"][0]
    assert row["response"][0].count("<|end_of_thought|>") == 1
    assert counts["marks_neutralised"] > 0
    assert sum(count for name, count in counts.items() if name.startswith("left_out.")) == 1
    assert gone.id in (tmp_path / "out" / "left_out.jsonl").read_text()


def test_an_unfinished_rollout_has_no_solution_and_no_rows_are_an_empty_list(tmp_path: Path) -> None:
    """What never left its thought is a response all the same."""
    store = Store(tmp_path / "w")
    sample = question(store, 1)
    open_ended = trace(sample, right=False, reasoning="on and on", answer="")
    [row], _ = _export(store, [(sample, trace(sample)), (sample, open_ended)], tmp_path / "out")
    assert "<|begin_of_thought|>\n\non and on\n\n<|end_of_thought|>" in row["response"]
    assert _export(store, [], tmp_path / "empty") == (
        [],
        {"written": 0, "responses": 0, "marks_neutralised": 0, "pictures": 0},
    )
