"""Manifests on disk: one JSON file a version, whose existence means that the version is complete."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from curate.store.disk import one_line
from schemas.canonical import SCHEME, plain
from schemas.errors import StoreError
from schemas.version import Manifest, Shard, Step

__all__ = ["FILE", "dump", "load"]

FILE = "manifest.json"


def dump(manifest: Manifest) -> bytes:
    """Return the file's content: JSON for people too, in the order of the fields."""
    return (json.dumps(plain(manifest), indent=1) + "\n").encode("ascii")


def load(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        StoreError: it is missing, damaged, or written under another scheme.

    """
    try:
        body = json.loads(path.read_bytes())
        if body["scheme"] != SCHEME:
            raise StoreError(
                f"{path} has scheme {body['scheme']} and this curate reads {SCHEME}: use the one it is from"
            )
        return _manifest(body)
    except FileNotFoundError as exc:
        raise StoreError(f"{path} is missing: the version is not complete") from exc
    except OSError as exc:
        raise StoreError(f"{path} cannot be read: {exc.strerror}") from exc
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise StoreError(f"{path} is damaged: {type(exc).__name__} {one_line(exc)}") from exc


def _manifest(body: dict[str, Any]) -> Manifest:
    return Manifest(
        id=_text(body["id"]),
        step=Step(_text(body["step"]["kind"]), dict(body["step"]["params"])),
        parents=tuple(_text(parent) for parent in body["parents"]),
        rows_in=_whole(body["rows_in"]),
        counts={name: _whole(count) for name, count in body["counts"].items()},
        tables={name: tuple(_shard(shard) for shard in shards) for name, shards in body["tables"].items()},
        score_fields={
            table: {name: dict(detail) for name, detail in scores.items()}
            for table, scores in body["score_fields"].items()
        },
        created=_text(body["created"]),
        scheme=body["scheme"],
        notes=dict(body["notes"]),
    )


def _shard(body: dict[str, Any]) -> Shard:
    digest = _text(body["digest"])
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):  # noqa: PLR2004 - hex digits of a SHA-256
        raise ValueError(f"{digest!r} is not a digest")
    return Shard(_whole(body["bucket"]), digest, _whole(body["rows"]))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError(f"{value!r} is not a count")
    return value
