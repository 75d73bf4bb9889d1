"""The workspace: versions of data, their names, and the one way to make a new one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from curate.store import manifest as manifests
from curate.store.audit import Report, audit
from curate.store.blobs import Blobs
from curate.store.disk import reporting
from curate.store.known import KnownScores
from curate.store.lock import held, make_lock
from curate.store.publish import publish, stage
from curate.store.refs import Ref, Refs, check_name
from curate.store.shards import Pool, file_name, read_batches
from curate.store.writer import ScoreFields, Writer, columns_of
from schemas.arrow import dropped_rows, failed_rows, sample_rows, schema, trace_rows
from schemas.canonical import JSON, plain
from schemas.earlier import brought_up
from schemas.errors import ConfigError, StoreError
from schemas.sample import Sample
from schemas.trace import Trace
from schemas.version import TABLES, Dropped, Failed, Manifest, Step, Version, version_id

if TYPE_CHECKING:
    import pyarrow as pa
    from filelock import BaseFileLock

__all__ = ["Store"]


def _unwatched(_: str) -> None:
    """Watch nothing."""


class Store:
    """A workspace folder. Reading needs no lock; deriving takes it where it is not held already."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self.blobs = Blobs(self.root / "blobs")
        self.known_scores = KnownScores(self.root / "scores.sqlite")
        self._pool = Pool(self.root / "shards")
        self._refs = Refs(self.root / "refs")
        self._lock: BaseFileLock | None = None
        self._staging: set[str] = set()

    def derive(
        self,
        name: str,
        step: Step,
        *,
        write: Callable[[Writer], int | None],
        parents: Sequence[Version] = (),
        score_fields: ScoreFields | None = None,
        notes: Mapping[str, JSON] | None = None,
        watch: Callable[[str], None] = _unwatched,
    ) -> Version:
        """Make a version of the rows that `write` hands to the writer, and point `name` at it.

        Equal rows of the same step and parents are the same version, in whatever order they arrive: it is made once,
        and `name` gets a new number only where its latest one is another version.

        Args:
            name: name of the version.
            step: what is done; with the parents and the rows it decides the id.
            write: streams the rows, and returns how many source rows they account for (or sets `writer.rows_in`).
            parents: the versions that the rows come from.
            score_fields: score columns by table, each with the types of its detail.
            notes: for people; read when `write` has returned.
            watch: called with the name of each stage that has been reached.

        Raises:
            ConfigError: `name` cannot be a name.
            SchemaError: a row does not fit its table.
            StoreError: the disk is full or not writable, or another process holds the workspace.

        """
        check_name(name)
        fields = {table: dict((score_fields or {}).get(table, {})) for table in ("samples", "traces")}
        with self.lock(f"derive {name}"), stage(self.root / "staging", self._staging) as staging:
            watch("staged")
            writer = Writer(staging, fields, self.files)
            try:
                rows_in = write(writer)
                watch("written")
                tables, counts = writer.finish(self._pool, watch)
            finally:
                writer.close()
            rows_in = (writer.rows_in or 0) if rows_in is None else rows_in
            above = tuple(parent.id for parent in parents)
            made = Manifest(
                id=version_id(step, above, rows_in, {t: [s.digest for s in shards] for t, shards in tables.items()}),
                step=step,
                parents=above,
                rows_in=rows_in,
                counts=counts,
                tables=tables,
                score_fields=fields,
                created=datetime.now(UTC).isoformat(timespec="microseconds"),
                notes={**plain(notes or {}), **({"retryable": True} if writer.retryable else {})},
            )
            with reporting(f"write the version {name} in {self.root}"):
                kept = publish(made, self._folder(made.id), pool=self._pool, staged=staging / "version", watch=watch)
                ref = self._point(name, kept)
                watch("ref")
        return Version(name, ref.number, kept)

    def find(self, name: str, step: Step, parents: Sequence[Version] = ()) -> Version | None:
        """Return the newest version under `name` that the same step made of the same parents, or None.

        One with rows that a rerun could save (`retryable`), or that has lost its manifest or a file, is not returned,
        so that it is derived again.
        """
        wanted = (step.fingerprint, tuple(parent.id for parent in parents), False)
        for ref in reversed(self._refs.of(name)):
            if (ref.step, ref.parents, ref.retryable) == wanted and (found := self._whole(ref)):
                return found
        return None

    def point(self, name: str, version: Version) -> Version:
        """Make `version` the latest of `name`: a new number, unless it is already."""
        with self.lock(f"name {name}"), reporting(f"write the name {name} in {self.root}"):
            ref = self._point(check_name(name), version.manifest)
        return Version(name, ref.number, version.manifest)

    def resolve(self, ref: str) -> Version:
        """Return the version that `name`, `name@latest`, `name@v2` or at least 6 digits of an id stand for.

        Raises:
            ConfigError: it stands for none or for several.
            StoreError: the version's manifest is damaged.

        """
        return self._version(self._ref(ref))

    def versions(self) -> list[Version]:
        """Return every name and number, in order of creation.

        Raises:
            StoreError: a manifest is missing or damaged (`check_all` says which and goes on).

        """
        return [self._version(ref) for ref in self._refs.all()]

    def latest(self) -> Version | None:
        """Return the version that was named last, or None in an empty workspace."""
        refs = self._refs.all()
        return self._version(refs[-1]) if refs else None

    def samples(self, version: Version) -> Iterator[Sample]:
        """Stream the kept samples in order of their ids."""
        fields = columns_of("samples", version.manifest.score_fields)
        return (row for batch in self._batches(version, "samples") for row in sample_rows(batch, fields))

    def traces(self, version: Version) -> Iterator[Trace]:
        """Stream the kept traces in order of their samples' ids."""
        return self._traces(version, "traces")

    def rejected(self, version: Version) -> Iterator[Trace]:
        """Stream the traces that were written and not kept, in order of their samples' ids."""
        return self._traces(version, "rejected")

    def dropped(self, version: Version) -> Iterator[Dropped]:
        """Stream what rules took out, in order of the samples' ids."""
        return (row for batch in self._batches(version, "dropped") for row in dropped_rows(batch))

    def failed(self, version: Version) -> Iterator[Failed]:
        """Stream the rows that could not be worked on."""
        return (row for batch in self._batches(version, "failed") for row in failed_rows(batch))

    def pairs(self, version: Version) -> Iterator[tuple[Sample, list[Trace]]]:
        """Stream every kept sample with its kept traces."""
        groups = groupby(self.traces(version), key=attrgetter("sample_id"))
        ident, traces = next(groups, (None, iter(())))
        for sample in self.samples(version):
            while ident is not None and ident < sample.id:
                ident, traces = next(groups, (None, iter(())))
            yield sample, list(traces) if ident == sample.id else []

    def files(self, version: Version, table: str) -> list[Path]:
        """Return the parquet files of a table, in the order of their rows."""
        folder = self._folder(version.id) / table
        return [folder / file_name(shard) for shard in version.manifest.tables.get(table, ())]

    def check(self, version: Version | str, *, deep: bool = False) -> Report:
        """Prove that a version is whole: nothing lost, nothing damaged. Damage is told, not raised.

        Args:
            version: the version, or a ref, which may be one whose manifest cannot be read.
            deep: also read every picture and hash it.

        """
        ref = self._ref(version) if isinstance(version, str) else version
        report = audit(ref.ref, ref.id, folder=self._folder(ref.id), blobs=self.blobs, deep=deep)
        return report.and_problem(self._unnamed(ref))

    def check_all(self, *, deep: bool = False) -> Iterator[Report]:
        """Check every name and number of the workspace, those that point at nothing too."""
        for name in self._refs.names():
            try:
                refs = self._refs.of(name)
            except StoreError as exc:
                yield Report(name, problems=(str(exc),))
                continue
            for ref in refs:
                yield audit(ref.ref, ref.id, folder=self._folder(ref.id), blobs=self.blobs, deep=deep)

    @contextmanager
    def lock(self, purpose: str) -> Iterator[None]:
        """Hold the workspace for writing; the same store may take it again.

        Raises:
            StoreError: another process or store holds it; the message names the process, its host and its purpose.

        """
        with reporting(f"open the workspace {self.root}"):
            self.root.mkdir(parents=True, exist_ok=True)
            self._lock = self._lock or make_lock(self.root)
        with held(self._lock, self.root, purpose):
            yield

    def _batches(self, version: Version, table: str) -> Iterator[pa.RecordBatch]:
        shape = schema(table, columns_of(table, version.manifest.score_fields))
        for path in self.files(version, table):
            for read in read_batches(path):
                batch = brought_up(read, shape)
                if not batch.schema.equals(shape):
                    raise StoreError(f"{path} has other columns than its version says: see `curate check`")
                yield batch

    def _traces(self, version: Version, table: str) -> Iterator[Trace]:
        fields = columns_of(table, version.manifest.score_fields)
        return (row for batch in self._batches(version, table) for row in trace_rows(batch, fields))

    def _point(self, name: str, manifest: Manifest) -> Ref:
        step, retryable = manifest.step.fingerprint, manifest.retryable
        return self._refs.add(name, manifest.id, step=step, parents=manifest.parents, retryable=retryable)

    def _ref(self, text: str) -> Ref:
        name, _, which = text.partition("@")
        found: Iterable[Ref] = ()
        if name in self._refs.names():
            refs = self._refs.of(name)
            number = which.removeprefix("v")
            found = refs[-1:] if which in ("", "latest") else [r for r in refs if str(r.number) == number]
        elif re.fullmatch(r"[0-9a-f]{6,64}", text):
            found = {ref.id: ref for ref in self._refs.all() if ref.id.startswith(text)}.values()
        refs = list(found)
        if len(refs) == 1:
            return refs[0]
        if refs:
            raise ConfigError(f"{text!r} is the start of {len(refs)} versions' ids: write more digits")
        known = ", ".join(f"{n}@v{len(self._refs.of(n))}" for n in self._refs.names()[:20])
        raise ConfigError(
            f"there is no version {text!r} in {self.root}: " + (f"known are {known}" if known else "it is empty")
        )

    def _version(self, ref: Ref) -> Version:
        path = self._manifest_path(ref.id)
        found = manifests.load(path)
        if found.id != ref.id:
            raise StoreError(f"{path} is damaged: it is of the version {found.id[:12]}")
        return Version(ref.name, ref.number, found)

    def _whole(self, ref: Ref) -> Version | None:
        try:
            version = self._version(ref)
        except StoreError:
            return None
        return version if all(p.exists() for table in TABLES for p in self.files(version, table)) else None

    def _unnamed(self, ref: Ref | Version) -> str | None:
        try:
            known = any((r.number, r.id) == (ref.number, ref.id) for r in self._refs.of(ref.name))
        except StoreError as exc:
            return str(exc)
        return None if known else f"{ref.ref} is not a name of this version in {self.root}"

    def _folder(self, ident: str) -> Path:
        return self.root / "versions" / ident

    def _manifest_path(self, ident: str) -> Path:
        return self._folder(ident) / manifests.FILE
