"""The columns of Virgo's released visual set (arXiv 2501.01904): every rollout with its score, and the one to train on.

`question` and `answer` as the source has them, `response` with all rollouts, `score` with 1 for each right one,
`conversation` with the shortest right one, `images`. Thought and solution stand between the tags of that line of work.
Further columns say where the rollouts are from; `train.json` is one JSON list, as the release is.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TextIO

from curate.export._rows import Pictures, UntrainableError, asked, card, line, provenance, text
from schemas.marks import neutral
from schemas.protocols import ReadMedia
from schemas.sample import Sample
from schemas.score import RIGHT
from schemas.trace import Trace

__all__ = ["Virgo"]

_ROWS, _LEFT_OUT = "train.json", "left_out.jsonl"
_FROM = {"user": "human", "assistant": "gpt", "system": "system"}
_ABOUT = """\
One row a question: all rollouts in `response`, `score` 1 for each right one, the shortest right one in `conversation`.\
"""


@dataclass(frozen=True, slots=True)
class Virgo:
    """Write one row a question with all of its rollouts."""

    version: ClassVar[int] = 2
    instruction: str = ""
    """Opens the user's first turn in `conversation`, as in the authors' training data; `question` has none."""
    rejected: ClassVar[bool] = True
    """Traces that were written and not kept are handed over too, after the kept ones of their sample."""

    def __call__(self, rows: Iterator[tuple[Sample, Trace]], read: ReadMedia, out: Path, /) -> Mapping[str, int]:
        """Write everything under `out`, an empty folder; the first trace of a sample is the one to train on.

        Returns:
            Counts: `written`, `responses`, `pictures`, `marks_neutralised`, and `left_out.REASON` for questions that
            cannot be trained on, which are listed in `left_out.jsonl`.

        """
        writing = _Writing(Pictures(read, out), self.instruction.strip())
        with (out / _ROWS).open("w", encoding="utf-8") as kept, (out / _LEFT_OUT).open("w", encoding="utf-8") as lost:
            for _, group in itertools.groupby(rows, key=lambda row: row[0].id):
                drawn = list(group)
                writing.put(drawn[0][0], [trace for _, trace in drawn], kept, lost)
            kept.write("\n]\n" if writing.tally["written"] else "[]\n")
        if not writing.lost:
            (out / _LEFT_OUT).unlink()
        card(out, "Rollouts of long thoughts", _ABOUT, {"default": _ROWS}, writing.counts())
        return writing.counts()


@dataclass(slots=True)
class _Writing:
    """An export under way."""

    pictures: Pictures
    instruction: str
    tally: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)

    def counts(self) -> dict[str, int]:
        tally = {name: self.tally[name] for name in ("written", "responses", "marks_neutralised")}
        lost = {f"left_out.{reason}": count for reason, count in sorted(self.lost.items())}
        return {**tally, "pictures": self.pictures.count, **lost}

    def put(self, sample: Sample, traces: Sequence[Trace], kept: TextIO, lost: TextIO) -> None:
        try:
            row = self._row(sample, traces)
        except UntrainableError as reason:
            self.lost[str(reason)] += 1
            line(lost, {"sample_id": sample.id, "trace_id": traces[0].id, "reason": str(reason)})
            return
        kept.write(",\n" if self.tally["written"] else "[\n")
        kept.write(json.dumps(row, ensure_ascii=False, allow_nan=False))
        self.tally["written"] += 1
        self.tally["responses"] += len(traces)

    def _row(self, sample: Sample, traces: Sequence[Trace]) -> dict[str, Any]:
        chosen = traces[0]
        if not chosen.answer.strip():
            raise UntrainableError("empty_answer")
        turns = asked(sample)
        images = self.pictures.paths([media for turn in turns for media in turn.media])
        said = [{"from": _FROM[turn.role], "value": self._counted(*text(turn.content))} for turn in turns]
        question = said[-1]["value"]
        first = next(turn for turn in said if turn["from"] == "human")
        first["value"] = "\n\n".join(filter(None, (self.instruction, first["value"])))
        drawn = sorted(traces, key=lambda trace: (trace.teacher, trace.try_index, trace.id))
        return {
            "question": question,
            "answer": sample.answer.text if sample.answer is not None else "",
            "response": [self._tagged(trace) for trace in drawn],
            "score": [int(trace.verdict is not None and trace.verdict.value == RIGHT) for trace in drawn],
            "conversation": [*said, {"from": "gpt", "value": self._tagged(chosen)}],
            "images": images,
            "sample_id": sample.id,
            "trace_id": chosen.id,
            "provenance": provenance(chosen),
        }

    def _tagged(self, trace: Trace) -> str:
        """Write thought and solution between their tags; a reply that never left its thought has no solution."""
        parts = {"thought": trace.reasoning, "solution": trace.answer}
        texts = {name: self._counted(*neutral(part)).strip() for name, part in parts.items()}
        tagged = [f"<|begin_of_{n}|>\n\n{part}\n\n<|end_of_{n}|>" for n, part in texts.items() if part]
        return "\n\n".join(tagged)

    def _counted(self, written: str, marks: int) -> str:
        self.tally["marks_neutralised"] += marks
        return written
