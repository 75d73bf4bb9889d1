r"""Where a worked solution begins to give its answer away, so that a beginning of it can be shown without that.

Two things give it away: words and marks that announce an answer (`\boxed{`, `####`, "the answer is"), and the known
answer itself, unless the question has it too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from schemas.answer import AnswerType, label
from schemas.sample import Sample

__all__ = ["giveaway"]

_ANNOUNCED = re.compile(
    r"\\(?:boxed|fbox)\b|####|\b(?:answers?|option|choice)\s*(?:is|are|:|=|must\s+be|will\s+be)|答案|故选|应选",
    re.IGNORECASE,
)
_LEADING_NUMBER = re.compile(r"[-+]?[^\w\s]{0,3}\s*(\d[\d,]*(?:\.\d+)?|\.\d+)")
_MEASURED = frozenset(
    {AnswerType.UNIT, AnswerType.MONEY, AnswerType.PERCENT, AnswerType.ANGLE, AnswerType.INTEGER, AnswerType.DECIMAL}
)
_NEVER = frozenset({AnswerType.YES_NO, AnswerType.BOX})
_LONGEST, _DIGITS = 80, 30
"""Characters and digits of an answer that is looked for: a longer one hardly stands in a solution as it is."""


def giveaway(sample: Sample, solution: str) -> int:
    """Return where the first thing stands that gives the answer away; the solution's length where nothing does."""
    telling = [_ANNOUNCED, *(one for one in _patterns(sample) if not one.search(sample.question))]
    places = [found.start() for one in telling if (found := one.search(solution))]
    return min(places, default=len(solution))


def _patterns(sample: Sample) -> Iterator[re.Pattern[str]]:
    """Yield what the known answer looks like: a number in any spelling, else its characters, blanks aside."""
    answer = sample.answer
    if answer is None or answer.type in _NEVER:
        return
    text = answer.text
    if answer.choice is not None and answer.choice < len(sample.choices):
        text = sample.choices[answer.choice]
        name = re.escape(label(answer.choice))
        said = rf"\b(?i:option|choice)\s+\(?{name}\b|[(\uff08]{name}[)\uff09]|\b{name}\s+is\s+(?:correct|right|true)\b"
        yield re.compile(said)
    for part in {text, text.rpartition("=")[2]}:
        bare = part.strip().strip("$").strip()
        number = _LEADING_NUMBER.match(bare)
        if number and len(number[1]) <= _DIGITS and (answer.type in _MEASURED or number.end() == len(bare)):
            yield _number(number[1])
        elif 1 < len(bare) <= _LONGEST:
            yield _literal(bare)


def _literal(text: str) -> re.Pattern[str]:
    joined = r"\s*".join(re.escape(char) for char in text if not char.isspace())
    before, after = (r"(?<!\w)" if text[0].isalnum() else ""), (r"(?!\w)" if text[-1].isalnum() else "")
    return re.compile(f"{before}{joined}{after}", re.IGNORECASE)


def _number(text: str) -> re.Pattern[str]:
    whole, _, part = text.replace(",", "").partition(".")
    digits = r"(?:,|\\,|\{,\})?".join(whole)
    fraction = rf"\.{part.rstrip('0')}0*" if part.rstrip("0") else r"(?:\.0+)?"
    return re.compile(rf"(?<![\w.]){digits}{fraction}(?![\w]|[.,]\d)")
