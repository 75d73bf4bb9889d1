"""Everything the page says of a version, as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from curate.page.examples import ShownSample, ShownTrace, Thumbnails, shown_samples, shown_traces, with_boxes
from curate.page.kinds import SampleFacts, samples
from curate.page.losses import Losses, losses
from curate.page.scores import Pick, ScoreFacts, scores
from curate.page.traces import Asked, TraceFacts, spending, traces
from curate.query import asking
from schemas.canonical import JSON
from schemas.version import Version

if TYPE_CHECKING:
    from curate.store import Store

__all__ = ["Origin", "Page", "gather"]

_SPEC = {"name", "type", "version", "params"}


@dataclass(frozen=True, slots=True)
class Origin:
    """Which version this is and how it was made."""

    ref: str
    id: str
    step: str
    created: str
    """UTC, ISO 8601."""
    parents: tuple[str, ...]
    """As refs; one that is gone, as the beginning of its id."""
    params: tuple[tuple[str, str], ...]
    """Parameters of the step by dotted name."""
    notes: Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Page:
    """A version in numbers, with the rows to show."""

    origin: Origin
    losses: Losses
    samples: SampleFacts
    scores: tuple[ScoreFacts, ...]
    traces: TraceFacts | None
    asked: tuple[Asked, ...]
    """The workspace's ledger; empty where there is none."""
    shown_samples: Mapping[str, ShownSample]
    """By id: whatever a `Pick` of the page names and the workspace still has."""
    shown_traces: Mapping[str, ShownTrace]

    def plain(self) -> dict[str, Any]:
        """Return it as JSON data, without thumbnails."""
        found = asdict(self)
        found["losses"]["adds_up"] = self.losses.adds_up
        for shown in found["shown_samples"].values():
            del shown["pictures"], shown["only"], shown["known"]
        for shown in found["shown_traces"].values():
            del shown["boxed"]
        return found


def gather(store: Store, lineage: Sequence[Version], *, examples: int = 4, pictures: bool = True) -> Page:
    """Describe a version; nothing is held that grows with it but 8 bytes a row and column for exact quantiles.

    Args:
        store: the workspace.
        lineage: the version, and after it those it comes from, nearest first: where dropped samples are looked up.
        examples: rows to show at each end of a score, and for a rule or cause.
        pictures: whether to make thumbnails.

    Raises:
        StoreError: a table or the ledger cannot be read.

    """
    version = lineage[0]
    manifest = version.manifest
    ledger = store.root / "ledger.sqlite"
    with asking(store, version, ledger if ledger.is_file() else None) as ask:
        lost = losses(ask, manifest, examples)
        found = tuple(scores(ask, manifest, examples))
        picks = list(_picks(lost, found))
        thumbnails = Thumbnails(store) if pictures else None
        seen = shown_samples(store, lineage, (pick.sample_id for pick in picks), thumbnails)
        pairs = {pick.trace_id: pick.sample_id for pick in picks if pick.trace_id}
        return Page(
            origin=_origin(version, lineage),
            losses=lost,
            samples=samples(ask, lost.kept),
            scores=found,
            traces=traces(ask),
            asked=spending(ask) if ledger.is_file() else (),
            shown_samples=seen,
            shown_traces=with_boxes(shown_traces(ask, pairs), seen, pairs, thumbnails),
        )


def _picks(lost: Losses, found: Sequence[ScoreFacts]) -> Iterator[Pick]:
    for score in found:
        yield from (*score.lowest, *score.highest)
    for each in (*(each for stage in lost.stages for each in stage.lost), *lost.traces):
        yield from each.picks


def _origin(version: Version, lineage: Sequence[Version]) -> Origin:
    manifest = version.manifest
    refs = {above.id: above.ref for above in lineage}
    return Origin(
        ref=version.ref,
        id=version.id,
        step=manifest.step.kind,
        created=manifest.created,
        parents=tuple(refs.get(parent, parent[:12]) for parent in manifest.parents),
        params=tuple(_flat("", manifest.step.params)),
        notes=manifest.notes,
    )


def _flat(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield parameters by dotted name; a plug-in is its name and version, followed by its own parameters."""
    if isinstance(value, Mapping) and set(value) == _SPEC:
        yield path, f"{value['name']} v{value['version']}"
        yield from _flat(path, value["params"])
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{path}.{key}" if path else str(key), inner)
    elif value not in (None, "", []):
        yield path, str(value)
