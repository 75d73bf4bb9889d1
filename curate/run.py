"""One execution of a recipe: passes and table steps over a workspace.

A recipe's `build(run, ...)` gets a `Run`. `run.read` turns a source into a version of rated samples, `run.distil` turns
such a version into one with verified traces. Both resume: what models were asked is in the ledger, what was derived is
in the store.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curate.chain import Distilled, Keep, Scored, distil, score
from curate.progress import Show
from curate.reading import DEADLINE, ReadRow, outcome, rate
from curate.rules import MaxFailed, Rule
from curate.store import Store, Writer
from curate.teacher.driver import Driver, Endpoint, Job
from curate.teacher.ledger import Ledger
from curate.teacher.workers import Workers
from schemas.canonical import spec
from schemas.errors import CurateError
from schemas.protocols import AskedScorer, Generator, LocalScorer, TraceScorer
from schemas.sample import Sample
from schemas.version import Dropped, Failed, Step, Version

__all__ = ["Keep", "Rule", "Run", "open_run"]

Scorer = LocalScorer | AskedScorer | TraceScorer
Scorers = Sequence[Scorer] | Mapping[str, Scorer]
"""Scorers under the names of their modules, or under given names."""


@contextmanager
def open_run(
    workspace: Path,
    *,
    roles: Mapping[str, Endpoint] | None = None,
    media_root: Path | None = None,
    allow_urls: bool = False,
    max_failed: MaxFailed | None = None,
    quiet: bool = False,
) -> Iterator[Run]:
    """Open a workspace for a recipe; one run at a time holds it.

    Args:
        workspace: folder of the store and the ledger, made where it is missing.
        roles: endpoints by role (`curate.config.bind`); the role `""` answers for all others.
        media_root: folder that pictures of a source are looked up in; the source's own folder where not given.
        allow_urls: whether pictures may be fetched from the network.
        max_failed: how many failed rows end the run.
        quiet: show no progress.

    Raises:
        StoreError: another run holds the workspace.

    """
    store = Store(workspace)
    with ExitStack() as stack:
        stack.enter_context(store.lock("curate run"))
        ledger = stack.enter_context(Ledger(workspace / "ledger.sqlite"))
        workers = stack.enter_context(Workers())
        limit = max_failed or MaxFailed()
        yield Run(store, ledger, workers, dict(roles or {}), media_root, allow_urls, limit, quiet)


@dataclass(slots=True)
class Run:
    """What a recipe works with."""

    store: Store
    ledger: Ledger
    workers: Workers
    roles: dict[str, Endpoint]
    media_root: Path | None = None
    allow_urls: bool = False
    max_failed: MaxFailed = field(default_factory=MaxFailed)
    quiet: bool = False

    def read(self, source: str | Path, *, name: str, score: Scorers = (), limit: int | None = None) -> Version:
        """Read a source, rate every sample, and derive the version `name`: samples without traces.

        Each source row comes out as a sample, as a dropped duplicate of an earlier row, or as a failed row.

        Args:
            source: anything `curate.sources.open_source` reads.
            name: name of the version.
            score: local scorers (run in worker processes) and asked ones (run by the driver), in order.
            limit: read only so many rows.

        """
        scorers = _Scorers.of(score)
        step = Step("read", {"score": spec(scorers.all), "models": self._models() if scorers.asked else {}})
        reading = _Reading(self, source, scorers, limit)
        return self.store.derive(
            name, step, score_fields=scorers.fields(), notes={"source": str(source)}, write=reading.write
        )

    def distil(
        self,
        parent: Version,
        generator: Generator,
        *,
        name: str,
        rules: Sequence[Rule] = (),
        score: Scorers = (),
        keep: Keep | None = None,
    ) -> Version:
        """Have traces written for the samples of `parent` and derive the version `name` of those with a right one.

        Args:
            parent: a version of samples.
            generator: asks for the traces.
            name: name of the version.
            rules: samples that do not pass are dropped before anything is asked.
            score: further scorers: of samples (before), asked, and of traces (after).
            keep: which right traces of a sample are kept; the shortest one by default.

        """
        scorers = _Scorers.of(score)
        chosen = keep or Keep()
        params = {
            "generator": spec(generator),
            "score": spec(scorers.all),
            "rules": spec(list(rules)),
            "keep": spec(chosen),
            "models": self._models(),
        }
        step = Step("distil", params)
        found = self.store.find(name, step, [parent])
        if found is not None:
            return found
        work = _Distilling(self, parent, generator, scorers, rules, chosen)
        fields = scorers.fields(parent.manifest.score_fields)
        return self.store.derive(name, step, parents=[parent], score_fields=fields, notes={}, write=work.write)

    def ranges(self, version: Version, columns: Sequence[str]) -> dict[str, tuple[float, float]]:
        """Return the least and greatest value of each SQL column over a version's samples; unscored ones do not count."""
        from curate.query import ranges

        return ranges(self.store, version, columns)

    def say(self, text: str) -> None:
        """Tell the user something, on stderr."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)  # noqa: T201 - talk goes to stderr

    def funnel(self, version: Version) -> None:
        """Print what became of every row of a version, on stderr."""
        from curate.report import print_funnel

        if not self.quiet:
            print_funnel(self.store, version)

    def drive(self, jobs: Iterator[Job[Any, Any]], sink: Callable[[Any, Any], None], *, what: str) -> None:
        """Run programs with this run's models, ledger and workers."""
        with Show(what, quiet=self.quiet) as show:
            driver = Driver(self.roles, self.ledger, self.workers, self.store.blobs.read, report=show)
            driver.run(jobs, sink)

    def _models(self) -> dict[str, str]:
        return {role or "*": endpoint.engine.identity for role, endpoint in sorted(self.roles.items())}


