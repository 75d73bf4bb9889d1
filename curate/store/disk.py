"""Writing so that a crash, a full disk or another process never shows half a file."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from schemas.errors import StoreError

__all__ = ["link", "one_line", "place", "reporting", "sync", "sync_folders"]


@contextmanager
def reporting(action: str) -> Iterator[None]:
    """Turn an error of the disk into one line: `cannot <action>: No space left on device`."""
    try:
        yield
    except OSError as exc:
        reason = os.strerror(exc.errno) if exc.errno else one_line(exc)
        where = f" ({exc.filename})" if exc.filename else ""
        raise StoreError(f"cannot {action}: {reason}{where}") from exc


def place(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that the path holds either what it held before or all of it, even after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.parent / f".{path.name}.{secrets.token_hex(4)}.part"
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    sync(path.parent)


def link(source: Path, target: Path) -> None:
    """Make `target` the same file as `source`: a hard link, or a copy where the file system has none."""
    if target.exists():
        if target.samefile(source):
            return
        target.unlink()
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
        sync(target)


def sync(path: Path) -> None:
    """Wait until a file or a folder's list of names is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folders(folders: Iterable[Path]) -> None:
    """Wait until the names in each of these folders are on disk."""
    for folder in sorted(set(folders)):
        sync(folder)


def one_line(exc: BaseException) -> str:
    """Return an error's text on one line."""
    return " ".join(str(exc).split()) or type(exc).__name__
