"""Mixtures of versions at given ratios, such as long thoughts over text and over pictures (Virgo, arXiv 2501.01904).

A table step: which samples are taken is decided by a hash of their ids and a seed, so a part that grows keeps most of
what was taken from it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from curate.query import evaluate
from schemas.errors import ConfigError
from schemas.version import Dropped, Step, Version

if TYPE_CHECKING:
    from curate.run import Run
    from curate.store import Writer
    from schemas.sample import Sample
    from schemas.trace import Trace

__all__ = ["Part", "mix"]

_STAGE, _RATIO, _AGAIN = "mix", "mix.ratio", "duplicate"
_VERSION = 2
"""Raised when the same parts make another mixture."""
_FINEST = 1_000_000
"""Shares are told apart to a millionth."""


class Part(NamedTuple):
    """A version and its weight in the mixture."""

    version: Version
    weight: float


def mix(run: Run, parts: Sequence[Part], *, name: str, most: int | None = None, seed: int = 0) -> Version:
    """Derive the largest version in which the parts' samples stand in the ratio of their weights.

    A part of weight 0 gives nothing. A question that two parts have is one sample with the traces of both.

    Args:
        run: the workspace.
        parts: the versions, in order.
        name: name of the mixture.
        most: take no more samples than so many.
        seed: another one takes other samples.

    Raises:
        ConfigError: no part has a weight, a weight is negative or no number, `most` is below 1, or a version is there
                twice.

    """
    if most is not None and most < 1:
        raise ConfigError(f"a mixture of at most {most} samples holds nothing: use 1 or more")
    sizes = [part.version.manifest.counts["kept"] for part in parts]
    takes = _takes([part.weight for part in parts], sizes, most)
    if len({part.version.id for part in parts}) < len(parts):
        raise ConfigError("a mixture has the same version twice: name other versions")
    versions = [part.version for part in parts]
    taken = [_taken(run, version, n, seed) for version, n in zip(versions, takes, strict=True)]
    mixing = _Mixing.of(run, versions, taken)
    weights = [part.weight for part in parts]
    step = Step("mix", {"version": _VERSION, "weights": weights, "most": most, "seed": seed})

    def write(writer: Writer) -> int:
        for index, version in enumerate(versions):
            mixing.write(writer, version, index)
        return sum(version.manifest.rows_in for version in versions)

    return run.store.derive(name, step, parents=versions, score_fields=_fields(versions), write=write)


def _takes(weights: Sequence[float], sizes: Sequence[int], most: int | None) -> list[int]:
    """Return how many samples each part gives: as many as the scarcest part allows."""
    if not all(math.isfinite(weight) and weight >= 0 for weight in weights) or not sum(weights):
        raise ConfigError(f"the weights of a mixture are 0 or more, and one is above 0: got {weights}")
    # As fractions, because as floats 3 / (3 / 10) is a hair below 10.
    rough = [Fraction(weight / sum(weights)).limit_denominator(_FINEST) for weight in weights]
    shares = [share / sum(rough) for share in rough]
    whole = min(size / share for size, share in zip(sizes, shares, strict=True) if share)
    return _parted(whole if most is None else min(whole, Fraction(most)), shares)


def _parted(whole: Fraction, shares: Sequence[Fraction]) -> list[int]:
    """Part a number by largest remainders: the parts add up to it, rounded down, and each is off by less than one."""
    exact = [whole * share for share in shares]
    takes = [math.floor(part) for part in exact]
    order = sorted(range(len(shares)), key=lambda index: (takes[index] - exact[index], index))
    for index in order[: math.floor(whole) - sum(takes)]:
        takes[index] += 1
    return takes


def _taken(run: Run, version: Version, count: int, seed: int) -> frozenset[str]:
    idents = (row["id"] for row in evaluate(run.store, version, {}))
    ordered = sorted(idents, key=lambda ident: hashlib.sha256(f"{seed}:{ident}".encode()).digest())
    return frozenset(ordered[:count])


def _fields(versions: Sequence[Version]) -> dict[str, dict[str, Any]]:
    """Return the score columns of all parts.

    Raises:
        ConfigError: two parts have a score of one name with other details.

    """
    found: dict[str, dict[str, Any]] = {"samples": {}, "traces": {}}
    for version in versions:
        for table, columns in found.items():
            for name, detail in version.manifest.score_fields[table].items():
                if columns.setdefault(name, detail) != detail:
                    raise ConfigError(f"the score {name!r} of {version.ref} has other details than another part's")
    return found


@dataclass(slots=True)
class _Mixing:
    """A mixture under way: each sample is accounted for once, by the part that gives it or else by the first one."""

    run: Run
    versions: Sequence[Version]
    taken: Sequence[frozenset[str]]
    chosen: frozenset[str]
    """Every sample that is taken from some part."""
    traces: frozenset[str]
    """Every trace that is kept."""
    told: set[str] = field(default_factory=set)
    """Samples that are accounted for."""
    written: set[str] = field(default_factory=set)
    """Traces that are."""

    @classmethod
    def of(cls, run: Run, versions: Sequence[Version], taken: Sequence[frozenset[str]]) -> _Mixing:
        kept: set[str] = set()
        for version, idents in zip(versions, taken, strict=True):
            rows = evaluate(run.store, version, {"sample": "sample_id"}, table="traces")
            kept.update(row["id"] for row in rows if row["sample"] in idents)
        return cls(run, versions, taken, frozenset().union(*taken), frozenset(kept))

    def write(self, writer: Writer, version: Version, index: int) -> None:
        for sample, traces in self.run.store.pairs(version):
            self._sample(writer, sample, traces, index)
        for trace in self.run.store.rejected(version):
            self._rejected(writer, trace)
        for dropped in self.run.store.dropped(version):
            self._dropped(writer, dropped)
        for failed in self.run.store.failed(version):
            ident = failed.sample_id
            if ident is not None and self._known(ident):
                writer.dropped(_again(ident, failed.source, failed.row))
            else:
                writer.failed(failed)

    def _sample(self, writer: Writer, sample: Sample, traces: Sequence[Trace], index: int) -> None:
        take = sample.id in self.taken[index]
        if take and sample.id not in self.told:
            self.told.add(sample.id)
            writer.sample(sample)
        elif take or self._known(sample.id):
            writer.dropped(_again(sample.id, sample.source, sample.row))
        else:
            writer.dropped(self._surplus(sample, index))
        for trace in traces:
            if trace.id in self.traces and trace.id not in self.written:
                self.written.add(trace.id)
                writer.trace(trace)
            elif self._rejected(writer, trace):
                writer.dropped(self._surplus(sample, index, trace.id))

    def _surplus(self, sample: Sample, index: int, trace: str | None = None) -> Dropped:
        part, taken = self.versions[index], len(self.taken[index])
        share = f"{taken} of {part.manifest.counts['kept']}"
        return Dropped(sample.id, _STAGE, _RATIO, part.name, share, trace, sample.source, sample.row)

    def _rejected(self, writer: Writer, trace: Trace) -> bool:
        """Write a trace that is not kept; say whether that was still to do."""
        if trace.id in self.traces or trace.id in self.written:
            return False
        self.written.add(trace.id)
        writer.rejected(trace)
        return True

    def _dropped(self, writer: Writer, dropped: Dropped) -> None:
        if dropped.trace_id is not None:
            if dropped.trace_id not in self.traces:
                writer.dropped(dropped)
        elif dropped.rule != _AGAIN and self._known(dropped.sample_id):
            writer.dropped(_again(dropped.sample_id, dropped.source, dropped.row))
        else:
            writer.dropped(dropped)

    def _known(self, ident: str) -> bool:
        """Whether a sample that this part does not give is accounted for by another; from now on it is by this one."""
        known = ident in self.chosen or ident in self.told
        self.told |= set() if ident in self.chosen else {ident}
        return known


def _again(ident: str, source: str, row: int) -> Dropped:
    return Dropped(ident, _STAGE, _AGAIN, source=source, row=row)
