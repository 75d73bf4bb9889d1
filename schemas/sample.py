"""The sample: a question in messages with its media, its choices and its known answer.

A sample's id is a hash of what is asked, not of the file it came in: the same question with the same pictures, choices
and answer has the same id whether it arrived as csv, LLaVA json or parquet. For a question with one picture the place
of the image mark in the text does not count, for several pictures it does; white space never does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from schemas.answer import LETTERS, Answer
from schemas.canonical import JSON, fingerprint
from schemas.score import Score

__all__ = ["ID_DIGITS", "Media", "Message", "Sample"]

ID_DIGITS = 24
"""Hex digits of a sample or trace id: 96 bits."""


@dataclass(frozen=True, slots=True)
class Media:
    """A picture by its content; the bytes live in the store's blobs, never in a row."""

    sha256: str
    """Of the bytes as they came, 64 hex digits."""
    mime: str
    """By content, not by file name: `image/png`, `image/jpeg`, ..."""
    width: int
    """Pixels, upright (EXIF rotation applied)."""
    height: int
    bytes: int
    """Length of the original file."""
    name: str = field(default="", compare=False)
    """Path relative to the source's folder, for people; never part of an identity."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn: text and pictures in the order a reader meets them."""

    role: str
    """`system`, `user` or `assistant`."""
    content: tuple[str | Media, ...]

    @classmethod
    def of(cls, role: str, *content: str | Media) -> Self:
        """Build a message from its parts."""
        return cls(role, tuple(content))

    @property
    def text(self) -> str:
        """All text of the turn, without its pictures."""
        return "\n".join(part for part in self.content if isinstance(part, str))

    @property
    def media(self) -> tuple[Media, ...]:
        """The pictures of the turn in order."""
        return tuple(part for part in self.content if isinstance(part, Media))

    def to_json(self) -> JSON:
        """Return what decides a reply: the role and the parts, pictures by hash."""
        parts = [part if isinstance(part, str) else {"image": part.sha256} for part in self.content]
        return [self.role, parts]


@dataclass(frozen=True, slots=True)
class Sample:
    """One question with everything known about it. Build it with `Sample.of`, which computes the id."""

    id: str
    messages: tuple[Message, ...]
    """The last one is the user's question; earlier ones are its conversation."""
    answer: Answer | None = None
    choices: tuple[str, ...] = ()
    source: str = ""
    """The collection it belongs to: the row's own `source` where it has one, else the file's or dataset's name."""
    licence: str = ""
    row: int = field(default=-1, compare=False)
    """Place in the stream it was read from, from 0."""
    meta: Mapping[str, JSON] = field(default_factory=dict)
    """Every other field of the source row."""
    scores: Mapping[str, Score] = field(default_factory=dict)
    """By scorer name. Not part of the id."""

    @classmethod
    def of(
        cls,
        messages: Sequence[Message],
        *,
        answer: Answer | None = None,
        choices: Sequence[str] = (),
        source: str = "",
        licence: str = "",
        row: int = -1,
        meta: Mapping[str, JSON] | None = None,
    ) -> Self:
        """Build a sample and compute its id."""
        ident = fingerprint(identity(messages, answer=answer, choices=choices))[:ID_DIGITS]
        return cls(ident, tuple(messages), answer, tuple(choices), source, licence, row, dict(meta or {}))

    @property
    def question(self) -> str:
        """Text of the last user turn."""
        return next((m.text for m in reversed(self.messages) if m.role == "user"), "")

    @property
    def media(self) -> tuple[Media, ...]:
        """Every picture of the conversation in order."""
        return tuple(media for message in self.messages for media in message.media)

    def with_score(self, name: str, score: Score) -> Self:
        """Return the sample with one more score."""
        return dataclasses.replace(self, scores={**self.scores, name: score})


def identity(messages: Sequence[Message], *, answer: Answer | None, choices: Sequence[str]) -> JSON:
    """Return what makes two samples the same sample, as JSON."""
    pictures = [media.sha256 for message in messages for media in message.media]
    mark = " <image> " if len(pictures) > 1 else " "
    turns = [[m.role, _squeeze("".join(p if isinstance(p, str) else mark for p in m.content))] for m in messages]
    known = None
    if answer is not None:
        known = LETTERS[answer.choice] if answer.choice is not None and answer.choice < len(LETTERS) else answer.text
    return {
        "turns": turns,
        "images": pictures,
        "choices": [_squeeze(choice) for choice in choices],
        "answer": _squeeze(known) if known is not None else None,
    }


def _squeeze(text: str) -> str:
    return " ".join(text.split())
