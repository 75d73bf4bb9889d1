"""The known answer of a sample: its text, its type, and the option it stands for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["LETTERS", "Answer", "AnswerType", "choice_index", "infer_type", "label"]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""Names of options in order."""


class AnswerType(StrEnum):
    """How an answer is compared; `TEXT` where nothing more is known."""

    CHOICE = "choice"
    NUMBER = "number"
    PERCENT = "percent"
    UNIT = "unit"
    DATE = "date"
    YES_NO = "yes_no"
    EXPRESSION = "expression"
    SET = "set"
    INTERVAL = "interval"
    MATRIX = "matrix"
    BOX = "box"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Answer:
    """The known answer."""

    text: str
    """As the source wrote it: `007` stays `007`."""
    type: AnswerType = AnswerType.TEXT
    choice: int | None = None
    """Index into the sample's choices, where the text names one of them by letter or by content."""

    @classmethod
    def of(cls, text: str, choices: Sequence[str] = (), type: AnswerType | str | None = None) -> Answer:  # noqa: A002 - the field's name
        """Build an answer, resolving the option and inferring the type where it is not given."""
        text = text.strip()
        index = choice_index(text, choices)
        kind = AnswerType(type) if type else infer_type(text, choices)
        return cls(text=text, type=kind, choice=index)


def choice_index(text: str, choices: Sequence[str]) -> int | None:
    """Return which option `text` names, by content first and then by letter; None where it names none or several.

    Content comes first because options such as `["B", "A"]` exist, where the letters mean the content.
    """
    if not choices:
        return None
    wanted = _fold(text)
    same = [i for i, choice in enumerate(choices) if _fold(choice) == wanted]
    if len(same) == 1:
        return same[0]
    letter = re.fullmatch(r"[(\[]?\s*([A-Za-z])\s*[)\].:]?", text.strip())
    if letter:
        index = LETTERS.index(letter.group(1).upper())
        return index if index < len(choices) else None
    return None


def label(index: int) -> str:
    """Name an option: `A` to `Z`, then `27`, `28`, ..."""
    return LETTERS[index] if index < len(LETTERS) else str(index + 1)


def infer_type(text: str, choices: Sequence[str] = ()) -> AnswerType:
    """Guess how an answer is to be compared from the known answer alone."""
    if choices:
        return AnswerType.CHOICE
    bare = text.strip().strip("$").strip()
    if bare.lower() in {"yes", "no", "true", "false"}:
        return AnswerType.YES_NO
    for pattern, kind in _PATTERNS:
        if pattern.fullmatch(bare):
            return kind
    return AnswerType.EXPRESSION if _MATHS.search(bare) else AnswerType.TEXT


def _fold(text: str) -> str:
    return " ".join(text.split()).casefold().rstrip(".")


_NUMBER = r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:[eE][-+]?\d+)?"
_PATTERNS = (
    (re.compile(r"(?=.*\d)" + _NUMBER), AnswerType.NUMBER),
    (re.compile(r"[-+]?\d+\s*/\s*\d+"), AnswerType.NUMBER),
    (re.compile(r"(?=.*\d)" + _NUMBER + r"\s*\\?%"), AnswerType.PERCENT),
    (re.compile(r"\d{4}-\d{1,2}-\d{1,2}"), AnswerType.DATE),
    (re.compile(r"(?=.*\d)" + _NUMBER + r"\s*(?:[a-zA-Z°]+(?:[/^]\S+)?)"), AnswerType.UNIT),
)
_MATHS = re.compile(r"\\[a-zA-Z]+|[=^_{}]|\d\s*[-+*/]\s*[\da-z]")
