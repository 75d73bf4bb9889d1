"""Preference exports: pairs in the forms of LLaMA-Factory and TRL, and the matched supervised set."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fakes.workspace import fill, media, question, trace

from curate.export.preference import Preference
from curate.pairs import COLUMN, pair_up
from curate.store import Store, Writer
from schemas.errors import ConfigError
from schemas.sample import Message, Sample
from schemas.score import Score
from schemas.trace import Trace
from schemas.version import Step


def _pair(sample: Sample, number: int = 0, **words: str) -> list[tuple[Sample, Trace]]:
    chosen = trace(sample)
    detail = {"chosen": chosen.id, "number": number, "kind": "option", "ratio": 1.25}
    rejected = dataclasses.replace(trace(sample, right=False, **words), id=f"{number:024x}")
    return [(sample, chosen), (sample, rejected.with_score(COLUMN, Score(0.0, detail=detail)))]


def _export(
    store: Store, rows: list[tuple[Sample, Trace]], out: Path, **fields: Any
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, int]]:
    out.mkdir(exist_ok=True)
    counts = Preference(name="reds", **fields)(iter(rows), store.blobs.read, out)
    read = [[json.loads(row) for row in (out / name).read_text().splitlines()] for name in ("train.jsonl", "sft.jsonl")]
    return read[0], read[1], dict(counts)


def _curate(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "curate.cli.main", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return an empty workspace."""
    return Store(tmp_path / "w")


def test_a_ranking_row_in_full(store: Store, tmp_path: Path) -> None:
    """A conversation, two replies, the picture, and where both sides come from; the matched row is the chosen side."""
    sample = question(store, 3)
    rows = _pair(sample, reasoning="It is dark.", answer="Answer: A")
    [row], [matched], counts = _export(store, rows, tmp_path / "out")
    said = "<think>\nIt is light.\n</think>\n\nAnswer: B"

    assert row["messages"] == [{"role": "user", "content": "<image>\nHow red is picture 3?\nA. dark\nB. light"}]
    assert row["chosen"] == {"role": "assistant", "content": said}
    assert row["rejected"]["content"] == "<think>\nIt is dark.\n</think>\n\nAnswer: A"
    assert (row["error_kind"], row["length_ratio"]) == ("option", 1.25)
    assert len(row["images"]) == 1
    for side, value in (("chosen", "right"), ("rejected", "wrong")):
        made = row[f"{side}_provenance"]
        assert (made["method"], made["origin"], made["answer_seen"], made["verdict"]) == (
            "by_hand", "teacher", False, value
        )  # fmt: skip
        assert (made["requests"], made["sampling"]) == (["k"], "{}")
    assert matched["messages"] == [*row["messages"], row["chosen"]]
    assert matched["trace_id"] == row["chosen_id"]
    assert counts == {"written": 1, "matched": 1, "marks_neutralised": 0, "pictures": 1}
    info = json.loads((tmp_path / "out" / "dataset_info.json").read_text())
    assert info["reds"]["ranking"] is True
    assert info["reds"]["columns"]["rejected"] == "rejected"
    assert info["reds_sft"]["file_name"] == "sft.jsonl"


def test_a_row_for_trl_has_content_in_parts(store: Store, tmp_path: Path) -> None:
    """A picture is a part of its own, no mark stands in the text, and there is no LLaMA-Factory file."""
    [row], [matched], _ = _export(store, _pair(question(store, 3)), tmp_path / "out", form="trl")
    assert row["prompt"][0]["content"] == [
        {"type": "image", "text": None},
        {"type": "text", "text": "How red is picture 3?\nA. dark\nB. light"},
    ]
    assert "<image>" not in json.dumps(row)
    assert row["chosen"][0]["content"][0]["text"].endswith("Answer: B")
    assert [turn["role"] for turn in matched["messages"]] == ["user", "assistant"]
    assert not (tmp_path / "out" / "dataset_info.json").exists()


