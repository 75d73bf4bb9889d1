"""Find the reader for a path or name, and number its rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from curate import plugins
from curate.sources._row import RawRow, Source
from schemas.errors import ConfigError

__all__ = ["open_source"]

_SUFFIXES = (".gz", ".zst", ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".tar", ".tgz")


def open_source(ref: str | Path, *, media_root: Path | None = None) -> Iterator[RawRow]:
    """Return the rows of a file, a folder or a dataset, read as they are asked for.

    Pictures named by path are looked for below `media_root`; without it, below the folder of the file.

    Raises:
        ConfigError: there is no such thing, or no reader for it; said before the first row.

    """
    name = str(ref)
    if media_root is not None and not media_root.is_dir():
        raise ConfigError(f"the media root {media_root} is not a folder")
    return _rows(_reader(name), name, media_root or _folder(name))


def _rows(reader: Source, ref: str, media_root: Path | None) -> Iterator[RawRow]:
    source = _title(ref)
    for row, found in enumerate(reader(ref)):
        yield RawRow(row, source, found.fields, found.where, media_root, found.error)


def _reader(ref: str) -> Source:
    readers = [reader for reader in _readers() if reader.takes(ref)]
    if readers:
        return readers[0]
    path = Path(ref)
    if not path.exists():
        raise ConfigError(f"no such file, folder or dataset: {ref}")
    kind = "folder" if path.is_dir() else "file"
    raise ConfigError(
        f"no reader for the {kind} {ref}: jsonl, json, csv, tsv, parquet and tar files are read, folders of pictures "
        "or of such files, saved datasets, and hf:NAME"
    )


def _readers() -> Iterator[Source]:
    """Make every reader: a file in this package or an entry point."""
    return (plugins.load("source", name)() for name in plugins.names("source"))


def _folder(ref: str) -> Path | None:
    path = Path(ref)
    if not path.exists():
        return None
    return path if path.is_dir() else path.parent


def _title(ref: str) -> str:
    """Return the name rows go by that name no source: without folder, suffixes, scheme and split."""
    path = Path(ref.removeprefix("hf:").partition(":")[0]) if not Path(ref).exists() else Path(ref).resolve()
    name = path.name
    while path.is_file() and name.lower().endswith(_SUFFIXES):
        name = name.rpartition(".")[0]
    return name or "source"
