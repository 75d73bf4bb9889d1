"""Which field of a row is what: the one set of rules for every format."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, NamedTuple

from curate.sources._json import plain_meta
from curate.sources._marks import Turn
from curate.sources._media import Picture, pictures_in
from curate.sources._options import answer_text, options_in
from curate.sources._turns import conversation, history, text_of
from schemas.answer import LETTERS
from schemas.canonical import JSON
from schemas.errors import SourceError
from schemas.thinking import split

__all__ = ["Shape", "shape"]

_TALKS = ("messages", "conversations", "conversation", "texts", "prompt")
_QUESTIONS = ("question", "query", "problem", "prompt", "instruction", "text", "input")
_ANSWERS = ("answer", "answers", "final_answer", "ground_truth", "gt_answer", "gold")
_LATE_ANSWERS = ("label", "target", "response", "output", "completion", "solution")
_OPTIONS = ("options", "choices", "candidates")
_PICTURES = ("images", "image", "img", "picture", "pictures", "image_path", "image_paths", "image_url", "image_urls")
_FILES = ("file_name", "file_names")
_SOURCES = ("source", "data_source", "dataset", "dataset_name")
_LICENCES = ("licence", "license")
_NUMBERED = re.compile(r"image_?(\d{1,2})")


class Shape(NamedTuple):
    """A row taken apart."""

    turns: list[Turn]
    """The last one is the user's."""
    pictures: list[Picture]
    """Those that stand beside the text."""
    answer: str | None
    raw_answer: Any
    answer_type: str
    options: list[str]
    source: str
    licence: str
    meta: dict[str, JSON]


def shape(fields: Mapping[str, Any]) -> Shape:
    """Take a row apart.

    Raises:
        SourceError: a field that is needed cannot be read.

    """
    row = _Row(fields)
    turns, said = _turns(row)
    raw = _answer(row, said)
    answer = answer_text(raw)
    if answer is not None:
        thought = split(answer)
        answer = thought.answer or None
        if thought.reasoning:
            row.extra["reasoning"] = plain_meta(thought.reasoning)
    kind = row.peek("answer_type")
    return Shape(
        turns=turns,
        pictures=_pictures(row),
        answer=answer,
        raw_answer=raw,
        answer_type=kind if isinstance(kind, str) else "",
        options=_options(row),
        source=row.text(*_SOURCES),
        licence=row.text(*_LICENCES),
        meta=row.rest(),
    )


def _turns(row: _Row) -> tuple[list[Turn], str | None]:
    """Return the conversation up to the question, and what the assistant said to it."""
    name, turns = next(((name, turns) for name in _TALKS if (turns := conversation(row.peek(name)))), ("", []))
    said = None
    if turns:
        row.take(name)
        said = text_of(turns.pop()) if turns[-1].role == "assistant" else None
        if not turns or turns[-1].role != "user":
            raise SourceError("no_question", "the conversation does not end in a user's question and its answer")
    else:
        turns = _flat(row)
    system = row.peek("system")
    if isinstance(system, str) and turns[0].role != "system":
        row.take("system")
        turns = [Turn("system", (system,)), *turns]
    return turns, said


def _flat(row: _Row) -> list[Turn]:
    """Return a question that stands in a field of its own, after its history."""
    given = [name for name in _QUESTIONS if row.peek(name) is not None]
    name = next((name for name in given if isinstance(row.peek(name), (str, int, float))), None)
    if given and not name:
        held = type(row.peek(given[0])).__name__
        raise SourceError("malformed", f"the field {given[0]!r} must be text, and holds a {held}")
    text = str(row.take(name)) if name else ""
    if name == "instruction" and isinstance(row.peek("input"), str):
        text = f"{text}\n{row.take('input')}"
    earlier = history(row.take("history")) if isinstance(row.peek("history"), (list, tuple)) else []
    return [*earlier, Turn("user", (text,) if text else ())]


def _answer(row: _Row, said: str | None) -> Any:
    """Return the known answer: what the row calls so, else what the assistant said, else a response or solution."""
    name = next((name for name in _ANSWERS if row.peek(name) is not None), None)
    model = row.peek("reward_model")
    if name is None and isinstance(model, Mapping) and model.get("ground_truth") is not None:
        known = model["ground_truth"]  # stays in meta with its style
    elif name is None and said:
        return said
    else:
        name = name or next((name for name in _LATE_ANSWERS if row.peek(name) is not None), None)
        known = row.peek(name) if name else None
        if isinstance(known, (str, int, float)) and name:
            row.take(name)  # lists and objects stay in meta too, because only their text goes on
    if said:
        row.extra["response"] = plain_meta(said)
    return known


def _pictures(row: _Row) -> list[Picture]:
    """Return the pictures that stand beside the text."""
    numbered = sorted((int(found[1]), name) for name in row.names if (found := _NUMBERED.fullmatch(name)))
    pictures = pictures_in(row.take(*_PICTURES))
    if not pictures:
        pictures = [picture for _, name in numbered for picture in pictures_in(row.take(name))]
    if not pictures:
        pictures = pictures_in(row.take(*_FILES))
    return pictures


def _options(row: _Row) -> list[str]:
    """Return the options of a field, or of columns named A, B, C, ..."""
    if any(row.peek(name) is not None for name in _OPTIONS):
        return options_in(row.take(*_OPTIONS))
    columns = [
        name for name in takewhile(lambda name: row.peek(name) is not None, LETTERS.lower()) if row.names[name] != name
    ]
    return options_in([row.take(name) for name in columns]) if len(columns) > 1 else []


@dataclass(slots=True)
class _Row:
    """A row's fields by name, whatever their case, and which of them are used up."""

    fields: Mapping[str, Any]
    names: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    extra: dict[str, JSON] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.fields:
            self.names.setdefault(name.strip().lower(), name)

    def peek(self, name: str) -> Any:
        """Return a field that holds something; None otherwise."""
        value = self.fields.get(self.names.get(name, ""))
        empty = value is None or (isinstance(value, (str, list, tuple, dict, bytes)) and not value)
        return None if empty or (isinstance(value, str) and not value.strip()) else value

    def take(self, *names: str) -> Any:
        """Use up the first of the fields that holds something, and return it."""
        for name in names:
            value = self.peek(name)
            if value is not None:
                self.used.add(self.names[name])
                return value
        return None

    def text(self, *names: str) -> str:
        """Use up the first of the fields that is a text."""
        for name in names:
            value = self.peek(name)
            if isinstance(value, str):
                self.used.add(self.names[name])
                return str(plain_meta(str(value))).strip()
        return ""

    def rest(self) -> dict[str, JSON]:
        """Return every field that was not used, as plain JSON."""
        left = {name: value for name, value in self.fields.items() if name not in self.used}
        return {**self.extra, **plain_meta(left)}
