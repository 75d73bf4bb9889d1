"""What a dataset version is made of: steps, manifests, and the rows that did not make it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from schemas.canonical import JSON, SCHEME, fingerprint

__all__ = ["TABLES", "Dropped", "Failed", "Manifest", "Shard", "Step", "Version"]

TABLES = ("samples", "traces", "rejected", "dropped", "failed")
"""Tables of a version: kept samples, their kept traces, written but unkept traces in full, and both kinds of loss."""


@dataclass(frozen=True, slots=True)
class Step:
    """What was done to get a version: everything that decides its rows but the rows it started from."""

    kind: str
    """`score`, `distil`, `select`, ..."""
    params: Mapping[str, JSON] = field(default_factory=dict)
    """Specs of the plug-ins (`schemas.canonical.spec`), model identities by role, options."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the step, 64 hex digits."""
        return fingerprint({"scheme": SCHEME, "kind": self.kind, "params": self.params})


@dataclass(frozen=True, slots=True)
class Dropped:
    """A whole sample (`trace_id` None) or one trace that a rule took out, with the value that decided."""

    sample_id: str
    stage: str
    """Where: `read`, `select`, `generate`, ..."""
    rule: str
    """Why: `duplicate`, `verdict`, `truncated`, `clarity.value`, ..."""
    value: str = ""
    threshold: str = ""
    trace_id: str | None = None
    source: str = ""
    row: int = -1


@dataclass(frozen=True, slots=True)
class Failed:
    """A row that could not be worked on, so nothing is known of its worth."""

    source: str
    row: int
    """Place in the stream it was read from, from 0."""
    sample_id: str | None
    """None where the row never became a sample."""
    stage: str
    cause: str
    """`decode`, `missing_file`, `timeout`, ... machine-readable."""
    reason: str
    """One sentence for people."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One parquet file of a table: rows of one bucket of ids, named by a hash of its logical content."""

    bucket: int
    digest: str
    rows: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything about a version; written last, so that its existence means complete."""

    id: str
    step: Step
    parents: tuple[str, ...]
    rows_in: int
    """Source rows this version accounts for: kept + dropped samples + failed."""
    counts: Mapping[str, int]
    """`kept`, `dropped` (whole samples), `dropped_traces`, `failed`, `traces`, `rejected`."""
    tables: Mapping[str, tuple[Shard, ...]]
    score_fields: Mapping[str, Mapping[str, Mapping[str, str]]]
    """`samples` and `traces`: score column to its detail fields and their type names."""
    created: str
    """UTC, ISO 8601; not part of the id."""
    scheme: int = SCHEME
    notes: Mapping[str, JSON] = field(default_factory=dict)
    """For people: source paths, endpoints, wall time. Not part of the id."""

    @property
    def retryable(self) -> bool:
        """True where a rerun could do better: some rows failed for a passing cause."""
        return bool(self.notes.get("retryable"))


@dataclass(frozen=True, slots=True)
class Version:
    """A named place in the line of versions."""

    name: str
    number: int
    manifest: Manifest

    @property
    def id(self) -> str:
        """The manifest's id."""
        return self.manifest.id

    @property
    def ref(self) -> str:
        """`name@vN`."""
        return f"{self.name}@v{self.number}"


def version_id(step: Step, parents: Sequence[str], rows_in: int, digests: Mapping[str, Sequence[str]]) -> str:
    """Return a version's id: a hash of its step, its parents and its rows, not of parquet bytes."""
    body = {"scheme": SCHEME, "step": step.fingerprint, "parents": list(parents), "rows_in": rows_in}
    return fingerprint({**body, "tables": {name: list(shards) for name, shards in digests.items()}})
