"""Deletes replies that no version refers to, and says beforehand what would go and what nobody can know.

Traces name the requests they rest on; scores, verdicts of a judge and traces that a generator never returned do not. So
kinds of requests (role and purpose) of which no trace names a single one are left alone unless asked for.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.query import query
from curate.store import Store
from curate.teacher.ledger import trouble
from curate.teacher.ledger_report import Choice
from schemas.errors import ConfigError, StoreError

__all__ = ["Forgotten", "forget"]

_LINKED = (
    "SELECT DISTINCT unnest(requests) AS key FROM (SELECT requests FROM traces UNION ALL SELECT requests FROM rejected)"
)
_DAY = 86_400
_BATCH = 10_000
_KINDS = """
SELECT role, purpose, model, cause, count(*) AS replies, sum(key IN kept) AS linked,
    sum(key NOT IN kept AND {going}) AS unlinked, sum((key NOT IN kept AND {going}) * cost) AS cost,
    sum((key NOT IN kept AND {going}) * (length(request) + length(reply))) AS bytes
FROM replies GROUP BY role, purpose, model, cause ORDER BY role, purpose, model, cause
"""
_COLUMNS = ("role", "purpose", "model", "cause", "replies", "linked", "unlinked", "cost", "bytes")


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was deleted, or would be."""

    deleted: bool
    kinds: list[dict[str, Any]]
    """By role, purpose, model and cause: `replies`, how many of them a version names (`linked`), and of those that are
    `unlinked` and chosen the number, what they cost and their bytes. `goes` says whether these are deleted."""
    size_before: int
    size_after: int
    """Bytes of the file; the same where nothing was deleted."""

    @property
    def replies(self) -> int:
        """How many replies go."""
        return sum(kind["unlinked"] for kind in self.kinds if kind["goes"])

    @property
    def unknown(self) -> int:
        """How many chosen replies stay because versions never name their kind."""
        return sum(kind["unlinked"] for kind in self.kinds if not kind["goes"])

    @property
    def cost(self) -> float:
        """What the replies that go were bought for, where that is known."""
        return float(sum(kind["cost"] or 0.0 for kind in self.kinds if kind["goes"]))


def forget(
    store: Store, ledger: Path, choice: Choice, *, older_than: float = 30.0, scores: bool = False, delete: bool = False
) -> Forgotten:
    """Delete the chosen replies that no version of the workspace names, or only say which they are.

    Attempts stay: they are what was paid. The workspace is held while replies are deleted.

    Args:
        store: the workspace.
        ledger: its ledger.
        choice: which replies are meant.
        older_than: days since a reply was stored; younger ones stay, for their run may not have made its version yet.
        scores: also the kinds of requests that no trace names, such as ratings and verdicts.
        delete: delete them.

    Raises:
        ConfigError: there is no ledger.
        StoreError: a version cannot be read, the ledger is damaged, or another process holds the workspace.

    """
    if not ledger.is_file():
        raise ConfigError(f"there is no ledger at {ledger}: nothing was asked in this workspace yet")
    where, values = choice.where()
    going = (f"{where} AND created <= ?", [*values, time.time() - older_than * _DAY])
    if not delete:
        return _forget(store, ledger, going, scores=scores, delete=False)
    with store.lock("curate ledger gc"):
        return _forget(store, ledger, going, scores=scores, delete=True)


def _forget(store: Store, ledger: Path, going: tuple[str, list[Any]], *, scores: bool, delete: bool) -> Forgotten:
    before = _size(ledger)
    try:
        with closing(sqlite3.connect(ledger, isolation_level=None, timeout=30)) as connection:
            connection.execute("CREATE TEMP TABLE kept(key TEXT PRIMARY KEY) WITHOUT ROWID")
            for batch in _linked(store):
                connection.executemany("INSERT OR IGNORE INTO kept VALUES (?)", batch)
            kinds = _kinds(connection, going, scores=scores)
            if delete:
                _delete(connection, going, [kind for kind in kinds if kind["goes"]])
    except sqlite3.Error as error:
        raise StoreError(f"the ledger {ledger} cannot be cleaned: {trouble(error)}") from error
    return Forgotten(delete, kinds, before, _size(ledger))


def _linked(store: Store) -> Iterator[list[tuple[str]]]:
    """Yield the keys that traces of any version name; a version that cannot be read ends it all."""
    for ident in {version.id: None for version in store.versions()}:
        batch: list[tuple[str]] = []
        for (key,) in query(store, _LINKED, at=ident).rows:
            batch.append((str(key),))
            if len(batch) >= _BATCH:
                yield batch
                batch = []
        yield batch


def _kinds(connection: sqlite3.Connection, going: tuple[str, list[Any]], *, scores: bool) -> list[dict[str, Any]]:
    where, values = going
    rows = connection.execute(_KINDS.replace("{going}", where), values * _KINDS.count("{going}")).fetchall()
    kinds = [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
    named = {(kind["role"], kind["purpose"]) for kind in kinds if kind["linked"]}
    for kind in kinds:
        kind["goes"] = bool(kind["unlinked"]) and (scores or (kind["role"], kind["purpose"]) in named)
    return [kind for kind in kinds if kind["unlinked"]]


def _delete(connection: sqlite3.Connection, going: tuple[str, list[Any]], kinds: list[dict[str, Any]]) -> None:
    where, values = going
    names = ("role", "purpose", "model", "cause")
    sql = f"DELETE FROM replies WHERE key NOT IN kept AND {where} AND {' AND '.join(f'{n} = ?' for n in names)}"  # noqa: S608
    connection.execute("BEGIN IMMEDIATE")
    for kind in kinds:
        connection.execute(sql, [*values, *(kind[name] for name in names)])
    connection.execute("COMMIT")
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _size(ledger: Path) -> int:
    files = (ledger.with_name(ledger.name + suffix) for suffix in ("", "-wal"))
    return sum(file.stat().st_size for file in files if file.exists())
