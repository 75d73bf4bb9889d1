"""Whether a trace keeps to one language, as far as scripts tell languages apart.

English and French are one script, and a switch between them is not seen: telling them apart needs a model of languages,
which is more than a column is worth. Formulas, code, addresses, quotations, what the question itself writes in another
script, and Latin names and terms inside another script are no switch.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar, Literal

from schemas.canonical import JSON
from schemas.errors import ConfigError
from schemas.sample import Sample
from schemas.score import Score
from schemas.trace import Trace
from scorers._scripts import Segment, letters_of, main_script, prose, segments
from scorers._traces import place, shown, written

__all__ = ["Language"]

_LEAST = 20
"""Letters below which nothing is said of a text's script."""
_DENSE = 3
"""So many letters count for one of a script that writes words with one or two."""
_WORD = re.compile(r"[^\W\d_]{2,}")
_ASIDE = re.compile(r"[(\uff08\[][^()\uff08\uff09\[\]\n]{1,80}[)\uff09\]]|\*\*[^*\n]{1,80}\*\*")
_TERMS = 0.5
"""Share of Latin letters that names and terms may have in a paragraph of another script."""


@dataclass(frozen=True, slots=True)
class Language:
    """Share of the letters of reasoning and answer that are in the reference's script."""

    version: ClassVar[int] = 2
    on: ClassVar[Literal["trace"]] = "trace"
    detail_fields: ClassVar[Mapping[str, type]] = {
        "reference": str,
        "reasoning": str,
        "answer": str,
        "shares": str,
        "switches": int,
        "foreign": int,
        "part": str,
        "at": int,
        "text": str,
    }

    reference: Literal["question", "trace"] = "question"
    """Whose script counts. `trace` asks only that the trace keeps to one, for data that thinks in another language."""
    most: float = 0.02
    """Share of letters in other scripts that passes."""
    script: str = ""
    """Counts whatever the question is written in: `Han`, `Latin`, `Cyrillic`, ..., as Unicode names letters."""

    def __post_init__(self) -> None:
        """Refuse a share that is none."""
        if not 0 <= self.most <= 1:
            raise ConfigError(f"the share of foreign letters that passes is from 0 to 1: got {self.most:g}")

    def __call__(self, sample: Sample, trace: Trace, /) -> Score:
        """Compare scripts; unscored where the trace has too few letters outside formulas."""
        text = _foreign_words_of_the_question(prose(written(trace)), sample)
        found = segments(text)
        counts = sum((one.letters for one in found), Counter[str]())
        if counts.total() < _LEAST:
            return Score.unscored("too few letters outside formulas, code and quotations")
        reference = self.script or self._script(sample, counts)
        marked = [(one, _foreign(one, reference)) for one in found]
        foreign = sum(amount for _, amount in marked)
        value = round(1 - foreign / counts.total(), 4)
        detail: dict[str, JSON] = {
            "reference": reference,
            "reasoning": _script_of(found, trace, "reasoning"),
            "answer": _script_of(found, trace, "answer"),
            "shares": ", ".join(f"{name} {times / counts.total():.3f}" for name, times in counts.most_common(4)),
            "switches": sum(1 for _ in groupby(main_script(one.letters) for one in found)) - 1,
            "foreign": foreign,
        }
        passed = 1 - value <= self.most
        if not foreign:
            return Score(value, passed, "", detail)
        start, said = _first(marked, reference)
        at = place(trace, start)
        detail |= {"part": at.part, "at": at.offset, "text": shown(said)}
        reason = f"{1 - value:.1%} not {reference}: {shown(said, 60)!r} ({at.part}, character {at.offset})"
        return Score(value, passed, reason, detail)

    def _script(self, sample: Sample, written: Counter[str]) -> str:
        """Return the script that counts: the question's, or the trace's own where that has too few letters."""
        asked = letters_of(prose(sample.question))
        own = self.reference == "question" and _weight(asked) >= _LEAST
        return main_script(asked if own else written)


def _weight(letters: Counter[str]) -> int:
    """Count letters, those of scripts without an alphabet for more: twelve Chinese ones are a question."""
    return letters.total() + (_DENSE - 1) * (letters["Han"] + letters["Kana"])


def _foreign_words_of_the_question(text: str, sample: Sample) -> str:
    """Blank out words that question or options write themselves in a script that is not theirs in the main."""
    asked = "\n".join((sample.question, *sample.choices))
    main = main_script(letters_of(asked))
    if len(letters_of(asked)) <= 1:
        return text
    known = {word for word in _WORD.findall(asked) if main_script(letters_of(word)) != main}
    return _WORD.sub(lambda word: " " * len(word.group()) if word.group() in known else word.group(), text)


def _script_of(found: list[Segment], trace: Trace, part: str) -> str:
    counts = [one.letters for one in found if place(trace, one.start + len(one.text) // 2).part == part]
    return main_script(sum(counts, Counter[str]()))


def _same(script: str, reference: str) -> bool:
    return script == reference or {script, reference} == {"Han", "Kana"}


def _foreign(one: Segment, reference: str) -> int:
    """Count the letters of a paragraph that are in another script, names and terms in Latin letters aside."""
    others = {script: times for script, times in one.letters.items() if not _same(script, reference)}
    if others.get("Latin") and others["Latin"] <= _TERMS * one.letters.total():
        del others["Latin"]
    aside = letters_of(" ".join(_ASIDE.findall(one.text))) if others else Counter[str]()
    return sum(max(0, times - aside[script]) for script, times in others.items())


def _first(marked: list[tuple[Segment, int]], reference: str) -> tuple[int, str]:
    """Return where the first paragraph with foreign letters has them, and what follows."""
    one = next(segment for segment, amount in marked if amount)
    for word in re.finditer(r"[^\W\d_]+", one.text):
        if not _same(main_script(letters_of(word.group())), reference):
            return one.start + word.start(), one.text[word.start() : word.start() + 200]
    return one.start, one.text[:200]
