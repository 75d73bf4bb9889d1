"""Put pictures where the text of a conversation marks them: `<image>`, `<image1>`, `<image 2>`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from curate.sources._media import Picture
from schemas.errors import SourceError

__all__ = ["MARK", "Turn", "place"]

MARK = "<image>"

_MARK = re.compile(r"<image(?:[ _]?([1-9]\d{0,2}))?>")


class Turn(NamedTuple):
    """One turn as a row gives it, or with its pictures in place."""

    role: str
    parts: tuple[str | Picture, ...]


def place(turns: Sequence[Turn], loose: Sequence[Picture]) -> list[Turn]:
    """Return the turns with every picture in its place, and no mark left that stands for one.

    A plain mark takes the next picture that no numbered mark names. A numbered mark counts only where that many
    pictures exist, and else stays text. Pictures without a mark come first in the first user turn. A picture that is
    the only one leads its turn, unless its mark stands within a line.

    Raises:
        SourceError: `missing_image` for marks without any picture, `image_marks` for more marks than pictures.

    """
    inline = [part for turn in turns for part in turn.parts if isinstance(part, Picture)]
    if inline and any(_MARK.search(part) for turn in turns for part in turn.parts if isinstance(part, str)):
        # Parts and marks both: the marks say where, the parts only what.
        loose = [*inline, *loose]
        turns = [Turn(role, tuple(part for part in parts if isinstance(part, str))) for role, parts in turns]
    marked, unmarked = _fill(turns, loose)
    first = next((i for i, turn in enumerate(marked) if turn.role == "user"), 0)
    if unmarked and marked:
        marked[first] = Turn(marked[first].role, (*unmarked, *marked[first].parts))
    alone = sum(isinstance(part, Picture) for turn in marked for part in turn.parts) == 1
    return [Turn(role, _tidy(_led(parts) if alone else parts)) for role, parts in marked]


def _fill(turns: Sequence[Turn], pictures: Sequence[Picture]) -> tuple[list[Turn], list[Picture]]:
    """Exchange marks for pictures; return the turns and the pictures left over."""
    text = "".join(part for turn in turns for part in turn.parts if isinstance(part, str))
    named = {int(found[1]) - 1 for found in _MARK.finditer(text) if found[1] and int(found[1]) <= len(pictures)}
    queue = [index for index in range(len(pictures)) if index not in named]
    wanted = sum(1 for found in _MARK.finditer(text) if not found[1])
    if wanted > len(queue):
        cause = "image_marks" if pictures else "missing_image"
        raise SourceError(
            cause, f"the text has {wanted} {MARK} marks, and the row gives {len(queue)} pictures for them"
        )
    filled = [Turn(turn.role, _exchange(turn.parts, pictures, queue, named)) for turn in turns]
    return filled, [pictures[index] for index in queue]


def _exchange(
    parts: Sequence[str | Picture], pictures: Sequence[Picture], queue: list[int], named: set[int]
) -> tuple[str | Picture, ...]:
    """Fill one turn; takes what it uses out of `queue` and `named`."""
    out: list[str | Picture] = []
    for part in parts:
        if isinstance(part, Picture):
            out.append(part)
            continue
        end = 0
        for found in _MARK.finditer(part):
            index = int(found[1]) - 1 if found[1] else queue.pop(0)
            if found[1] and index not in named:  # there is no such picture, or it stands further up already
                continue
            named.discard(index)
            out += [part[end : found.start()], pictures[index]]
            end = found.end()
        out.append(part[end:])
    return tuple(out)


def _led(parts: Sequence[str | Picture]) -> tuple[str | Picture, ...]:
    """Move a turn's only picture to the front, unless it stands within a line."""
    at = next((i for i, part in enumerate(parts) if isinstance(part, Picture)), None)
    if at is None:
        return tuple(parts)
    before = "".join(part for part in parts[:at] if isinstance(part, str))
    after = "".join(part for part in parts[at + 1 :] if isinstance(part, str))
    if not before.strip() or not after.strip():
        return parts[at], before.strip() + after.strip()
    if before.rstrip(" \t").endswith("\n") and after.lstrip(" \t").startswith("\n"):
        blank = _blank(before[len(before.rstrip()) :]) and _blank(after[: -len(after.lstrip())])
        return parts[at], before.rstrip() + ("\n\n" if blank else "\n") + after.lstrip()
    return before, parts[at], after


def _blank(gap: str) -> bool:
    return gap.count("\n") > 1


def _tidy(parts: Sequence[str | Picture]) -> tuple[str | Picture, ...]:
    """Drop blank texts between pictures and the blank ends of the turn."""
    kept = [part for part in parts if isinstance(part, Picture) or part.strip()]
    if kept and isinstance(kept[0], str):
        kept[0] = kept[0].lstrip()
    if kept and isinstance(kept[-1], str):
        kept[-1] = kept[-1].rstrip()
    return tuple(kept)
