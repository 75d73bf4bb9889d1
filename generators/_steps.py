"""Steps of a chain of thought: where each ends, so that every beginning can be cut out exactly, and shares of draws."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

__all__ = ["Tally", "step_ends"]

_PARAGRAPH = re.compile(r"\n[ \t]{0,40}\n\s*")
_LINE = re.compile(r"\n\s*")
_Z95 = 1.959964
_SENTENCE = re.compile(r"(?<=[.!?\u3002\uff01\uff1f])(?:\s+|(?<=[\u3002\uff01\uff1f]))")


def step_ends(text: str, most: int) -> list[int]:
    """Return the offset at which each of at most `most` steps ends, the last one at the end of the text.

    Steps are paragraphs; of a text in one paragraph lines, of one in one line sentences. Where there are more, steps
    next to each other count as one, so that all hold about as many characters.
    """
    end = len(text.rstrip())
    if not end:
        return []
    for border in (_PARAGRAPH, _LINE, _SENTENCE):
        ends = [found.start() for found in border.finditer(text, 0, end) if text[: found.start()].strip()]
        if ends:
            break
    ends = [*(one for one in ends if one < end), end]
    return ends if len(ends) <= most else _fewer(ends, most)


class Tally(NamedTuple):
    """Draws from the end of one step, those that were decided."""

    right: int
    decided: int

    @property
    def value(self) -> float | None:
        """Share of right ones; what was cut, failed or undecided does not count as wrong."""
        return round(self.right / self.decided, 4) if self.decided else None

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the share; all of [0, 1] where nothing was decided."""
        if not self.decided:
            return 0.0, 1.0
        share, spread = self.right / self.decided, _Z95 * _Z95 / self.decided
        middle = (share + spread / 2) / (1 + spread)
        half = _Z95 * math.sqrt(share * (1 - share) / self.decided + spread / (4 * self.decided)) / (1 + spread)
        return round(max(0.0, middle - half), 4), round(min(1.0, middle + half), 4)


def _fewer(ends: list[int], most: int) -> list[int]:
    """Choose `most` of the ends, the last among them, nearest to equal shares of the text."""
    chosen: list[int] = []
    for place in range(1, most):
        goal = ends[-1] * place / most
        left = [one for one in ends[:-1] if not chosen or one > chosen[-1]]
        # Enough have to be left over for the places that follow.
        left = left[: max(0, len(left) - (most - 1 - place))]
        if left:
            chosen.append(min(left, key=lambda one: abs(one - goal)))
    return [*chosen, ends[-1]]
