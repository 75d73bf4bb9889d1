"""`curate export`: hand a version to a trainer."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curate.cli._options import Json, Params, Ref, Workspace, pairs

if TYPE_CHECKING:
    from curate.store import Store
    from schemas.sample import Sample
    from schemas.trace import Trace
    from schemas.version import Version

__all__ = ["command"]


def command(
    ref: Ref,
    *,
    to: Annotated[str, typer.Option("--to", metavar="FORMAT", help="An exporter: see `curate plugins exporter`.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write; it must be empty or new.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a folder that holds an earlier export.")] = False,
    param: Params = None,
    workspace: Workspace = Path(".curate"),
    as_json: Json = False,
) -> None:
    """Write the kept samples with their kept traces in a trainer's format. The folder appears when it is complete.

    Examples:
      curate export mydata@latest --to llamafactory --out export/mydata
      curate export mypairs --to preference --param form=trl --out export/mypairs
    """
    from curate import plugins
    from curate.cli._output import print_json, say
    from curate.store import Store
    from schemas.errors import ConfigError

    store = Store(workspace)
    version = store.resolve(ref)
    if not version.manifest.counts.get("traces"):
        raise ConfigError(
            f"{version.ref} has no traces to export: it was made by the step '{version.manifest.step.kind}'"
        )
    params: dict[str, Any] = dict(pairs(param))
    if "name" in {known.name for known in plugins.parameters(plugins.load("exporter", to))}:
        params.setdefault("name", version.name)
    exporter = plugins.make("exporter", to, **params)
    _refuse(out, force=force)
    staging = out.parent / f".{out.name}.{os.getpid()}.part"
    staging.mkdir(parents=True)
    try:
        rows = _rows(store, version, rejected=getattr(exporter, "rejected", False))
        counts = dict(exporter(rows, store.blobs.read, staging))
        if out.exists():
            shutil.rmtree(out)
        staging.rename(out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    if as_json:
        print_json({"ref": version.ref, "to": to, "out": str(out), "counts": counts})
    else:
        print(out)
    say(f"{version.ref} to {to}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))


def _rows(store: Store, version: Version, *, rejected: bool) -> Iterator[tuple[Sample, Trace]]:
    """Yield the kept traces of every sample; where an exporter sets `rejected`, shortest first, then the rejected."""
    from curate.chain import shortest
    from curate.pairs import rollouts

    if not rejected:
        for sample, kept in store.pairs(version):
            for trace in kept:
                yield sample, trace
        return
    for sample, kept, unkept in rollouts(store, version):
        for trace in (*sorted(kept, key=shortest), *unkept):
            yield sample, trace


def _refuse(out: Path, *, force: bool) -> None:
    """Refuse to write over anything; with `force`, over anything but what an export cannot have left."""
    from schemas.errors import ConfigError

    if not out.exists():
        return
    if not out.is_dir():
        raise ConfigError(f"--out {out} is a file: name a folder")
    names = {path.name for path in out.iterdir()}
    if names and not force:
        raise ConfigError(f"--out {out} is not empty: choose another folder, or replace it with --force")
    if names and "README.md" not in names:
        raise ConfigError(f"--out {out} does not look like an export (it has no README.md): empty it yourself")
