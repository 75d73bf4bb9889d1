"""Datasets by name, streamed through `datasets`: `hf:NAME`, `hf:NAME@CONFIG:SPLIT`, `owner/name`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from curate.sources._arrow import BATCH, label_names, rows
from curate.sources._row import Found, one_line
from schemas.errors import ConfigError

__all__ = ["Hub"]

_SCHEME = "hf:"
_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?(@[\w.-]+)?(:[\w.-]+)?")
_FILE = re.compile(r"\.(jsonl?|ndjson|csv|tsv|parquet|tar|tgz|gz|zst|jpe?g|png|txt|arrow|zip|xlsx?)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Hub:
    """Anything `datasets.load_dataset` knows by name; pictures stay the bytes they are, nothing is kept on disk."""

    version: ClassVar[int] = 1

    def takes(self, ref: str) -> bool:
        """Whether it starts with `hf:`, or is a name and no path."""
        return ref.startswith(_SCHEME) or bool(
            _NAME.fullmatch(ref) and not _FILE.search(ref) and not Path(ref).exists()
        )

    def __call__(self, ref: str, /) -> Iterator[Found]:
        """Yield every row in order.

        Raises:
            ConfigError: the dataset cannot be found, has several splits and none is named, or the connection was
                lost on the way: a rerun starts where the answers ended, so nothing is lost by stopping.

        """
        import pyarrow as pa
        from datasets.exceptions import DatasetsError

        data, number = _load(ref), 0
        try:
            for table in data.with_format("arrow").iter(batch_size=BATCH):
                for fields in rows(table, label_names(data.features)):
                    yield Found(fields, f"{ref}[{number}]")
                    number += 1
        except (OSError, ValueError, pa.ArrowException, DatasetsError) as error:
            reason = f"{ref} broke off after {number} rows: {one_line(error)}; run the same command again to go on"
            raise ConfigError(reason) from error


def _load(ref: str) -> Any:
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    name, config, split = _parts(ref)
    try:
        data = load_dataset(name, config, split=split, streaming=True)
    except (OSError, ValueError, RuntimeError, DatasetsError) as error:
        known = "" if ref.startswith(_SCHEME) else "no such file, and "
        raise ConfigError(f"cannot read {ref}: {known}no dataset of this name loads: {one_line(error)}") from error
    if split:
        return data
    if len(data) != 1:
        raise ConfigError(f"{ref} has the splits {', '.join(data)}: name one, e.g. {_SCHEME}{name}:{next(iter(data))}")
    return next(iter(data.values()))


def _parts(ref: str) -> tuple[str, str | None, str | None]:
    """Take name, configuration and split apart."""
    name = ref.removeprefix(_SCHEME)
    name, _, split = name.partition(":")
    name, _, config = name.partition("@")
    return name, config or None, split or None
