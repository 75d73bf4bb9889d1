"""What a student lists, line by line, and how a text of a topic tree is written down in its trace."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from schemas.marks import MARK, ROLE

__all__ = ["Leaf", "listed", "read_leaf", "written_leaf"]

_LEAD = re.compile(r"[\s>#]*")
_BULLET = re.compile(r"[\s>#*_]*(?:[-*+\u2022\u00b7](?![\d*])|\(?\d{1,3}(?:\.\d{1,2})?\s?[.):\u3001](?!\d))\s*")
"""A number is one only where no digit follows: `3.5 mm jacks` is a topic."""
_DECOR = "*_`\"'\u201c\u201d "
_TOPICS, _QUESTION = "Topics: ", "Question: "
_MOST_LINES = 400


class Leaf(NamedTuple):
    """One text of a tree: the topics that lead to it, what is asked, and what was thought before it was answered."""

    topics: tuple[str, ...]
    question: str
    thinking: str = ""


def listed(text: str, *, most: int, longest: int, words: int, cut: bool = False) -> list[str]:
    """Return at most `most` lines of a list, without bullets and numbers.

    Lines that only introduce others, that are longer than `longest` characters or have fewer than `words` words, and
    those with marks that templates take for tokens or turns are left out. Where half of the lines have a bullet or a
    number, those without are talk around the list. The last line of a `cut` text is half a one.
    """
    lines = text.splitlines()[:_MOST_LINES]
    found: list[str] = []
    for line in _items(lines[:-1] if cut else lines):
        item = " ".join(line.strip(_DECOR).split())
        dense = len(item) if re.search(r"[\u3040-\u9fff]", item) else 0
        enough = len(item.split()) >= words or dense >= 2 * words
        plain = not (MARK.search(item) or ROLE.search(item)) and item.isprintable()
        if enough and plain and len(item) <= longest and not item.endswith((":", "\uff1a")) and item not in found:
            found.append(item)
    return found[:most]


def _items(lines: Sequence[str]) -> list[str]:
    """Return the lines of a list without what marks them as such."""
    filled = [line for line in lines if line.strip()]
    marked = [line[found.end() :] for line in filled if (found := _BULLET.match(line))]
    return marked if 2 * len(marked) >= len(filled) else [_unmarked(line) for line in filled]


def _unmarked(line: str) -> str:
    found = _BULLET.match(line) or _LEAD.match(line)
    return line[found.end() :] if found else line


def written_leaf(leaf: Leaf) -> str:
    """Write a leaf as the reasoning of a trace: where it hangs, what was asked, and the thinking."""
    topics = " > ".join(" ".join(topic.replace(">", " ").split()) for topic in leaf.topics)
    head = f"{_TOPICS}{topics}\n{_QUESTION}{' '.join(leaf.question.split())}"
    return f"{head}\n\n{leaf.thinking.strip()}" if leaf.thinking.strip() else head


def read_leaf(reasoning: str) -> Leaf | None:
    """Read what `written_leaf` wrote; None where it is something else."""
    head, _, thinking = reasoning.partition("\n\n")
    first, _, second = head.partition("\n")
    if not (first.startswith(_TOPICS) and second.startswith(_QUESTION)) or "\n" in second:
        return None
    topics = first.removeprefix(_TOPICS).split(" > ")
    return Leaf(tuple(topics), second.removeprefix(_QUESTION), thinking)
