"""Webdataset tars: the files of one key, next to each other, are one row. Nothing is unpacked to disk."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tarfile import ReadError
from typing import Any, BinaryIO, ClassVar, Self

from curate.sources._files import UNREADABLE, is_file, opened, suffix
from curate.sources._json import decode
from curate.sources._row import MAX_PICTURE_BYTES, MAX_ROW_BYTES, Found, failed, one_line
from schemas.errors import ConfigError, SourceError

__all__ = ["WebDataset"]

_PICTURES = ("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif")
_DAMAGE = tuple(vars(tarfile)[name] for name in ("InvalidHeaderError", "TruncatedHeaderError"))  # not in the stubs
_TEXTS = {"txt": "text", "text": "text", "cls": "label", "transcript": "text", "caption": "text"}


@dataclass(frozen=True, slots=True)
class WebDataset:
    """A tar of `KEY.jpg`, `KEY.json`, `KEY.txt`, `KEY.cls`, `KEY.0.png`: `.tar`, `.tgz`, `.tar.gz`, `.tar.zst`."""

    version: ClassVar[int] = 1

    def takes(self, ref: str) -> bool:
        """Whether the path is a tar by its name."""
        return is_file(ref, ".tar", ".tgz")

    def __call__(self, ref: str, /) -> Iterator[Found]:
        """Yield one row for every run of files with one key.

        Raises:
            ConfigError: the file is not a tar.

        """
        name = Path(ref).name
        seen: set[int] = set()
        group = _Group("")
        try:
            for key, kind, data in _members(ref):
                if key != group.key:
                    if group.key:
                        yield group.row(name)
                    group = _Group(key, again=hash(key) in seen)
                    seen.add(hash(key))
                group.add(kind, data)
        except (*UNREADABLE, tarfile.TarError) as error:
            yield failed(f"{name}:{group.key}", "unreadable", f"the tar cannot be read from here on: {one_line(error)}")
            return
        if group.key:
            yield group.row(name)


def _members(ref: str) -> Iterator[tuple[str, str, bytes | int]]:
    """Yield key, kind (what follows the key's dot) and bytes of every plain file; a too long file as its length."""
    with opened(ref) as stream, _tar(stream, ref) as tar:
        while (member := tar.next()) is not None:
            vars(tar).get("members", []).clear()  # up to Python 3.12 every header is kept, however long the tar
            path = PurePosixPath(member.name)
            stem, _, kind = path.name.partition(".")
            if not member.isreg() or not stem or not kind:
                continue
            key = str(path.with_name(stem))
            limit = MAX_PICTURE_BYTES if kind.lower().rpartition(".")[2] in _PICTURES else MAX_ROW_BYTES
            if member.size > limit or member.issparse():
                yield key, kind.lower(), member.size
                continue
            file = tar.extractfile(member)
            yield key, kind.lower(), file.read() if file else b""


def _tar(stream: BinaryIO, ref: str) -> tarfile.TarFile:
    try:
        # No seeking: the tar may be packed, and is read once from front to end.
        return tarfile.open(fileobj=stream, mode="r|gz" if suffix(ref) == ".tgz" else "r|", tarinfo=_Member)
    except (*UNREADABLE, tarfile.TarError) as error:
        raise ConfigError(f"{ref} is not a tar: {one_line(error)}") from error


class _Member(tarfile.TarInfo):
    """A header that says so when it is damaged: past the first one, `tarfile` takes damage for the end of the tar."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        """Read the next header."""
        try:
            return super().fromtarfile(tarfile)
        except _DAMAGE as error:
            raise ReadError(str(error)) from error


@dataclass(slots=True)
class _Group:
    """The files of one key."""

    key: str
    again: bool = False
    fields: dict[str, Any] = field(default_factory=dict)
    pictures: dict[str, bytes] = field(default_factory=dict)
    error: SourceError | None = None

    def add(self, kind: str, data: bytes | int) -> None:
        """Take in one file; the first one that cannot be read fails the row."""
        try:
            self._take(kind, data)
        except (ValueError, SourceError) as error:
            cause = error.cause if isinstance(error, SourceError) else "malformed"
            self.error = self.error or SourceError(cause, f"{self.key}.{kind}: {error}")

    def _take(self, kind: str, data: bytes | int) -> None:
        last = kind.rpartition(".")[2]
        if isinstance(data, int):
            raise SourceError("too_large", f"{data:,} bytes are more than a row may hold")
        if last in _PICTURES:
            self.pictures[kind] = data
        elif kind == "json":
            self.fields.update(_record(data))
        elif last == "json":
            self.fields[kind.removesuffix(".json")] = decode(data.decode("utf-8-sig"))
        elif last in _TEXTS:
            named = kind.removesuffix(last).rstrip(".")
            self.fields.setdefault(named or _TEXTS[last], data.decode("utf-8-sig").strip())
        # Other files (arrays, audio, checksums) have no place in a sample of text and pictures.

    def row(self, tar: str) -> Found:
        """Return the finished row."""
        where = f"{tar}:{self.key}"
        if self.again:
            reason = "its files do not stand next to each other in the tar; make it with `tar --sort=name`"
            return failed(where, "scattered_key", reason)
        if self.error is not None:
            return failed(where, self.error.cause, self.error.reason)
        pictures = [{"bytes": data, "path": f"{self.key}.{kind}"} for kind, data in self._ordered()]
        own = {"images": pictures} if pictures else {}
        kept = {name: value for name, value in self.fields.items() if not pictures or name not in _PICTURE_FIELDS}
        return Found({"__key__": self.key, **kept, **own}, where)

    def _ordered(self) -> list[tuple[str, bytes]]:
        """Order pictures as the json lists them, else by name with numbers as numbers."""
        listed = self.fields.get("images")
        names = (
            [PurePosixPath(item).name for item in listed if isinstance(item, str)] if isinstance(listed, list) else []
        )
        stem = PurePosixPath(self.key).name
        known = {
            kind: names.index(name) for kind in self.pictures for name in (f"{stem}.{kind}", kind) if name in names
        }
        return sorted(self.pictures.items(), key=lambda item: (known.get(item[0], len(names)), _natural(item[0])))


_PICTURE_FIELDS = ("image", "images", "image_path", "file_name")


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part[:9]), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _record(data: bytes) -> Mapping[str, Any]:
    """Return the fields of a sidecar; a bare list of turns is a conversation."""
    value = decode(data.decode("utf-8-sig"))
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and value and all(isinstance(turn, dict) for turn in value):
        return {"texts" if "assistant" in value[0] else "messages": value}
    raise SourceError("not_an_object", f"a row must be a JSON object, and this is a {type(value).__name__}")
