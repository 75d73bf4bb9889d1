"""Tell thinking from answer in a model's text.

Servers deliver thinking in five ways (docs/methods.md, fidelity): in a field of its own, inline between tags, with only
the closing tag because the template opened it, opened and never closed, or not at all. `split` handles the inline ones.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Thought", "join", "split"]

_OPEN = re.compile(r"\s*(?:<think(?:ing)?>|<\|begin_of_thought\|>)", re.IGNORECASE)
_CLOSE = re.compile(r"</think(?:ing)?>|<\|end_of_thought\|>", re.IGNORECASE)
_SOLUTION = re.compile(r"<\|(?:begin|end)_of_solution\|>")


class Thought(NamedTuple):
    """A text taken apart."""

    reasoning: str
    answer: str
    closed: bool
    """False where thinking was opened and never closed: everything after the tag is reasoning."""


def split(text: str) -> Thought:
    """Split inline thinking from the answer; a lone closing tag counts, and only the last closing tag ends thinking.

    Text without any tag is all answer.
    """
    opened = _OPEN.match(text)
    body = text[opened.end() :] if opened else text
    closes = list(_CLOSE.finditer(body))
    if closes:
        end = closes[-1]
        return Thought(body[: end.start()].strip(), _SOLUTION.sub("", body[end.end() :]).strip(), closed=True)
    if opened:
        return Thought(body.strip(), "", closed=False)
    return Thought("", text.strip(), closed=True)


def join(reasoning: str, answer: str) -> str:
    """Write reasoning and answer as one text with `<think>` tags, the form trainers take."""
    return f"<think>\n{reasoning.strip()}\n</think>\n\n{answer.strip()}" if reasoning.strip() else answer.strip()
