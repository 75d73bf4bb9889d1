"""The files of the lightweight long-CoT release (arXiv 2509.03321): `SFT.jsonl` and `{MM,TEXT}_DATA_RL.jsonl`.

Rows are those of ms-swift: `messages` and `images` for tuning; for RL the same up to the question, with `solution` for
its reward. Further columns say where a trace is from. Where the release is rough (its prompt asks for a boxed answer,
its reward looks for answer tags) the answer stands as its writer gave it, and the solution is the bare answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, TextIO

from curate.export._rows import Pictures, UntrainableError, asked, card, line, provenance, said, text
from schemas.answer import label
from schemas.protocols import ReadMedia
from schemas.sample import Sample
from schemas.trace import Trace

__all__ = ["Lightweight"]

_SFT, _PICTURED, _TEXT, _LEFT_OUT = "SFT.jsonl", "MM_DATA_RL.jsonl", "TEXT_DATA_RL.jsonl", "left_out.jsonl"
_ABOUT = """\
Questions with verified long chains of thought for tuning, and the same questions with their answers for RL. In RL rows
`solution` is the known answer: the letter of an option, else its text."""


@dataclass(frozen=True, slots=True)
class Lightweight:
    """Write SFT rows of every trace and one RL row of every sample, with pictures as files."""

    version: ClassVar[int] = 1
    parts: Literal["both", "sft", "rl"] = "both"
    """Which files are written."""

    def __call__(self, rows: Iterator[tuple[Sample, Trace]], read: ReadMedia, out: Path, /) -> Mapping[str, int]:
        """Write everything under `out`, which must be an empty folder.

        Returns:
            Counts: rows of each file, `pictures`, `marks_neutralised`, and `left_out.REASON` for rows that cannot be
            trained on, which are listed in `left_out.jsonl`.

        """
        with ExitStack() as files:
            wanted = {"both": (_SFT, _PICTURED, _TEXT), "sft": (_SFT,), "rl": (_PICTURED, _TEXT)}[self.parts]
            names = (*wanted, _LEFT_OUT)
            opened = {name: files.enter_context((out / name).open("w", encoding="utf-8")) for name in names}
            writing = _Writing(Pictures(read, out), opened)
            for sample, trace in rows:
                writing.put(sample, trace)
        if not writing.lost:
            (out / _LEFT_OUT).unlink()
        counts = {**{name: writing.written[name] for name in wanted}, **writing.counts()}
        card(
            out,
            "SFT and RL rows for ms-swift",
            _ABOUT,
            {name.partition(".")[0].lower(): name for name in wanted},
            counts,
        )
        return counts


@dataclass(slots=True)
class _Writing:
    pictures: Pictures
    files: Mapping[str, TextIO]
    written: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    marks: int = 0
    last: str = ""
    """The sample of the last RL row."""

    def counts(self) -> dict[str, int]:
        lost = {f"left_out.{reason}": count for reason, count in sorted(self.lost.items())}
        return {"pictures": self.pictures.count, "marks_neutralised": self.marks, **lost}

    def put(self, sample: Sample, trace: Trace) -> None:
        """Write a trace's row, and that of its sample once."""
        rl = _PICTURED if sample.media else _TEXT
        for name, make in ((_SFT, self._sft), (rl, self._rl)):
            if name not in self.files or (name == rl and sample.id == self.last):
                continue
            try:
                line(self.files[name], make(sample, trace))
                self.written[name] += 1
            except UntrainableError as reason:
                self.lost[str(reason)] += 1
                lost = {"file": name, "sample_id": sample.id, "trace_id": trace.id, "reason": str(reason)}
                line(self.files[_LEFT_OUT], lost)
        self.last = sample.id

    def _sft(self, sample: Sample, trace: Trace) -> dict[str, Any]:
        answer, marks = said(trace)
        messages, images = self._asked(sample)
        self.marks += marks
        messages.append({"role": "assistant", "content": answer})
        ids = {"sample_id": sample.id, "trace_id": trace.id}
        return {"messages": messages, "images": images, **ids, "provenance": provenance(trace)}

    def _rl(self, sample: Sample, _: Trace) -> dict[str, Any]:
        solution = _known(sample)
        messages, images = self._asked(sample)
        return {"messages": messages, "images": images, "solution": solution, "sample_id": sample.id}

    def _asked(self, sample: Sample) -> tuple[list[dict[str, str]], list[str]]:
        turns = asked(sample)
        images = self.pictures.paths([media for turn in turns for media in turn.media])
        texts = [text(turn.content) for turn in turns]
        self.marks += sum(count for _, count in texts)
        return [{"role": t.role, "content": written} for t, (written, _) in zip(turns, texts, strict=True)], images


def _known(sample: Sample) -> str:
    """Return the known answer as a rule compares it: the letter of an option, else its text.

    Raises:
        UntrainableError: there is none.

    """
    if sample.answer is None or not sample.answer.text.strip():
        raise UntrainableError("no_known_answer")
    return label(sample.answer.choice) if sample.answer.choice is not None else sample.answer.text
