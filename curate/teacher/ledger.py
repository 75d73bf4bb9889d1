"""The ledger: every reply on disk, by the key of its request, before a program sees it.

SQLite in WAL mode with full syncs. One writer thread gathers what arrives while the disk is busy and commits it as one
group, so a thousand replies a second cost a few syncs. Look-ups are by primary key. Refusals that would come again are
remembered like replies; passing errors are only rows of `attempts`.
"""

from __future__ import annotations

import contextlib
import json
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from schemas.canonical import SCHEME, canonical
from schemas.errors import StoreError
from schemas.request import Cause, Outcome, Reply, Request, Usage, family_key, request_body

__all__ = ["Attempt", "Ledger", "unpack"]

_TABLES = """
CREATE TABLE IF NOT EXISTS replies(
    key TEXT PRIMARY KEY, family TEXT NOT NULL, model TEXT NOT NULL, role TEXT NOT NULL, purpose TEXT NOT NULL,
    cause TEXT NOT NULL, request BLOB NOT NULL, reply BLOB NOT NULL, prompt_tokens INT, completion_tokens INT,
    reasoning_tokens INT, cached_tokens INT, cost REAL, latency REAL, created REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS families ON replies(family);
CREATE TABLE IF NOT EXISTS attempts(
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, model TEXT NOT NULL, cause TEXT NOT NULL, reason TEXT NOT NULL,
    status INT, latency REAL, cost REAL, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS facts(name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_REPLY = "INSERT OR IGNORE INTO replies VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_ATTEMPT = "INSERT INTO attempts(key, model, cause, reason, status, latency, cost, created) VALUES (?,?,?,?,?,?,?,?)"
_GROUP = 2_000
"""Most replies in one commit."""


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
    reply: tuple[Any, ...] | None
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
        self._reader = _open(path)
        self._thread = threading.Thread(target=self._write_groups, name="ledger", daemon=True)
        self._failure: BaseException | None = None
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
        self._reader.close()

    def get(self, key: str) -> Outcome | None:
        """Return the remembered outcome of a request, or None where it was never answered."""
        row = self._reader.execute("SELECT cause, reply, model FROM replies WHERE key = ?", (key,)).fetchone()
        return None if row is None else _outcome(key, *row)

    def fitting(self, request: Request, identity: str) -> Outcome | None:
        """Return a whole reply to the same request under another token limit, where it fits into this one's.

        So a changed limit buys again only what was cut. A reply of unknown length never serves.
        """
        limit = request.sampling.max_tokens
        sql = (
            "SELECT key, cause, reply, model FROM replies WHERE family = ? AND cause = 'ok' AND completion_tokens > 0 "
            "AND completion_tokens <= ? ORDER BY key LIMIT 1"
        )
        most = limit if limit is not None else 2**62
        row = self._reader.execute(sql, (family_key(request, identity), most)).fetchone()
        return None if row is None else _outcome(*row)

    def put(
        self, request: Request, outcome: Outcome, *, cost: float | None, done: Callable[[BaseException | None], None]
    ) -> None:
        """Queue a remembered outcome; `done(None)` is called from the writer's thread once it is on disk."""
        reply = outcome.reply or Reply("")
        usage = reply.usage
        row = (
            outcome.key, family_key(request, outcome.model), outcome.model, request.role, request.purpose,
            outcome.cause.value,
            canonical(request_body(request, outcome.model)), _pack_outcome(outcome),
            usage.prompt, usage.completion, usage.reasoning, usage.cached, cost, reply.latency,
        )  # fmt: skip
        self._put(_Write(row, None, done, time.time()))

    def note(self, attempt: Attempt) -> None:
        """Queue the record of one attempt."""
        self._put(_Write(None, attempt, None, time.time()))

    def requests(self, keys: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """Stream stored requests with their key, model, cause and JSON body (all of them, or those of `keys`)."""
        sql = "SELECT key, model, role, cause, request, reply FROM replies"
        if keys is None:
            cursor = self._reader.execute(sql)
        else:
            cursor = self._reader.execute(f"{sql} WHERE key IN ({','.join('?' * len(keys))})", tuple(keys))
        for key, model, role, cause, request, reply in cursor:
            yield {
                "key": key,
                "model": model,
                "role": role,
                "cause": cause,
                "request": json.loads(unpack(request)),
                "reply": json.loads(unpack(reply)),
            }

    def count(self) -> int:
        """Return how many replies are stored."""
        return int(self._reader.execute("SELECT count(*) FROM replies").fetchone()[0])

    def _put(self, write: _Write) -> None:
        if self._failure is not None:
            raise StoreError(f"the ledger {self.path} cannot be written: {self._failure}") from self._failure
        self._queue.put(write)

    def _write_groups(self) -> None:
        writer = _connect(self.path)
        try:
            open_ = True
            while open_:
                group, open_ = self._next_group()
                error = _commit(writer, group)
                self._failure = self._failure or error
                for write in group:
                    if write.done is not None:
                        write.done(error)
        finally:
            writer.close()

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


def unpack(blob: bytes) -> bytes:
    """Return the bytes of a stored request or reply."""
    size = int.from_bytes(blob[:4], "little")
    return bytes(_codec().decompress(blob[4:], size)) if size else blob[4:]


def _commit(writer: sqlite3.Connection, group: Sequence[_Write]) -> BaseException | None:
    replies = [
        (*w.reply[:6], _pack(w.reply[6]), _pack(w.reply[7]), *w.reply[8:], w.at) for w in group if w.reply is not None
    ]
    attempts = [
        (a.key, a.model, a.cause.value, a.reason, a.status, a.latency, a.cost, w.at)
        for w in group
        if (a := w.attempt) is not None
    ]
    try:
        with writer:
            writer.execute("BEGIN")
            writer.executemany(_REPLY, replies)
            writer.executemany(_ATTEMPT, attempts)
    except (sqlite3.Error, OSError) as error:
        return error
    return None


def _open(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = _connect(path)
        connection.executescript(_TABLES)
        connection.execute("INSERT OR IGNORE INTO facts VALUES ('scheme', ?)", (str(SCHEME),))
        found = connection.execute("SELECT value FROM facts WHERE name = 'scheme'").fetchone()[0]
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"cannot open the ledger {path}: {error}") from error
    if found != str(SCHEME):
        raise StoreError(f"the ledger {path} was written with fingerprint scheme {found}, this is scheme {SCHEME}")
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA wal_autocheckpoint = 4000")
    return connection


def _pack_outcome(outcome: Outcome) -> bytes:
    reply = outcome.reply
    if reply is None:
        return canonical({"reason": outcome.reason})
    usage = reply.usage
    body = {
        "text": reply.text, "reasoning": reply.reasoning, "finish": reply.finish, "model": reply.model,
        "closed": reply.closed, "latency": reply.latency,
        "usage": [usage.prompt, usage.completion, usage.reasoning, usage.cached],
    }  # fmt: skip
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _outcome(key: str, cause: str, blob: bytes, model: str) -> Outcome:
    body = json.loads(unpack(blob).decode("utf-8", "surrogatepass"))
    if "text" not in body:
        return Outcome(Cause(cause), reason=body["reason"], key=key, model=model, from_ledger=True)
    reply = Reply(
        text=body["text"],
        reasoning=body["reasoning"],
        finish=body["finish"],
        usage=Usage(*body["usage"]),
        model=body["model"],
        latency=body["latency"],
        closed=body["closed"],
    )
    return Outcome(Cause(cause), reply, key=key, model=model, from_ledger=True)


_SMALL = 200
"""Bytes below which compression gains nothing."""


def _pack(data: bytes) -> bytes:
    if len(data) < _SMALL:
        return (0).to_bytes(4, "little") + data
    return len(data).to_bytes(4, "little") + bytes(_codec().compress(data, asbytes=True))


_codecs = threading.local()


def _codec() -> Any:
    if not hasattr(_codecs, "zstd"):
        import pyarrow as pa

        _codecs.zstd = pa.Codec("zstd", compression_level=3)
    return _codecs.zstd