@dataclass(slots=True)
class _Scorers:
    """Scorers by what they need."""

    all: dict[str, Scorer]
    local: dict[str, LocalScorer]
    asked: dict[str, AskedScorer]
    trace: dict[str, TraceScorer]

    @classmethod
    def of(cls, scorers: Scorers) -> _Scorers:
        pairs = scorers.items() if isinstance(scorers, Mapping) else ((_module(s), s) for s in scorers)
        named = dict(pairs)
        made = cls(named, {}, {}, {})
        for name, scorer in named.items():
            kinds: dict[str, dict[str, Any]] = {"sample": made.local, "asked": made.asked, "trace": made.trace}
            kinds[scorer.on][name] = scorer
        return made

    def fields(self, earlier: Mapping[str, Mapping[str, Mapping[str, str]]] | None = None) -> dict[str, Any]:
        """Return the score columns of a version, those of its parent first."""
        known = {"samples": dict((earlier or {}).get("samples", {})), "traces": dict((earlier or {}).get("traces", {}))}
        for name, scorer in self.all.items():
            table = "traces" if scorer.on == "trace" else "samples"
            known[table][name] = {key: kind.__name__ for key, kind in scorer.detail_fields.items()}
        return known


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


class _Reading:
    """The writing of a version from a source."""

    def __init__(self, run: Run, source: str | Path, scorers: _Scorers, limit: int | None) -> None:
        self._run = run
        self._source = source
        self._scorers = scorers
        self._limit = limit
        self._tally = _Tally(run.max_failed)
        self._seen: set[bytes] = set()

    def write(self, writer: Writer) -> int:
        asked = self._scorers.asked
        if not asked:
            for sample in self._samples(writer):
                writer.sample(sample)
            return self._tally.rows

        def sink(_: None, scored: Scored) -> None:
            with self._tally.lock:
                writer.sample(scored.sample)
                self._tally.retryable |= scored.retryable

        jobs = (Job(None, lambda s=sample: score(s, asked)) for sample in self._samples(writer))  # type: ignore[misc]
        self._run.drive(jobs, sink, what="score")
        writer.retryable = self._tally.retryable
        return self._tally.rows

    def _samples(self, writer: Writer) -> Iterator[Sample]:
        """Yield every new sample; duplicates and failed rows go straight to the writer."""
        from itertools import islice

        from curate.sources import open_source

        run = self._run
        rows = islice(open_source(self._source, media_root=run.media_root), self._limit)
        work = ReadRow(run.store.blobs, self._scorers.local, run.allow_urls)
        for done in run.workers.map(work, rows, deadline=DEADLINE):
            row = outcome(done)
            with self._tally.lock:
                self._tally.rows += 1
                sample = self._new(writer, row.sample)
                if row.failed is not None:
                    writer.failed(row.failed)
                    self._tally.failed(row.failed)
            if sample is not None:
                yield sample

    def _new(self, writer: Writer, sample: Sample | None) -> Sample | None:
        if sample is None:
            return None
        ident = bytes.fromhex(sample.id)
        if ident in self._seen:
            writer.dropped(Dropped(sample.id, "read", "duplicate", source=sample.source, row=sample.row))
            return None
        self._seen.add(ident)
        return sample


class _Distilling:
    """The writing of a version of traces from a version of samples."""

    def __init__(
        self, run: Run, parent: Version, generator: Generator, scorers: _Scorers, rules: Sequence[Rule], keep: Keep
    ) -> None:
        self._run = run
        self._parent = parent
        self._generator = generator
        self._scorers = scorers
        self._rules = rules
        self._keep = keep
        self._tally = _Tally(run.max_failed)

    def write(self, writer: Writer) -> int:
        writer.inherit(self._parent, ("dropped", "failed"))

        def sink(_: None, done: Distilled) -> None:
            with self._tally.lock:
                self._take(writer, done)

        self._run.drive(self._jobs(writer), sink, what="distil")
        writer.retryable = self._tally.retryable
        return self._parent.manifest.rows_in

    def _jobs(self, writer: Writer) -> Iterator[Job[None, Distilled]]:
        out = self._ruled_out()
        for sample in self._run.store.samples(self._parent):
            with self._tally.lock:
                self._tally.rows += 1
                if sample.id in out:
                    rule, value = out[sample.id]
                    writer.dropped(
                        Dropped(
                            sample.id, "select", rule.column, value, f"{rule.op} {rule.threshold}", None, sample.source, sample.row
                        )
                    )
                    continue
            rated = rate(sample, self._scorers.local, self._run.store.blobs)
            yield Job(None, lambda s=rated: distil(s, self._scorers.asked, self._generator, self._scorers.trace, self._keep))  # type: ignore[misc]

    def _ruled_out(self) -> dict[str, tuple[Rule, str]]:
        """Return the samples that a rule takes out, with the first such rule and the value that decided."""
        if not self._rules:
            return {}
        from curate.query import evaluate

        asked = {}
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
