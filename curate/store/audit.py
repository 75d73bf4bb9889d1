"""Prove that a version is what its manifest says and that every source row is accounted for."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from curate.store import manifest as manifests
from curate.store.blobs import Blobs
from curate.store.digest import PREFIXES, bucket_count, digest, prefixes, weight
from curate.store.disk import one_line
from curate.store.shards import file_name, read_table
from curate.store.views import open_views
from curate.store.writer import columns_of
from schemas.arrow import schema
from schemas.earlier import earlier
from schemas.errors import CurateError, SchemaError, StoreError
from schemas.version import TABLES, Manifest, Shard, version_id

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["Report", "audit"]


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found, counted by source row."""

    ref: str
    rows_in: int = 0
    kept: int = 0
    dropped: int = 0
    """Whole samples."""
    failed: int = 0
    problems: tuple[str, ...] = ()
    """One sentence each; none where the version is sound."""

    def and_problem(self, problem: str | None) -> Report:
        """Return the report with one more problem, if there is one."""
        return dataclasses.replace(self, problems=(*self.problems, problem)) if problem else self


_RULES = (
    ("sample ids occur more than once", "SELECT id FROM samples GROUP BY id HAVING count(*) > 1"),
    ("trace ids occur more than once", "SELECT id FROM traces GROUP BY id HAVING count(*) > 1"),
    ("traces are of no kept sample", "SELECT id FROM traces ANTI JOIN samples ON traces.sample_id = samples.id"),
    (
        "samples are both kept and dropped",
        """SELECT DISTINCT sample_id FROM dropped SEMI JOIN samples ON dropped.sample_id = samples.id
        WHERE trace_id IS NULL AND rule <> 'duplicate'""",
    ),
    (
        "traces are both kept and dropped",
        "SELECT trace_id FROM dropped SEMI JOIN traces ON dropped.trace_id = traces.id",
    ),
    (
        "source rows are accounted for more than once",
        """SELECT source || ' row ' || "row" FROM (
            SELECT source, "row", id FROM samples
            UNION ALL SELECT source, "row", sample_id FROM dropped WHERE trace_id IS NULL AND rule <> 'duplicate'
            UNION ALL SELECT source, "row", sample_id FROM failed WHERE sample_id IS NOT NULL)
        WHERE "row" >= 0 GROUP BY source, "row", id HAVING count(*) > 1""",
    ),
)
"""What may not be: the words of the problem, and SQL that lists where it is."""


def audit(ref: str, ident: str, *, folder: Path, blobs: Blobs, deep: bool) -> Report:
    """Check the version `ident` in `folder`; `deep` also hashes every picture."""
    try:
        manifest = manifests.load(folder / manifests.FILE)
    except StoreError as exc:
        return Report(ref, problems=(str(exc),))
    said = manifest.counts
    report = Report(ref, manifest.rows_in, said.get("kept", 0), said.get("dropped", 0), said.get("failed", 0))
    problems = [*_of_manifest(manifest, ident), *_of_tables(manifest, folder)]
    if problems:
        return dataclasses.replace(report, problems=tuple(problems))
    import duckdb

    files = {t: [folder / t / file_name(shard) for shard in manifest.tables[t]] for t in TABLES}
    try:
        with open_views(files) as views:
            counts = _count(views)
            problems = [*_of_counts(manifest, counts), *_of_rows(views), *_of_media(views, blobs, deep=deep)]
    except duckdb.Error as exc:
        return report.and_problem(f"its files cannot be queried: {one_line(exc)}")
    return Report(ref, manifest.rows_in, counts["kept"], counts["dropped"], counts["failed"], tuple(problems))


def _of_manifest(manifest: Manifest, ident: str) -> Iterator[str]:
    if manifest.id != ident:
        yield f"its manifest is of the version {manifest.id[:12]}"
    if set(manifest.tables) != set(TABLES):
        yield f"its manifest lists the tables {', '.join(manifest.tables)}"
    digests = {name: [shard.digest for shard in shards] for name, shards in manifest.tables.items()}
    try:
        again = version_id(manifest.step, manifest.parents, manifest.rows_in, digests)
    except SchemaError as exc:
        yield f"its manifest is damaged: {exc}"
        return
    if again != manifest.id:
        yield "its manifest was changed: step, parents, rows and shards give another id"


