"""Rows of a source to samples: the part of a reading pass that runs in worker processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from schemas.errors import SourceError
from schemas.protocols import LocalScorer
from schemas.sample import Sample
from schemas.score import Score
from schemas.version import Failed

if TYPE_CHECKING:
    from curate.sources import RawRow
    from curate.store import Blobs
    from curate.teacher.workers import Done

__all__ = ["DEADLINE", "ReadRow", "outcome"]

DEADLINE = 60.0
"""Seconds a row may take: fetching, decoding and rating its pictures."""


@dataclass(frozen=True, slots=True)
class ReadRow:
    """Turns a raw row into a rated sample; picklable."""

    blobs: Blobs
    scorers: Mapping[str, LocalScorer]
    allow_urls: bool = False

    def __call__(self, raw: RawRow) -> Sample | Failed:
        """Load the row and apply every local scorer; what is wrong with the row itself comes back as `Failed`."""
        from curate.sources import load

        try:
            sample = load(raw, self.blobs, allow_urls=self.allow_urls)
        except SourceError as error:
            return Failed(raw.source, raw.row, None, "read", error.cause, error.reason)
        return rate(sample, self.scorers, self.blobs)


def rate(sample: Sample, scorers: Mapping[str, LocalScorer], blobs: Blobs) -> Sample:
    """Return the sample with the scores of local scorers; one that breaks leaves its score unscored."""
    for name, scorer in scorers.items():
        try:
            score = scorer(sample, blobs.read)
        except Exception as error:  # noqa: BLE001 - the boundary around plug-ins: their error belongs to this score
            score = Score.unscored(f"{name} broke: {type(error).__name__}: {error}"[:300])
        sample = sample.with_score(name, score)
    return sample


class Row(NamedTuple):
    """How one row of a source ended."""

    raw: RawRow
    sample: Sample | None
    failed: Failed | None


def outcome(done: Done) -> Row:
    """Say how a row ended, worker deaths and time-outs included."""
    raw: RawRow = done.item
    if isinstance(done.value, Sample):
        return Row(raw, done.value, None)
    if isinstance(done.value, Failed):
        return Row(raw, None, done.value)
    cause = "timeout" if isinstance(done.error, TimeoutError) else "worker_died"
    reason = f"{raw.where}: {type(done.error).__name__}: {done.error}"[:500]
    return Row(raw, None, Failed(raw.source, raw.row, None, "read", cause, reason))
