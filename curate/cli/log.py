"""`curate log`: how a version came about."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.cli._options import Csv, Json, Ref, Workspace

if TYPE_CHECKING:
    from curate.store import Store
    from schemas.version import Version

__all__ = ["command"]

_COLUMNS = ("ref", "id", "step", "parents", "rows_in", "kept", "dropped", "failed", "traces", "created")
_SPEC = {"name", "type", "version", "params"}
"""Keys of a plug-in's description (`schemas.canonical.spec`)."""
_SHORT = 100
"""Characters of a parameter that are printed for people."""


def command(ref: Ref, *, workspace: Workspace = Path(".curate"), as_json: Json = False, as_csv: Csv = False) -> None:
    """Print the chain of versions that REF comes from, newest first: steps, parameters, parents and counts.

    Examples:
      curate log mydata@latest
      curate log mydata@v2 --json
    """
    from curate.cli._lookup import lineage
    from curate.cli._output import Form, form, print_rows, safe
    from curate.store import Store

    how = form(as_json=as_json, as_csv=as_csv)
    store = Store(workspace)
    entries = [_entry(store, version) for version in lineage(store, store.resolve(ref))]
    if how is Form.JSON:
        print_rows(_COLUMNS, entries, how)
    elif how is Form.CSV:
        flat = [{**entry, **entry["counts"], "step": entry["step"]["kind"]} for entry in entries]
        print_rows(_COLUMNS, ({**row, "parents": " ".join(row["parents"])} for row in flat), how)
    else:
        print("\n\n".join(safe(_block(entry)) for entry in entries))


def _entry(store: Store, version: Version) -> dict[str, Any]:
    manifest = version.manifest
    return {
        "ref": version.ref,
        "id": version.id,
        "step": {"kind": manifest.step.kind, "params": manifest.step.params},
        "parents": [store.resolve(parent).ref for parent in manifest.parents],
        "rows_in": manifest.rows_in,
        "counts": dict(manifest.counts),
        "created": manifest.created,
        "notes": dict(manifest.notes),
    }


def _block(entry: dict[str, Any]) -> str:
    counts = entry["counts"]
    lines = [
        f"{entry['ref']}  {entry['id'][:12]}  {entry['created'][:19]}",
        f"  step     {entry['step']['kind']}",
        *(f"    {name} = {value}" for name, value in _flat("", entry["step"]["params"])),
        f"  parents  {', '.join(entry['parents']) or 'none'}",
        f"  rows     {entry['rows_in']} in, {_tally(counts)}",
        f"  traces   {counts['traces']} kept, {counts['rejected']} rejected",
        *(f"  {name:<8} {_short(value)}" for name, value in entry["notes"].items()),
    ]
    return "\n".join(lines)


def _tally(counts: dict[str, int]) -> str:
    return ", ".join(f"{counts[name]} {name}" for name in ("kept", "dropped", "failed"))


def _flat(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield dotted names with their values; a plug-in is its name and version, followed by its parameters."""
    if isinstance(value, dict) and set(value) == _SPEC:
        yield path, f"{value['name']} v{value['version']}"
        yield from _flat(path, value["params"])
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{path}.{key}" if path else key, inner)
    elif value not in (None, "", []):
        yield path, _short(value)


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"
