"""Open the files of sources, packed or not."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from schemas.errors import ConfigError

__all__ = ["UNREADABLE", "is_file", "is_saved", "metadata_files", "opened", "suffix"]

PACKED = (".gz", ".zst")

UNREADABLE = (OSError, EOFError, zlib.error)
"""What reading on may raise when a file is cut, damaged or taken away."""


def suffix(ref: str) -> str:
    """Return the suffix that tells the format: `.jsonl` of `a.jsonl.gz`, lower case."""
    path = Path(ref)
    last = path.suffix.lower()
    return Path(path.stem).suffix.lower() if last in PACKED else last


def is_file(ref: str, *suffixes: str) -> bool:
    """Whether a path is a file with one of the suffixes, packed or not."""
    return suffix(ref) in suffixes and Path(ref).is_file()


def metadata_files(path: Path) -> list[Path]:
    """Return the files that name the pictures of a folder, in it and in its subfolders."""
    names = [f"{folder}metadata.{kind}" for folder in ("", "*/") for kind in ("jsonl", "csv", "parquet")]
    return [file for name in names for file in sorted(path.glob(name)) if file.is_file()]


def is_saved(path: Path) -> bool:
    """Whether a folder is what `datasets` writes with `save_to_disk`."""
    return (path / "dataset_dict.json").is_file() or all(
        (path / f"{n}.json").is_file() for n in ("state", "dataset_info")
    )


@contextmanager
def opened(ref: str) -> Iterator[BinaryIO]:
    """Open a file for reading bytes, unpacking `.gz` and `.zst`.

    Raises:
        ConfigError: the file cannot be opened.

    """
    path = Path(ref)
    try:
        stream = _stream(path)
    except OSError as error:
        raise ConfigError(f"cannot open {path}: {error.strerror or error}") from error
    with stream:
        yield stream


def _stream(path: Path) -> BinaryIO:
    if path.suffix.lower() == ".gz":
        return cast("BinaryIO", gzip.open(path, "rb"))
    if path.suffix.lower() == ".zst":
        import pyarrow as pa

        return cast("BinaryIO", io.BufferedReader(pa.input_stream(str(path), compression="zstd")))
    return path.open("rb")
