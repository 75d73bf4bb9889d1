"""Rotated options: the same question with its options in another order, so that a favourite letter solves nothing."""

from __future__ import annotations

import dataclasses
import re

from schemas.answer import LETTERS, Answer
from schemas.sample import Sample

__all__ = ["rotated"]


def rotated(sample: Sample, by: int) -> Sample:
    """Return a copy whose options are moved up by `by` places, with its known answer following its option.

    The sample comes back as it is where another order would change what it means: options that speak of letters or of
    their neighbours (`both A and B`, `none of the above`), options that are single letters, a question that lists or
    names options itself, or an answer that stands for none of them.
    """
    count = len(sample.choices)
    if not count or not by % count or not _movable(sample):
        return sample
    shift = by % count
    choices = (*sample.choices[shift:], *sample.choices[:shift])
    answer = sample.answer
    if answer is not None and answer.choice is not None:
        answer = Answer.of(LETTERS[(answer.choice - shift) % count], choices, answer.type)
    return dataclasses.replace(sample, choices=choices, answer=answer)


def _movable(sample: Sample) -> bool:
    answer = sample.answer
    if len(sample.choices) > len(LETTERS) or (answer is not None and answer.choice is None):
        return False
    if any(_BOUND.search(choice) or _LETTER.fullmatch(choice.strip()) for choice in sample.choices):
        return False
    return not _lists_options(sample.question)


def _lists_options(question: str) -> bool:
    """Tell whether the question writes its options out (`A) … B) …`) or calls one by its letter."""
    first = _FIRST.search(question)
    return bool(first and _SECOND.search(question, first.end())) or bool(_NAMED.search(question))


_LETTER = re.compile(r"[(\[]?[A-Za-z][)\].:]?")
_BOUND = re.compile(
    r"(?i:\b(?:above|below|preceding|following)\b)|\b[A-H]\s*(?:and|or|[&,/])\s*(?:and\s+|or\s+)?[A-H]\b"
)
_FIRST = re.compile(r"(?:^|[\s(\[])A\s*[.):\]]")
_SECOND = re.compile(r"[\s(\[]B\s*[.):\]]")
_NAMED = re.compile(r"(?i:\b(?:option|choice)s?)\s+[(\[]?[A-H]\b")
