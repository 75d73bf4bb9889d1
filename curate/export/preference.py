"""Preference pairs for LLaMA-Factory (`ranking: true`) or TRL, with the matched supervised set beside them.

It takes a version of pairs (`curate.pairs`). `train.jsonl` has one pair a row, `sft.jsonl` the chosen side of the very
same questions, once each, so that the two ways of training can be compared on equal data (arXiv 2510.16333).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar, Literal, TextIO

from curate.export._rows import Pictures, UntrainableError, asked, card, line, provenance, said, text, write_json
from curate.pairs import COLUMN
from schemas.errors import ConfigError
from schemas.marks import neutral
from schemas.protocols import ReadMedia
from schemas.sample import Media, Message, Sample
from schemas.trace import Trace

__all__ = ["Preference"]

_ROWS, _MATCHED, _LEFT_OUT = "train.jsonl", "sft.jsonl", "left_out.jsonl"
_ABOUT = "Pairs of a verified right and a verified wrong reply to the same question, and the matched supervised set."


@dataclass(frozen=True, slots=True)
class Preference:
    """Write chosen and rejected replies to one prompt, with pictures as files."""

    version: ClassVar[int] = 2
    rejected: ClassVar[bool] = True
    """It wants the rejected traces too."""
    name: str = "curate"
    """Name of the dataset in `dataset_info.json`; its matched set is NAME_sft."""
    form: Literal["llamafactory", "trl"] = "llamafactory"
    """`llamafactory`: `messages`, `chosen`, `rejected` with `<image>` marks. `trl`: `prompt`, `chosen`, `rejected` as
    lists of turns, content in parts, for TRL puts pictures before a plain text and leaves its marks standing; where no
    row has a picture, content is plain text without a column `images`, for which TRL would ask for a processor."""

    def __call__(self, rows: Iterator[tuple[Sample, Trace]], read: ReadMedia, out: Path, /) -> Mapping[str, int]:
        """Write everything under `out`, which must be an empty folder.

        Returns:
            Counts: `written` pairs, `matched` rows of the supervised set, `pictures`, `marks_neutralised`, and
            `left_out.REASON`, listed in `left_out.jsonl`.

        Raises:
            ConfigError: the version holds no pairs.

        """
        writing = _Writing(self.form, Pictures(read, out))
        with (
            (out / _ROWS).open("w", encoding="utf-8") as pairs,
            (out / _MATCHED).open("w", encoding="utf-8") as matched,
            (out / _LEFT_OUT).open("w", encoding="utf-8") as lost,
        ):
            for sample, group in groupby(rows, key=lambda row: row[0]):
                writing.put(sample, [trace for _, trace in group], pairs, matched, lost)
        if not writing.paired:
            made = "curate run recipes/preference_pairs.py --rollouts VERSION"
            raise ConfigError(f"the version holds no pairs; `{made}` makes them of a version's right and wrong traces")
        if not writing.lost:
            (out / _LEFT_OUT).unlink()
        if self.form == "trl" and not writing.pictures.count:
            for name in (_ROWS, _MATCHED):
                _without_pictures(out / name)
        if self.form == "llamafactory":
            write_json(out / "dataset_info.json", _info(self.name))
        card(out, self.name, _ABOUT, {"default": _ROWS, "sft": _MATCHED}, writing.counts())
        return writing.counts()


@dataclass(slots=True)
class _Writing:
    """An export under way."""

    form: str
    pictures: Pictures
    tally: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    paired: bool = False

    def counts(self) -> dict[str, int]:
        tally = {name: self.tally[name] for name in ("written", "matched", "marks_neutralised")}
        lost = {f"left_out.{reason}": count for reason, count in sorted(self.lost.items())}
        return {**tally, "pictures": self.pictures.count, **lost}

    def put(self, sample: Sample, traces: list[Trace], pairs: TextIO, matched: TextIO, lost: TextIO) -> None:
        """Write the pairs of one sample, and its chosen traces once."""
        by_id = {trace.id: trace for trace in traces}
        used: set[str] = set()
        for trace in traces:
            detail = trace.scores[COLUMN].detail if COLUMN in trace.scores else {}
            wanted = str(detail.get("chosen", ""))
            if wanted in ("", trace.id):
                continue
            self.paired = True
            try:
                chosen = _found(by_id, wanted)
                row = self._row(sample, chosen, trace)
            except UntrainableError as reason:
                self.lost[str(reason)] += 1
                line(lost, {"sample_id": sample.id, "trace_id": trace.id, "reason": str(reason)})
                continue
            line(pairs, {**row, "error_kind": detail.get("kind"), "length_ratio": detail.get("ratio")})
            self.tally["written"] += 1
            if chosen.id not in used:
                used.add(chosen.id)
                line(matched, _matched(row, self.form))
                self.tally["matched"] += 1

    def _row(self, sample: Sample, chosen: Trace, rejected: Trace) -> dict[str, Any]:
        (good, some), (bad, more) = said(chosen), _said_or_begun(rejected)
        turns = asked(sample)
        images = self.pictures.paths([media for turn in turns for media in turn.media])
        prompt = [self._turn(turn) for turn in turns]
        self.tally["marks_neutralised"] += some + more
        replies = [{"role": "assistant", "content": self._content(reply)} for reply in (good, bad)]
        sides: dict[str, Any] = {"chosen": replies[0], "rejected": replies[1]}
        if self.form == "trl":
            sides = {side: [turn] for side, turn in sides.items()}
        where = {"chosen_provenance": provenance(chosen), "rejected_provenance": provenance(rejected)}
        ids = {"sample_id": sample.id, "chosen_id": chosen.id, "rejected_id": rejected.id}
        return {("prompt" if self.form == "trl" else "messages"): prompt, **sides, "images": images, **ids, **where}

    def _turn(self, turn: Message) -> dict[str, Any]:
        if self.form == "llamafactory":
            written, marks = text(turn.content)
            self.tally["marks_neutralised"] += marks
            return {"role": turn.role, "content": written}
        parts: list[dict[str, Any]] = []
        for part in turn.content:
            if isinstance(part, Media):
                parts.append({"type": "image", "text": None})
                continue
            piece, marks = neutral(part)
            self.tally["marks_neutralised"] += marks
            # Templates put parts one after the other, with nothing between two texts.
            if parts and parts[-1]["type"] == "text":
                parts[-1]["text"] += f"\n{piece}"
            else:
                parts.append({"type": "text", "text": piece})
        return {"role": turn.role, "content": parts}

    def _content(self, reply: str) -> Any:
        return reply if self.form == "llamafactory" else [{"type": "text", "text": reply}]


def _found(traces: Mapping[str, Trace], ident: str) -> Trace:
    """Return the chosen trace of a pair, which a later step may have taken out of the version."""
    if ident not in traces:
        raise UntrainableError("chosen_missing")
    return traces[ident]


def _said_or_begun(trace: Trace) -> tuple[str, int]:
    """Return what a rejected reply says; one that never came to an answer is thinking that was not closed."""
    if trace.answer.strip() or not trace.reasoning.strip():
        return said(trace)
    begun, marks = neutral(trace.reasoning)
    return f"<think>\n{begun.strip()}", marks


def _matched(row: Mapping[str, Any], form: str) -> dict[str, Any]:
    """Return the supervised row of a pair: the same prompt with the chosen reply."""
    turns = [*row["prompt"], *row["chosen"]] if form == "trl" else [*row["messages"], row["chosen"]]
    ids = {"sample_id": row["sample_id"], "trace_id": row["chosen_id"]}
    return {"messages": turns, "images": row["images"], **ids, "provenance": row["chosen_provenance"]}


def _without_pictures(path: Path) -> None:
    """Rewrite a file of rows in parts as plain text, which templates of language models want."""
    rewritten = path.with_suffix(".part")
    with path.open(encoding="utf-8") as rows, rewritten.open("w", encoding="utf-8") as plain:
        for row in map(json.loads, rows):
            turns = {name: [_flat(turn) for turn in row[name]] for name in _TURNS if name in row}
            line(plain, {name: value for name, value in (row | turns).items() if name != "images"})
    rewritten.replace(path)


def _flat(turn: Mapping[str, Any]) -> dict[str, Any]:
    return {"role": turn["role"], "content": "\n".join(part["text"] for part in turn["content"])}


_TURNS = ("prompt", "chosen", "rejected", "messages")


def _info(name: str) -> dict[str, Any]:
    tags = {
        "role_tag": "role",
        "content_tag": "content",
        "user_tag": "user",
        "assistant_tag": "assistant",
        "system_tag": "system",
    }
    columns = {"messages": "messages", "images": "images"}
    ranked = {**columns, "chosen": "chosen", "rejected": "rejected"}
    return {
        name: {"file_name": _ROWS, "formatting": "sharegpt", "ranking": True, "columns": ranked, "tags": tags},
        f"{name}_sft": {"file_name": _MATCHED, "formatting": "sharegpt", "columns": columns, "tags": tags},
    }
