"""The default verifier: routes by the known answer to choices, words or mathematics, and asks a judge last."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from schemas.answer import AnswerType
from schemas.policy import Policy
from schemas.protocols import Verifier
from schemas.request import Program
from schemas.sample import Sample
from schemas.score import RIGHT, UNDECIDED, WRONG, Verdict
from scorers._calendar import parse_clock, parse_day
from scorers._clean import peel
from scorers._extract import is_prose
from scorers._letters import by_content
from scorers._numbers import parse_number, parse_ratio
from scorers._options import options_of
from scorers._parts import answer_parts, said_parts
from scorers._reading import Reading, read, undecided
from scorers._terms import terms_of
from scorers.verify_box import VerifyBox
from scorers.verify_choice import VerifyChoice
from scorers.verify_math import VerifyMath, known
from scorers.verify_text import VerifyText

__all__ = ["VerifyAnswer"]

_NAME = "verify_answer"
_LETTER = re.compile(r"\(?[A-J]\)?|[A-J](?:\s*,\s*[A-J])+")
_YES_NO = frozenset({"yes", "no", "true", "false", "sí", "sì"})


@dataclass(frozen=True, slots=True)
class VerifyAnswer:
    """Right, wrong or undecided for any kind of answer, by the first rule that can tell."""

    version: ClassVar[int] = 4
    on: ClassVar[Literal["verify"]] = "verify"

    policy: Policy = field(default_factory=Policy)
    """What counts as the same, for every kind of answer."""
    judge: Verifier | None = None
    """Asked only where the rules leave it undecided, though there is a known answer and a text after the thinking."""
    deadline: float = 2.0
    """Seconds for what has to be computed in a worker; past it the rules leave the answer undecided."""

    def __call__(self, sample: Sample, prediction: str, /) -> Program[Verdict]:
        """Compare; may yield one `Call`, and what the judge asks."""
        reading = read(sample, prediction, _NAME)
        if isinstance(reading, Verdict):
            return reading
        verdict = yield from self._rules(sample, reading)
        if verdict.value == UNDECIDED and self.judge is not None:
            return (yield from self.judge(sample, reading.said))
        label = self.policy.label
        name = f"{_NAME}({label})" if label else _NAME
        return Verdict(verdict.value, verdict.rule, verdict.extracted, verdict.reason, name)

    def _rules(self, sample: Sample, reading: Reading) -> Program[Verdict]:
        kind = sample.answer.type if sample.answer else None
        if sample.choices:
            return VerifyChoice(self.policy).compare(reading, sample)
        if kind is AnswerType.BOX:
            return VerifyBox(self.policy).compare(reading)
        parts = answer_parts(peel(reading.gold))
        if parts is not None:
            return (yield from self._parts(sample, parts, reading))
        return (yield from self._single(sample, reading, kind))

    def _single(self, sample: Sample, reading: Reading, kind: AnswerType | None) -> Program[Verdict]:
        gold = peel(reading.gold)
        if kind is AnswerType.IDENTIFIER:
            case = self.policy.case if self.policy.case == "ignored" else "strict"
            return VerifyText(dataclasses.replace(self.policy, case=case)).compare(reading)
        if _LETTER.fullmatch(known(gold)) or _is_listed(known(gold), sample):
            verdict = VerifyChoice(self.policy).compare(reading, sample)
            if verdict.value != UNDECIDED:
                return verdict
        if gold.casefold() not in _YES_NO and mathematical(gold):
            math = VerifyMath(self.policy, self.deadline)
            return (yield from math.compare(reading, terms_of(sample, self.policy)))
        return VerifyText(self.policy).compare(reading, terms_of(sample, self.policy))

    def _parts(self, sample: Sample, parts: Mapping[str, str], reading: Reading) -> Program[Verdict]:
        """Compare part by part: one wrong part is wrong, one open part leaves the whole open."""
        said = said_parts(reading.said, parts)
        if said is None:
            return undecided("parts_unmatched", f"parts {', '.join(parts)} were not found in the answer", _NAME)
        found: dict[str, Verdict] = {}
        for label, gold in parts.items():
            found[label] = yield from self._single(sample, Reading(gold, said[label]), None)
        values = {verdict.value for verdict in found.values()}
        value = WRONG if WRONG in values else UNDECIDED if UNDECIDED in values else RIGHT
        extracted = " ".join(f"({label}) {verdict.extracted}" for label, verdict in found.items())
        reasons = "; ".join(f"({label}) {verdict.value} by {verdict.rule}" for label, verdict in found.items())
        return Verdict(value, "parts", extracted[:500], reasons, _NAME)


def _is_listed(gold: str, sample: Sample) -> bool:
    """Whether the known answer is the content of an option that the question lists by letters."""
    options = options_of(sample)
    return bool(options.contents) and not options.names and by_content(gold, options.contents) is not None


def mathematical(gold: str) -> bool:
    """Tell numbers, formulas, dates and times from words."""
    answer = known(gold)
    return any(parse(answer) is not None for parse in _READERS) or not is_prose(answer)


_READERS: tuple[Callable[[str], object], ...] = (parse_number, parse_day, parse_clock, parse_ratio)
