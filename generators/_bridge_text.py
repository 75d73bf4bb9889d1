"""The text that stands for pictures: where a row has it, what it may not say, and how a chain gives it away."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from schemas.canonical import JSON
from schemas.leaks import leaks
from schemas.marks import plain
from schemas.sample import Media, Message, Sample
from schemas.trace import Trace

__all__ = ["bridged", "given", "leak", "solution", "unmarked"]


def given(sample: Sample, key: str) -> str:
    """Return the text that a row brings along for its pictures; empty where it has none."""
    return _as_text(sample.meta.get(key)).strip()


def solution(text: str) -> str:
    """Return the first words by which a description gives an answer, or an empty string."""
    found = _ANSWERS.search(text)
    return found.group().strip() if found else ""


def leak(sample: Sample, trace: Trace) -> str:
    """Return the first words by which a chain speaks of the text it was given, those of the question aside."""
    asked = " ".join((*(message.text for message in sample.messages), *sample.choices)).lower()
    own = _BRIDGES if any(word in asked for word in _BRIDGES) else ()
    text = f"{trace.reasoning}\n{trace.answer}"
    found = [(one.offset, one.text) for one in leaks(text) if one.kind == "bridge"]
    found += [(one.start(), one.group()) for one in _SPEAKS.finditer(text)]
    return min((one for one in found if not any(word in one[1].lower() for word in own)), default=(0, ""))[1]


def bridged(turns: Sequence[Message], text: str) -> tuple[Message, ...]:
    """Put `text` before the turn of the first picture, and where pictures are, their numbers if there are several."""
    count = sum(len(turn.media) for turn in turns)
    replaced: list[Message] = []
    number = 0
    for turn in turns:
        parts: list[str | Media] = []
        for part in turn.content:
            if isinstance(part, str):
                parts.append(part)
                continue
            number += 1
            if number == 1:
                parts.insert(0 if count > 1 else len(parts), f"[picture]\n{unmarked(text)}\n[end of picture]\n")
            if count > 1:
                parts.append(f"(picture {number})")
        replaced.append(Message(turn.role, tuple(parts)))
    return tuple(replaced)


def _as_text(value: JSON) -> str:
    """Write a field as a model can read it: text as it is, texts as lines, a table or boxes of words as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "\n".join(str(item) for item in value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, Mapping)) and value else ""


def unmarked(text: str) -> str:
    """Return text in which no mark stands that could close its own."""
    return _MARKS.sub("(", plain(text))


_ANSWERS = re.compile(
    r"^[\s#>*_`-]{0,12}(?:(?:the\s+)?(?:final\s+|correct\s+)?answer|答案)[\s*_`]{0,6}(?::|\uff1a|is\b)"
    r"(?![ \t*]{0,6}(?:_{2,}|\.{3,}|…|\[\s*\]|\(\s*\)|□))"  # a worksheet's blank to be filled in
    r"|\\boxed\s*\{|\bthe\s+(?:final\s+|correct\s+|right\s+)?answer\s+(?:is|would\s+be|must\s+be)\b"
    r"|\b(?:option|choice)\s+\(?[A-H]\)?\s+is\s+(?:the\s+)?(?:correct|right)\b"
    r"|\bthe\s+(?:correct|right)\s+(?:option|choice)\s+is\b|答案(?:是|为|應|应)|(?:应|故|因此)选\s{0,4}[A-H]\b",
    re.IGNORECASE | re.MULTILINE,
)
_SPEAKS = re.compile(
    r"""
      \b(?:the|this|that|given|provided|your|our|image|picture(?:'s)?|textual|written)\s+(?:\w+\s+){0,2}
        (?:description|caption|transcript(?:ion)?|ocr)s?\b
    | \b(?:description|caption|transcript)s?\s+
        (?:sa(?:ys?|id)|states?|mentions?|lists?|gives?|tells?|notes?|describes?|indicates?|provided|given|above|does)\b
    | \bas\s+described\b | \bdescribed\s+(?:above|here|in\s+the)\b
    | \b(?:picture|image|figure|table|chart|diagram|graph|photo|scene)\s+(?:is|was|has\s+been)\s+
        (?:said\s+to|described|written\s+out|transcribed)\b
    | \b(?:user|problem|question|prompt|text)\s+(?:\w+\s+){0,2}(?:describe[sd]?|transcribe[sd]?)\s+
        (?:\w+\s+){0,3}(?:picture|image|figure|table|chart|diagram|graph|photo|scene)\b
    | \btold\s+(?:that\s+)?(?:in\s+)?the\s+(?:picture|image|figure|table|chart|diagram|graph|photo)\b
    | \b(?:can\s?not|can['\u2019]t|could\s?n['\u2019]t|unable\s+to|not\s+able\s+to|without)\s+(?:\w+\s+){0,2}
        (?:see|seeing|view|viewing|access|look(?:ing)?\s+at)\s+(?:the|this|that|an?)\s+(?:\w+\s+)?
        (?:picture|image|figure|diagram|chart|graph|photo)s?\b
    | \btext-only\b | \b(?:provided|given|supplied)\s+text\b | \btext\s+(?:provided|supplied)\b
    | \btextual\s+(?:information|representation|data|form|version)\b | \bin\s+text\s+form\b
    | \b(?:provided|given)\s+(?:\w+\s+)?(?:details|information)\s+(?:of|about|on)\s+the\s+
        (?:picture|image|figure|diagram|chart|graph|photo)\b
    | \[(?:end\ of\ )?picture\]
    | 描述|图注|说明文字|给出?的文[字本]|看不[到见](?:这张)?图|无法(?:直接)?(?:查看|看到|看见)(?:这张)?图
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Wider than `schemas.leaks`, which looks at chains of any origin: here a false alarm costs one rewriting."""
_MARKS = re.compile(r"\[(?=\s{0,9}(?:end\s{1,9}of\s{1,9})?(?:picture|reading)\s{0,9}\])", re.IGNORECASE)
_BRIDGES = ("caption", "description", "描述", "说明", "图注")
"""Where the question itself has one of these words, they prove nothing in a chain."""
