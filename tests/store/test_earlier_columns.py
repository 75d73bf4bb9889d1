"""Workspaces that were written before a column came are read, checked and built upon."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.versions import FIELDS, STEP, made_rows, writing

from curate.store import Store
from curate.store.publish import publish
from curate.store.shards import Pool, read_table
from curate.store.writer import columns_of
from schemas.version import Step, Version, version_id

COUNT = 5


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty workspace."""
    return Store(tmp_path / "w")


def _written_before(store: Store, folder: Path) -> Version:
    """Write a version whose tables lack what came later, as it would have been written then."""
    now = store.derive("now", STEP, score_fields=FIELDS, write=writing(made_rows(COUNT), COUNT + 4)).manifest
    pool = Pool(store.root / "shards")
    tables = dict(now.tables)
    for table in ("traces", "rejected"):
        fields = columns_of(table, now.score_fields)
        olds = [read_table(pool.path(shard)).drop_columns(["prompts"]) for shard in now.tables[table]]
        tables[table] = tuple(
            pool.put(old, shard.bucket, name=table, fields=fields, staging=folder)
            for old, shard in zip(olds, now.tables[table], strict=True)
        )
    digests = {table: [shard.digest for shard in shards] for table, shards in tables.items()}
    then = replace(now, id=version_id(now.step, (), now.rows_in, digests), tables=tables)
    publish(then, store.root / "versions" / then.id, pool=pool, staged=folder / "staged", watch=lambda _: None)
    return store.point("old", Version("old", 1, then))


def test_old_traces_are_read_and_checked(store: Store, tmp_path: Path) -> None:
    """Of their prompts nothing is known."""
    old = _written_before(store, tmp_path)

    assert "prompts" not in read_table(store.files(old, "traces")[0]).column_names
    assert {trace.prompts for trace in (*store.traces(old), *store.rejected(old))} == {()}
    assert store.check(old).problems == ()


def test_a_version_of_an_old_one_has_the_columns_of_today(store: Store, tmp_path: Path) -> None:
    """Rows that are taken over without being read are brought up too."""
    old = _written_before(store, tmp_path)

    def write(writer: Any) -> int:
        writer.inherit(old, ("dropped", "failed", "rejected"))
        for sample, traces in store.pairs(old):
            writer.sample(sample)
            for trace in traces:
                writer.trace(trace)
        return old.manifest.rows_in

    new = store.derive("new", Step("again"), parents=[old], score_fields=FIELDS, write=write)

    assert store.check(new).problems == ()
    assert new.manifest.counts == old.manifest.counts
    assert list(store.rejected(new)) == list(store.rejected(old))
