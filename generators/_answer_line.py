"""Find where visible reasoning ends and the final answer begins, in the text of models that think without tags."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Parts", "answer_line"]


class Parts(NamedTuple):
    """A text cut in two; only white space at the cut is lost."""

    reasoning: str
    answer: str


def answer_line(text: str) -> Parts:
    r"""Cut `text` before its last answer line; text without one is all answer.

    An answer line begins with `Answer:` (`Final answer:`, bold or in a heading, `答案:`, `答:`, `【答案】`), holds a
    `\boxed{…}`, or is the very last line and begins with `The answer is` (`所以答案是`). What follows the line stays
    with it, so no character is lost.
    """
    text = text.strip()
    lines = text.splitlines(keepends=True)
    start = _start(lines)
    if start is None:
        return Parts("", text)
    return Parts("".join(lines[:start]).strip(), "".join(lines[start:]).strip())


def _start(lines: list[str]) -> int | None:
    """Return the index of the line where the answer begins."""
    marked = [i for i, line in enumerate(lines) if _LABEL.match(line) or _BOXED.search(line)]
    if not marked:
        return len(lines) - 1 if lines and _CLOSING.match(lines[-1]) else None
    start = marked[-1]
    while (above := _filled_above(lines, start)) is not None and _OPENS.fullmatch(lines[above].strip()):
        start = above
    return start


def _filled_above(lines: list[str], index: int) -> int | None:
    """Return the nearest line above that is not blank."""
    return next((i for i in range(index - 1, -1, -1) if lines[i].strip()), None)


_MARKUP = r"[\s#>*_`-]{0,12}"
_ANSWER_ZH = r"(?:最终|最后|正确)?的?答案"
_HEAD = _MARKUP + rf"(?:(?:the\s+)?(?:final\s+)?answer|{_ANSWER_ZH}[是为]?|答)[\s*_`]{{0,6}}"
_LABEL = re.compile(_HEAD + rf"[:\uff1a]|{_MARKUP}【{_ANSWER_ZH}】", re.IGNORECASE)
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
_CLOSING = re.compile(
    r"[\s*_]{0,8}(?:(?:so|thus|therefore|hence)?,?\s*the\s+(?:final\s+)?answer\s+is\b"
    rf"|(?:所以|因此|故|综上|综上所述)?[,\uff0c]?\s*{_ANSWER_ZH}[是为])",
    re.IGNORECASE,
)
_OPENS = re.compile(r"\$\$|\\\[|" + _HEAD + r"[:\uff1a]?[\s*_`]{0,6}", re.IGNORECASE)
"""Lines that only open what follows: a display formula, or a heading such as `**Final answer:**`."""
