"""Show a new version at once and whole, or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from curate.store import manifest as manifests
from curate.store.disk import link, place, reporting, sync_folders
from curate.store.shards import Pool, file_name
from schemas.errors import StoreError
from schemas.version import Manifest

__all__ = ["publish", "stage"]


@contextmanager
def stage(home: Path, ours: set[str]) -> Iterator[Path]:
    """Make a folder in `home` to write in; it is removed again, whatever happens.

    Call it with the workspace's lock held: then what is in `home` and not in `ours` belongs to a process that was
    killed, and goes.
    """
    name = f"{os.getpid()}-{secrets.token_hex(4)}"
    with reporting(f"write in {home}"):
        home.mkdir(exist_ok=True)
        for left in home.iterdir():
            if left.name not in ours:
                shutil.rmtree(left, ignore_errors=True)
        (home / name).mkdir()
    ours.add(name)
    try:
        yield home / name
    finally:
        ours.discard(name)
        shutil.rmtree(home / name, ignore_errors=True)


def publish(made: Manifest, final: Path, *, pool: Pool, staged: Path, watch: Callable[[str], None]) -> Manifest:
    """Link a version's files, write its manifest last, and rename its folder from `staged` to `final`.

    A version that is there already is kept, its manifest returned, and files that it lost or that are damaged are put
    back from the pool.
    """
    folder = final if final.exists() else staged
    touched = {pool.root, folder}
    for table, shards in made.tables.items():
        (folder / table).mkdir(parents=True, exist_ok=True)
        names = {file_name(shard): pool.path(shard) for shard in shards}
        for path in (folder / table).glob("*.parquet"):
            if path.name not in names:
                path.unlink()
        for name, source in names.items():
            link(source, folder / table / name)
        touched |= {folder / table, *(source.parent for source in names.values())}
    sync_folders(touched)
    watch("linked")
    kept = _existing(folder / manifests.FILE)
    if kept is None or kept.id != made.id:
        place(folder / manifests.FILE, manifests.dump(made))
        kept = made
    watch("manifest")
    if folder is not final:
        final.parent.mkdir(exist_ok=True)
        folder.rename(final)
    sync_folders([final.parent, final.parent.parent])
    watch("published")
    return kept


def _existing(path: Path) -> Manifest | None:
    try:
        return manifests.load(path)
    except StoreError:
        return None
