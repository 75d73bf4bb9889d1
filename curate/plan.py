"""What a recipe would ask, before it is paid for: requests by purpose, what is in the ledger already, and a forecast.

The recipe is run in a workspace of its own that shares the ledger and the pictures, with models that answer nothing:
what the ledger knows is answered from it, the rest is counted. A pilot asks for real about a few rows first; what it
asked is in the ledger, so it is paid once. Rows whose every request is known show what a row takes in all, follow-up
questions included; the forecast rests on them and says on how many.
"""

from __future__ import annotations

import dataclasses
import math
import random
import statistics
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from curate.run import Run
from curate.store import Store
from curate.store.blobs import Blobs
from curate.teacher.budget import most_tokens, worst_prompt
from curate.teacher.driver import Endpoint
from schemas.request import Cause, Outcome, Program, Request, Usage
from schemas.version import Version

__all__ = ["Forecast", "Plan", "Planned", "Range", "make", "shown"]

_FEWEST = 5
"""Fewest rows known in full that an interval is made from."""
_DRAWS = 500


class Range(NamedTuple):
    """A forecast sum with its 95 % interval; the bounds are None where too few rows are known."""

    mean: float
    low: float | None = None
    high: float | None = None

    def __add__(self, other: object) -> Range:
        """Add independent sums; their errors add in squares."""
        if not isinstance(other, Range):
            return NotImplemented
        mean = self.mean + other.mean
        if None in (self.low, self.high, other.low, other.high):
            return Range(mean)
        down = math.hypot(self.mean - (self.low or 0.0), other.mean - (other.low or 0.0))
        up = math.hypot((self.high or 0.0) - self.mean, (other.high or 0.0) - other.mean)
        return Range(mean, max(0.0, mean - down), mean + up)