def _of_tables(manifest: Manifest, folder: Path) -> Iterator[str]:
    for table, shards in manifest.tables.items():
        if table not in TABLES:
            continue
        expected = {file_name(shard) for shard in shards}
        for path in sorted((folder / table).glob("*.parquet")):
            if path.name not in expected:
                yield f"{path} does not belong to the version"
        yield from _of_table(manifest, table, folder)


def _of_table(manifest: Manifest, table: str, folder: Path) -> Iterator[str]:
    """Read every shard once; whether a row is in its right bucket is known when all rows are counted."""
    spans: list[tuple[Path, Shard, int, int]] = []
    rows = size = 0
    for shard in manifest.tables[table]:
        path = folder / table / file_name(shard)
        try:
            found = read_table(path)
            yield from _of_shard(manifest, table, shard, path, found)
        except CurateError as exc:
            yield str(exc)
            continue
        rows += found.num_rows
        size += weight(found)
        if found.num_rows:
            keys = prefixes(found, table)
            spans.append((path, shard, int(keys.min()), int(keys.max())))
    count = bucket_count(rows, size)
    for path, shard, least, most in spans:
        if {least * count // PREFIXES, most * count // PREFIXES} != {shard.bucket}:
            yield f"{path} holds rows of another bucket than {shard.bucket}"


def _of_shard(manifest: Manifest, table: str, shard: Shard, path: Path, found: pa.Table) -> Iterator[str]:
    fields = columns_of(table, manifest.score_fields)
    shape = schema(table, fields)
    if not (found.schema.equals(shape) or found.schema.equals(earlier(shape))):
        raise StoreError(f"{path} has other columns than its manifest says")
    if digest(found, table, fields) != shard.digest:
        raise StoreError(f"{path} does not hold the rows it is named after")
    if found.num_rows != shard.rows:
        yield f"{path} has {found.num_rows} rows and its manifest says {shard.rows}"


def _count(views: duckdb.DuckDBPyConnection) -> dict[str, int]:
    dropped, traces = views.execute("SELECT count(*) - count(trace_id), count(trace_id) FROM dropped").fetchall()[0]
    counts = {"dropped": dropped, "dropped_traces": traces}
    for table, name in (("samples", "kept"), ("failed", "failed"), ("traces", "traces"), ("rejected", "rejected")):
        counts[name] = views.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]  # noqa: S608 - names above
    return counts


def _of_counts(manifest: Manifest, counts: dict[str, int]) -> Iterator[str]:
    for name, count in counts.items():
        if manifest.counts.get(name) != count:
            yield f"its manifest says {name} {manifest.counts.get(name)} and its tables have {count}"
    kept, dropped, failed = counts["kept"], counts["dropped"], counts["failed"]
    if manifest.rows_in != kept + dropped + failed:
        yield f"rows in {manifest.rows_in} are not kept {kept} + dropped {dropped} + failed {failed}"


def _of_rows(views: duckdb.DuckDBPyConnection) -> Iterator[str]:
    for words, sql in _RULES:
        found, example = views.execute(f"SELECT count(*), min(x) FROM ({sql}) AS t(x)").fetchall()[0]  # noqa: S608
        if found:
            yield f"{found} {words}, such as {example}"


def _of_media(views: duckdb.DuckDBPyConnection, blobs: Blobs, *, deep: bool) -> Iterator[str]:
    cursor = views.execute("SELECT DISTINCT m.sha256, m.bytes FROM (SELECT unnest(media) AS m FROM samples) ORDER BY 1")
    while rows := cursor.fetchmany(1_000):
        for sha256, size in rows:
            problem = _of_picture(blobs, sha256, size, deep=deep)
            if problem:
                yield problem


def _of_picture(blobs: Blobs, sha256: str, size: int, *, deep: bool) -> str | None:
    try:
        path = blobs.path(sha256)
        if path.stat().st_size != size:
            return f"picture {sha256} has {path.stat().st_size} bytes and its sample says {size}"
        if deep:
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                    return f"picture {sha256} is damaged"
    except FileNotFoundError:
        return f"picture {sha256} is missing"
    except (OSError, StoreError) as exc:
        return f"picture {sha256} cannot be read: {one_line(exc)}"
    return None
