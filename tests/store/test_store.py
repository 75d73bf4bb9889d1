"""Deriving, naming and reading versions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
from fakes.versions import FIELDS, STEP, made_rows, made_sample, made_trace, made_version, writing
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.store import Store, Writer
from curate.store.digest import bucket_count
from schemas.errors import ConfigError, SchemaError, StoreError
from schemas.sample import Media
from schemas.version import TABLES, Dropped, Step


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return an empty workspace."""
    return Store(tmp_path / "workspace")


def test_rows_come_back(store: Store) -> None:
    """Every table is read back as it was written, samples and traces in order of the sample's id."""
    rows = made_rows(50)
    version = made_version(store, 50)
    wrote = {method: [row for name, row in rows if name == method] for method, _ in rows}
    assert list(store.samples(version)) == sorted(wrote["sample"], key=lambda s: s.id)
    assert list(store.traces(version)) == sorted(wrote["trace"], key=lambda t: (t.sample_id, t.id))
    assert list(store.rejected(version)) == sorted(wrote["rejected"], key=lambda t: (t.sample_id, t.id))
    assert sorted(store.dropped(version), key=repr) == sorted(wrote["dropped"], key=repr)
    assert sorted(store.failed(version), key=repr) == sorted(wrote["failed"], key=repr)
    counts = {"kept": 50, "dropped": 2, "dropped_traces": 25, "failed": 2, "traces": 100, "rejected": 25}
    assert version.manifest.counts == counts


def test_pairs_join_samples_with_their_traces(store: Store) -> None:
    """A sample without traces comes with none, and a trace without a sample with nobody."""
    samples = [made_sample(row) for row in range(9)]
    traces = [made_trace(sample, number) for sample in samples[1::2] for number in range(3)]
    orphan = made_trace(made_sample(99))

    def write(writer: Writer) -> int:
        for sample in samples:
            writer.sample(sample)
        for trace in (*traces, orphan):
            writer.trace(trace)
        return 9

    version = store.derive("pairs", STEP, write=write, score_fields=FIELDS)
    pairs = {sample.row: {trace.id for trace in found} for sample, found in store.pairs(version)}
    assert pairs == {s.row: {t.id for t in traces if t.sample_id == s.id} for s in samples}


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 60))
def test_order_of_arrival_does_not_count(tmp_path_factory: pytest.TempPathFactory, seed: int, count: int) -> None:
    """Equal rows are the same version whenever they come, down to the shards."""
    root = tmp_path_factory.mktemp("order")
    one = made_version(Store(root / "one"), count)
    other = made_version(Store(root / "other"), count, seed=seed)
    assert one.id == other.id
    assert one.manifest.tables == other.manifest.tables


def test_many_batches_and_buckets_sort_the_same(store: Store, tmp_path: Path) -> None:
    """Rows that fill several spooled batches and several buckets are cut at the buckets, in any order of arrival."""
    samples = [made_sample(row) for row in range(9_000)]
    rows: list[tuple[str, Any]] = [("sample", sample) for sample in samples]
    one = store.derive("many", STEP, write=writing(rows, 9_000, 1), score_fields=FIELDS)
    other = Store(tmp_path / "other").derive("many", STEP, write=writing(rows, 9_000, 2), score_fields=FIELDS)
    assert one.id == other.id
    assert [shard.bucket for shard in one.manifest.tables["samples"]] == list(range(8))
    assert [s.id for s in store.samples(one)] == sorted(sample.id for sample in samples)
    assert store.check(one).problems == ()


def test_a_version_is_made_once(store: Store) -> None:
    """The same derivation again keeps version and number; another in between moves the name back to it."""
    first = made_version(store)
    assert made_version(store, seed=5) == first
    second = made_version(store, 21)
    assert (first.ref, second.ref) == ("made@v1", "made@v2")
    third = made_version(store)
    assert (third.id, third.ref, third.manifest) == (first.id, "made@v3", first.manifest)
    assert [version.ref for version in store.versions()] == ["made@v1", "made@v2", "made@v3"]


