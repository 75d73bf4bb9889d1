"""A folder of data files of one kind, such as the shards of a collection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from curate.sources._files import is_saved, metadata_files
from curate.sources._row import Found, Source
from curate.sources.csv_file import CsvFile
from curate.sources.json_list import JsonList
from curate.sources.jsonl import Jsonl
from curate.sources.parquet import Parquet
from curate.sources.webdataset import WebDataset
from schemas.errors import ConfigError

__all__ = ["FileFolder"]

_READERS: tuple[Source, ...] = (CsvFile(), JsonList(), Jsonl(), Parquet(), WebDataset())
_DATA = "data"  # where a downloaded Hugging Face repository keeps its shards


@dataclass(frozen=True, slots=True)
class FileFolder:
    """Files of one format in a folder (or in its `data` folder), read in the order of their names as one stream."""

    version: ClassVar[int] = 1

    def takes(self, ref: str) -> bool:
        """Whether the path is a folder of data files, and no folder of another kind."""
        path = Path(ref)
        return path.is_dir() and not is_saved(path) and not metadata_files(path) and bool(_files(path))

    def __call__(self, ref: str, /) -> Iterator[Found]:
        """Yield the rows of every file.

        Raises:
            ConfigError: the files are of several formats.

        """
        files = _files(Path(ref))
        readers = {type(reader) for _, reader in files}
        if len(readers) > 1:
            names = ", ".join(path.name for path, _ in files[:4])
            raise ConfigError(f"{ref} holds data files of several formats ({names}, ...): name one of them")
        for path, reader in files:
            yield from reader(str(path))


def _files(path: Path) -> list[tuple[Path, Source]]:
    for folder in (path, path / _DATA):
        inner = sorted(folder.iterdir()) if folder.is_dir() else []
        found = [(file, reader) for file in inner for reader in _READERS if reader.takes(str(file))]
        if found:
            return found
    return []
