"""Pictures as they are sent: each is decoded and encoded once while it is in use, not once a request."""

from __future__ import annotations

import threading
from collections import OrderedDict

from schemas.protocols import ReadMedia
from schemas.sample import Media

__all__ = ["Pictures"]

_BUDGET = 64 << 20
"""Bytes of encoded pictures that are held, least recently used out first."""


class Pictures:
    """MIME type and bytes of pictures to send, from the blobs that `read` opens. Safe to use from several threads."""

    def __init__(self, read: ReadMedia, *, budget: int = _BUDGET) -> None:
        """Hold up to `budget` bytes."""
        self._read = read
        self._budget = budget
        self._held: OrderedDict[str, tuple[str, bytes]] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def __call__(self, media: Media) -> tuple[str, bytes]:
        """Return what is sent for a picture (`schemas.picture.wire`)."""
        with self._lock:
            if media.sha256 in self._held:
                self._held.move_to_end(media.sha256)
                return self._held[media.sha256]
        from schemas.picture import wire

        made = wire(self._read(media), checked=True)
        with self._lock:
            if media.sha256 not in self._held:
                self._held[media.sha256] = made
                self._size += len(made[1])
            while self._size > self._budget and len(self._held) > 1:
                _, (_, gone) = self._held.popitem(last=False)
                self._size -= len(gone)
        return made
