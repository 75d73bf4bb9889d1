"""Which option a phrase or a text picks, by letter or by content."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from schemas.answer import LETTERS
from scorers._clean import fold, peel
from scorers._extract import last_sentence, stated
from scorers._numbers import parse_number

__all__ = ["Picked", "by_content", "picked", "several"]


class Picked(NamedTuple):
    """The options that were picked; none where a text names an option that does not exist, or two at once."""

    options: frozenset[int]
    text: str
    rule: str
    reason: str = ""


_LEAD = re.compile(
    r"\W*(?:(?:the|la|le|el|l')\s*(?=[A-Z]\b))?(?:(?:the\s+)?(?:correct\s+|right\s+)?(?:option|choice|answer|letter|选项|选择|选)\s*(?:is\s+|是\s*)?)?"
    r"[\[(【\s]*(?P<letter>[A-Z])(?P<after>[\])】]?\s*(?P<mark>[.:、,;)]|$)?\s*)(?P<rest>.*)",
    re.DOTALL,
)
_SEVERAL = re.compile(r"\W*\(?([A-Z])\)?(?:(?:\s*(?:,|&|、|/|\+|and|和|与)\s*)+\(?([A-Z])\)?(?![a-z]))+\W*")
_EITHER = re.compile(r"^\W*(?:or|或)\s*(?:option\s+)?\(?[A-Z]\b", re.IGNORECASE)
_JOINED = re.compile(r"^\W*(?:,|and|&|和|、)\s*(?:option\s+)?\(?[A-Z]\)?(?![A-Za-z])")
_SENTENCE = re.compile(
    r"(?:\boption|\bchoice|选项|选择|应选|故选|选)\s*(?:is\s+)?\(?([A-Z])\)?(?![A-Za-z])|\(([A-Z])\)",
    re.IGNORECASE,
)
_DENIAL = re.compile(r"\b(?:not|wrong|incorrect|false|isn't|cannot|neither|except|rather than)\b|不|错", re.IGNORECASE)
_LAST_LINE = re.compile(r"\W*([A-Z])\W*")
_WORDS = re.compile(r"[^\W_]+")


def picked(text: str, choices: Sequence[str]) -> Picked | None:
    """Find the option that a cleaned text picks; None where it picks none."""
    said = stated(text)
    if said is not None and said.rule == "unclosed_box":
        return None
    if said is not None:
        found = _phrase(said.text, choices, said.rule)
        if found is not None or said.rule in ("box", "tag"):
            return found or Picked(frozenset(), peel(said.text), "choice_unmatched", "names no option")
    whole = _phrase(text, choices, "whole") if len(text) <= 200 and "\n" not in text.strip() else None  # noqa: PLR2004
    return whole or _last_line(text, choices) or _sentence(last_sentence(text), choices)


def by_content(text: str, choices: Sequence[str]) -> int | None:
    """Return the one option whose content `text` is, as words or as a number."""
    wanted = fold(text)
    same = [i for i, choice in enumerate(choices) if fold(choice) == wanted]
    if not same and (number := parse_number(peel(text))) is not None:
        values = [parse_number(peel(choice)) for choice in choices]
        same = [i for i, one in enumerate(values) if one is not None and _equal(one, number)]
    return same[0] if len(same) == 1 else None


def several(text: str, count: int) -> frozenset[int] | None:
    """Read `A, C`, `A and C` or `AC` as options."""
    bare = peel(text)
    if _SEVERAL.fullmatch(bare) or re.fullmatch(r"[A-J]{2,10}", bare):
        letters = re.findall(r"[A-Z]", bare)
        if len(set(letters)) == len(letters) and all(LETTERS.index(letter) < count for letter in letters):
            return frozenset(LETTERS.index(letter) for letter in letters)
    return None


def _equal(one: object, other: object) -> bool:
    return one == other or (getattr(one, "value", 0), getattr(one, "percent", 0)) == (
        getattr(other, "value", 1), getattr(other, "percent", 1))  # fmt: skip


def _phrase(text: str, choices: Sequence[str], rule: str) -> Picked | None:
    """Read a phrase that is an answer: a letter, an option's content, or both."""
    bare = peel(text)
    index = by_content(bare, choices)
    if index is not None:
        return Picked(frozenset({index}), bare, "choice_content" if len(bare) > 1 else "choice_letter")
    if re.fullmatch(r"[(\[]?\s*[a-z]\s*[)\].:]?", bare) and choices:
        bare = bare.upper()
    many = several(bare, len(choices) or len(LETTERS))
    if many is not None:
        return Picked(many, bare, "choice_letters")
    return _lettered(bare, choices, rule)


def _lettered(bare: str, choices: Sequence[str], rule: str) -> Picked | None:
    match = _LEAD.match(bare)
    if match is None or not _is_letter(match, rule):
        return None
    rest = match["rest"]
    if _EITHER.match(rest) or _JOINED.match(match["after"] + rest):
        return Picked(frozenset(), bare, "choice_several", "names several options")
    index = LETTERS.index(match["letter"])
    if index >= (len(choices) or len(LETTERS)):
        return Picked(frozenset(), bare, "choice_unmatched", f"there is no option {match['letter']}")
    content = by_content(rest, choices)
    if content is not None and content != index:
        return Picked(frozenset(), bare, "choice_conflict", "names one option's letter and another's content")
    if rule == "whole" and _DENIAL.search(rest):
        return None
    return Picked(frozenset({index}), bare, "choice_letter")


def _is_letter(match: re.Match[str], rule: str) -> bool:
    """Tell an option's letter from the beginning of a word, the article and the pronoun."""
    rest, mark = match["rest"], match["mark"]
    if not match["after"] and rest[:1].isalnum():
        return False
    bracket = match["after"][:1] in ("]", ")", "】")
    named = match.start("letter") > 0 and re.search(
        r"(?:option|choice|letter|选)", match.group(0)[: match.start("letter")]
    )
    if match["letter"] in "AI" and not (bracket or named or mark is not None) and rest[:1].islower():
        return False
    return rule != "whole" or bool(bracket or named or mark is not None or not rest)


def _last_line(text: str, choices: Sequence[str]) -> Picked | None:
    line = text.strip().rsplit("\n", 1)[-1]
    match = _LAST_LINE.fullmatch(line)
    return _phrase(match.group(1), choices, "whole") if match else None


def _sentence(sentence: str, choices: Sequence[str]) -> Picked | None:
    """Find the one option that the last sentence speaks of, unless it speaks against it."""
    if _DENIAL.search(sentence):
        return None
    letters = {(a or b).upper() for a, b in _SENTENCE.findall(sentence)}
    indices = {LETTERS.index(letter) for letter in letters} & set(range(len(choices) or len(LETTERS)))
    if len(indices) == 1:
        return Picked(frozenset(indices), sentence, "choice_letter")
    words = f" {' '.join(_WORDS.findall(fold(sentence)))} "
    named = [
        i for i, choice in enumerate(choices) if (key := " ".join(_WORDS.findall(fold(choice)))) and f" {key} " in words
    ]
    if len(named) == 1 and not indices and len(fold(choices[named[0]])) > 1:
        return Picked(frozenset(named), sentence, "choice_mentioned")
    return None
