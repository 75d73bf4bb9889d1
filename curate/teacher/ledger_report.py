"""What a ledger holds: counts and costs by model and purpose, and its requests with their replies as JSON lines."""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curate.store.disk import reporting
from curate.teacher.ledger import trouble
from curate.teacher.packing import read_json
from schemas.canonical import JSON
from schemas.errors import ConfigError, StoreError
from schemas.request import Cause
from schemas.thinking import join

__all__ = ["Choice", "Stats", "chat", "exported", "reading", "stats", "stored", "write_lines"]

_DAMAGE = (sqlite3.Error, MemoryError, OSError, ValueError)
_BY = ("model", "role", "purpose", "cause")
_COUNTS = ("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens")


@dataclass(frozen=True, slots=True)
class Choice:
    """Which stored requests are meant; what is None does not matter."""

    model: str | None = None
    purpose: str | None = None
    cause: str | None = None

    def __post_init__(self) -> None:
        """Refuse a cause that no stored request can have."""
        known = [cause.value for cause in Cause if cause.remembered]
        if self.cause is not None and self.cause not in known:
            raise ConfigError(f"no stored reply ends as '{self.cause}': choose {', '.join(known)}")

    def where(self) -> tuple[str, list[str]]:
        """Return the condition in SQL and its values."""
        asked = {"model": self.model, "purpose": self.purpose, "cause": self.cause}
        given = {name: value for name, value in asked.items() if value is not None}
        return " AND ".join(f"{name} = ?" for name in given) or "1", list(given.values())


@dataclass(frozen=True, slots=True)
class Stats:
    """A ledger in numbers."""

    file: str
    bytes: int
    """Of the file and what is not merged into it yet."""
    groups: list[dict[str, Any]]
    """By model, role, purpose and cause: `replies`, tokens, `cost` (None where no price was known), `latency` (median)
    and `latency_p95` in seconds."""
    attempts: list[dict[str, Any]]
    """By model and cause: `attempts` and their `cost`."""

    @property
    def total(self) -> dict[str, Any]:
        """Sums over all groups."""
        names = ("replies", *_COUNTS, "cost")
        return {name: sum(group[name] or 0 for group in self.groups) for name in names}


@dataclass(slots=True)
class _Group:
    replies: int = 0
    counts: list[int] = field(default_factory=lambda: [0] * len(_COUNTS))
    cost: float | None = None
    latencies: array[float] = field(default_factory=lambda: array("d"))


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a ledger for reading, beside a run that writes it.

    Raises:
        ConfigError: there is none.
        StoreError: it is damaged; also raised for what is read inside the `with` block.

    """
    if not path.is_file():
        raise ConfigError(f"there is no ledger at {path}: nothing was asked in this workspace yet")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            yield connection
    except _DAMAGE as error:
        raise StoreError(f"the ledger {path} cannot be read: {trouble(error)}") from error


def stats(path: Path) -> Stats:
    """Count a ledger's replies and attempts.

    Raises:
        ConfigError: there is no ledger.
        StoreError: it is damaged.

    """
    groups: dict[tuple[str, ...], _Group] = {}
    with reading(path) as connection:
        for row in connection.execute(f"SELECT {', '.join((*_BY, *_COUNTS))}, cost, latency FROM replies"):  # noqa: S608
            _count(groups.setdefault(row[:4], _Group()), row[4:8], row[8], row[9])
        tried = connection.execute("SELECT model, cause, count(*), sum(cost) FROM attempts GROUP BY 1, 2 ORDER BY 1, 2")
        attempts = [dict(zip(("model", "cause", "attempts", "cost"), row, strict=True)) for row in tried]
    files = (path.with_name(path.name + suffix) for suffix in ("", "-wal"))
    size = sum(file.stat().st_size for file in files if file.exists())
    return Stats(str(path), size, [_described(by, groups[by]) for by in sorted(groups)], attempts)


def stored(connection: sqlite3.Connection, choice: Choice) -> Iterator[dict[str, Any]]:
    """Yield stored requests with their replies and what they cost, in the order of storing (within a read)."""
    plain = ("key", *_BY, *_COUNTS, "cost", "latency", "created")
    where, values = choice.where()
    for *row, request, reply in connection.execute(
        f"SELECT {', '.join(plain)}, request, reply FROM replies WHERE {where}",  # noqa: S608 - names are ours
        values,
    ):
        yield {**dict(zip(plain, row, strict=True)), "request": read_json(request), "reply": read_json(reply)}


def exported(path: Path, choice: Choice, *, as_chat: bool = False) -> Iterator[str]:
    """Yield one JSON object a stored request; `as_chat` only the answered ones, as conversations.

    Raises:
        ConfigError: there is no ledger.
        StoreError: it is damaged.

    """
    with reading(path) as connection:
        for row in stored(connection, choice):
            if not as_chat:
                yield _line(row)
            elif row["cause"] == Cause.OK:
                yield _line({"key": row["key"], "model": row["model"], "messages": chat(row)})


def write_lines(lines: Iterator[str], out: Path) -> int:
    """Write lines to a file, which takes its name when it is whole; returns how many.

    Raises:
        StoreError: the disk is full, or the folder cannot be written.

    """
    part = out.with_name(f".{out.name}.part")
    count = 0
    try:
        with reporting(f"write {out}"):
            with part.open("w", encoding="utf-8") as file:
                for count, line in enumerate(lines, 1):  # noqa: B007 - the last one is how many
                    file.write(f"{line}\n")
            part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return count


def chat(row: Mapping[str, Any]) -> list[dict[str, JSON]]:
    """Return an answered request as chat messages: pictures by their SHA-256, the thinking inside `<think>` tags."""
    asked = [{"role": role, "content": _content(parts)} for role, parts in row["request"]["messages"]]
    said = join(row["reply"]["reasoning"], row["reply"]["text"])
    return [*asked, {"role": "assistant", "content": said}]


def _count(group: _Group, counts: Sequence[int | None], cost: float | None, latency: float | None) -> None:
    group.replies += 1
    group.counts = [total + (more or 0) for total, more in zip(group.counts, counts, strict=True)]
    if cost is not None:
        group.cost = (group.cost or 0.0) + cost
    if latency is not None:
        group.latencies.append(latency)


def _described(by: tuple[str, ...], group: _Group) -> dict[str, Any]:
    waits = sorted(group.latencies)
    times = {"latency": _at(waits, 0.5), "latency_p95": _at(waits, 0.95)}
    known = {"replies": group.replies, **dict(zip(_COUNTS, group.counts, strict=True)), "cost": group.cost}
    return {**dict(zip(_BY, by, strict=True)), **known, **times}


def _at(ordered: Sequence[float], share: float) -> float | None:
    """Return the value that `share` of an ordered list does not exceed."""
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)] if ordered else None


def _content(parts: Sequence[Any]) -> JSON:
    if all(isinstance(part, str) for part in parts):
        return "\n".join(parts)
    return [
        {"type": "text", "text": part} if isinstance(part, str) else {"type": "image", "image": part["image"]}
        for part in parts
    ]


def _line(row: Mapping[str, Any]) -> str:
    """Write JSON that UTF-8 can hold: half a surrogate pair, which models do send, is spelled out."""
    text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace").decode()
