"""Names of versions: `refs/<name>.jsonl` one line a number, rewritten whole so that no line is ever half there."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from curate.store.disk import one_line, place
from schemas.errors import ConfigError, StoreError

__all__ = ["Ref", "Refs", "check_name"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class Ref:
    """One line: the number `number` of `name` is the version `id`. What `Store.find` asks for is kept beside it."""

    name: str
    number: int
    id: str
    order: int
    """Place among all refs of the workspace, in order of creation."""
    step: str
    """Fingerprint of the version's step."""
    parents: tuple[str, ...]
    retryable: bool

    @property
    def ref(self) -> str:
        """`name@vN`."""
        return f"{self.name}@v{self.number}"


def check_name(name: str) -> str:
    """Return the name, which becomes a file's name.

    Raises:
        ConfigError: it could be a path, or is no name.

    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} cannot name a version: up to 100 letters, digits, dots, dashes and underscores")
    return name


@dataclass(frozen=True, slots=True)
class Refs:
    """The names of a workspace."""

    root: Path

    def names(self) -> list[str]:
        """Return all names, sorted."""
        return sorted(path.stem for path in self.root.glob("*.jsonl") if _NAME.fullmatch(path.stem))

    def all(self) -> list[Ref]:
        """Return every ref in order of creation."""
        return sorted((ref for name in self.names() for ref in self.of(name)), key=lambda ref: (ref.order, ref.name))

    def of(self, name: str) -> list[Ref]:
        """Return the refs of a name, oldest first.

        Raises:
            StoreError: the file is damaged.

        """
        path = self.root / f"{check_name(name)}.jsonl"
        try:
            lines = path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise StoreError(f"{path} cannot be read: {exc.strerror}") from exc
        try:
            found = [json.loads(line) for line in lines]
            refs = [Ref(name=name, **{**body, "parents": tuple(body["parents"])}) for body in found]
            if [ref.number for ref in refs] != list(range(1, len(refs) + 1)) or not all(map(_sound, refs)):
                raise StoreError(f"{path} is damaged: its lines are not the numbers from 1 on")
        except (ValueError, TypeError, KeyError) as exc:
            raise StoreError(f"{path} is damaged: {one_line(exc)}") from exc
        return refs

    def add(self, name: str, ident: str, *, step: str, parents: Sequence[str], retryable: bool) -> Ref:
        """Point the next number of `name` at a version; where its latest number does already, change nothing."""
        known = self.of(name)
        if known and known[-1].id == ident:
            return known[-1]
        order = 1 + max((ref.order for ref in self.all()), default=0)
        ref = Ref(name, len(known) + 1, ident, order, step, tuple(parents), retryable)
        lines = [json.dumps({k: v for k, v in asdict(item).items() if k != "name"}) for item in (*known, ref)]
        place(self.root / f"{name}.jsonl", "".join(f"{line}\n" for line in lines).encode())
        return ref


def _sound(ref: Ref) -> bool:
    return bool(re.fullmatch(r"[0-9a-f]{64}", ref.id)) and isinstance(ref.order, int)
