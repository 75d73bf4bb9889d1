"""Rated chains as rows of steps with labels."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from fakes.workspace import media, question, trace

from curate.export.stepwise import Stepwise
from curate.store import Store
from schemas.errors import ConfigError
from schemas.sample import Message, Sample
from schemas.score import Score
from schemas.trace import Trace

STEPS = "It is <image> dim.\n\nSo it may be dark.\n\nIt is dark, then."


def _rated(sample: Sample, values: list[float | None], dead_from: int | None = None, **words: Any) -> Trace:
    made = trace(sample, **{"right": False, "reasoning": STEPS, "answer": "Answer: A", **words})
    detail = {"values": json.dumps(values), "ends": "[18, 38, 57]"}
    detail |= {} if dead_from is None else {"dead_from": dead_from}
    return made.with_score("step_values", Score(0.0, detail=detail))


def _export(
    store: Store, rows: list[tuple[Sample, Trace]], out: Path, **fields: Any
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    out.mkdir()
    counts = Stepwise(**fields)(iter(rows), store.blobs.read, out)
    return [json.loads(row) for row in (out / "train.jsonl").read_text().splitlines()], dict(counts)


def test_a_row_has_a_label_for_each_step_and_for_the_answer(tmp_path: Path) -> None:
    """Good until nothing comes out right any more; marks in a chain are neutral; unrated traces are passed over."""
    store = Store(tmp_path / "w")
    sample = question(store, 3)
    rows = [(sample, _rated(sample, [0.0, 0.5, 0.0], dead_from=3)), (sample, trace(sample))]
    [row], counts = _export(store, rows, tmp_path / "out")
    assert row["prompt"] == "<image>\nHow red is picture 3?\nA. dark\nB. light"
    assert row["completions"][1:] == ["So it may be dark.", "It is dark, then.", "Answer: A"]
    assert "<image>" not in row["completions"][0]
    assert row["labels"] == [True, True, False, False]
    assert row["values"] == [0.0, 0.5, 0.0, 0.0]
    assert (len(row["images"]), row["provenance"]["verdict"]) == (1, "wrong")
    assert counts == {"written": 1, "steps": 4, "bad_steps": 2, "pictures": 1}


def test_a_share_can_be_asked_of_every_step(tmp_path: Path) -> None:
    """Then each step is judged by its own value."""
    store = Store(tmp_path / "w")
    sample = question(store, 3)
    rows = [(sample, _rated(sample, [0.25, 0.75, 0.5], right=True))]
    [row], _ = _export(store, rows, tmp_path / "out", least=0.4)
    assert row["labels"] == [False, True, True, True]
    with pytest.raises(ConfigError, match="least"):
        Stepwise(least=1.0)


def test_what_has_no_label_is_left_out(tmp_path: Path) -> None:
    """A step that nobody decided is not called bad; a picture that is none and an empty answer are told."""
    store = Store(tmp_path / "w")
    sample = question(store, 3)
    broken = dataclasses.replace(media(store, 9), sha256=store.blobs.put(b"not a picture"))
    blind = Sample.of([Message.of("user", broken, "What?")])
    rows = [
        (sample, _rated(sample, [0.5, None, 0.5])),
        (sample, _rated(sample, [0.5, 0.5, 0.5], answer=" ")),
        (blind, _rated(blind, [0.5, 0.5, 0.5])),
    ]
    kept, counts = _export(store, rows, tmp_path / "out")
    assert kept == []
    assert (counts["left_out.value_missing"], counts["left_out.empty_answer"]) == (1, 1)
    assert len((tmp_path / "out" / "left_out.jsonl").read_text().splitlines()) == 3
    with pytest.raises(ConfigError, match="no rated chains"):
        _export(store, [(sample, trace(sample))], tmp_path / "none")


def test_the_rows_load_as_a_dataset(tmp_path: Path) -> None:
    """With the columns and types that TRL calls stepwise supervision."""
    from datasets import load_dataset

    store = Store(tmp_path / "w")
    samples = [question(store, n) for n in range(3)]
    _export(store, [(one, _rated(one, [1.0, 0.5, 0.0])) for one in samples], tmp_path / "out")
    loaded = load_dataset(str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "cache"))
    assert len(loaded) == 3
    assert loaded[0]["labels"] == [True, True, True, False]
