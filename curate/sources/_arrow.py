"""Rows out of Arrow batches."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["BATCH", "class_names", "label_names", "rows"]

BATCH = 16
"""Rows turned into Python values at a time; each may hold pictures of megabytes."""


def rows(table: Any, labels: Mapping[str, Sequence[str]]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a record batch or table; numbers that stand for class names become the names."""
    for row in table.to_pylist():
        for name, names in labels.items():
            value = row.get(name)
            if isinstance(value, int) and 0 <= value < len(names):
                row[name] = names[value]
        yield row


def class_names(metadata: Mapping[bytes, bytes] | None) -> dict[str, list[str]]:
    """Return the columns that Hugging Face's features in a schema's metadata call class labels, with the names."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        return {
            name: [str(label) for label in feature["names"]]
            for name, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def label_names(features: Mapping[str, Any] | None) -> dict[str, list[str]]:
    """Return the same of features that `datasets` has loaded."""
    from datasets import ClassLabel

    return {name: list(kind.names) for name, kind in (features or {}).items() if isinstance(kind, ClassLabel)}
