"""The lightweight release's files: tuning rows, RL rows once a question, pictures apart from texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fakes.workspace import question, trace

from curate.export.lightweight import Lightweight
from curate.store import Store
from schemas.answer import Answer
from schemas.sample import Message, Sample


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_tuning_and_rl_rows(tmp_path: Path) -> None:
    """Two traces are two tuning rows and one RL row; a text question goes to its own file."""
    store = Store(tmp_path / "w")
    pictured = question(store, 2)
    text = Sample.of([Message.of("user", "What is 1 + 1?")], answer=Answer.of("2"))
    out = tmp_path / "out"
    out.mkdir()
    rows = [(pictured, trace(pictured)), (pictured, trace(pictured, right=False)), (text, trace(text, answer="2"))]
    counts = Lightweight()(iter(rows), store.blobs.read, out)

    tuned, rl = _rows(out / "SFT.jsonl"), _rows(out / "MM_DATA_RL.jsonl")
    assert [row["sample_id"] for row in tuned] == [pictured.id, pictured.id, text.id]
    assert tuned[0]["messages"][-1] == {
        "role": "assistant",
        "content": "<think>\nIt is light.\n</think>\n\nAnswer: B",
    }
    assert set(tuned[0]["provenance"]) >= {"method", "origin", "answer_seen", "requests", "prompts", "sampling"}
    asked = [{"role": "user", "content": "<image>\nHow red is picture 2?\nA. dark\nB. light"}]
    assert rl == [{"messages": asked, "images": tuned[0]["images"], "solution": "B", "sample_id": pictured.id}]
    assert [row["solution"] for row in _rows(out / "TEXT_DATA_RL.jsonl")] == ["2"]
    assert counts == {
        "SFT.jsonl": 3, "MM_DATA_RL.jsonl": 1, "TEXT_DATA_RL.jsonl": 1, "pictures": 1, "marks_neutralised": 0,
    }  # fmt: skip
    assert (out / rl[0]["images"][0]).is_file()


def test_parts_and_rows_that_cannot_be_trained_on(tmp_path: Path) -> None:
    """RL needs a known answer, tuning a written one; what is left out is listed with its file."""
    store = Store(tmp_path / "w")
    unknown = Sample.of([Message.of("user", "Why <image>?")])
    rows = [(unknown, trace(unknown, answer=" "))]
    for parts, files, lost in (
        ("rl", {"MM_DATA_RL.jsonl", "TEXT_DATA_RL.jsonl"}, {"left_out.no_known_answer": 1}),
        ("sft", {"SFT.jsonl"}, {"left_out.empty_answer": 1}),
    ):
        out = tmp_path / parts
        out.mkdir()
        counts = dict(Lightweight(parts=parts)(iter(rows), store.blobs.read, out))
        assert {path.name for path in out.iterdir()} == {*files, "left_out.jsonl", "README.md"}
        assert {name: count for name, count in counts.items() if count and name not in files} == lost
