"""Options and answers of questions: every way they are written down, to texts."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from curate.sources._json import decode
from schemas.answer import LETTERS, Answer, AnswerType, choice_index
from schemas.errors import SourceError

__all__ = ["answer_of", "answer_text", "options_in", "split_options"]

_LINE = re.compile(r"\s*(?:\(([A-Z])\)|([A-Z])[.):])\s*(\S.*?)\s*")
_LABELS = ("label", "letter", "key", "id")
_CONTENTS = ("text", "value", "content", "option", "answer", "ground_truth")
_MAX_CELL = 65536
_MAX_OPTIONS = 100
_TWO = 2


def options_in(value: Any) -> list[str]:
    """Read options given as a list, letters to texts, labelled objects, or any of these as text in a cell.

    Raises:
        SourceError: `options` where they cannot be read, skip a letter, or are more than 100.

    """
    if isinstance(value, str):
        value = _cell(value)
    if isinstance(value, Mapping):
        texts = _lettered(value)
    elif isinstance(value, (list, tuple)):
        texts = [_option(item) for item in value]
    elif value is None:
        return []
    else:
        raise SourceError("options", f"options are a list or letters with texts, and this is {str(value)[:80]!r}")
    if len(texts) > _MAX_OPTIONS:
        raise SourceError("options", f"{len(texts)} options are more than {_MAX_OPTIONS}")
    return _bare(texts)


def split_options(text: str, given: Sequence[str]) -> tuple[str, list[str]]:
    """Take the lettered lines at the end of a question out of it, where no options are given or the same ones are.

    The lines must follow each other, start at A, and be two or more: `A. x`, `A) x`, `(A) x` or `A: x`.
    """
    lines = text.rstrip().split("\n")
    found: list[str] = []
    for line in reversed(lines):
        match = _LINE.fullmatch(line)
        if not match:
            break
        found.insert(0, (match[1] or match[2]) + match[3])
        if found[0][0] == LETTERS[0]:
            break
    texts = [item[1:] for item in found]
    pictured = any("<image" in item for item in found)  # options that are pictures stay where their marks are
    lettered = not pictured and len(found) >= _TWO and [item[0] for item in found] == list(LETTERS[: len(found)])
    if not lettered or (given and [_squeezed(item) for item in given] != [_squeezed(item) for item in _bare(texts)]):
        return text, list(given)
    return "\n".join(lines[: -len(found)]).rstrip(), list(given) or _bare(texts)


def answer_text(value: Any) -> str | None:
    """Return a known answer as text, as its source spells it; a list is joined by commas. None for nothing.

    Raises:
        SourceError: `answer` where it is neither text, a number nor a list of these.

    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        texts = [text for text in map(answer_text, value) if text is not None]
        return ", ".join(texts) if texts else None
    if isinstance(value, Mapping):
        inner = next((value[key] for key in _CONTENTS if value.get(key) is not None), None)
        if inner is None:
            raise SourceError(
                "answer", f"an answer is text, a number or a list, and this has {sorted(map(str, value))}"
            )
        return answer_text(inner)
    if isinstance(value, (bytes, bytearray, memoryview)):
        raise SourceError("answer", "an answer is text, and this is bytes")
    return str(value).strip() or None


def answer_of(text: str, choices: Sequence[str], *, raw: Any, kind: str) -> Answer:
    """Build the answer.

    Beyond naming an option by letter or content, `B. its text` names it, and a whole number that is no option's text
    (an int in the source, not text) is its place from 0, as collections on the hub write it.
    """
    known = not choices and kind in set(AnswerType)
    index = choice_index(text, choices)
    match = _LINE.fullmatch(text)
    if index is None and match:
        place = LETTERS.index(match[1] or match[2])
        if place < len(choices) and choice_index(match[3], choices) == place:
            index = place
    if index is None and isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw < len(choices):
        index = raw
    return Answer(text, Answer.of(text, choices, kind if known else None).type, index)


def _cell(text: str) -> Any:
    """Return what a table's cell holds: JSON, or a list as Python prints it."""
    if not text.strip() or text.strip().lower() in ("null", "none", "nan"):
        return None
    try:
        return decode(text)
    except ValueError:
        pass
    try:
        if text.lstrip().startswith(("[", "{")) and len(text) < _MAX_CELL:
            return ast.literal_eval(text.strip())  # constants only: nothing is run
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        pass
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines if len(lines) >= _TWO else text


def _lettered(value: Mapping[str, Any]) -> list[str]:
    """Return the texts behind letters, in order; `{label: [...], text: [...]}` is a list too."""
    for labels in _LABELS:
        if isinstance(value.get("text"), (list, tuple)) and isinstance(value.get(labels), (list, tuple)):
            return [_option(item) for item in value["text"]]
    texts = {str(key).strip().upper(): item for key, item in value.items() if item is not None and item != ""}
    if sorted(texts) != list(LETTERS[: len(texts)]):
        raise SourceError("options", f"options by letter must start at A and skip none, and these are {sorted(texts)}")
    return [_option(texts[letter]) for letter in sorted(texts)]


def _option(item: Any) -> str:
    if isinstance(item, Mapping):
        item = next((item[key] for key in _CONTENTS if item.get(key) is not None), None)
    text = answer_text(item)
    if text is None:
        raise SourceError("options", "one of the options is empty")
    return text


def _bare(texts: list[str]) -> list[str]:
    """Take off the letters where every option carries its own."""
    found = [_LINE.fullmatch(text) for text in texts]
    own = [match and (match[1] or match[2]) == letter for match, letter in zip(found, LETTERS, strict=False)]
    return [match[3] for match in found if match] if texts and len(texts) <= len(LETTERS) and all(own) else texts


def _squeezed(text: str) -> str:
    return " ".join(text.split())