def test_text_alone_is_plain_text_for_trl(store: Store, tmp_path: Path) -> None:
    """A column of pictures would make TRL ask for a processor, and templates of language models take no parts."""
    sample = Sample.of([Message.of("user", "What is 2 and 2?")], choices=["3", "4"])
    [row], [matched], _ = _export(store, _pair(sample), tmp_path / "out", form="trl")
    assert row["prompt"] == [{"role": "user", "content": "What is 2 and 2?\nA. 3\nB. 4"}]
    assert row["rejected"] == [{"role": "assistant", "content": "<think>\nIt is light.\n</think>\n\nAnswer: B"}]
    assert [turn["content"] for turn in matched["messages"]] == [row[s][0]["content"] for s in ("prompt", "chosen")]
    assert "images" not in row
    assert "images" not in matched


def test_one_chosen_trace_is_matched_once_and_hostile_text_is_neutral(store: Store, tmp_path: Path) -> None:
    """Two pairs of one question give one supervised row; marks in replies are no marks."""
    sample = question(store, 3)
    rows = _pair(sample) + _pair(sample, 1, reasoning="<image></think> no", answer="Answer: A<|im_end|>")[1:]
    pairs, matched, counts = _export(store, rows, tmp_path / "out")
    assert (len(pairs), len(matched), counts["marks_neutralised"]) == (2, 1, 3)
    assert "<image>" not in pairs[1]["rejected"]["content"]
    assert pairs[1]["rejected"]["content"].count("</think>") == 1


def test_what_cannot_be_trained_on_is_listed(store: Store, tmp_path: Path) -> None:
    """An empty side, a picture that is none and a chosen trace that is gone leave the pair out, and say why."""
    sample = question(store, 3)
    broken = dataclasses.replace(media(store, 9), sha256=store.blobs.put(b"not a picture"))
    blind = Sample.of([Message.of("user", broken, "What?")])
    gone = _pair(question(store, 4))[1:]
    rows = _pair(sample, reasoning="", answer=" ") + _pair(blind) + gone
    pairs, _, counts = _export(store, rows, tmp_path / "out")
    assert pairs == []
    assert counts["left_out.chosen_missing"] == 1
    assert counts["left_out.empty_answer"] == 1
    assert sum(count for name, count in counts.items() if name.startswith("left_out.picture")) == 1
    assert len((tmp_path / "out" / "left_out.jsonl").read_text().splitlines()) == 3


def test_a_rejected_reply_without_an_answer_is_thinking_that_never_ends(store: Store, tmp_path: Path) -> None:
    """Cut replies can be negatives; their thinking is opened and not closed, whatever is written in it."""
    [row], _, _ = _export(store, _pair(question(store, 3), reasoning="On </think> on", answer=""), tmp_path / "out")
    said = row["rejected"]["content"]
    assert said.startswith("<think>\nOn ")
    assert "</think>" not in said


def test_a_version_without_pairs_is_told_in_one_line(store: Store, tmp_path: Path) -> None:
    """It would write nothing."""
    sample = question(store, 3)
    with pytest.raises(ConfigError, match="holds no pairs"):
        _export(store, [(sample, trace(sample))], tmp_path / "out")


def test_both_files_load_as_datasets(store: Store, tmp_path: Path) -> None:
    """Each is a configuration of its own, in both forms."""
    from datasets import load_dataset

    for form in ("llamafactory", "trl"):
        _export(store, [r for n in range(3) for r in _pair(question(store, n))], tmp_path / form, form=form)
        for config in ("default", "sft"):
            loaded = load_dataset(str(tmp_path / form), config, split="train", cache_dir=str(tmp_path / "cache"))
            assert len(loaded) == 3


def test_the_command_exports_pairs_of_a_version(tmp_path: Path) -> None:
    """`curate export --to preference` reads the rejected traces too."""
    root = tmp_path / "w"
    fill(root)
    store = Store(root)
    sample = question(store, 1)
    wrong = trace(sample, right=False, reasoning="It is dark.", answer="Answer: A")

    def write(writer: Writer) -> int:
        writer.sample(dataclasses.replace(sample, scores={}))
        writer.trace(trace(sample))
        writer.rejected(wrong)
        return 1

    pair_up(store, store.derive("rolled", Step("made"), write=write), name="paired")
    done = _curate("export", "paired", "--to", "preference", "--out", tmp_path / "out", "--workspace", root, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["written"] == 1
    refused = _curate("export", "reds", "--to", "preference", "--out", tmp_path / "no", "--workspace", root)
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
