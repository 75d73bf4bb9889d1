"""LLaVA-CoT's released form (arXiv 2411.10440): LLaVA rows whose answer has four tagged stages, and pictures as files.

`id`, `image`, `conversations`; the last turn of `gpt` is `<SUMMARY>`, `<CAPTION>`, `<REASONING>` and `<CONCLUSION>`, an
empty line between them. Further fields say where an answer is from.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, TextIO

from curate.export._rows import Pictures, UntrainableError, asked, card, line, provenance, text
from generators._stages import Fault, written
from generators._stages import read as read_stages
from schemas.errors import ConfigError
from schemas.marks import neutral
from schemas.protocols import ReadMedia
from schemas.sample import Message, Sample
from schemas.trace import Trace

__all__ = ["LlavaCot"]

_LEFT_OUT = "left_out.jsonl"
_FROM = {"user": "human", "assistant": "gpt"}
_ABOUT = "Answers in four tagged stages, in the form of LLaVA-CoT-100k. The image folder of a trainer is this folder."


@dataclass(frozen=True, slots=True)
class LlavaCot:
    """Write a LLaVA row for every answer in four stages."""

    version: ClassVar[int] = 1
    name: str = "curate"
    """Name of the dataset, for its card."""
    form: Literal["jsonl", "json"] = "jsonl"
    """`train.jsonl`, as the release is, or `train.json` with one list, as LLaVA's own trainers read it."""

    def __call__(self, rows: Iterator[tuple[Sample, Trace]], read: ReadMedia, out: Path, /) -> Mapping[str, int]:
        """Write everything under `out`, which must be an empty folder.

        Returns:
            Counts: `written`, `pictures`, `marks_neutralised`, and `left_out.REASON` for answers that cannot be trained
            on, which are listed in `left_out.jsonl`.

        Raises:
            ConfigError: there are answers, and none of them is in four stages.

        """
        writing, path = _Writing(Pictures(read, out), self.form), out / f"train.{self.form}"
        with path.open("w", encoding="utf-8") as kept, (out / _LEFT_OUT).open("w", encoding="utf-8") as lost:
            for sample, trace in rows:
                writing.put(sample, trace, kept, lost)
            if self.form == "json":
                kept.write("\n]\n" if writing.tally["written"] else "[]\n")
        if writing.lost and not writing.staged:
            raise ConfigError("no answer of this version has the four stages: make it with recipes/llava_cot.py")
        if not writing.lost:
            (out / _LEFT_OUT).unlink()
        card(out, self.name, _ABOUT, {"default": path.name}, writing.counts())
        return writing.counts()


@dataclass(slots=True)
class _Writing:
    """An export under way."""

    pictures: Pictures
    form: str
    tally: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    ids: set[str] = field(default_factory=set)
    staged: bool = False
    """Whether any answer was in form."""

    def counts(self) -> dict[str, int]:
        tally = {name: self.tally[name] for name in ("written", "marks_neutralised")}
        lost = {f"left_out.{reason}": count for reason, count in sorted(self.lost.items())}
        return {**tally, "pictures": self.pictures.count, **lost}

    def put(self, sample: Sample, trace: Trace, kept: TextIO, lost: TextIO) -> None:
        try:
            row = self._row(sample, trace)
        except UntrainableError as reason:
            self.lost[str(reason)] += 1
            line(lost, {"sample_id": sample.id, "trace_id": trace.id, "reason": str(reason)})
            return
        if self.form == "json":
            kept.write(",\n" if self.tally["written"] else "[\n")
            kept.write(json.dumps(row, ensure_ascii=False, allow_nan=False))
        else:
            line(kept, row)
        self.tally["written"] += 1

    def _row(self, sample: Sample, trace: Trace) -> dict[str, Any]:
        stages = read_stages(f"{trace.reasoning}\n\n{trace.answer}")
        if isinstance(stages, Fault):
            raise UntrainableError(stages.rule)
        self.staged = True
        turns = _without_system(asked(sample))
        images = self.pictures.paths([media for turn in turns for media in turn.media])
        said = [{"from": _FROM[turn.role], "value": self._counted(*text(turn.content))} for turn in turns]
        answer = written([self._counted(*neutral(stage)) for stage in stages])
        return {
            "id": self._id(sample, trace),
            **_image(images),
            "conversations": [*said, {"from": "gpt", "value": answer}],
            "sample_id": sample.id,
            "trace_id": trace.id,
            "provenance": provenance(trace),
        }

    def _id(self, sample: Sample, trace: Trace) -> str:
        """Return the id that the source's row has, for the first row that asks for it, else the trace's."""
        given = sample.meta.get("id")
        ident = str(given) if isinstance(given, (str, int)) and str(given).strip() else trace.id
        ident = trace.id if ident in self.ids else ident
        self.ids.add(ident)
        return ident

    def _counted(self, written: str, marks: int) -> str:
        self.tally["marks_neutralised"] += marks
        return written


def _without_system(turns: Sequence[Message]) -> list[Message]:
    """Put system text before the first question: the form knows `human` and `gpt` alone."""
    if turns[0].role != "system":
        return list(turns)
    system, first, *rest = turns
    return [Message(first.role, (*system.content, *first.content)), *rest]


def _image(paths: Sequence[str]) -> dict[str, Any]:
    """Return the field `image`: a path, a list where there are several (LLaVA-NeXT's form), nothing for a text."""
    if not paths:
        return {}
    return {"image": paths[0] if len(paths) == 1 else list(paths)}
