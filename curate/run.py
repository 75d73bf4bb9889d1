"""One execution of a recipe: passes and table steps over a workspace.

A recipe's `build(run, ...)` gets a `Run`. `run.read` turns a source into a version of rated samples, `run.distil` turns
such a version into one with verified traces. Both resume: what models were asked is in the ledger, what was derived is
in the store.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from curate.chain import Keep
from curate.passes import Distilling, NamedScorers, Reading, Scorers
from curate.progress import Show
from curate.rules import MaxFailed, Rule
from curate.settings import check_settings, roles_asked
from curate.store import Store
from curate.teacher.budget import Budget, Caps
from curate.teacher.driver import Driver, Endpoint, Job
from curate.teacher.ledger import Ledger
from curate.teacher.workers import Workers
from schemas.canonical import JSON, spec
from schemas.errors import ConfigError
from schemas.protocols import Generator
from schemas.request import Program
from schemas.version import Step, Version

__all__ = ["Keep", "Rule", "Run", "open_run"]

_MUST_HOLD = frozenset({"repetition_penalty", "presence_penalty", "frequency_penalty", "top_k", "min_p"})
"""Sampling fields that change what is written: an endpoint that ignores one writes other data than the recipe says."""


@contextmanager
def open_run(
    workspace: Path,
    *,
    roles: Mapping[str, Endpoint] | None = None,
    media_root: Path | None = None,
    allow_urls: bool = False,
    max_failed: MaxFailed | None = None,
    caps: Caps | None = None,
    progress_file: Path | None = None,
    quiet: bool = False,
) -> Iterator[Run]:
    """Open a workspace for a recipe; one run at a time holds it.

    Args:
        workspace: folder of the store and the ledger, made where it is missing.
        roles: endpoints by role (`curate.config.bind`); the role `""` answers for all others.
        media_root: folder that pictures of a source are looked up in; the source's own folder where not given.
        allow_urls: whether pictures may be fetched from the network.
        max_failed: how many failed rows end the run.
        caps: the most that this run may spend; what is answered from the ledger costs nothing.
        progress_file: a JSON file that always holds the latest counts, for programs that watch.
        quiet: show no progress.

    Raises:
        StoreError: another run holds the workspace.
        ConfigError: a cap on the cost, and an endpoint whose price is not known.

    """
    ends = {end.name: end for end in (roles or {}).values()}
    budget = Budget(caps, {name: end.caps for name, end in ends.items()})
    for name, end in ends.items():
        budget.check(name, end.price)
    store = Store(workspace)
    with ExitStack() as stack:
        stack.enter_context(store.lock("curate run"))
        ledger = stack.enter_context(Ledger(workspace / "ledger.sqlite"))
        workers = stack.enter_context(Workers())
        limit = max_failed or MaxFailed()
        yield Run(
            store, ledger, workers, dict(roles or {}), media_root, allow_urls, limit, budget, progress_file, quiet
        )


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
    budget: Budget = field(default_factory=Budget)
    progress_file: Path | None = None
    quiet: bool = False
    most_rows: int | None = None
    """Reads no more rows of any source; for plans and pilots."""
    tap: Callable[[str, Program[Any]], Program[Any]] | None = None
    """Looks into every program, under its pass's name; nobody is asked then, and only the ledger answers."""
    told: set[str] = field(default_factory=set)
    """Roles without a model that were told of."""

    def read(self, source: str | Path, *, name: str, score: Scorers = (), limit: int | None = None) -> Version:
        """Read a source, rate every sample, and derive the version `name`: samples without traces.

        Each source row comes out as a sample, as a dropped duplicate of an earlier row, or as a failed row.

        Args:
            source: anything `curate.sources.open_source` reads.
            name: name of the version.
            score: local scorers (run in worker processes) and asked ones (run by the driver), in order.
            limit: read only so many rows.

        Raises:
            ConfigError: a limit below 1, or settings of a plug-in that mean nothing.

        """
        if limit is not None and limit < 1:
            raise ConfigError(f"a limit of {limit} rows leaves nothing to read: use 1 or more")
        scorers = NamedScorers.of(score)
        step = Step("read", {"score": spec(scorers.all), "models": self._models() if scorers.asked else {}})
        check_settings(step.params)
        reading = Reading(self, source, scorers, _least(limit, self.most_rows))
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

        Raises:
            ConfigError: a rule is no SQL over the samples, or settings of a plug-in that mean nothing.

        """
        scorers = NamedScorers.of(score)
        chosen = keep or Keep()
        params = {
            "generator": spec(generator),
            "score": spec(scorers.all),
            "rules": spec(list(rules)),
            "keep": spec(chosen),
            "models": self._models(),
        }
        step = Step("distil", params)
        check_settings(params)
        found = self.store.find(name, step, [parent])
        if found is not None:
            return found
        work = Distilling(self, parent, generator=generator, scorers=scorers, rules=rules, keep=chosen)
        fields = scorers.fields(parent.manifest.score_fields, trace_fields=getattr(generator, "trace_fields", {}))
        return self.store.derive(name, step, parents=[parent], score_fields=fields, notes={}, write=work.write)

    def tell_unbound(self, plugins: JSON) -> None:
        """Say before anything is paid for that a role has no model, where models were named role by role."""
        missing = roles_asked(plugins) - set(self.roles) - self.told
        if missing and self.roles and "" not in self.roles:
            self.told |= missing
            self.say(
                f"curate: no model is bound to {', '.join(sorted(missing))}: where one is asked the run ends, and "
                "goes on from there once it is bound (--teacher ROLE=SPEC, or --teacher SPEC for all that are left)"
            )

    def default_teacher(self, spec: str) -> None:
        """Bind `spec` to every role where the command line named no model at all."""
        from curate.config import Models, bind

        if not self.roles:
            self.roles.update(bind([spec], Models()))

    def ranges(self, version: Version, columns: Sequence[str]) -> dict[str, tuple[float, float]]:
        """Return the least and greatest value of each SQL column over a version's samples; unscored do not count."""
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

    def drive(
        self,
        jobs: Iterator[Job[Any, Any]],
        sink: Callable[[Any, Any], None],
        *,
        what: str,
        total: int | None = None,
        kept: Callable[[Any], bool] | None = None,
    ) -> None:
        """Run programs with this run's models, ledger and workers.

        Args:
            jobs: the programs, read lazily.
            sink: takes each job's key and result.
            what: name of the pass, for people.
            total: how many jobs there are, where that is known.
            kept: whether a result counts as kept in the progress that is shown.

        """
        with Show(what, budget=self.budget, file=self.progress_file, quiet=self.quiet) as show:
            roles = self.roles if self.tap is None else {role: _silent(end) for role, end in self.roles.items()}
            driver = Driver(
                roles,
                self.ledger,
                self.workers,
                self.store.blobs.read,
                budget=self.budget,
                lacks=self._lacks,
                report=show,
            )
            driver.progress.total = total

            def counted(key: Any, result: Any) -> None:
                if kept is not None:
                    driver.progress.kept = (driver.progress.kept or 0) + kept(result)
                sink(key, result)

            tap = self.tap
            driver.run(jobs if tap is None else (_tapped(job, what, tap) for job in jobs), counted)

    def _lacks(self, end: Endpoint, needs: frozenset[str]) -> list[str]:
        """Say what a probe found an endpoint to ignore; one that was never probed is believed."""
        if not (self.store.root / "probes").is_dir():
            return []
        from curate.teacher.probe import load, missing

        found = load(self.store.root, end.engine)
        return missing(found, fields=needs & _MUST_HOLD, images="images" in needs) if found else []

    def _models(self) -> dict[str, str]:
        return {role or "*": endpoint.engine.identity for role, endpoint in sorted(self.roles.items())}


def _least(*limits: int | None) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)


def _silent(end: Endpoint) -> Endpoint:
    from generators.engines.replay import Replay

    return replace(end, engine=Replay(end.engine.identity))


def _tapped(job: Job[Any, Any], what: str, tap: Callable[[str, Program[Any]], Program[Any]]) -> Job[Any, Any]:
    return Job(job.key, lambda: tap(what, job.program()))
