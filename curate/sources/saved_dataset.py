"""Folders that `datasets` wrote with `save_to_disk`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from curate.sources._arrow import BATCH, label_names, rows
from curate.sources._files import is_saved
from curate.sources._row import Found, failed, one_line
from schemas.errors import ConfigError

__all__ = ["SavedDataset"]


@dataclass(frozen=True, slots=True)
class SavedDataset:
    """A saved `Dataset`, or a saved `DatasetDict` of one split; pictures stay the bytes they are."""

    version: ClassVar[int] = 1

    def takes(self, ref: str) -> bool:
        """Whether the path is such a folder."""
        return is_saved(Path(ref))

    def __call__(self, ref: str, /) -> Iterator[Found]:
        """Yield every row in order.

        Raises:
            ConfigError: the folder cannot be loaded, or holds several splits.

        """
        import pyarrow as pa

        data, name, number = _load(ref), Path(ref).name, 0
        try:
            for table in data.with_format("arrow").iter(batch_size=BATCH):
                for fields in rows(table, label_names(data.features)):
                    yield Found(fields, f"{name}[{number}]")
                    number += 1
        except (OSError, ValueError, pa.ArrowException) as error:
            reason = f"the dataset cannot be read from here on: {one_line(error)}"
            yield failed(f"{name}[{number}]", "unreadable", reason)


def _load(ref: str) -> Any:
    import pyarrow as pa
    from datasets import DatasetDict, load_from_disk

    try:
        data = load_from_disk(ref)
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise ConfigError(f"cannot load the saved dataset {ref}: {one_line(error)}") from error
    if not isinstance(data, DatasetDict):
        return data
    if len(data) != 1:
        splits = ", ".join(str(Path(ref, split)) for split in data)
        raise ConfigError(f"{ref} holds {len(data)} splits: name one of {splits}")
    return next(iter(data.values()))
