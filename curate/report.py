"""What became of every row of a version: as plain data, and as a table for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemas.version import Dropped, Failed, Version

if TYPE_CHECKING:
    from rich.table import Table

    from curate.store import Store

__all__ = ["Funnel", "Loss", "funnel", "print_funnel", "summary", "table"]


@dataclass(frozen=True, slots=True)
class Loss:
    """Rows or traces that were lost at one place for one reason."""

    stage: str
    reason: str
    """The rule that dropped them, or the cause they failed for."""
    count: int


@dataclass(frozen=True, slots=True)
class Funnel:
    """Where the rows of a version went: `rows_in` = `kept` + all of `dropped` + all of `failed`."""

    ref: str
    rows_in: int
    dropped: tuple[Loss, ...]
    """Whole samples by rule, largest first."""
    failed: tuple[Loss, ...]
    """Rows by cause, largest first."""
    kept: int
    traces: int
    """Kept traces."""
    rejected: tuple[Loss, ...]
    """Traces that were written and not kept, by rule, largest first."""

    def rows(self) -> list[dict[str, Any]]:
        """Return one plain row for each line of the table: `{what, stage, reason, count, share}`."""
        found = [_line("in", self.rows_in, self.rows_in)]
        found += [_line("dropped", loss.count, self.rows_in, loss) for loss in self.dropped]
        found += [_line("failed", loss.count, self.rows_in, loss) for loss in self.failed]
        found.append(_line("kept", self.kept, self.rows_in))
        written = self.traces + sum(loss.count for loss in self.rejected)
        found += [_line("trace rejected", loss.count, written, loss) for loss in self.rejected]
        return [*found, _line("trace kept", self.traces, written)] if written else found


def summary(version: Version) -> dict[str, Any]:
    """Describe a version in one plain row: `{name, version, id, rows, step, created}`; `rows` counts kept samples."""
    manifest = version.manifest
    return {
        "name": version.name,
        "version": version.number,
        "id": version.id,
        "rows": manifest.counts.get("kept", 0),
        "step": manifest.step.kind,
        "created": manifest.created,
    }


def funnel(store: Store, version: Version) -> Funnel:
    """Count what became of every row of a version."""
    dropped, rejected = _by_rule(store.dropped(version))
    counts = version.manifest.counts
    return Funnel(
        ref=version.ref,
        rows_in=version.manifest.rows_in,
        dropped=dropped,
        failed=_by_cause(store.failed(version)),
        kept=counts.get("kept", 0),
        traces=counts.get("traces", 0),
        rejected=rejected,
    )


def table(found: Funnel) -> Table:
    """Draw a funnel."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(title=found.ref, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in ("", "stage", "reason"):
        drawn.add_column(name)
    for name in ("count", "share"):
        drawn.add_column(name, justify="right")
    for row in found.rows():
        style = "bold" if row["what"] in ("in", "kept", "trace kept") else ""
        cells = (row["what"], row["stage"], row["reason"], f"{row['count']:,}", f"{row['share']:.1%}")
        drawn.add_row(*map(Text, cells), style=style, end_section=row["what"] == "kept")
    return drawn


def print_funnel(store: Store, version: Version) -> None:
    """Print what became of every row of a version, on stderr."""
    from rich.console import Console

    Console(stderr=True, highlight=False).print(table(funnel(store, version)))


def _by_rule(rows: Iterable[Dropped]) -> tuple[tuple[Loss, ...], tuple[Loss, ...]]:
    """Count whole samples and single traces by the rule that took them out."""
    samples: Counter[tuple[str, str]] = Counter()
    traces: Counter[tuple[str, str]] = Counter()
    for row in rows:
        (samples if row.trace_id is None else traces)[row.stage, row.rule] += 1
    return _losses(samples), _losses(traces)


def _by_cause(rows: Iterable[Failed]) -> tuple[Loss, ...]:
    return _losses(Counter((row.stage, row.cause) for row in rows))


def _losses(counts: Counter[tuple[str, str]]) -> tuple[Loss, ...]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Loss(stage, reason, count) for (stage, reason), count in ordered)


def _line(what: str, count: int, whole: int, loss: Loss | None = None) -> dict[str, Any]:
    stage, reason = (loss.stage, loss.reason) if loss else ("", "")
    return {"what": what, "stage": stage, "reason": reason, "count": count, "share": count / whole if whole else 0.0}
