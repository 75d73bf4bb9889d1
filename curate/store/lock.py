"""One writer per workspace."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from curate.store.disk import reporting
from schemas.errors import StoreError

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = ["held", "make_lock"]


def make_lock(root: Path) -> BaseFileLock:
    """Return the workspace's lock, open; the kernel frees it when its process ends, however it ends."""
    from filelock import FileLock

    return FileLock(root / "lock", timeout=0, thread_local=False)


@contextmanager
def held(lock: BaseFileLock, root: Path, purpose: str) -> Iterator[None]:
    """Hold the lock; taking it again with the same object is free.

    Raises:
        StoreError: somebody else holds it; the message says who and for what.

    """
    from filelock import Timeout

    holder = root / "lock.json"
    first = not lock.is_locked
    with reporting(f"lock the workspace {root}"):
        root.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout as exc:
            raise StoreError(f"{root} is in use by {_who(holder)}: wait for it, or use another --workspace") from exc
    try:
        if first:
            me = {"pid": os.getpid(), "host": socket.gethostname(), "purpose": purpose}
            with reporting(f"lock the workspace {root}"):
                holder.write_text(json.dumps({**me, "since": datetime.now(UTC).isoformat(timespec="seconds")}))
        yield
    finally:
        if first:
            with suppress(OSError):
                holder.unlink()
        lock.release()


def _who(holder: Path) -> str:
    try:
        found = json.loads(holder.read_text())
        return f"process {found['pid']} on {found['host']} ({found['purpose']}, since {found['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
