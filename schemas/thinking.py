"""Tell thinking from answer in a model's text.

Servers deliver thinking in five ways (docs/methods.md, fidelity): in a field of its own, inline between tags, with only
the closing tag because the template opened it, opened and never closed, or not at all. `split` handles the inline ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Mark", "Thought", "join", "marks", "split", "unmarked"]

_SPACE = r"[ \t\r\n]{0,40}"
_START = (
    r"(?:<s>|<\|im_start\|>assistant|<\|start_header_id\|>assistant<\|end_header_id\|>|<\|start\|>assistant"
    r"|<[|\uff5c]Assistant[|\uff5c]>)?"
)
_PAIRS = {
    "think": (r"< ?think ?>", r"< ?/ ?think ?>"),
    "thinking": (r"< ?thinking ?>", r"< ?/ ?thinking ?>"),
    "seed:think": (r"<seed:think>", r"</seed:think>"),
    "|think|": (r"<\|think\|>", r"<\|/think\|>"),
    "|thought|": (r"<\|begin_of_thought\|>", r"<\|end_of_thought\|>"),
    "|thinking|": (r"<\|start_thinking\|>", r"<\|end_thinking\|>"),
    "\u25c1think\u25b7": (r"\u25c1think\u25b7", r"\u25c1/think\u25b7"),
    "[think]": (r"\[THINK\]", r"\[/THINK\]"),
    "unused": (r"<unused94>", r"<unused95>"),
}
"""What opens and what ends thinking, by kind."""
_TAG = "|".join(opens for opens, _ in _PAIRS.values())
_OPEN = re.compile(rf"{_SPACE}{_START}{_SPACE}(?:{_TAG})", re.IGNORECASE)
_LATE = re.compile(rf"(?:^[ \t]{{0,40}}(?:{_TAG}))|(?:{_TAG})[ \t]{{0,40}}$", re.IGNORECASE | re.MULTILINE)
"""A tag that opens thinking behind other text stands at one end of a line; elsewhere it is only spoken of."""
_CLOSE = re.compile("|".join(closes for _, closes in _PAIRS.values()), re.IGNORECASE)
_PAIR = "|".join(f"({opens})|({closes})" for opens, closes in _PAIRS.values())
_EITHER = re.compile(rf"(?=[<\[\u25c1])(?:{_PAIR})", re.IGNORECASE)
"""The look ahead makes it thirty times as fast: few characters begin a tag."""
_WORDS = r"reason(?:ing)?|thoughts?|scratchpad|analysis|reflection|inner_thoughts|internal_monologue"
_SECTION = re.compile(
    rf"\s{{0,40}}<(?!(?-i:REASONING)>)({_WORDS})>|\s{{0,40}}<(REASONING)>(?=.*?</REASONING>\s*<(?:SOLUTION|ANSWER)>)",
    re.IGNORECASE | re.DOTALL,
)
"""Words that texts also use for parts of an answer: they mark thinking only where the text begins with them.

