"""SQL over versions and the ledger."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.versions import FIELDS, made_sample, made_version, writing

from curate.query import connect, evaluate, query, ranges
from curate.store import Store, Writer
from schemas.answer import Answer
from schemas.errors import ConfigError, StoreError
from schemas.version import Step


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return a workspace with two versions, in a folder whose name looks like a glob and holds a quote."""
    store = Store(tmp_path / "it's [a-b]*?")
    made_version(store, 20)
    made_version(store, 30)
    return store


def rows(store: Store, sql: str, *, at: str | None = None, ledger: Path | None = None) -> list[tuple[object, ...]]:
    """Return all rows of a query."""
    return list(query(store, sql, at=at, ledger=ledger).rows)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Return a ledger with one reply and two attempts."""
    path = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as made:
        made.executescript("""
            PRAGMA journal_mode = WAL;
            CREATE TABLE replies(key TEXT PRIMARY KEY, model TEXT, role TEXT, purpose TEXT, cause TEXT, request BLOB,
              reply BLOB, prompt_tokens INT, completion_tokens INT, reasoning_tokens INT, cached_tokens INT, cost REAL,
              latency REAL, created REAL);
            CREATE TABLE attempts(id INTEGER PRIMARY KEY, key TEXT, model TEXT, cause TEXT, reason TEXT, status INT,
              latency REAL, cost REAL, created REAL);
            INSERT INTO replies VALUES ('k', 'm', 'teacher', 'think', 'ok', x'00', x'00', 5, 7, NULL, NULL, 1, 2.5, 3);
            INSERT INTO attempts VALUES (1, 'k', 'm', 'overloaded', 'busy', 503, 0.1, NULL, 1);
            INSERT INTO attempts VALUES (2, 'k', 'm', 'ok', '', 200, 0.1, NULL, 2);""")
    return path


def test_scores_are_columns(store: Store) -> None:
    """Scores group and average as their scorers are called; the newest version is the one asked."""
    found = rows(
        store, "SELECT source, count(*), max(clarity.value), max(clarity.detail.sharpness) FROM samples GROUP BY ALL"
    )
    assert found == [("made", 30, 0.9, 29.0)]
    assert rows(store, "SELECT count(*) FROM samples", at="made@v1") == [(20,)]
    assert rows(store, "SELECT avg(repetition.value), any_value(verdict.value) FROM traces") == [(0.25, "right")]
    assert rows(store, "SELECT rule, count(*) FROM dropped WHERE trace_id IS NULL GROUP BY ALL ORDER BY 1") == [
        ("clarity.value", 1),
        ("duplicate", 1),
    ]
    assert rows(store, "SELECT cause FROM failed ORDER BY 1") == [("decode",), ("timeout",)]


def test_null_is_told_from_a_value_that_all_others_share(store: Store) -> None:
    """The nulls of a column with one other value are found; DuckDB 2.0 fails in files written without dictionaries."""
    assert rows(store, "SELECT count(*) FROM dropped WHERE trace_id IS NULL") == [(2,)]
    assert rows(store, "SELECT count(*) FROM failed WHERE sample_id IS NULL") == [(1,)]

    def write(writer: Writer) -> int:
        for row in range(9):
            sample = made_sample(row)
            writer.sample(sample if row % 3 else replace(sample, scores={}, answer=Answer("7")))
        return 9

    store.derive("some", Step("s"), write=write, score_fields=FIELDS)
    asked = "SELECT count(*) FROM samples WHERE clarity.reason IS NULL AND clarity.reason IS DISTINCT FROM ''"
    assert rows(store, asked) == [(3,)]


def test_versions_are_a_view(store: Store) -> None:
    """One row per name and number, in order of creation."""
    result = query(store, "SELECT ref, kept, dropped, step, parents FROM versions")
    assert result.columns == ("ref", "kept", "dropped", "step", "parents")
    assert list(result.rows) == [("made@v1", 20, 2, "made", []), ("made@v2", 30, 2, "made", [])]


def test_the_ledger_is_a_view(store: Store, ledger: Path, tmp_path: Path) -> None:
    """Requests and attempts are there without their texts; a ledger that is not there is empty."""
    asked = "SELECT r.purpose, r.cost, a.status FROM requests r JOIN attempts a USING (key) ORDER BY ALL"
    assert rows(store, asked, ledger=ledger) == [("think", 1.0, 200), ("think", 1.0, 503)]
    assert rows(store, asked, ledger=tmp_path / "none.sqlite") == []
    assert "request" not in query(store, "SELECT * FROM requests", ledger=ledger).columns
    with closing(connect(store, "made@v1", ledger)) as views:
        found = views.execute("SELECT (SELECT count(*) FROM samples), (SELECT count(*) FROM attempts)").fetchall()
    assert found == [(20, 2)]


def test_a_damaged_ledger_is_told_only_when_asked(store: Store, tmp_path: Path) -> None:
    """A file that is no ledger stops the queries that need it, and no others."""
    bad = tmp_path / "bad.sqlite"
    bad.write_bytes(b"no database" * 100)
    assert rows(store, "SELECT count(*) FROM samples", ledger=bad) == [(30,)]
    with pytest.raises(StoreError, match=r"bad\.sqlite cannot be read"):
        rows(store, "SELECT * FROM requests", ledger=bad)


def test_an_empty_workspace_has_empty_views(tmp_path: Path) -> None:
    """Tables are there before there is a version."""
    store = Store(tmp_path / "new")
    assert rows(store, "SELECT count(*) FROM samples") == [(0,)]
    assert {name for (name,) in rows(store, "SHOW TABLES")} == {
        *("samples", "traces", "rejected", "dropped", "failed", "versions", "requests", "attempts")
    }


@pytest.mark.parametrize(
    "sql",
    ["", "-- nothing", "SELEC 1", "SELECT * FROM nope", "SELECT CAST(question AS INT) FROM samples", "SELECT true + 1"],
)
def test_bad_sql_is_one_line(store: Store, sql: str) -> None:
    """What DuckDB refuses, at once or while it reads, is one line."""
    with pytest.raises(ConfigError) as caught:
        rows(store, sql)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_rules_are_sql(store: Store) -> None:
    """Expressions are evaluated for every sample in order of ids; NULL stays None."""
    version = store.resolve("made@v1")
    found = list(evaluate(store, version, {"low": "clarity.value < 0.3 -- a remark", "none": "NULL", 'a"b': "row % 2"}))
    assert [row["id"] for row in found] == sorted(made_sample(row).id for row in range(20))
    assert sum(row["low"] for row in found) == 6
    assert {row["none"] for row in found} == {None}
    assert {row['a"b'] for row in found} == {0, 1}


@pytest.mark.parametrize(
    "text", ["", "nope", "1) FROM samples; --", "id; SELECT 1", "clarity.value >=", "max(row)", "1, 2"]
)
def test_a_bad_rule_is_refused(store: Store, text: str) -> None:
    """Only one expression over a sample's columns is a rule."""
    with pytest.raises(ConfigError):
        list(evaluate(store, store.resolve("made"), {"rule": text}))


def test_ranges_leave_out_the_unscored(tmp_path: Path) -> None:
    """The least and greatest value are those of the samples that have one."""
    store = Store(tmp_path)
    made = [made_sample(row) for row in range(5)]
    some = [("sample", made[1]), ("sample", made[3]), ("sample", made_sample(9))]
    version = store.derive(
        "some", Step("s"), write=writing(some, 3), score_fields={**FIELDS, "samples": {**FIELDS["samples"], "new": {}}}
    )
    assert ranges(store, version, ["clarity.value", "row * 2"]) == {"clarity.value": (0.1, 0.9), "row * 2": (2.0, 18.0)}
    assert ranges(store, version, ["new.value", "row", "1 / 0"]) == {"row": (1.0, 9.0)}
    with pytest.raises(ConfigError, match="question"):
        ranges(store, version, ["question"])
