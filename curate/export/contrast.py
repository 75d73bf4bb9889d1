"""Think / direct pairs: one question a row with its thought-out and its bare answer, for steering vectors and switches.

L2V-CoT (arXiv 2511.17910) needs nothing else: a hundred such rows, run through a model, give the mean difference of its
hidden states. It takes a version made by `think_direct`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

from curate.export._rows import Pictures, UntrainableError, asked, card, line, provenance, said, text
from schemas.errors import ConfigError
from schemas.protocols import ReadMedia
from schemas.sample import Sample
from schemas.score import RIGHT
from schemas.trace import Trace

__all__ = ["Contrast"]

_ROWS, _LEFT_OUT = "train.jsonl", "left_out.jsonl"
_SIDES = ("think", "direct")
_ABOUT = "Questions with a thought-out and a direct answer of the same model."


@dataclass(frozen=True, slots=True)
class Contrast:
    """Write `messages`, `think` and `direct` of every question that has both."""

    version: ClassVar[int] = 1
    rejected: ClassVar[bool] = True
    """It wants the rejected traces too: a direct answer may be wrong where that is allowed."""
    name: str = "curate"
    """Name of the dataset, for its card."""
    wrong_direct: bool = False
    """Whether the direct answer may be wrong; the row says so. Both have to be right without."""

    def __call__(self, rows: Iterator[tuple[Sample, Trace]], read: ReadMedia, out: Path, /) -> Mapping[str, int]:
        """Write everything under `out`, which must be an empty folder.

        Returns:
            Counts: `written`, `pictures`, and `left_out.REASON`, listed in `left_out.jsonl`.

        Raises:
            ConfigError: no trace of the version is one of such a pair.

        """
        pictures, lost, written, paired = Pictures(read, out), Counter[str](), 0, False
        with (out / _ROWS).open("w", encoding="utf-8") as kept, (out / _LEFT_OUT).open("w", encoding="utf-8") as left:
            for sample, group in groupby(rows, key=lambda row: row[0]):
                traces = [trace for _, trace in group]
                paired = paired or any(_side(trace) for trace in traces)
                try:
                    line(kept, self._row(sample, traces, pictures))
                    written += 1
                except UntrainableError as reason:
                    lost[str(reason)] += 1
                    line(left, {"sample_id": sample.id, "reason": str(reason)})
        if not paired:
            raise ConfigError("the version holds no think / direct pairs: make it with the generator think_direct")
        if not lost:
            (out / _LEFT_OUT).unlink()
        reasons = {f"left_out.{reason}": count for reason, count in sorted(lost.items())}
        counts = {"written": written, "pictures": pictures.count, **reasons}
        card(out, self.name, _ABOUT, {"default": _ROWS}, counts)
        return counts

    def _row(self, sample: Sample, traces: Sequence[Trace], pictures: Pictures) -> dict[str, Any]:
        think, direct = (_best(traces, side) for side in _SIDES)
        if think is None or not _right(think):
            raise UntrainableError("no_right_think")
        if direct is None or not (_right(direct) or self.wrong_direct):
            raise UntrainableError("no_right_direct" if direct else "no_direct")
        turns, sides = asked(sample), {"think": said(think)[0], "direct": said(direct)[0]}
        images = pictures.paths([media for turn in turns for media in turn.media])
        messages = [{"role": turn.role, "content": text(turn.content)[0]} for turn in turns]
        made = {"think_provenance": provenance(think), "direct_provenance": provenance(direct)}
        ids = {"sample_id": sample.id, "think_id": think.id, "direct_id": direct.id}
        return {"messages": messages, **sides, "direct_right": _right(direct), "images": images, **ids, **made}


def _side(trace: Trace) -> str:
    method, _, side = trace.method.partition("/")
    return side if method == "think_direct" and side in _SIDES else ""


def _right(trace: Trace) -> bool:
    return trace.verdict is not None and trace.verdict.value == RIGHT


def _best(traces: Sequence[Trace], side: str) -> Trace | None:
    """Return the first trace of a side, a right one before others; what was cut or did not answer at once never."""
    fit = [t for t in traces if _side(t) == side and t.verdict is not None and t.verdict.rule not in _UNFIT]
    return min(fit, key=lambda trace: (not _right(trace), trace.try_index, trace.id), default=None)


_UNFIT = frozenset({"truncated", "no_answer_found", "no_reasoning", "not_direct"})
