"""Folders of pictures: with a metadata file that names them, or bare; and a picture alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from curate.sources._files import is_saved, metadata_files
from curate.sources._row import Found, Source
from curate.sources.csv_file import CsvFile
from curate.sources.file_folder import FileFolder
from curate.sources.jsonl import Jsonl
from curate.sources.parquet import Parquet

__all__ = ["ImageFolder"]

_PICTURES = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".svg")
_READERS: Mapping[str, Source] = {".jsonl": Jsonl(), ".csv": CsvFile(), ".parquet": Parquet()}
_NAMES = ("file_name", "file_names")


@dataclass(frozen=True, slots=True)
class ImageFolder:
    """Pictures in a folder and its subfolders.

    A `metadata.jsonl`, `.csv` or `.parquet`, at the top or in subfolders, gives the rows; its `file_name` is relative
    to its own folder. Without one every picture is a row without a question, in the order of their paths.
    """

    version: ClassVar[int] = 1

    def takes(self, ref: str) -> bool:
        """Whether the path is a picture, or a folder with a metadata file, or one with pictures and no data files."""
        path = Path(ref)
        if path.is_file():
            return _is_picture(path)
        if not path.is_dir() or is_saved(path):
            return False
        return bool(metadata_files(path)) or (not FileFolder().takes(ref) and any(_pictures(path)))

    def __call__(self, ref: str, /) -> Iterator[Found]:
        """Yield one row for every record of the metadata, else for every picture."""
        path = Path(ref)
        if path.is_file():
            yield Found({"image": path.name}, path.name)
            return
        tables = metadata_files(path)
        for table in tables:
            folder = table.parent.relative_to(path).as_posix().removeprefix(".")
            for found in _READERS[table.suffix](str(table)):
                fields = {key: _below(folder, value) if key in _NAMES else value for key, value in found.fields.items()}
                yield found._replace(fields=fields, where=str(Path(folder) / found.where))
        if not tables:
            for picture in _pictures(path):
                yield Found({"image": picture}, picture)


def _pictures(path: Path) -> Iterator[str]:
    """Yield the relative path of every picture that is not hidden, sorted; links to folders are not followed."""
    for folder, inner, names in os.walk(path):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in sorted(names):
            file = Path(folder, name)
            if _is_picture(file) and not name.startswith("."):
                yield file.relative_to(path).as_posix()


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in _PICTURES


def _below(folder: str, value: object) -> object:
    """Make a name relative to the metadata's folder relative to the whole."""
    if isinstance(value, list):
        return [_below(folder, item) for item in value]
    return f"{folder}/{value}" if folder and isinstance(value, str) and value else value
