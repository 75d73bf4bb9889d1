"""The default verifier: routes by the known answer to choices, words or mathematics, and asks a judge last."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from schemas.protocols import Verifier
from schemas.request import Program
from schemas.sample import Sample
from schemas.score import UNDECIDED, Verdict
from scorers._calendar import parse_clock, parse_day
from scorers._clean import peel
from scorers._extract import is_prose
from scorers._numbers import parse_number
from scorers._reading import Reading, read
from scorers.verify_choice import VerifyChoice
from scorers.verify_math import VerifyMath, known
from scorers.verify_text import VerifyText

__all__ = ["VerifyAnswer"]

_NAME = "verify_answer"
_LETTER = re.compile(r"\(?[A-J]\)?|[A-J](?:\s*,\s*[A-J])+")
_YES_NO = frozenset({"yes", "no", "true", "false"})


@dataclass(frozen=True, slots=True)
class VerifyAnswer:
    """Right, wrong or undecided for any kind of answer, by the first rule that can tell."""

    version: ClassVar[int] = 1
    on: ClassVar[Literal["verify"]] = "verify"

    math: VerifyMath = field(default_factory=VerifyMath)
    choice: VerifyChoice = field(default_factory=VerifyChoice)
    text: VerifyText = field(default_factory=VerifyText)
    judge: Verifier | None = None
    """Asked only where the rules leave it undecided though there is an answer."""

    def __call__(self, sample: Sample, prediction: str, /) -> Program[Verdict]:
        """Compare; may yield one `Call`, and what the judge asks."""
        reading = read(sample, prediction, _NAME)
        if isinstance(reading, Verdict):
            return reading
        verdict = yield from self._rules(sample, reading)
        if verdict.value == UNDECIDED and self.judge is not None and verdict.rule not in ("no_gold", "no_answer_found"):
            return (yield from self.judge(sample, reading.said))
        return dataclasses.replace(verdict, verifier=_NAME)

    def _rules(self, sample: Sample, reading: Reading) -> Program[Verdict]:
        gold = peel(reading.gold)
        if sample.choices:
            return self.choice.compare(reading, sample)
        if _LETTER.fullmatch(known(gold)):
            verdict = self.choice.compare(reading, sample)
            if verdict.value != UNDECIDED:
                return verdict
        if gold.casefold() not in _YES_NO and mathematical(gold):
            asked = bool(re.search(r"percent|per cent|%|百分", sample.question, re.IGNORECASE))
            return (yield from self.math.compare(reading, percent_asked=asked))
        return self.text.compare(reading)


def mathematical(gold: str) -> bool:
    """Tell numbers, formulas, dates and times from words."""
    answer = known(gold)
    readable = (parse_number(answer), parse_day(answer), parse_clock(answer))
    return any(one is not None for one in readable) or not is_prose(answer)
