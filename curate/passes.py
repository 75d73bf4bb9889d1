"""The two passes of a run: a source to rated samples, and rated samples to verified traces.

Each is the code that writes the rows of one version, so every row it takes in leaves as kept, dropped or failed.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.chain import Distilled, Keep, Scored, distil, score
from curate.reading import DEADLINE, ReadRow, outcome, rate
from curate.rules import MaxFailed, Rule
from curate.teacher.driver import Job
from schemas.canonical import spec
from schemas.errors import CurateError
from schemas.protocols import AskedScorer, Generator, LocalScorer, TraceScorer
from schemas.sample import Sample
from schemas.version import Dropped, Failed, Version
from schemas.wording import wordings

if TYPE_CHECKING:
    from curate.run import Run
    from curate.store import Writer

__all__ = ["Distilling", "NamedScorers", "Reading", "Scorer", "Scorers"]

Scorer = LocalScorer | AskedScorer | TraceScorer
Scorers = Sequence[Scorer] | Mapping[str, Scorer]
"""Scorers under the names of their modules, or under given names."""


@dataclass(slots=True)
class NamedScorers:
    """Scorers by what they need."""

    all: dict[str, Scorer]
    local: dict[str, LocalScorer]
    asked: dict[str, AskedScorer]
    trace: dict[str, TraceScorer]

    @classmethod
    def of(cls, scorers: Scorers) -> NamedScorers:
        """Sort scorers by what they say they rate."""
        pairs = scorers.items() if isinstance(scorers, Mapping) else ((_module(s), s) for s in scorers)
        named = dict(pairs)
        made = cls(named, {}, {}, {})
        for name, scorer in named.items():
            kinds: dict[str, dict[str, Any]] = {"sample": made.local, "asked": made.asked, "trace": made.trace}
            kinds[scorer.on][name] = scorer
        return made

    def fields(
        self,
        earlier: Mapping[str, Mapping[str, Mapping[str, str]]] | None = None,
        *,
        trace_fields: Mapping[str, Mapping[str, type]] | None = None,
    ) -> dict[str, Any]:
        """Return the score columns of a version: its parent's, those the generator gives its traces, the scorers'."""
        known = {"samples": dict((earlier or {}).get("samples", {})), "traces": dict((earlier or {}).get("traces", {}))}
        for name, detail in (trace_fields or {}).items():
            known["traces"][name] = {key: kind.__name__ for key, kind in detail.items()}
        for name, scorer in self.all.items():
            table = "traces" if scorer.on == "trace" else "samples"
            known[table][name] = {key: kind.__name__ for key, kind in scorer.detail_fields.items()}
        return known


def _portable(scorers: Mapping[str, LocalScorer]) -> tuple[dict[str, LocalScorer], dict[str, LocalScorer]]:
    """Split off scorers that cannot travel to a worker, such as those a recipe defines itself; they run here."""
    away: dict[str, LocalScorer] = {}
    here: dict[str, LocalScorer] = {}
    for name, scorer in scorers.items():
        try:
            pickle.dumps(scorer)
        except (pickle.PicklingError, TypeError, AttributeError):
            here[name] = scorer
        else:
            away[name] = scorer
    return away, here


def _module(scorer: Scorer) -> str:
    return type(scorer).__module__.rpartition(".")[2]


class _Tally:
    """Counts rows and failures of a pass; ends it past `--max-failed`. Used from two threads."""

    def __init__(self, limit: MaxFailed, rows: int = 0) -> None:
        self.rows = rows
        self.retryable = False
        self.lock = threading.Lock()
        self._limit = limit
        self._failed: list[Failed] = []
        self._failures = 0

    def failed(self, failed: Failed) -> None:
        self._failures += 1
        if len(self._failed) < 3:  # noqa: PLR2004 - the first causes are enough to act on
            self._failed.append(failed)
        if self._limit.reached(self._failures, self.rows):
            first = "; ".join(f"row {f.row} ({f.cause}): {f.reason}" for f in self._failed)
            raise CurateError(f"stopped by --max-failed: {self._failures} of {self.rows} rows failed. First: {first}")


class Reading:
    """The writing of a version from a source."""

    def __init__(self, run: Run, source: str | Path, scorers: NamedScorers, limit: int | None) -> None:
        self._run = run
        self._source = source
        self._scorers = scorers
        self._limit = limit
        self._tally = _Tally(run.max_failed)
        self._seen: set[bytes] = set()

    def write(self, writer: Writer) -> int:
        """Write every row of the source and return how many there were."""
        asked = self._scorers.asked
        if not asked:
            for sample in self._samples(writer):
                writer.sample(sample)
            return self._tally.rows

        self._run.tell_unbound(spec(asked))

        def sink(_: None, scored: Scored) -> None:
            with self._tally.lock:
                writer.sample(scored.sample)
                self._tally.retryable |= scored.retryable

        jobs = (Job(None, partial(score, sample, asked)) for sample in self._samples(writer))
        self._run.drive(jobs, sink, what="score")
        writer.retryable = self._tally.retryable
        return self._tally.rows

    def _samples(self, writer: Writer) -> Iterator[Sample]:
        """Yield every new sample; duplicates and failed rows go straight to the writer."""
        from curate.sources import open_source

        run = self._run
        rows = islice(open_source(self._source, media_root=run.media_root), self._limit)
        portable, rest = _portable(self._scorers.local)
        work = ReadRow(run.store.blobs, portable, run.allow_urls, run.store.known_scores)
        with run.store.known_scores.writing() as known:
            for done in run.workers.map(work, rows, deadline=DEADLINE):
                row = outcome(done)
                known.add(row.fresh)
                with self._tally.lock:
                    self._tally.rows += 1
                    sample = self._new(writer, row.sample)
                    if row.failed is not None:
                        writer.failed(row.failed)
                        self._tally.failed(row.failed)
                if sample is not None:
                    yield rate(sample, rest, run.store.blobs).sample

    def _new(self, writer: Writer, sample: Sample | None) -> Sample | None:
        if sample is None:
            return None
        ident = bytes.fromhex(sample.id)
        if ident in self._seen:
            writer.dropped(Dropped(sample.id, "read", "duplicate", source=sample.source, row=sample.row))
            return None
        self._seen.add(ident)
        return sample


class Distilling:
    """The writing of a version of traces from a version of samples."""

    def __init__(
        self,
        run: Run,
        parent: Version,
        *,
        generator: Generator,
        scorers: NamedScorers,
        rules: Sequence[Rule],
        keep: Keep,
    ) -> None:
        self._run = run
        self._parent = parent
        self._generator = generator
        self._scorers = scorers
        self._rules = rules
        self._keep = keep
        self._tally = _Tally(run.max_failed)

    def write(self, writer: Writer) -> int:
        """Write what became of every sample and return the source rows this accounts for."""
        writer.inherit(self._parent, ("dropped", "failed"))
        self._run.tell_unbound([spec(self._generator), spec(self._scorers.asked)])

        def sink(_: None, done: Distilled) -> None:
            with self._tally.lock:
                self._take(writer, done)

        out = self._ruled_out()
        total = self._parent.manifest.counts["kept"] - len(out)
        jobs = self._jobs(writer, out)
        self._run.drive(jobs, sink, what="distil", total=total, kept=lambda done: bool(done.kept))
        writer.retryable = self._tally.retryable
        return self._parent.manifest.rows_in

    def _jobs(self, writer: Writer, out: Mapping[str, tuple[Rule, str]]) -> Iterator[Job[None, Distilled]]:
        scorers = self._scorers
        known = wordings(spec(self._generator))
        for sample in self._run.store.samples(self._parent):
            with self._tally.lock:
                self._tally.rows += 1
                if sample.id in out:
                    writer.dropped(_ruled(sample, *out[sample.id]))
                    continue
            rated = rate(sample, scorers.local, self._run.store.blobs).sample
            program = partial(distil, rated, scorers.asked, self._generator, scorers.trace, self._keep, known=known)
            yield Job(None, program)

    def _ruled_out(self) -> dict[str, tuple[Rule, str]]:
        """Return the samples that a rule takes out, with the first such rule and the value that decided."""
        if not self._rules:
            return {}
        from curate.query import evaluate

        asked: dict[str, str] = {}
        for index, rule in enumerate(self._rules):
            asked |= {f"value{index}": rule.column, f"passes{index}": rule.passes}
        out: dict[str, tuple[Rule, str]] = {}
        for row in evaluate(self._run.store, self._parent, asked):
            for index, rule in enumerate(self._rules):
                if not row[f"passes{index}"]:
                    out.setdefault(row["id"], (rule, str(row[f"value{index}"])))
        return out

    def _take(self, writer: Writer, done: Distilled) -> None:
        self._tally.retryable |= done.retryable
        if done.kept:
            writer.sample(done.sample)
        for trace in done.kept:
            writer.trace(trace)
        for trace in done.rejected:
            writer.rejected(trace)
        for dropped in done.dropped:
            writer.dropped(dropped)
        if done.failed is not None:
            writer.failed(done.failed)
            self._tally.failed(done.failed)


def _ruled(sample: Sample, rule: Rule, value: str) -> Dropped:
    return Dropped(
        sample.id, "select", rule.column, value, f"{rule.op} {rule.threshold}", source=sample.source, row=sample.row
    )