In capitals, `<REASONING>` is a stage of a LLaVA-CoT answer (arXiv 2411.10440), asked for by itself, unless a solution
follows it, as in the format that TRL and Unsloth train picture models on.
"""
_CHANNEL = re.compile(
    r"\s{0,40}(?:<\|start\|>assistant)?<\|channel\|>\s{0,40}(?:analysis|commentary)\b|\s{0,40}analysis(?=\S)"
)
_STRIPPED = "assistantfinal"
"""What is left of the tokens before a final channel where a server took them out."""
_FINAL_TOKENS = r"<\|channel\|>\s{0,40}final\b[^<]{0,40}<\|message\|>"
_FINAL = re.compile(rf"{_FINAL_TOKENS}|{_STRIPPED}")
_SOLUTION = re.compile(r"<\|(?:begin|end)_of_solution\|>|<\|(?:start|end)_response\|>", re.IGNORECASE)
_ENDED = re.compile(r"<\|(?:return|end)\|>\s{0,40}\Z")


_SPENT = re.compile(
    rf"(?=[<\[\u25c1])(?:{_PAIR}|</?(?:{_WORDS})>|{_SOLUTION.pattern}|{_FINAL_TOKENS}|{_ENDED.pattern}"
    rf"|{_START.removesuffix('?')})",
    re.IGNORECASE,
)


class Mark(NamedTuple):
    """A tag that opens thinking or ends it."""

    kind: str
    """`think`, `|thought|`, `channel`, ...; opening and closing tag of one pair are of one kind."""
    opens: bool
    start: int
    end: int


class Thought(NamedTuple):
    """A text taken apart."""

    reasoning: str
    answer: str
    closed: bool
    """False where thinking was opened and never closed: everything after the tag is reasoning."""


def split(text: str) -> Thought:
    """Split inline thinking from the answer; a lone closing tag counts, and only the last closing tag ends thinking.

    Thinking that is opened again after the last closing tag is thinking that never ended. Text without any tag is all
    answer; so is one that begins with the tag of a solution, as models write that think in a field of their own.
    """
    if _CHANNEL.match(text) and (channels := _channels(text)):
        return channels
    opened = _OPEN.match(text)
    body = text[opened.end() :] if opened else text
    end = None
    for end in _CLOSE.finditer(body):  # noqa: B007 - the last one is wanted
        pass
    rest = body[end.end() :] if end else body
    if (opened and end is None) or _OPEN.match(rest) or _LATE.search(rest):
        return Thought(body.strip(), "", closed=False)
    if end is None:
        return _section(_SOLUTION.sub("", text) if _SOLUTION.match(text.lstrip()) else text)
    return Thought(body[: end.start()].strip(), _SOLUTION.sub("", rest).strip(), closed=True)


def join(reasoning: str, answer: str) -> str:
    """Write reasoning and answer as one text with `<think>` tags, the form trainers take."""
    return f"<think>\n{reasoning.strip()}\n</think>\n\n{answer.strip()}" if reasoning.strip() else answer.strip()


def marks(text: str, *, inline: bool = True) -> list[Mark]:
    """Return the tags of thinking in a text, in order.

    Args:
        text: a model's text.
        inline: False for a text whose thinking was taken out already: sections and channels are then a part of it.

    """
    found = [_mark(match) for match in _EITHER.finditer(text)]
    return sorted([*found, *_begun(text)], key=lambda mark: mark.start) if inline else found


def unmarked(text: str) -> str:
    """Return a text without any tag that `split` may take away, to count what is left."""
    return _SPENT.sub("", text).replace(_STRIPPED, "")


def _mark(match: re.Match[str]) -> Mark:
    group = match.lastindex or 1
    return Mark([*_PAIRS][(group - 1) // 2], bool(group % 2), match.start(), match.end())


def _begun(text: str) -> Iterator[Mark]:
    """Yield the tags of a text that begins with a channel, or with the tag of a section."""
    channel, section = _CHANNEL.match(text), _SECTION.match(text)
    if channel and _channels(text):
        yield Mark("channel", True, channel.start(), channel.end())  # noqa: FBT003 - a field, not a flag
        yield from (Mark("channel", False, end.start(), end.end()) for end in _FINAL.finditer(text))  # noqa: FBT003
    elif section and not _CLOSE.search(text):
        word = section[1] or section[2]
        for tag in re.compile(rf"<(/?){word}>", re.IGNORECASE).finditer(text):
            yield Mark(word.lower(), not tag[1], tag.start(), tag.end())


def _channels(text: str) -> Thought | None:
    """Split a text in channels, with its special tokens or with what is left of it where a server took them out."""
    tokens = "<|channel|>" in text
    final = None
    for final in _FINAL.finditer(text):  # noqa: B007 - the last one is wanted
        pass
    if final is None:
        return Thought(text.strip(), "", closed=False) if tokens else None
    return Thought(text[: final.start()].strip(), _ENDED.sub("", text[final.end() :]).strip(), closed=True)


def _section(text: str) -> Thought:
    opened = _SECTION.match(text)
    if opened is None:
        return Thought("", text.strip(), closed=True)
    close = re.compile(rf"</{opened[1] or opened[2]}>", re.IGNORECASE).search(text, opened.end())
    if close is None:
        return Thought(text[opened.end() :].strip(), "", closed=False)
    return Thought(text[opened.end() : close.start()].strip(), text[close.end() :].strip(), closed=True)
