"""Read a judge's rating out of whatever text came back."""

from __future__ import annotations

import json
from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.canonical import JSON

__all__ = ["Rating", "read"]

LOWEST, HIGHEST = 1, 5
_LONGEST = 20_000
_MOST_OBJECTS = 50


class Rating(BaseModel):
    """Five whole numbers from 1 to 5 and the judge's reason."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    wording: int = Field(ge=LOWEST, le=HIGHEST)
    coherence: int = Field(ge=LOWEST, le=HIGHEST)
    difficulty: int = Field(ge=LOWEST, le=HIGHEST)
    reasoning: int = Field(ge=LOWEST, le=HIGHEST)
    knowledge: int = Field(ge=LOWEST, le=HIGHEST)
    reason: str = ""

    def scaled(self, aspect: str) -> float:
        """Return one aspect in [0, 1]."""
        level: int = getattr(self, aspect)
        return (level - LOWEST) / (HIGHEST - LOWEST)


def read(text: str) -> Rating | None:
    """Return the last rating in `text`, past prose and code fences; None where there is none."""
    found: Rating | None = None
    for item in _objects(text[-_LONGEST:]):
        try:
            found = Rating.model_validate(item)
        except ValidationError:
            continue
    return found


def _objects(text: str) -> Iterator[JSON]:
    """Yield the outermost JSON objects of a text that may hold anything."""
    decoder = json.JSONDecoder()
    at = text.find("{")
    for _ in range(_MOST_OBJECTS):
        if at < 0:
            return
        try:
            item, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):  # broken, or nested to exhaust the stack
            end = at + 1
        else:
            yield item
        at = text.find("{", end)
