"""Which of a plug-in's prompts stand in a request.

A plug-in holds its prompts as text fields, so nobody has to say which of them a request was made from: its spec has the
texts, and the request has them with the `$name` fields filled in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import Template

from schemas.canonical import JSON, fingerprint
from schemas.request import Request

__all__ = ["Wording", "asked", "wordings"]

_DIGITS = 12
_BLANK = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class Wording:
    """A prompt of a plug-in, by the field that holds it."""

    ref: str
    """`MODULE.FIELD@` and the first 12 digits of the text's fingerprint, e.g. `virgo.prompt@5f0c31d2a977`."""
    text: str
    pieces: tuple[str, ...]
    """What is left of it between its `$name` fields."""

    def stands_in(self, text: str) -> bool:
        """Whether it was asked: its pieces follow one another in the text."""
        place = 0
        for piece in self.pieces:
            found = text.find(piece, place)
            if found < 0:
                return False
            place = found + len(piece)
        return True


def wordings(spec: JSON) -> tuple[Wording, ...]:
    """Return the prompts of a plug-in and of those inside it: text parameters of more than one word.

    A list of texts, such as worked examples, is one prompt.

    Args:
        spec: as `schemas.canonical.spec` gives it, and as it stands in the step of a version.

    """
    found = {one.ref: one for one in _walk(spec)}
    return tuple(found[ref] for ref in sorted(found))


def asked(known: Sequence[Wording], request: Request) -> list[str]:
    """Return the refs of the prompts that stand in a request."""
    if not known:
        return []
    said = "\n".join(part for turn in request.messages for part in turn.content if isinstance(part, str))
    return [one.ref for one in known if one.stands_in(said)]


def _walk(value: JSON) -> Iterator[Wording]:
    if isinstance(value, Mapping):
        name, params = value.get("name"), value.get("params")
        if isinstance(name, str) and isinstance(params, Mapping):
            yield from (one for field, held in params.items() for one in _held(f"{name}.{field}", held))
        for inner in value.values():
            yield from _walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner)


def _held(name: str, value: JSON) -> Iterator[Wording]:
    """Yield the prompts that a field holds: itself, or one under each key."""
    if isinstance(value, Mapping) and "params" not in value:
        for key, inner in value.items():
            yield from _held(f"{name}.{key}", inner)
    elif (made := _wording(name, value)) is not None:
        yield made


def _wording(name: str, value: JSON) -> Wording | None:
    texts = [value] if isinstance(value, str) else list(_texts(value)) if isinstance(value, list) else []
    pieces = tuple(piece for text in texts for part in _between(text) if (piece := part.strip()))
    if not any(_BLANK.search(piece) for piece in pieces):
        return None
    return Wording(f"{name}@{fingerprint(value)[:_DIGITS]}", "\n".join(texts), pieces)


def _texts(value: Iterable[JSON]) -> Iterator[str]:
    for item in value:
        if isinstance(item, str):
            yield item
        elif isinstance(item, list):
            yield from _texts(item)


def _between(text: str) -> Iterator[str]:
    """Yield the literal parts of a template; `$$` is written as one or as two, so it is in none of them."""
    place = 0
    for field in Template.pattern.finditer(text):
        if field["named"] or field["braced"] or field["escaped"]:
            yield text[place : field.start()]
            place = field.end()
    yield text[place:]
