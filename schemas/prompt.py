"""Prompt files and how a sample is put before a model.

Prompts are `.md` files inside the packages (`generators/prompts`, `scorers/prompts`) with `$name` fields. A plug-in
holds its prompt as a field, so that changed words change the step's fingerprint, and a user can hand in their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from string import Template

from schemas.answer import label
from schemas.sample import Media, Message, Sample

__all__ = ["fill", "load", "options_text", "question_parts", "user"]


@cache
def load(package: str, name: str) -> str:
    """Return the text of the prompt `name` that ships in `package`."""
    return files(package).joinpath(f"{name}.md").read_text(encoding="utf-8").strip()


def fill(template: str, **values: object) -> str:
    """Put values into the `$name` fields; the values themselves are never expanded."""
    return Template(template).substitute({name: str(value) for name, value in values.items()})


def options_text(choices: Sequence[str]) -> str:
    """Write options as lettered lines: `A. first`."""
    return "\n".join(f"{label(i)}. {choice}" for i, choice in enumerate(choices))


def question_parts(
    sample: Sample, *, pictures: bool = True, choices: Sequence[str] | None = None
) -> tuple[str | Media, ...]:
    """Return the last user turn with its options; without `pictures`, or with other `choices`, as asked."""
    turn = next((m for m in reversed(sample.messages) if m.role == "user"), Message("user", ()))
    parts = [part for part in turn.content if pictures or isinstance(part, str)]
    shown = sample.choices if choices is None else choices
    return (*parts, options_text(shown)) if shown else tuple(parts)


def user(*parts: str | Media) -> tuple[Message, ...]:
    """Make the one-turn conversation that asks `parts`."""
    return (Message("user", tuple(part for part in parts if part)),)