@pytest.mark.parametrize("change", ["step", "rows_in", "parent", "row", "fields"])
def test_what_decides_the_id(store: Store, change: str) -> None:
    """Step, parents, source rows, every row and the score columns each give another version."""
    base = made_version(store)
    rows = [*made_rows(20), *([("dropped", Dropped("0" * 24, "a", "b"))] if change == "row" else [])]
    other = store.derive(
        "other",
        Step("made", {"rows": "else"}) if change == "step" else STEP,
        write=writing(rows, 25 if change == "rows_in" else 24),
        parents=[base] if change == "parent" else [],
        score_fields={**FIELDS, "samples": {**FIELDS["samples"], "more": {}}} if change == "fields" else FIELDS,
    )
    assert other.id != base.id


def test_plain_duckdb_reads_a_version(store: Store) -> None:
    """Every table is a folder of parquet files with its columns, the empty ones too; scores are structs."""
    version = made_version(store)
    folder = store.root / "versions" / version.id
    with duckdb.connect() as plain:
        count, score = plain.execute(
            f"SELECT count(*), avg(clarity.detail.sharpness) FROM '{folder}/samples/*.parquet'"
        ).fetchall()[0]
    assert (count, score) == (20, 9.5)
    empty = store.derive("empty", STEP, write=lambda writer: 0, score_fields=FIELDS)
    with duckdb.connect() as plain:
        for table in TABLES:
            path = f"{store.root}/versions/{empty.id}/{table}/*.parquet"
            assert plain.execute(f"SELECT count(*) FROM '{path}'").fetchall() == [(0,)]
    assert store.check(empty).problems == ()


def test_unchanged_buckets_are_shared(store: Store) -> None:
    """A child that loses one sample has the files of all other buckets in common with its parent."""
    rows: list[tuple[str, Any]] = [("sample", made_sample(row)) for row in range(5_000)]
    parent = store.derive("parent", STEP, write=writing(rows, 5_000), score_fields=FIELDS)
    child = store.derive("child", Step("cut"), write=writing(rows[1:], 4_999), parents=[parent], score_fields=FIELDS)
    files = [{path.stat().st_ino for path in store.files(version, "samples")} for version in (parent, child)]
    assert [len(inodes) for inodes in files] == [4, 4]
    assert len(files[0] & files[1]) == 3


def test_inherited_tables_are_taken_over(store: Store) -> None:
    """A child has its parent's dropped and failed rows beside its own."""
    parent = made_version(store)
    more = Dropped(made_sample(5).id, "select", "rule", source="made", row=5)

    def write(writer: Writer) -> int:
        writer.inherit(parent, ("dropped", "failed", "rejected"))
        writer.dropped(more)
        return 3

    child = store.derive("child", Step("cut"), write=write, parents=[parent], score_fields=FIELDS)
    assert sorted(store.dropped(child), key=repr) == sorted([*store.dropped(parent), more], key=repr)
    assert list(store.failed(child)) == list(store.failed(parent))
    assert list(store.rejected(child)) == list(store.rejected(parent))
    with pytest.raises(SchemaError, match="score columns"):
        store.derive("other", STEP, write=lambda writer: writer.inherit(parent, ("samples",)) or 0)


def test_find_knows_step_and_parents(store: Store) -> None:
    """Only the same step of the same parents is found, and not where a rerun could do better."""
    parent = made_version(store)
    step = Step("next", {"a": 1.0})
    child = store.derive("child", step, write=lambda writer: 0, parents=[parent])
    assert store.find("child", Step("next", {"a": 1}), [parent]) == child
    assert store.find("child", step, []) is None
    assert store.find("child", Step("next", {"a": 2}), [parent]) is None
    assert store.find("made", step, [parent]) is None

    def again(writer: Writer) -> None:
        writer.rows_in = 1
        writer.retryable = True

    poor = store.derive("poor", step, write=again, parents=[parent])
    assert (poor.manifest.retryable, poor.manifest.rows_in) == (True, 1)
    assert store.find("poor", step, [parent]) is None


def test_refs_resolve(store: Store) -> None:
    """A name, a number, `latest` and the start of an id are all the same version."""
    first, second = made_version(store), made_version(store, 21)
    for ref in ("made", "made@latest", "made@v2", "made@2", second.id[:6], second.id):
        assert store.resolve(ref) == second
    assert store.resolve("made@v1") == first
    assert store.point("alias", first).ref == "alias@v1"
    assert store.resolve("alias").id == first.id
    assert store.resolve(first.id[:8]).id == first.id
    for ref in ("none", "made@v3", "made@x", first.id[:5], "", "../made", "made@"[:-1] + "/x"):
        with pytest.raises(ConfigError, match=r"known are alias@v1, made@v2"):
            store.resolve(ref)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", ".hidden", "a b", "a@v1", "x" * 101, "é", "a\n"])
