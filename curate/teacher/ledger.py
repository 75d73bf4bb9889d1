"""The ledger: every reply on disk, by the key of its request, before a program sees it.

SQLite in WAL mode with full syncs. One writer thread gathers what arrives while the disk is busy and commits it as one
group, so a thousand replies a second cost a few syncs. Look-ups are by primary key. Refusals that would come again are
remembered like replies; passing errors are only rows of `attempts`. The first write that fails ends all writing: the
group it was in is rolled back, and everybody who waits or writes later is told why.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from curate.teacher.packing import pack, read_json, read_outcome, write_outcome
from schemas.canonical import SCHEME
from schemas.errors import SchemaError, StoreError
from schemas.request import Cause, Keys, Outcome, Reply, Request

__all__ = ["Attempt", "Ledger", "trouble"]

# The texts come last in a row: counts and causes of a million replies are read without them.
_TABLES = """
CREATE TABLE IF NOT EXISTS replies(
    key TEXT PRIMARY KEY NOT NULL, family TEXT NOT NULL, model TEXT NOT NULL, role TEXT NOT NULL, purpose TEXT NOT NULL,
    cause TEXT NOT NULL, prompt_tokens INT, completion_tokens INT, reasoning_tokens INT, cached_tokens INT, cost REAL,
    latency REAL, created REAL NOT NULL, request BLOB NOT NULL, reply BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS families ON replies(family);
CREATE TABLE IF NOT EXISTS attempts(
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, model TEXT NOT NULL, cause TEXT NOT NULL, reason TEXT NOT NULL,
    status INT, latency REAL, cost REAL, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS facts(name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
# Named columns: a file made when they stood in another order is written to as well.
_REPLY = (
    "INSERT OR IGNORE INTO replies(key, family, model, role, purpose, cause, prompt_tokens, completion_tokens, "
    "reasoning_tokens, cached_tokens, cost, latency, created, request, reply) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
)
_ATTEMPT = "INSERT INTO attempts(key, model, cause, reason, status, latency, cost, created) VALUES (?,?,?,?,?,?,?,?)"
_GET = "SELECT cause, reply, model FROM replies WHERE key = ?"
_FITTING = (
    "SELECT key, cause, reply, model FROM replies WHERE family = ? AND cause = 'ok' AND completion_tokens > 0 "
    "AND completion_tokens <= ? ORDER BY key LIMIT 1"
)
_REMEMBERED = 500_000
"""Most keys held in memory: 60 MB."""
_GROUP = 2_000
"""Most replies in one commit."""
_MOST = 2**63 - 1
"""The largest count that SQLite holds; a server may claim more."""

_UNREADABLE = (sqlite3.Error, LookupError, MemoryError, OSError, TypeError, ValueError)
"""What reading a damaged file raises: SQLite's errors, and those of unpacking a row that is not what was written."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a request, answered or not."""

    key: str
    model: str
    cause: Cause
    reason: str
    latency: float
    """Seconds."""
    status: int | None = None
    cost: float | None = None


@dataclass(slots=True)
class _Write:
    row: Callable[[], tuple[Any, ...]] | None
    attempt: Attempt | None
    done: Callable[[BaseException | None], None] | None
    at: float


class Ledger:
    """Replies and attempts of a workspace. Use it as a context manager; one process writes at a time."""

    def __init__(self, path: Path) -> None:
        """Open or create the ledger at `path`.

        Raises:
            StoreError: the file is not a ledger, is damaged, or was written under another fingerprint scheme.

        """
        self.path = path
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._reader, self._writer = _open(path)
        self._thread = threading.Thread(target=self._write_groups, name="ledger", daemon=True)
        self._failure: StoreError | None = None
        self._all: set[str] | None = None if self._holds_any() else set()
        """Keys and families of all replies, while they were all put by us: a first run need not look up what cannot
        be there."""
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Commit what is queued and close the file."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
        self._writer.close()
        self._reader.close()

    def get(self, key: str) -> Outcome | None:
        """Return the remembered outcome of a request, or None where it was never answered.

        Raises:
            StoreError: the file is damaged; so do the other reading methods.

        """
        if self._all is not None and key not in self._all:
            return None
        try:
            row = self._reader.execute(_GET, (key,)).fetchone()
            return None if row is None else read_outcome(key, *row)
        except _UNREADABLE as error:
            raise self._unreadable(error) from error

    def fitting(self, family: str, limit: int | None) -> Outcome | None:
        """Return a whole reply to the same request under another token limit, where it fits into this one.

        So a changed limit buys again only what was cut. A reply of unknown length never serves.
        """
        if self._all is not None and family not in self._all:
            return None
        wanted = (family, _MOST if limit is None else limit)
        try:
            row = self._reader.execute(_FITTING, wanted).fetchone()
            return None if row is None else read_outcome(*row)
        except _UNREADABLE as error:
            raise self._unreadable(error) from error

    def put(
        self,
        request: Request,
        outcome: Outcome,
        keys: Keys,
        *,
        cost: float | None,
        done: Callable[[BaseException | None], None],
    ) -> None:
        """Queue a remembered outcome; `done(None)` is called from the writer's thread once it is on disk.

        Where it cannot be written, `done` is given the StoreError that says why.

        Raises:
            StoreError: an earlier write failed.

        """
        at = time.time()
        if self._all is not None:
            self._all |= {keys.key, keys.family}
            self._all = self._all if len(self._all) < _REMEMBERED else None
        self._put(_Write(lambda: _row(request, outcome, keys, cost, at), None, done, at))

    def note(self, attempt: Attempt) -> None:
        """Queue the record of one attempt.

        Raises:
            StoreError: an earlier write failed.

        """
        self._put(_Write(None, attempt, None, time.time()))

    def requests(self, keys: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """Stream stored requests with their key, model, cause and JSON body (all of them, or those of `keys`)."""
        sql = "SELECT key, model, role, cause, request, reply FROM replies"
        names = ("key", "model", "role", "cause", "request", "reply")
        try:
            cursors = (
                [self._reader.execute(sql)]
                if keys is None
                else (self._reader.execute(f"{sql} WHERE key = ?", (key,)) for key in keys)
            )
            for cursor in cursors:
                for *plain, request, reply in cursor:
                    yield dict(zip(names, (*plain, read_json(request), read_json(reply)), strict=True))
        except _UNREADABLE as error:
            raise self._unreadable(error) from error

    def count(self) -> int:
        """Return how many replies are stored."""
        try:
            return int(self._reader.execute("SELECT count(*) FROM replies").fetchone()[0])
        except _UNREADABLE as error:
            raise self._unreadable(error) from error

    def _holds_any(self) -> bool:
        try:
            return self._reader.execute("SELECT 1 FROM replies LIMIT 1").fetchone() is not None
        except _UNREADABLE as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: BaseException) -> StoreError:
        return StoreError(f"the ledger {self.path} cannot be read: {trouble(error)}")

    def _put(self, write: _Write) -> None:
        if self._failure is not None:
            raise StoreError(f"the ledger {self.path} cannot be written: {self._failure}") from self._failure
        self._queue.put(write)

    def _write_groups(self) -> None:
        group: list[_Write] = []
        open_ = True
        try:
            while open_:
                group, open_ = self._next_group()
                # After a failure nothing more is tried: what comes later may rest on what was lost.
                self._failure = self._failure or _commit(self._writer, group)
                _tell(group, self._failure)
        finally:
            if open_:  # a bug of ours: nobody is to wait for ever
                self._failure = StoreError("its writer broke")
                with contextlib.suppress(queue.Empty):
                    group.extend(iter(self._queue.get_nowait, None))
                _tell(group, self._failure)

    def _next_group(self) -> tuple[list[_Write], bool]:
        group: list[_Write] = []
        first = self._queue.get()
        while first is not None:
            group.append(first)
            if len(group) >= _GROUP:
                return group, True
            try:
                first = self._queue.get_nowait()
            except queue.Empty:
                return group, True
        return group, False


def trouble(error: BaseException) -> str:
    """Say in a few words what SQLite's or the disk's error means and what to do."""
    name = str(getattr(error, "sqlite_errorname", ""))
    said = " ".join(str(error).split()) or type(error).__name__
    if name.startswith("SQLITE_FULL"):
        return f"the disk is full ({said}): make room and run the same command again, it goes on from what is stored"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or not isinstance(error, (sqlite3.Error, MemoryError)):
        return f"it is damaged ({said}): move it away, or save what can be saved with `sqlite3 FILE .recover`"
    if name.startswith("SQLITE_BUSY"):
        return f"another process is writing it ({said}): wait for it, or use another --workspace"
    if name.startswith("SQLITE_IOERR"):
        return f"the disk refused ({said}, {name}): look at its free space, its quota and its health"
    return said


def _tell(group: Sequence[_Write], failure: StoreError | None) -> None:
    for write in group:
        if write.done is not None:
            # A loop that was stopped takes no more calls; its replies are kept all the same.
            with contextlib.suppress(RuntimeError):
                write.done(failure)


def _row(request: Request, outcome: Outcome, keys: Keys, cost: float | None, at: float) -> tuple[Any, ...]:
    reply = outcome.reply or Reply("")
    usage = reply.usage
    counts = (min(count, _MOST) for count in (usage.prompt, usage.completion, usage.reasoning, usage.cached))
    return (
        keys.key, keys.family, outcome.model, request.role, request.purpose, outcome.cause.value,
        *counts, cost, reply.latency, at,
        pack(keys.body), pack(write_outcome(outcome)),
    )  # fmt: skip


def _commit(writer: sqlite3.Connection, group: Sequence[_Write]) -> StoreError | None:
    """Write a group in one transaction: all of it, or nothing and the reason."""
    try:
        replies = [write.row() for write in group if write.row is not None]
        attempts = [
            (a.key, a.model, a.cause.value, _storable(a.reason), a.status, a.latency, a.cost, w.at)
            for w in group
            if (a := w.attempt) is not None
        ]
        with writer:
            writer.execute("BEGIN IMMEDIATE")
            writer.executemany(_REPLY, replies)
            writer.executemany(_ATTEMPT, attempts)
    except (sqlite3.Error, OSError) as error:
        return StoreError(trouble(error))
    except (ArithmeticError, LookupError, MemoryError, SchemaError, TypeError, ValueError) as error:
        return StoreError(f"a reply cannot be stored: {type(error).__name__}: {error}")
    return None


def _storable(text: str) -> str:
    """Return a server's words without the half surrogates that SQLite's texts cannot hold."""
    return text.encode("utf-8", "replace").decode()


def _open(path: Path) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        reader, writer = _connect(path), _connect(path)
        writer.executescript(_TABLES)
        writer.execute("INSERT OR IGNORE INTO facts VALUES ('scheme', ?)", (str(SCHEME),))
        found = reader.execute("SELECT value FROM facts WHERE name = 'scheme'").fetchone()[0]
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"cannot open the ledger {path}: {trouble(error)}") from error
    if found != str(SCHEME):
        raise StoreError(f"the ledger {path} was written with fingerprint scheme {found}, this is scheme {SCHEME}")
    return reader, writer


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA wal_autocheckpoint = 4000")
    return connection
