"""The bytes of pictures: one file each, named by its SHA-256."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from curate.store.disk import place, reporting
from schemas.errors import StoreError
from schemas.sample import Media

__all__ = ["Blobs"]


@dataclass(frozen=True, slots=True)
class Blobs:
    """A folder of pictures, `ab/<sha256>`. Picklable, and safe to write from several processes at once."""

    root: Path

    def put(self, data: bytes) -> str:
        """Keep `data` and return its SHA-256; bytes that are there already are not written again.

        Raises:
            StoreError: the disk is full or the folder cannot be written.

        """
        digest = hashlib.sha256(data).hexdigest()
        path = self.path(digest)
        with reporting(f"keep a picture in {self.root}"):
            if not path.is_file() or path.stat().st_size != len(data):
                place(path, data)
        return digest

    def read(self, media: Media) -> bytes:
        """Return the original bytes of a picture.

        Raises:
            StoreError: the file is missing, or is not the picture it is named after.

        """
        path = self.path(media.sha256)
        try:
            data = path.read_bytes()
        except FileNotFoundError as exc:
            raise StoreError(f"picture {media.sha256} is not in {self.root}: read its source again") from exc
        except OSError as exc:
            raise StoreError(f"picture {media.sha256} cannot be read: {exc.strerror}") from exc
        if hashlib.sha256(data).hexdigest() != media.sha256:
            raise StoreError(f"picture {path} is damaged: delete it and read its source again")
        return data

    def path(self, sha256: str) -> Path:
        """Return where the picture with this SHA-256 is kept, whether or not it is there."""
        if not re.fullmatch(r"[0-9a-f]{64}", sha256):
            raise StoreError(f"{sha256!r} is not a SHA-256: 64 hex digits name a picture")
        return self.root / sha256[:2] / sha256
