"""`check` finds what is lost or damaged, and never falls over it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes.versions import FIELDS, STEP, made_rows, made_sample, made_trace, made_version, writing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.store import Store
from schemas.errors import StoreError
from schemas.sample import Media
from schemas.version import Dropped, Failed, Version

Damage = Callable[[Store, Version], object]
PICTURE = b"\x89PNG picture"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return an empty workspace."""
    return Store(tmp_path / "workspace")


def with_picture(store: Store) -> Version:
    """Derive a version whose samples have a picture."""
    return made_version(store, 20, Media(store.blobs.put(PICTURE), "image/png", 3, 2, len(PICTURE)))


def shard(store: Store, version: Version, table: str = "samples") -> Path:
    """Return a parquet file of a table, made a file of its own first, as a copied workspace has them."""
    path = store.files(version, table)[0]
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)
    return path


def cut(path: Path, keep: float) -> None:
    """Cut the end of a file off."""
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])


def flip(path: Path, place: float) -> None:
    """Flip one bit of a file."""
    data = bytearray(path.read_bytes())
    data[int(len(data) * place)] ^= 0x10
    path.write_bytes(data)


def manifest(store: Store, version: Version) -> Path:
    """Return the manifest's file."""
    return store.root / "versions" / version.id / "manifest.json"


def edit(store: Store, version: Version, *keys: str | int, value: Any) -> None:
    """Change one value in the manifest."""
    path = manifest(store, version)
    body = inner = json.loads(path.read_text())
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    path.write_text(json.dumps(body))


def swap(store: Store, version: Version) -> None:
    """Put the file of another table where the samples should be."""
    shutil.copyfile(store.files(version, "failed")[0], shard(store, version))


def repoint(store: Store, version: Version) -> None:
    """Let the name point at a version that is not there."""
    path = store.root / "refs" / "made.jsonl"
    path.write_text(path.read_text().replace(version.id, "0" * 64))