def test_a_name_cannot_be_a_path(store: Store, name: str) -> None:
    """Names that could leave the folder of names are refused before anything is written."""
    with pytest.raises(ConfigError, match="cannot name a version"):
        store.derive(name, STEP, write=lambda writer: 0)
    assert not store.root.exists()


def test_an_empty_workspace_can_be_read(store: Store) -> None:
    """Nothing is made by looking."""
    assert store.versions() == []
    assert store.latest() is None
    assert store.find("x", STEP, []) is None
    assert list(store.check_all()) == []
    with pytest.raises(ConfigError, match="it is empty"):
        store.resolve("x")
    assert not store.root.exists()


def test_a_failing_write_leaves_nothing(store: Store) -> None:
    """An error of the step is raised as it is, and neither a version nor a staged file is left."""
    made_version(store)

    def write(writer: Writer) -> int:
        writer.sample(made_sample(1))
        raise KeyError("the step's own bug")

    with pytest.raises(KeyError):
        store.derive("made", Step("bad"), write=write, score_fields=FIELDS)
    assert [version.ref for version in store.versions()] == ["made@v1"]
    assert list((store.root / "staging").iterdir()) == []


def test_a_bad_id_is_refused_at_once(store: Store) -> None:
    """A sample whose id was not made by its content does not get in, and the call that hands it over says so."""

    def write(writer: Writer) -> int:
        with pytest.raises(SchemaError, match="not the id of a sample"):
            writer.dropped(Dropped("../../x", "a", "b"))
        return 0

    store.derive("made", STEP, write=write)


_FULL = """
import resource, sys
from pathlib import Path
from fakes.versions import made_version
from curate.store import Store
from schemas.errors import StoreError
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    made_version(Store(Path(sys.argv[1])), 2000)
except StoreError as exc:
    print(exc)
"""


@pytest.mark.parametrize("limit", [10_000, 90_000])
def test_a_full_disk_is_one_line(store: Store, limit: int) -> None:
    """A write that the system refuses, while spooling or while writing shards, is one line, and nothing is left."""
    here = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(store.root), str(limit)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": f"{here}:{here.parent}"},
    )
    assert done.stdout.startswith("cannot write"), done.stderr
    assert "File too large" in done.stdout
    assert done.stdout.count("\n") == 1
    assert list((store.root / "staging").iterdir()) == []
    assert store.versions() == []


def test_an_unwritable_place_is_one_line(tmp_path: Path) -> None:
    """A file where the workspace's folder should be is told."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot open the workspace"):
        made_version(Store(tmp_path / "file"))


@given(st.integers(0, 10**9), st.integers(0, 10**13))
def test_bucket_counts(rows: int, size: int) -> None:
    """The number of files is a power of two, and the least one that leaves at most 2,000 rows and 64 M characters."""
    count = bucket_count(rows, size)
    assert count & (count - 1) == 0
    assert count <= 65_536
    if count < 65_536:
        assert rows <= 2_000 * count
        assert size <= 64_000_000 * count
    if count > 1:
        assert rows > 1_000 * count or size > 32_000_000 * count


def test_blobs_keep_pictures(store: Store) -> None:
    """Bytes are kept once, read back by hash, and a damaged or missing file is told."""
    digest = store.blobs.put(b"picture")
    assert store.blobs.put(b"picture") == digest
    media = Media(digest, "image/png", 1, 1, 7)
    assert store.blobs.read(media) == b"picture"
    store.blobs.path(digest).write_bytes(b"pict")
    with pytest.raises(StoreError, match="damaged"):
        store.blobs.read(media)
    store.blobs.put(b"picture")
    assert store.blobs.read(media) == b"picture"
    with pytest.raises(StoreError, match="is not in"):
        store.blobs.read(Media("0" * 64, "image/png", 1, 1, 7))
    with pytest.raises(StoreError, match="not a SHA-256"):
        store.blobs.path("../" + "0" * 61)
