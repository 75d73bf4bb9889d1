"""Vision-text integration: how closely text and picture must be read together, from patterns in the question alone.

After the vision-text integration analysis (VTIA) of Skywork R1V (arXiv 2504.05599, section 2.3), which has a language
model look for these patterns: *why* and *how* with presupposition triggers, relations of place between several objects
and co-occurring domain terms raise the score; plain *what* and *where* with a definite article, naming an object and
text that does without its picture lower it. Here the patterns are exact and their matches are the evidence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

from schemas.canonical import JSON
from schemas.protocols import ReadMedia
from schemas.sample import Sample
from schemas.score import Score
from scorers import _integration_patterns as patterns

__all__ = ["Integration"]

_START = 0.35
_RAISES: Mapping[str, float] = {"causal": 0.25, "spatial": 0.2, "domain": 0.2, "reference": 0.2}
_LOWERS: Mapping[str, float] = {"plain": 0.15, "naming": 0.25, "independent": 0.15}
_SHORT = 14  # words; a plain question longer than this says more than its interrogative
_QUESTION_MARKS = ("?", "\uff1f")  # Latin and Chinese
_SENTENCE = re.compile(r"[^.?!\u3002\uff1f\uff01\n]+(?:\.(?=\S)[^.?!\u3002\uff1f\uff01\n]*)*[.?!\u3002\uff1f\uff01]?")
_POINTING = re.compile(r"\b(?:this|these|those|here)\b|\b(?:find|value of) \$?[a-z]\b|这|那", re.IGNORECASE)
_SHOWN = 5  # matches of a family that are quoted


class _Found(NamedTuple):
    """Matches by family, each once, and how strongly each family speaks, in [0, 1]."""

    matches: Mapping[str, list[str]]
    weight: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Integration:
    """How much the question ties text and picture together, from word patterns in English and Chinese."""

    version: ClassVar[int] = 1
    on: ClassVar[Literal["sample"]] = "sample"
    detail_fields: ClassVar[Mapping[str, type]] = {
        "causal": int,
        "presupposition": int,
        "spatial": int,
        "objects": int,
        "domain_terms": int,
        "domain": str,
        "reference": int,
        "plain": int,
        "naming": int,
        "evidence": str,
    }

    def __call__(self, sample: Sample, read: ReadMedia) -> Score:
        """Rate the question's text without opening a picture; unscored where the sample has none to integrate."""
        if not sample.media:
            return Score.unscored("no picture")
        found = _find(sample.question, pictures=len(sample.media))
        raised = sum(amount * found.weight[name] for name, amount in _RAISES.items())
        lowered = sum(amount * found.weight[name] for name, amount in _LOWERS.items())
        value = min(1.0, max(0.0, _START + raised - lowered))
        return Score(round(value, 4), None, _reason(found), _detail(found))


def _find(question: str, *, pictures: int) -> _Found:
    text = re.sub(r"<image\d*>", " ", question).strip()
    asked = _asked(text)
    by_domain = {name: _each(pattern, text) for name, pattern in patterns.DOMAINS.items()}
    domain, terms = max(by_domain.items(), key=lambda found: len(found[1]))
    matches = {
        "causal": _each(patterns.CAUSAL, text),
        "presupposition": _each(patterns.PRESUPPOSITION, text),
        "spatial": _each(patterns.SPATIAL, text),
        "objects": _objects(text),
        "domain_terms": terms,
        "domain": [domain] if terms else [],
        "reference": _each(patterns.REFERENCE, text),
        "plain": _plain(asked),
        "naming": _each(patterns.NAMING, asked),
    }
    return _Found(matches, _weigh(matches, asked=asked, pictures=pictures))


def _weigh(matches: Mapping[str, list[str]], *, asked: str, pictures: int) -> dict[str, float]:
    count = {name: len(found) for name, found in matches.items()}
    why = patterns.CAUSAL.search(asked) is not None
    causal = (1.0 if why else 0.5) * (1.0 if count["presupposition"] else 0.4) if count["causal"] else 0.0
    related = min(count["spatial"], max(0, count["objects"] - 1))
    tied = count["reference"] + (pictures > 1)
    return {
        "causal": causal,
        "spatial": _saturating(related),
        "domain": _saturating(count["domain_terms"] - 1),
        "reference": _saturating(tied),
        "plain": float(bool(count["plain"])),
        "naming": float(bool(count["naming"])),
        "independent": float(not (tied or count["spatial"] or _deictic(asked))),
    }


def _saturating(count: int) -> float:
    """Half for the first, three quarters for two, and so on towards 1."""
    return float(1 - 0.5 ** max(0, count))


def _asked(text: str) -> str:
    """Return the last sentence that asks: the last with a question mark, else the last one."""
    sentences = [part for match in _SENTENCE.finditer(text) if (part := match.group().strip())]
    asking = [part for part in sentences if part.endswith(_QUESTION_MARKS)]
    return (asking or sentences or [""])[-1]


def _each(pattern: re.Pattern[str], text: str) -> list[str]:
    """Return each different match once, in order of appearance, white space squeezed and case folded."""
    return list(dict.fromkeys(" ".join(match.group().split()).casefold() for match in pattern.finditer(text)))


def _objects(text: str) -> list[str]:
    named = [match.group(1) or match.group() for match in patterns.OBJECTS.finditer(text)]
    labels = [match.group() for match in patterns.LABELS.finditer(text) if match.group() not in ("A", "I")]
    return list(dict.fromkeys([*(name.casefold() for name in named), *labels]))


def _plain(asked: str) -> list[str]:
    """A short question with a plain interrogative and a definite article or pronoun."""
    match = patterns.PLAIN.search(asked)
    short = len(asked.split()) <= _SHORT
    return [match.group().strip().casefold()] if match and short and patterns.DEFINITE.search(asked) else []


def _deictic(asked: str) -> bool:
    """Whether the question points at something that only a picture can hold."""
    return bool(re.search(r"\b(?:this|these|those|here)\b|这|那", asked, re.IGNORECASE)) or bool(
        patterns.LABELS.search(asked)
    )


def _reason(found: _Found) -> str:
    signs = [f"+{name}" for name in _RAISES if found.weight[name]] + [
        f"-{name}" for name in _LOWERS if found.weight[name]
    ]
    return " ".join(signs) or "no pattern"


def _detail(found: _Found) -> dict[str, JSON]:
    quoted = "; ".join(f"{name}: {', '.join(hits[:_SHOWN])}" for name, hits in found.matches.items() if hits)
    counts: dict[str, JSON] = {name: len(hits) for name, hits in found.matches.items() if name != "domain"}
    return {**counts, "domain": "".join(found.matches["domain"]), "evidence": quoted}
