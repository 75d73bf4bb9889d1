"""Steps with labels, for models that rate steps: TRL's stepwise supervision, `prompt`, `completions` and `labels`.

It takes a version made by `step_values`. A step is good as long as its continuations can come out right; the answer is
the last step, and its label is the verdict.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from curate.export._rows import Pictures, UntrainableError, asked, card, line, provenance, text
from schemas.errors import ConfigError
from schemas.marks import neutral
from schemas.protocols import ReadMedia
from schemas.sample import Sample
from schemas.score import RIGHT
from schemas.trace import Trace

__all__ = ["Stepwise"]

_ROWS, _LEFT_OUT, _COLUMN = "train.jsonl", "left_out.jsonl", "step_values"
_ABOUT = "Chains cut into steps, each with a label and the share of its continuations that came out right."


@dataclass(frozen=True, slots=True)
class Stepwise:
    """Write every rated chain of the kept questions, right or wrong, with a label and a value for each step."""

    version: ClassVar[int] = 1
    rejected: ClassVar[bool] = True
    """It wants the rejected traces too: they are where steps go wrong."""
    name: str = "curate"
    """Name of the dataset, for its card."""
    least: float = 0.0
    """A step is good where its value is above this. 0 calls a step bad only from where on nothing came out right: a
    chance zero in the middle of a chain that recovers is no error."""

    def __post_init__(self) -> None:
        """Refuse a bound that no value can pass."""
        if not 0 <= self.least < 1:
            raise ConfigError(f"stepwise: least={self.least}: use a share from 0 to below 1")

    def __call__(self, rows: Iterator[tuple[Sample, Trace]], read: ReadMedia, out: Path, /) -> Mapping[str, int]:
        """Write everything under `out`, which must be an empty folder.

        Returns:
            Counts: `written` chains, `steps`, `bad_steps`, `pictures`, and `left_out.REASON`, listed in
            `left_out.jsonl`.

        Raises:
            ConfigError: no chain of the version is rated.

        """
        pictures, tally, lost = Pictures(read, out), Counter[str](), Counter[str]()
        with (out / _ROWS).open("w", encoding="utf-8") as kept, (out / _LEFT_OUT).open("w", encoding="utf-8") as left:
            for sample, trace in rows:
                if _COLUMN not in trace.scores:
                    continue
                try:
                    row = self._row(sample, trace, pictures)
                except UntrainableError as reason:
                    lost[str(reason)] += 1
                    line(left, {"sample_id": sample.id, "trace_id": trace.id, "reason": str(reason)})
                    continue
                line(kept, row)
                tally += Counter(written=1, steps=len(row["labels"]), bad_steps=row["labels"].count(False))
        if not (tally or lost):
            raise ConfigError("the version holds no rated chains: make it with recipes/step_values.py")
        if not lost:
            (out / _LEFT_OUT).unlink()
        reasons = {f"left_out.{reason}": count for reason, count in sorted(lost.items())}
        counts = {name: tally[name] for name in ("written", "steps", "bad_steps")}
        counts |= {"pictures": pictures.count, **reasons}
        card(out, self.name, _ABOUT, {"default": _ROWS}, counts)
        return counts

    def _row(self, sample: Sample, trace: Trace, pictures: Pictures) -> dict[str, Any]:
        detail = trace.scores[_COLUMN].detail
        values = json.loads(str(detail["values"]))
        if trace.verdict is None or not trace.answer.strip():
            raise UntrainableError("empty_answer")
        if None in values:
            raise UntrainableError("value_missing")
        ends = json.loads(str(detail["ends"]))
        steps = [trace.reasoning[a:b].strip() for a, b in zip([0, *ends], ends, strict=False)]
        turns, right = asked(sample), trace.verdict.value == RIGHT
        return {
            "prompt": "\n\n".join(text(turn.content)[0] for turn in turns),
            "completions": [neutral(step)[0] for step in (*steps, trace.answer.strip())],
            "labels": [*self._labels(values, detail.get("dead_from")), right],
            "values": [*values, float(right)],
            "images": pictures.paths([media for turn in turns for media in turn.media]),
            "sample_id": sample.id,
            "trace_id": trace.id,
            "provenance": provenance(trace),
        }

    def _labels(self, values: list[float], dead_from: object) -> list[bool]:
        if self.least:
            return [value > self.least for value in values]
        alive = dead_from - 1 if isinstance(dead_from, int) else len(values)
        return [place < alive for place in range(len(values))]
