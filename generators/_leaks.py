"""Words by which a chain of thought gives away that its writer was shown what a solver does not have.

A trace rewritten toward a known answer must not speak of that answer, and a trace written from a text in place of the
picture must not speak of that text: both teach a student to rely on what it will not be given.
"""

from __future__ import annotations

import re

__all__ = ["answer_leak", "bridge_leak"]


def answer_leak(text: str) -> str:
    """Return the first words that show the writer knew the answer beforehand, or an empty string."""
    found = _ANSWER.search(text)
    return found.group(0) if found else ""


def bridge_leak(text: str) -> str:
    """Return the first words that show the writer read a caption or description instead of a picture, or nothing."""
    found = _BRIDGE.search(text)
    return found.group(0) if found else ""


_ANSWER = re.compile(
    r"""
      \b(?:given|provided|supplied|reference|known|expected|standard|official|gold|target|ground[-\s]truth)\s+
        (?:final\s+|correct\s+|right\s+)?(?:answer|solution)\b(?!\s+(?:choice|option|candidate)s?)(?!-)
    | \b(?:answer|solution)\s+(?:(?:is|was|has\s+been|that\s+was)\s+)?(?:already\s+)?(?:given|provided|supplied|known)\b
        (?!\s+by\b)
    | \banswer\s+key\b
    | \b(?:the|a|your|this)\s+(?:draft|earlier\s+attempt|previous\s+attempt|original\s+attempt|hint)\b
    | \bwe\s+(?:are|were)\s+told\s+(?:that\s+)?the\s+(?:correct\s+|right\s+|final\s+)?answer\b
    | 参考答案|标准答案|给定的?答案|已知答案
    """,
    re.IGNORECASE | re.VERBOSE,
)
_BRIDGE = re.compile(
    r"\b(?:according\s+to|as|from|in|per|based\s+on)\s+the\s+(?:given\s+|provided\s+|above\s+|text\s+|image\s+)*"
    r"(?:caption|description)\b",
    re.IGNORECASE,
)
