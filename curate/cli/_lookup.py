"""Find what is known of one sample, in a version and in the versions it comes from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from curate.store import Store
    from schemas.version import Version

__all__ = ["lineage", "one_sample"]

_PREFIX = re.compile(r"[0-9a-f]{4,24}")

_IDS = """
SELECT id AS sample FROM samples WHERE starts_with(id, 'PREFIX')
UNION SELECT sample_id FROM traces WHERE starts_with(id, 'PREFIX')
UNION SELECT sample_id FROM rejected WHERE starts_with(id, 'PREFIX') OR starts_with(sample_id, 'PREFIX')
UNION SELECT sample_id FROM dropped WHERE starts_with(sample_id, 'PREFIX')
UNION SELECT sample_id FROM failed WHERE starts_with(sample_id, 'PREFIX')
ORDER BY sample LIMIT 6
"""


def lineage(store: Store, version: Version) -> Iterator[Version]:
    """Yield a version and everything above it, each once, nearest first."""
    waiting, seen = [version], {version.id}
    while waiting:
        current = waiting.pop(0)
        yield current
        above = [parent for parent in dict.fromkeys(current.manifest.parents) if parent not in seen]
        seen.update(above)
        waiting += [store.resolve(parent) for parent in above]


def one_sample(store: Store, version: Version, ident: str) -> dict[str, Any]:
    """Return `{ref, id, sample, traces, rejected, dropped, failed}` of the sample with this id, or with such a trace.

    `sample` is its row in the version or in the nearest one above that has it, None where none has.

    Raises:
        ConfigError: no sample, or several, have an id or a trace with an id that begins so.

    """
    whole = _only(store, version, ident)
    tables = ("traces", "rejected", "dropped", "failed")
    return {
        "ref": version.ref,
        "id": whole,
        "sample": _anywhere(store, version, whole),
        **{table: _rows(store, version, table, f"sample_id = '{whole}'") for table in tables},
    }


def _only(store: Store, version: Version, ident: str) -> str:
    from curate.query import query
    from schemas.errors import ConfigError

    if not _PREFIX.fullmatch(ident):
        raise ConfigError(f"'{ident}' is not the beginning of an id: 4 to 24 hex digits")
    ids = [str(row[0]) for row in query(store, _IDS.replace("PREFIX", ident), at=version.id).rows]
    if len(ids) == 1:
        return ids[0]
    if not ids:
        raise ConfigError(f"{version.ref} has no sample or trace whose id begins with {ident}")
    raise ConfigError(f"several samples of {version.ref} have ids that begin with {ident}: {', '.join(ids)}")


def _anywhere(store: Store, version: Version, ident: str) -> dict[str, Any] | None:
    for each in lineage(store, version):
        for row in _rows(store, each, "samples", f"id = '{ident}'"):
            return {**row, "meta": json.loads(row["meta"])}
    return None


def _rows(store: Store, version: Version, table: str, where: str) -> list[dict[str, Any]]:
    from curate.query import query

    found = query(store, f"SELECT * FROM {table} WHERE {where} ORDER BY ALL", at=version.id)  # noqa: S608 - our words
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]
