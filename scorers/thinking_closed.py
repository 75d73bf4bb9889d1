"""Whether thinking was opened once and closed once, with nothing inside that opens it again and no text lost."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal, NamedTuple

from schemas.canonical import JSON
from schemas.sample import Sample
from schemas.score import Score
from schemas.thinking import marks, split, unmarked
from schemas.trace import Trace
from scorers._traces import as_written, written

__all__ = ["ThinkingClosed"]

_ANSWER = re.compile(
    r"<(?:(?P<slash>/?)(?P<word>answer|solution)|\|(?P<side>begin|end|start)_(?:of_)?(?P<kind>solution|response)\|)>",
    re.IGNORECASE,
)


class _Tag(NamedTuple):
    kind: str
    opens: bool
    at: int
    thinking: bool


@dataclass(frozen=True, slots=True)
class ThinkingClosed:
    """1 where thinking and answer are marked off once and whole, else 0; unscored where nothing marks any thinking."""

    version: ClassVar[int] = 2
    on: ClassVar[Literal["trace"]] = "trace"
    detail_fields: ClassVar[Mapping[str, type]] = {
        "kinds": str,
        "opened": int,
        "closed": int,
        "fault": str,
        "at": int,
        "lost_chars": int,
        "as_written": bool,
    }

    def __call__(self, sample: Sample, trace: Trace, /) -> Score:
        """Rate the text as the model wrote it where the row brought it, else what was stored of it."""
        raw = as_written(sample, trace)
        text = written(trace) if raw is None else raw
        tags = _tags(text, inline=raw is not None)
        if not tags and not trace.reasoning.strip():
            return Score.unscored("no tag and no reasoning: nothing marks any thinking", as_written=raw is not None)
        lost = 0 if raw is None else _lost(raw)
        fault, at = _inside(tags) if raw is None else _whole(tags, raw)
        if not fault and lost:
            fault, at = "text_lost", 0
        if not fault and trace.reasoning.strip() and not trace.answer.strip():
            fault, at = "no_answer", len(text)
        kinds = Counter(tag.kind for tag in tags)
        detail: dict[str, JSON] = {
            "kinds": ", ".join(sorted(kinds)) or "field",
            "opened": sum(tag.thinking and tag.opens for tag in tags),
            "closed": sum(tag.thinking and not tag.opens for tag in tags),
            "fault": fault,
            "at": at,
            "lost_chars": lost,
            "as_written": raw is not None,
        }
        return Score(0.0 if fault else 1.0, not fault, f"{_SAID[fault]} (character {at})" if fault else "", detail)


_SAID = {
    "unclosed": "thinking is opened and never closed",
    "unclosed_answer": "the answer's tag is opened and never closed",
    "opened_again": "thinking is opened again",
    "closed_again": "thinking is closed more than once",
    "mixed_kinds": "thinking is opened with one kind of tag and closed with another",
    "answer_inside": "the answer's tag stands inside the thinking",
    "late": "thinking starts after other text",
    "tag_in_text": "a tag is left in the reasoning or the answer",
    "text_lost": "text is lost between the tags",
    "no_answer": "no text follows the thinking",
}


def _tags(text: str, *, inline: bool) -> list[_Tag]:
    found = [_Tag(mark.kind, mark.opens, mark.start, thinking=True) for mark in marks(text, inline=inline)]
    return sorted([*found, *map(_tag, _ANSWER.finditer(text))], key=lambda tag: tag.at)


def _tag(match: re.Match[str]) -> _Tag:
    if match["kind"]:
        return _Tag(f"|{match['kind'].lower()}|", match["side"].lower() != "end", match.start(), thinking=False)
    return _Tag(match["word"].lower(), not match["slash"], match.start(), thinking=False)


def _inside(tags: list[_Tag]) -> tuple[str, int]:
    """Judge a stored trace: its thinking stands in a field of its own, so a thinking tag in it is one too many.

    Words that answers in stages use for tags, such as `<REASONING>`, are a part of them.
    """
    first = next((tag for tag in tags if tag.thinking), None)
    if first:
        return "tag_in_text", first.at
    return _answers(tags)


def _whole(tags: list[_Tag], text: str) -> tuple[str, int]:
    """Judge a text with its tags: one opening at the start (or in the template, before it), one closing."""
    marks = [tag for tag in tags if tag.thinking]
    opens, closes = [tag for tag in marks if tag.opens], [tag for tag in marks if not tag.opens]
    faults = (
        (len(opens) > 1, "opened_again", opens[1:]),
        (len(closes) > 1, "closed_again", closes[1:]),
        (bool(opens) and not closes, "unclosed", opens),
        (bool(opens and closes) and opens[0].kind != closes[0].kind, "mixed_kinds", closes),
        (bool(opens and closes) and closes[0].at < opens[0].at, "opened_again", opens),
        (bool(opens) and bool(unmarked(text[: opens[0].at]).strip()), "late", opens),
    )
    for wrong, fault, tags_at in faults:
        if wrong:
            return fault, tags_at[0].at
    early = next((tag for tag in tags if closes and not tag.thinking and tag.at < closes[0].at), None)
    return ("answer_inside", early.at) if early else _answers(tags)


def _answers(tags: list[_Tag]) -> tuple[str, int]:
    marks = [tag for tag in tags if not tag.thinking]
    for one, after in pairwise([*marks, None]):
        if one and one.opens and (after is None or after.opens or after.kind != one.kind):
            return "unclosed_answer", one.at
    return "", 0


def _lost(text: str) -> int:
    """Count the characters, spaces and tags aside, that neither part holds once thinking is split off."""
    thought = split(text)
    return max(0, _visible(text) - _visible(thought.reasoning) - _visible(thought.answer))


def _visible(text: str) -> int:
    return len("".join(_ANSWER.sub("", unmarked(text)).split()))