@dataclass(slots=True)
class Planned:
    """Requests of one purpose to one role."""

    role: str
    endpoint: str
    model: str
    requests: int = 0
    known: int = 0
    """Of them in the ledger, or asked before in the same run, as draws that two scorers share; they cost nothing."""
    worst_prompt_tokens: int = 0
    """Of the unknown ones, estimated upward."""
    worst_completion_tokens: int = 0
    """Of the unknown ones: their token limits."""
    unlimited: int = 0
    """Unknown ones without a token limit."""
    worst_cost: float | None = None
    first: Request | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the rows whose answers are not known yet will take."""

    rows: int
    """Programs that are not known in full."""
    rests_on: int
    """Programs that are."""
    requests: Range
    tokens: Range
    cost: Range | None
    """None where a price is not known."""
    seconds: Range


@dataclass(frozen=True, slots=True)
class Plan:
    """What a recipe would ask for the rows that were looked at."""

    rows: int
    """Source rows that were looked at."""
    all_of_them: bool
    """Whether that is the whole source."""
    planned: Mapping[str, Planned]
    """By purpose."""
    programs: Mapping[str, int]
    """By pass."""
    forecast: Forecast | None
    """None where nothing of the kind was ever answered."""
    piloted: int


@dataclass(slots=True)
class _Row:
    """What one program took, as far as the ledger knows."""

    complete: bool = True
    requests: int = 0
    tokens: int = 0
    cost: float | None = 0.0
    seconds: float = 0.0


@dataclass(slots=True)
class _Tap:
    """Watches programs and counts."""

    roles: Mapping[str, Endpoint] = field(default_factory=dict)
    planned: dict[str, Planned] = field(default_factory=dict)
    rows: dict[str, list[_Row]] = field(default_factory=lambda: defaultdict(list))
    unknown: set[bytes] = field(default_factory=set)
    """Keys of what will be asked."""

    def __call__(self, what: str, program: Program[Any]) -> Program[Any]:
        """Run a program and count what it asks."""
        row = _Row()
        result = yield from self._watch(program, row)
        self.rows[what].append(row)
        return result

    def _watch(self, program: Program[Any], row: _Row) -> Generator[Any, Any, Any]:
        try:
            batch = next(program)
            while True:
                outcomes = yield batch
                for item, outcome in zip(batch, outcomes, strict=True):
                    if isinstance(item, Request):
                        self._count(item, outcome, row)
                batch = program.send(outcomes)
        except StopIteration as stop:
            return stop.value

    def _count(self, request: Request, outcome: Outcome, row: _Row) -> None:
        end = self.roles.get(request.role) or self.roles[""]
        purpose = request.purpose or request.role
        entry = self.planned.setdefault(purpose, Planned(request.role, end.name, end.engine.identity))
        entry.requests += 1
        row.requests += 1
        if outcome.cause is Cause.CANCELLED:
            row.complete = False
            key = bytes.fromhex(outcome.key)
            if key in self.unknown:
                entry.known += 1
            else:
                self.unknown.add(key)
                _unknown(entry, request, end)
            return
        entry.known += 1
        usage = outcome.reply.usage if outcome.reply else Usage()
        row.tokens += usage.prompt + usage.completion
        cost = end.cost(outcome.reply) if outcome.reply else 0.0
        row.cost = None if row.cost is None or cost is None else row.cost + cost
        row.seconds += (outcome.reply.latency if outcome.reply else 0.0) / max(1, end.concurrency)


def _unknown(entry: Planned, request: Request, end: Endpoint) -> None:
    entry.first = entry.first or request
    prompt, limit = worst_prompt(request), most_tokens(request.sampling)
    entry.worst_prompt_tokens += prompt
    entry.worst_completion_tokens += limit or 0
    entry.unlimited += limit is None
    if end.worst_price is not None:
        entry.worst_cost = (entry.worst_cost or 0.0) + end.worst_price.of(Usage(prompt, limit or 0))


def make(run: Run, build: Callable[[Run], Version], *, rows: int | None = 200, pilot: int = 0) -> Plan:
    """Plan a recipe.

    Args:
        run: a run as it would be executed; its caps hold for the pilot.
        build: the recipe, its options bound.
        rows: source rows to look at; None for all.
        pilot: rows to ask for real about first.

    Raises:
        BudgetSpent: the pilot reached a cap.

    """
    if pilot:
        with _apart(run, pilot) as trial:
            build(trial)
    tap = _Tap()
    with _apart(run, rows, tap) as dry:
        version = build(dry)
    seen = version.manifest.rows_in
    return Plan(
        rows=seen,
        all_of_them=rows is None or seen < rows,
        planned=tap.planned,
        programs={what: len(found) for what, found in tap.rows.items()},
        forecast=_forecast(tap.rows),
        piloted=pilot,
    )


@contextmanager
def _apart(run: Run, rows: int | None, tap: _Tap | None = None) -> Iterator[Run]:
    """Yield the run with a store of its own for versions; with a tap, nobody is asked."""
    with tempfile.TemporaryDirectory(prefix=".plan-", dir=run.store.root) as folder:
        store = Store(Path(folder))
        store.blobs = Blobs(run.store.root / "blobs")
        apart = dataclasses.replace(run, store=store, roles=dict(run.roles), most_rows=rows, tap=tap)
        if tap is not None:
            apart.quiet = True
            tap.roles = apart.roles
        yield apart


def _forecast(passes: Mapping[str, Sequence[_Row]]) -> Forecast | None:
    """Extrapolate, pass by pass, from the rows that are known in full to those that are not."""
    total: Counter[str] = Counter()
    requests = tokens = seconds = cost = Range(0.0, 0.0, 0.0)
    priced = True
    for rows in passes.values():
        known = [row for row in rows if row.complete]
        missing = len(rows) - len(known)
        total["rows"] += missing
        total["rests_on"] += len(known)
        if not missing:
            continue
        if not known:
            return None
        requests += _sum([float(row.requests) for row in known], missing)
        tokens += _sum([float(row.tokens) for row in known], missing)
        seconds += _sum([row.seconds for row in known], missing)
        costs = [row.cost for row in known if row.cost is not None]
        priced &= len(costs) == len(known)
        cost += _sum(costs, missing) if costs else Range(0.0)
    return Forecast(total["rows"], total["rests_on"], requests, tokens, cost if priced else None, seconds)


def _sum(values: Sequence[float], count: int) -> Range:
    """Return the sum of `count` more values like these, with a bootstrap interval."""
    mean = statistics.fmean(values)
    if len(values) < _FEWEST:
        return Range(mean * count)
    chance = random.Random(0)  # noqa: S311 - a bootstrap, the same every time
    spread = statistics.pstdev(values) * math.sqrt(count)
    means = (statistics.fmean(chance.choices(values, k=len(values))) for _ in range(_DRAWS))
    sums = sorted(drawn * count + chance.gauss(0.0, spread) for drawn in means)
    low, high = sums[int(0.025 * _DRAWS)], sums[int(0.975 * _DRAWS)]
    return Range(mean * count, max(0.0, min(low, mean * count)), max(high, mean * count))


def shown(request: Request) -> str:
    """Write a request out in full, pictures as their name and size."""
    lines = []
    for message in request.messages:
        lines.append(f"[{message.role}]")
        for part in message.content:
            if isinstance(part, str):
                lines.append(part)
            else:
                lines.append(f"<picture {part.name or part.sha256[:12]} {part.width}x{part.height} {part.mime}>")
    settings = request.sampling.to_json()
    lines.append(f"[sampling] {settings}")
    return "\n".join(lines)
