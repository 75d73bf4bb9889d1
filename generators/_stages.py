"""Tagged stages of an answer, LLaVA-CoT's four (arXiv 2411.10440) or others: reading them, strictly, and writing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

__all__ = ["CAPTION", "CONCLUSION", "REASONING", "STAGES", "SUMMARY", "Fault", "close", "read", "read_stage", "written"]

SUMMARY, CAPTION, REASONING, CONCLUSION = "SUMMARY", "CAPTION", "REASONING", "CONCLUSION"
STAGES = (SUMMARY, CAPTION, REASONING, CONCLUSION)
"""In the order that they have to stand in."""

_NEAR = r"(?:<|&lt;|\[)\s{0,3}/?\s{0,3}(?:NAMES)\b[^<>&\]\n]{0,40}(?:>|&gt;|\])"
"""What was meant for a tag: lower case, blanks, attributes, brackets, escaped for HTML."""
_INSIDE = r"(?:<|&lt;)\s{0,3}/?\s{0,3}(?:NAMES)\b[^<>&\n]{0,40}(?:>|&gt;)"
"""The same where a stage is read; brackets are text there."""


class Fault(NamedTuple):
    """Why a text is not in form."""

    rule: str
    """`tag_missing`, `tag_spelling`, `tag_doubled`, `tag_order`, `text_outside`, `stage_empty` or `truncated`."""
    reason: str


def read(text: str, stages: tuple[str, ...] = STAGES) -> tuple[str, ...] | Fault:
    """Return the contents of the stages, or the first fault: every tag once, in order, nothing outside them."""
    tags = list(_tags(stages).finditer(text))
    wanted = [tag for name in stages for tag in (f"<{name}>", close(name))]
    fault = _tag_fault([tag.group() for tag in tags], wanted, text)
    if fault is not None:
        return fault
    starts = [0, *(tag.end() for tag in tags)]
    ends = [*(tag.start() for tag in tags), len(text)]
    pieces = [text[start:end].strip() for start, end in zip(starts, ends, strict=True)]
    outside, inside = pieces[0::2], pieces[1::2]
    if stray := next((piece for piece in outside if piece), ""):
        return Fault("text_outside", f"text stands outside the stages: {stray[:80]!r}")
    if "" in inside:
        return Fault("stage_empty", f"{stages[inside.index('')]} is empty")
    faults = (_misspelt(piece, name, stages) for name, piece in zip(stages, inside, strict=True))
    return next((fault for fault in faults if fault), tuple(inside))


def read_stage(text: str, stage: str, *, opened: bool = False) -> str | Fault:
    """Return the content of one stage that was asked for by itself.

    What follows its closing tag is cut off, as a server that honours `stop` does, and so the tag itself may be absent.
    With `opened` the opening tag was written for the model and is not expected again.
    """
    body = text.strip()
    tag = f"<{stage}>"
    if body.startswith(tag):
        body = body[len(tag) :]
    elif not opened:
        if tag in body:
            return Fault("text_outside", f"text stands before {tag}: {body[:80]!r}")
        return _missing([tag], body)
    body = body.partition(close(stage))[0].strip()
    if inner := _tags(STAGES).search(body):
        return Fault("tag_doubled" if inner.group() == tag else "tag_order", f"{inner.group()} stands inside {stage}")
    if not body:
        return Fault("stage_empty", f"{stage} is empty")
    return _misspelt(body, stage, STAGES) or body


def written(texts: Sequence[str], stages: Sequence[str] = STAGES) -> str:
    """Write stages with their tags, as many as there are texts."""
    return "\n\n".join(f"<{name}> {text.strip()} {close(name)}" for name, text in zip(stages, texts, strict=False))


def close(stage: str) -> str:
    """Return the closing tag of a stage."""
    return f"</{stage}>"


@cache
def _tags(stages: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"</?(?:{'|'.join(stages)})>")


def _misspelt(text: str, stage: str, stages: tuple[str, ...]) -> Fault | None:
    """Find what was meant for a tag inside a stage: the stage then holds what belongs to others."""
    found = _meant(stages).search(text)
    return Fault("tag_spelling", f"{found.group()[:60]!r} stands inside {stage}") if found else None


@cache
def _meant(stages: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(_INSIDE.replace("NAMES", "|".join(stages)), re.IGNORECASE)


def _tag_fault(found: Sequence[str], wanted: Sequence[str], text: str) -> Fault | None:
    missing = [tag for tag in wanted if tag not in found]
    if missing:
        return _missing(missing, text)
    if doubled := next((tag for tag in wanted if found.count(tag) > 1), ""):
        return Fault("tag_doubled", f"{doubled} stands {found.count(doubled)} times")
    if list(found) != list(wanted):
        first = next(tag for tag, right in zip(found, wanted, strict=True) if tag != right)
        return Fault("tag_order", f"{first} stands out of order")
    return None


def _missing(tags: Sequence[str], text: str) -> Fault:
    names = tuple(dict.fromkeys(tag.strip("</>") for tag in tags))
    meant = re.finditer(_NEAR.replace("NAMES", "|".join(names)), text, re.IGNORECASE)
    near = next((found.group() for found in meant if not _tags(names).fullmatch(found.group())), "")
    if near:
        return Fault("tag_spelling", f"no {tags[0]}, but {near[:60]!r}")
    return Fault("tag_missing", f"no {', '.join(tags)}")
