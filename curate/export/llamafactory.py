"""LLaMA-Factory's ShareGPT form: `train.jsonl`, `images/` and the `dataset_info.json` that tells it how to read them.

What breaks its loader silently is kept out: every row alternates user and assistant and ends with the assistant, the
number of `<image>` marks is the number of pictures, no other text holds a mark or a special token, and thinking stands
inline between `<think>` tags. (The form called `openai` there adds a system prompt that turns thinking off.)
Train with `dataset_dir: OUT` and `dataset: NAME`; `datasets.load_dataset(OUT)` reads the folder too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TextIO

from curate.export._rows import Pictures, UntrainableError, asked, card, line, provenance, said, text, write_json
from schemas.protocols import ReadMedia
from schemas.sample import Sample
from schemas.trace import Trace

__all__ = ["Llamafactory"]

_ROWS = "train.jsonl"
_LEFT_OUT = "left_out.jsonl"
_ABOUT = """\
Image-question samples with a verified chain of thought, for LLaMA-Factory:

    dataset_dir: THIS_FOLDER
    dataset: {name}"""


@dataclass(frozen=True, slots=True)
class Llamafactory:
    """Write ShareGPT rows with pictures as files, for LLaMA-Factory's supervised fine-tuning."""

    version: ClassVar[int] = 2
    name: str = "curate"
    """Name of the dataset in `dataset_info.json`."""

    def __call__(self, rows: Iterator[tuple[Sample, Trace]], read: ReadMedia, out: Path, /) -> Mapping[str, int]:
        """Write everything under `out`, which must be an empty folder.

        Returns:
            Counts: `written`, `pictures`, `marks_neutralised`, `without_reasoning`, and `left_out.REASON` for rows that
            cannot be trained on, which are listed in `left_out.jsonl`.

        """
        writing = _Writing(Pictures(read, out))
        with (out / _ROWS).open("w", encoding="utf-8") as kept, (out / _LEFT_OUT).open("w", encoding="utf-8") as lost:
            for sample, trace in rows:
                writing.put(sample, trace, kept, lost)
        if not writing.lost:
            (out / _LEFT_OUT).unlink()
        write_json(out / "dataset_info.json", {self.name: _INFO})
        card(out, self.name, _ABOUT.format(name=self.name), {"default": _ROWS}, writing.counts())
        return writing.counts()


_INFO = {
    "file_name": _ROWS,
    "formatting": "sharegpt",
    "columns": {"messages": "messages", "images": "images"},
    "tags": {
        "role_tag": "role",
        "content_tag": "content",
        "user_tag": "user",
        "assistant_tag": "assistant",
        "system_tag": "system",
    },
}


@dataclass(slots=True)
class _Writing:
    """An export under way."""

    pictures: Pictures
    tally: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)

    def counts(self) -> dict[str, int]:
        tally = {name: self.tally[name] for name in ("written", "marks_neutralised", "without_reasoning")}
        lost = {f"left_out.{reason}": count for reason, count in sorted(self.lost.items())}
        return {**tally, "pictures": self.pictures.count, **lost}

    def put(self, sample: Sample, trace: Trace, kept: TextIO, lost: TextIO) -> None:
        try:
            row = self._row(sample, trace)
        except UntrainableError as reason:
            self.lost[str(reason)] += 1
            line(lost, {"sample_id": sample.id, "trace_id": trace.id, "reason": str(reason)})
            return
        line(kept, row)
        self.tally["written"] += 1
        self.tally["without_reasoning"] += not trace.reasoning.strip()

    def _row(self, sample: Sample, trace: Trace) -> dict[str, Any]:
        answer, marks = said(trace)
        turns = asked(sample)
        images = self.pictures.paths([media for turn in turns for media in turn.media])
        texts = [text(turn.content) for turn in turns]
        self.tally["marks_neutralised"] += marks + sum(count for _, count in texts)
        messages = [{"role": turn.role, "content": written} for turn, (written, _) in zip(turns, texts, strict=True)]
        messages.append({"role": "assistant", "content": answer})
        ids = {"sample_id": sample.id, "trace_id": trace.id}
        return {"messages": messages, "images": images, **ids, "provenance": provenance(trace)}