DAMAGES: dict[str, tuple[Damage, str]] = {
    "truncated shard": (lambda s, v: cut(shard(s, v), 0.6), "damaged"),
    "emptied shard": (lambda s, v: cut(shard(s, v, "failed"), 0), "damaged"),
    "lost shard": (lambda s, v: s.files(v, "traces")[0].unlink(), "missing"),
    "flipped bit": (lambda s, v: flip(shard(s, v), 0.3), "damaged"),
    "other shard": (swap, "other columns"),
    "stray file": (lambda s, v: shutil.copyfile(shard(s, v), shard(s, v).parent / "x.parquet"), "does not belong"),
    "no tables": (lambda s, v: shutil.rmtree(s.root / "versions" / v.id / "samples"), "missing"),
    "manifest gone": (lambda s, v: manifest(s, v).unlink(), "not complete"),
    "manifest cut": (lambda s, v: cut(manifest(s, v), 0.5), "damaged"),
    "manifest not json": (lambda s, v: manifest(s, v).write_bytes(b"\xff\x00"), "damaged"),
    "manifest a list": (lambda s, v: manifest(s, v).write_text("[]"), "damaged"),
    "rows_in edited": (lambda s, v: edit(s, v, "rows_in", value=23), "another id"),
    "step edited": (lambda s, v: edit(s, v, "step", "kind", value="other"), "another id"),
    "digest edited": (lambda s, v: edit(s, v, "tables", "samples", 0, "digest", value="0" * 64), "another id"),
    "digest a path": (lambda s, v: edit(s, v, "tables", "samples", 0, "digest", value="../" * 21), "damaged"),
    "rows edited": (lambda s, v: edit(s, v, "tables", "samples", 0, "rows", value=3), "its manifest says 3"),
    "bucket edited": (lambda s, v: edit(s, v, "tables", "samples", 0, "bucket", value=1), "missing"),
    "counts edited": (lambda s, v: edit(s, v, "counts", "kept", value=3), "its manifest says kept 3"),
    "count lost": (lambda s, v: edit(s, v, "counts", value={}), "its manifest says kept None"),
    "columns edited": (lambda s, v: edit(s, v, "score_fields", "samples", value={}), "other columns"),
    "column type edited": (lambda s, v: edit(s, v, "score_fields", "samples", value={"a": {"b": "c"}}), "type c"),
    "table lost": (lambda s, v: edit(s, v, "tables", value={}), "lists the tables"),
    "newer scheme": (lambda s, v: edit(s, v, "scheme", value=99), "scheme 99"),
    "id edited": (lambda s, v: edit(s, v, "id", value="0" * 64), "is of the version 0000"),
    "picture lost": (lambda s, v: s.blobs.path(next(s.samples(v)).media[0].sha256).unlink(), "is missing"),
    "picture cut": (lambda s, v: cut(s.blobs.path(next(s.samples(v)).media[0].sha256), 0.5), "bytes and its sample"),
    "name points nowhere": (repoint, "not a name of this version"),
    "names damaged": (lambda s, v: flip(s.root / "refs" / "made.jsonl", 0.01), "made.jsonl is damaged"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_told(store: Store, damage: str) -> None:
    """Each kind of damage is a problem in words, both for the version and for the whole workspace."""
    version = with_picture(store)
    assert store.check(version, deep=True).problems == ()
    harm, words = DAMAGES[damage]
    harm(store, version)
    problems = store.check(version).problems
    assert any(words in problem for problem in problems), problems
    assert [problem for report in store.check_all() for problem in report.problems]


def test_a_deep_check_reads_pictures(store: Store) -> None:
    """A picture of the right length with wrong bytes is found only by reading it."""
    version = with_picture(store)
    flip(store.blobs.path(next(store.samples(version)).media[0].sha256), 0.5)
    assert store.check(version).problems == ()
    assert "is damaged" in store.check(version, deep=True).problems[0]


@pytest.mark.parametrize("damage", ["truncated shard", "lost shard", "flipped bit", "other shard"])
def test_readers_refuse_damage(store: Store, damage: str) -> None:
    """Reading a damaged version raises one line, and never gives wrong rows."""
    version = with_picture(store)
    DAMAGES[damage][0](store, version)
    with pytest.raises(StoreError, match="curate check"):
        list(store.pairs(version))


@pytest.mark.parametrize("damage", ["truncated shard", "lost shard", "flipped bit", "stray file", "manifest cut"])
def test_deriving_again_repairs(store: Store, damage: str) -> None:
    """The same derivation puts back what its version lost."""
    version = with_picture(store)
    harm, _ = DAMAGES[damage]
    harm(store, version)
    if "lost" in damage or "manifest" in damage:
        assert store.find("made", STEP, []) is None
    assert with_picture(store).id == version.id
    assert store.check(version).problems == ()
    found = store.find("made", STEP, [])
    assert found is not None
    assert (found.ref, found.id) == (version.ref, version.id)


def test_a_shared_file_that_is_damaged_is_written_anew(store: Store) -> None:
    """Damage in the pool, which links share, does not get into a new version."""
    version = made_version(store)
    flip(store.files(version, "traces")[0], 0.3)
    assert store.check(version).problems
    other = store.derive("other", STEP, write=writing(made_rows(20), 24, 3), parents=[version], score_fields=FIELDS)
    assert store.check(other).problems == ()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_byte_can_break_a_check(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Any bytes anywhere in a version's files either change nothing or are found; nothing else is raised."""
    store = Store(tmp_path_factory.getbasetemp() / "fuzzed")
    version = made_version(store, 6)
    path = data.draw(st.sampled_from(sorted((store.root / "versions" / version.id).rglob("*.*"))))
    whole = path.read_bytes()
    start = data.draw(st.integers(0, len(whole) - 1))
    patch = data.draw(st.binary(min_size=1, max_size=8))
    path.unlink()
    path.write_bytes(whole[:start] + patch + whole[start + len(patch) :])
    if not store.check(version).problems:
        assert list(store.samples(version)) == sorted((made_sample(row) for row in range(6)), key=lambda s: s.id)
    path.write_bytes(whole)


def problems_of(store: Store, *rows: tuple[str, Any], rows_in: int) -> str:
    """Derive a version of these rows and return what its check says."""
    version = store.derive("made", STEP, write=writing(rows, rows_in), score_fields=FIELDS)
    return "; ".join(store.check(version).problems)


A, B = made_sample(1), made_sample(2)


@pytest.mark.parametrize(
    ("rows", "rows_in", "words"),
    [
        ([("sample", A)], 2, "rows in 2 are not kept 1 + dropped 0 + failed 0"),
        ([("sample", A), ("sample", A)], 2, "1 sample ids occur more than once"),
        ([("sample", A), ("trace", made_trace(B))], 1, "1 traces are of no kept sample"),
        ([("sample", A), ("dropped", Dropped(A.id, "x", "low", row=7))], 2, "1 samples are both kept and dropped"),
        ([("sample", A), ("failed", Failed("made", 1, A.id, "x", "y", "z"))], 2, "made row 1"),
        (
            [("sample", A), ("trace", made_trace(A)), ("dropped", Dropped(A.id, "x", "y", trace_id=made_trace(A).id))],
            1,
            "1 traces are both kept and dropped",
        ),
    ],
)
def test_rows_that_do_not_add_up(store: Store, rows: list[tuple[str, Any]], rows_in: int, words: str) -> None:
    """Rows lost, doubled or contradicting each other are told."""
    assert words in problems_of(store, *rows, rows_in=rows_in)


def test_a_duplicate_row_is_no_contradiction(store: Store) -> None:
    """A repeated row is dropped while its first occurrence is kept, and a dropped trace does not drop its sample."""
    rows = [
        ("sample", A),
        ("dropped", Dropped(A.id, "read", "duplicate", source="made", row=5)),
        ("dropped", Dropped(A.id, "read", "duplicate", source="made", row=6)),
        ("dropped", Dropped(A.id, "generate", "verdict", trace_id="1" * 24)),
    ]
    assert problems_of(store, *rows, rows_in=3) == ""
    report = store.check("made")
    assert (report.ref, report.rows_in, report.kept, report.dropped, report.failed) == ("made@v1", 3, 1, 2, 0)
