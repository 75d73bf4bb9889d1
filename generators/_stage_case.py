"""A case for a judge: material between marks it cannot close, pictures in their place, and its JSON reply."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from string import Template

from schemas import prompt as prompts
from schemas.canonical import JSON, fingerprint
from schemas.errors import ConfigError
from schemas.marks import plain
from schemas.request import Outcome
from schemas.sample import Media, Message, Sample
from schemas.thinking import split

__all__ = ["Material", "case", "check_fields", "conversation", "question", "told", "word"]

Material = Sequence[tuple[str, Sequence[str | Media]]]
"""Blocks by name, each with its texts and pictures."""

_CODE_DIGITS = 16
_LONGEST_REPLY = 20_000
_MOST_OBJECTS = 50
_OPENING = re.compile(r'\{\s{0,40}"')
_PLACE = "$material"


def case(template: str, material: Material) -> tuple[Message, ...]:
    """Return the one-turn conversation in which `template` shows `material`, every block between marks of one code.

    The code is a hash of all the material, so whoever wrote a part of it cannot have known it.
    """
    texts = [[name, *(part for part in parts if isinstance(part, str))] for name, parts in material]
    code = fingerprint(texts)[:_CODE_DIGITS]
    before, _, after = template.partition(_PLACE)
    parts: list[str | Media] = [prompts.fill(before, code=code).strip()]
    for name, block in material:
        parts += (f"[{name} {code}]", *(part if isinstance(part, Media) else plain(part) for part in block))
        parts.append(f"[end {code}]")
    return prompts.user(*_joined([*parts, prompts.fill(after, code=code).strip()]))


def check_fields(fields: Sequence[str], **templates: str) -> None:
    """Refuse prompts that lack a field, or have one that nothing fills: every sample would fail by it."""
    for name, text in templates.items():
        template = Template(text)
        if not template.is_valid() or sorted(template.get_identifiers()) != sorted(fields):
            wanted = " and ".join(f"${field}" for field in fields)
            raise ConfigError(f"{name} needs {wanted} and no other field; a dollar sign is written $$")


def question(sample: Sample, *, pictures: bool = True) -> tuple[str | Media, ...]:
    """Return the whole conversation as material, earlier turns under the names of their roles."""
    *earlier, last = conversation(sample)
    parts: list[str | Media] = []
    for turn in earlier:
        parts += (f"({turn.role})", *turn.content)
    parts += ("(user)", *last.content) if earlier else last.content
    return tuple(part if pictures or isinstance(part, str) else "(picture, not shown)" for part in parts)


def conversation(sample: Sample) -> tuple[Message, ...]:
    """Return the sample's turns up to its question, which has its options."""
    last = max((i for i, turn in enumerate(sample.messages) if turn.role == "user"), default=0)
    return (*sample.messages[:last], Message("user", prompts.question_parts(sample)))


def told(outcome: Outcome, key: str) -> Mapping[str, JSON]:
    """Return the JSON object with `key` in a judge's reply; empty where there is none, or several that differ."""
    if outcome.reply is None or not outcome.ok:
        return {}
    text = split(outcome.reply.text).answer[-_LONGEST_REPLY:]
    found = [one for one in islice(_objects(text), _MOST_OBJECTS) if key in one]
    return found[-1] if len({json.dumps(one[key], sort_keys=True) for one in found}) == 1 else {}


def word(opinion: Mapping[str, JSON], key: str) -> str:
    """Return one value of a judge's object as a word in lower case."""
    return str(opinion.get(key, "")).strip().lower()


def _objects(text: str) -> Iterator[Mapping[str, JSON]]:
    decoder, end = json.JSONDecoder(), 0
    for opening in _OPENING.finditer(text):
        if opening.start() < end:
            continue
        with suppress(ValueError, RecursionError):
            found, end = decoder.raw_decode(text, opening.start())
            yield found


def _joined(parts: Sequence[str | Media]) -> list[str | Media]:
    """Make neighbouring texts one, so that a case without pictures is one text."""
    joined: list[str | Media] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] = f"{joined[-1]}\n{part}"
        else:
            joined.append(part)
    return joined
