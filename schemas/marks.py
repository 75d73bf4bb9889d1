"""Marks that trainers, chat templates and judges read as more than text: pictures, turns, thinking, roles."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["MARK", "ROLE", "neutral", "plain"]

# Bare words are those that some trainer or tokenizer takes for a token of its own; any <|word|> may be one, and
# DeepSeek's tokens stand between full-width bars.
MARK = re.compile(
    r"<(/?(?:image|video|audio|img|bbox|box|quad|ref|ref-object|think|thinking|s|pad|unk|bos|eos"
    r"|tool_call|tool_response|start_of_turn|end_of_turn|start_of_image|end_of_image|image_soft_token)"
    r"|\|[A-Za-z0-9_ :./-]{2,64}\||\uff5c[^\uff5c<>\n]{1,64}\uff5c)>"
)
"""A token in angle brackets; the group is what is inside them."""
ROLE = re.compile(
    r"\[/?INST\]|<</?SYS>>|^(?:#{2,4}[ ]?)(?:Instruction|Response|Input|Human|Assistant|User|System)[ ]?:?[ ]*$"
    r"|^(?:Human|Assistant|USER|ASSISTANT|SYSTEM|User|System)[ ]?:(?=[ ]|$)",
    re.MULTILINE,
)
"""Words that begin a turn in templates without tokens of their own, at the start of a line."""


_MARKUP = re.compile(r"<(?=[/|!?a-zA-Z_\uff5c])")
"""What opens a tag or a special token; DeepSeek's stand between full-width bars."""


def neutral(text: str) -> tuple[str, int]:
    """Write `<image>`, `</s>`, `<|im_end|>` and their like with square brackets; return how many there were."""
    return MARK.subn(r"[\1]", text)


def plain(text: str) -> str:
    """Return text as a judge is shown it: without control, format and unassigned characters, and without open tags.

    `<` never stands where it could open a tag or a special token.
    """
    return _MARKUP.sub("< ", "".join(map(_visible, text))).strip()


def _visible(char: str) -> str:
    kind = unicodedata.category(char)
    return char if kind[0] != "C" or char in "\n\t" else "" if kind == "Cf" else " "
