"""What is on disk about batches, so that no answer is bought twice: one small JSON file a batch, replaced as a whole.

A ticket is written before its batch is created and again when the batch has its id. It holds hashes and ids: no prompt,
no reply and no key. The answers themselves stay with the provider, who keeps them as long as we keep the ticket.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from schemas.errors import ConfigError

__all__ = ["KEPT", "Ticket", "drop", "load", "path_of", "place_of", "save"]

KEPT = 30 * 86400.0
"""Seconds a ticket is kept after its last change: as long as OpenAI keeps the files of a batch."""


@dataclass(slots=True)
class Ticket:
    """One batch, as it is known on disk."""

    place: str
    """Base URL without user and query, see `place_of`."""
    model: str
    keys: list[str]
    """Custom ids of the rows, in order; once the batch has ended, of those with a lasting answer."""
    tag: str = field(default_factory=lambda: secrets.token_hex(16))
    """Also in the batch's metadata, so that it is found again where its id never reached us."""
    created: float = field(default_factory=time.time)
    """Seconds since the epoch."""
    input_file_id: str = ""
    batch_id: str = ""
    """Empty while it is being created."""


def place_of(base_url: str) -> str:
    """Return the part of a base URL that tells servers apart and holds no secret."""
    parts = urlsplit(base_url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))


def path_of(folder: Path, ticket: Ticket) -> Path:
    """Return where a ticket is written."""
    return folder / f"{ticket.tag}.json"


def save(folder: Path, ticket: Ticket) -> None:
    """Write a ticket so that a crash leaves the old one or the new one; returns when it is on disk."""
    path = path_of(folder, ticket)
    part = folder / f".{ticket.tag}.part"
    with part.open("wb") as file:
        file.write(json.dumps(asdict(ticket)).encode())
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    _sync(folder)


def drop(folder: Path, ticket: Ticket) -> None:
    """Remove a ticket: its batch holds nothing that could be fetched again."""
    path_of(folder, ticket).unlink(missing_ok=True)
    _sync(folder)


def load(folder: Path, *, place: str, model: str) -> list[Ticket]:
    """Return the tickets of one model at one place, oldest first; removes what is older than `KEPT`.

    Raises:
        ConfigError: the folder cannot be used, or a ticket cannot be read: its batch might be bought twice.

    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _prune(folder)
        found = [_read(path) for path in folder.glob("*.json")]
    except OSError as error:
        raise ConfigError(f"the folder for batches {folder} cannot be used: {error.strerror or error}") from error
    mine = (ticket for ticket in found if (ticket.place, ticket.model) == (place, model))
    return sorted(mine, key=lambda ticket: ticket.created)


def _prune(folder: Path) -> None:
    until = time.time() - KEPT
    for path in (*folder.glob("*.json"), *folder.glob(".*.part")):
        with suppress(FileNotFoundError):  # a session of another model may be replacing it just now
            if path.stat().st_mtime < until:
                path.unlink()


def _read(path: Path) -> Ticket:
    try:
        return _ticket(json.loads(path.read_bytes()))
    except (ValueError, TypeError) as error:
        raise ConfigError(
            f"{path} does not describe a batch ({error}): restore it, or remove it and its batch is bought again"
        ) from error


def _ticket(found: Any) -> Ticket:
    if not isinstance(found, Mapping) or set(found) != {f.name for f in fields(Ticket)}:
        raise ValueError("other fields than expected")
    texts = [found["place"], found["model"], found["tag"], found["input_file_id"], found["batch_id"], *found["keys"]]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("not text where text should be")
    return Ticket(**{**found, "keys": list(found["keys"]), "created": float(found["created"])})


def _sync(folder: Path) -> None:
    """Wait until the folder's names are on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
