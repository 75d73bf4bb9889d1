"""Get a picture's bytes from what a row says of it: from the row, the media root or a public address, nowhere else."""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from curate.sources._json import decode, well_formed
from curate.sources._row import MAX_PICTURE_BYTES
from schemas.errors import SourceError

__all__ = ["Picture", "pictures_in", "read_picture"]

_KEYS = ("image_url", "url", "image", "path", "base64", "data", "src", "file_name")
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?((?:;[\w.+-]+=[^;,]*)*)(;base64)?,", re.IGNORECASE)
_BARE_BASE64 = ("/9j/", "iVBORw0KGgo", "R0lGOD", "UklGR")  # JPEG, PNG, GIF and WebP
_SHORTEST_BASE64 = 64
# Not the folder's own path: reasons are part of a version, which is the same wherever the data lies.
_ROOT = "the media root (--media-root DIR, else the source's folder)"


class Picture(NamedTuple):
    """A picture as a row gives it: its bytes, or where they are."""

    data: bytes | None
    ref: str
    """A path, a URL, a data URL or base64; beside bytes the name they had."""


def pictures_in(value: Any) -> list[Picture]:
    """Read any way of giving pictures: one or a list; text, bytes, `{bytes, path}`, `{url}`, base64, JSON in a cell.

    Raises:
        SourceError: `missing_image` where a list has a gap, `malformed` where this is no way to give a picture.

    """
    if isinstance(value, str) and value.lstrip().startswith(("[", "{")):
        value = _cell(value)
    if isinstance(value, (list, tuple)):
        found = [_picture(item) for item in value]
        if None in found:
            raise SourceError("missing_image", f"picture {found.index(None) + 1} of {len(found)} is empty")
        return [picture for picture in found if picture is not None]
    one = _picture(value)
    return [one] if one is not None else []


def _picture(value: Any) -> Picture | None:
    """Return one picture; None for nothing."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return Picture(None, value.strip()) if value.strip() else None
    if isinstance(value, (bytes, bytearray, memoryview)):
        return Picture(bytes(value), "")
    if isinstance(value, Mapping):
        return _from_mapping(value)
    raise SourceError("malformed", f"a picture is a path, a URL or bytes, and this is a {type(value).__name__}")


def _from_mapping(value: Mapping[str, Any]) -> Picture | None:
    data, path = value.get("bytes"), value.get("path")
    name = path if isinstance(path, str) else ""
    if isinstance(data, (bytes, bytearray, memoryview)):
        return Picture(bytes(data), name)
    if isinstance(data, str) and data:
        return Picture(_unbase64(data), name)
    inner = next((value[key] for key in _KEYS if value.get(key)), None)
    return _picture(inner)


def _cell(text: str) -> Any:
    """Return the JSON in a table's cell; text that only looks like it is a path."""
    try:
        return decode(text)
    except ValueError:
        return text


def read_picture(picture: Picture, root: Path | None, *, allow_urls: bool) -> tuple[bytes, str]:
    """Return a picture's bytes, and its name for people: relative to `root` where it is a file.

    Raises:
        SourceError: `missing_file`, `outside_root`, `too_large`, `base64`, `url_not_allowed`, or as `fetch`.

    """
    ref = picture.ref
    if picture.data is not None:
        return _bounded(picture.data), well_formed(ref)
    scheme = ref[:8].lower()
    if scheme.startswith("data:"):
        return _bounded(_data_url(ref)), ""
    if scheme.startswith(("http://", "https://")):
        from curate.sources._fetch import fetch, shown

        if not allow_urls:
            raise SourceError(
                "url_not_allowed", f"{shown(ref)} is not fetched: pass --allow-urls to fetch from the network"
            )
        return fetch(ref, limit=MAX_PICTURE_BYTES), shown(ref)
    if scheme.startswith("file:"):
        return _file(unquote(urlsplit(ref).path), root)
    if ref.startswith(_BARE_BASE64) and len(ref) >= _SHORTEST_BASE64:
        return _bounded(_unbase64(ref)), ""
    return _file(ref, root)


def _bounded(data: bytes) -> bytes:
    if len(data) > MAX_PICTURE_BYTES:
        raise SourceError(
            "too_large", f"{len(data):,} bytes are more than the {MAX_PICTURE_BYTES // 2**20} MB of a picture"
        )
    return data


def _data_url(url: str) -> bytes:
    head = _DATA_URL.match(url)
    if not head:
        raise SourceError("base64", f"not a data URL: {url[:40]!r}")
    body = url[head.end() :]
    return _unbase64(body) if head.group(3) else unquote_to_bytes(body)


def _unbase64(text: str) -> bytes:
    if len(text) > MAX_PICTURE_BYTES * 3 // 2:
        raise SourceError(
            "too_large", f"base64 of {len(text):,} characters is more than {MAX_PICTURE_BYTES // 2**20} MB"
        )
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise SourceError("base64", f"the picture's base64 cannot be read: {error}") from error


def _file(name: str, root: Path | None) -> tuple[bytes, str]:
    """Read a file below the root, wherever links lead."""
    if root is None:
        raise SourceError(
            "outside_root", f"{name[:200]!r} is a path, and a dataset has no folder: pass --media-root DIR"
        )
    base = root.resolve()
    try:
        path = _found(base, name)
        inside = path.is_relative_to(base)
        data = _read(path) if inside else None
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise SourceError("missing_file", f"there is no file {name[:200]!r} in {_ROOT}") from error
    except (OSError, ValueError, RuntimeError) as error:
        raise SourceError(
            "unreadable", f"{name[:200]!r} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error
    if data is None:
        raise SourceError("outside_root", f"{name[:200]!r} leaves {_ROOT}")
    return data, well_formed(path.relative_to(base).as_posix())


def _found(base: Path, name: str) -> Path:
    """Resolve links and dots; a name written with backslashes is tried with slashes too."""
    path = (base / name).resolve()
    if not path.exists() and "\\" in name:
        return (base / name.replace("\\", "/")).resolve()
    return path


def _read(path: Path) -> bytes:
    """Read a plain file; a pipe or device in its place is opened without waiting, and refused."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise SourceError("missing_file", f"{path.name!r} is not a plain file")
        if found.st_size > MAX_PICTURE_BYTES:
            raise SourceError(
                "too_large", f"{path.name!r} has {found.st_size:,} bytes, more than {MAX_PICTURE_BYTES // 2**20} MB"
            )
        return file.read(MAX_PICTURE_BYTES)
