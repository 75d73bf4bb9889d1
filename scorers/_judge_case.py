"""What a judge of answers is shown: short, cleaned, between marks it cannot close; and a wrong answer to test it."""

from __future__ import annotations

import re
from typing import NamedTuple

from schemas import prompt as prompts
from schemas.answer import AnswerType, label
from schemas.canonical import fingerprint
from schemas.marks import plain
from schemas.policy import Policy
from schemas.sample import Sample
from scorers._clean import peel
from scorers._extract import last_sentence, stated
from scorers._reading import Reading

__all__ = ["Case", "counts", "has_content"]

_QUESTION = 4000
"""Characters of a question that are shown: its two ends."""
_CODE_DIGITS = 16
_TAGS = re.compile(r"<\s*/?[a-zA-Z][^<>]*>")
_WORD = re.compile(r"[^\W_]+")
_DIGIT = re.compile(r"[1-9]")
_OTHER_DIGIT = dict(zip("123456789", "456789345", strict=True))
"""Another leading digit: never within a tolerance of the first."""
_OPPOSITE = {"yes": "no", "no": "yes", "true": "false", "false": "true"}
_FLUFF_WORDS = """
a an and answer answers analysis as boxed by below carefully completely conclusion confirmed consider correct correctly
definitely detailed equivalent exactly explanation final follows given grade here hence i is it its judgement judgment
know let lets me my of ok okay output process perfectly problem question reason reasoning reference response result
right s score solution solve solved solving step steps sure task the therefore think thinking this thought thus to truth
valid verdict verified verify we with
antwort richtig lösung die der das la le el es est il réponse respuesta respuestas solución correcta correcto
correcte soluzione risposta resposta solução ответ решение правильный правильно верно это
정답 풀이 해설 답 かいせつ かいとう الجواب الحل उत्तर समाधान
"""
_FLUFF = frozenset(_FLUFF_WORDS.split())
_FUNCTION = frozenset({"and", "is", "it", "of", "the", "to"})
_HAN_FLUFF = frozenset("答案是正确的解题思考过程最终结果如下说明析我们来一步骤解説正しい回答")


class Case(NamedTuple):
    """The three texts of one comparison, each on one line or, for the question, as it was."""

    question: str
    known: str
    answer: str

    @classmethod
    def of(cls, sample: Sample, reading: Reading, longest: int) -> Case:
        """Take the final answers out of both sides; one longer than `longest` characters comes back longer."""
        texts = [part for part in prompts.question_parts(sample, pictures=False) if isinstance(part, str)]
        question = "\n".join(texts)
        if len(question) > _QUESTION:
            question = f"{question[: _QUESTION // 2]} [...] {question[-_QUESTION // 2 :]}"
        return cls(plain(question), _known(sample, reading.gold, longest), _final(reading.said, longest))

    def with_decoy(self, sample: Sample) -> Case:
        """Return the case with an answer in the known one's place that is wrong and of its kind."""
        return self._replace(known=_decoy(sample, self.known))

    def text(self, template: str) -> str:
        """Fill the template, with a code for the marks that occurs nowhere in the material."""
        code = fingerprint(list(self))[:_CODE_DIGITS]
        while any(code in part for part in self):
            code = fingerprint([code, *self])[:_CODE_DIGITS]
        return prompts.fill(template, code=code, **self._asdict())


def has_content(case: Case) -> bool:
    """Whether the candidate says anything that could be an answer; words of the known answer always could."""
    known = _WORD.findall(case.known.casefold())
    telling = {word for word in known if len(word) == 1 or word not in _FUNCTION} or set(known)
    said = _WORD.findall(_TAGS.sub(" ", case.answer).casefold())
    return any(word in telling or not _is_fluff(word) for word in said)


def counts(policy: Policy) -> str:
    """Say in words what a policy takes for the same answer, for a judge."""
    lines = [_UNITS[policy.units], _PERCENT[policy.percent], _ORDER[policy.order], _CHOICE[policy.choice]]
    if policy.tolerant:
        lines.append(
            f"A measured or read-off number may differ by {policy.relative:.3g} of the known one or by "
            f"{policy.absolute:.3g}; years, counts and identifiers may not."
        )
    lines.append(f"A decimal may stand for an endless one if its first {policy.digits} significant digits agree.")
    if policy.case == "strict":
        lines.append("Upper and lower case differ.")
    return "\n".join(f"- {line}" for line in lines)


_UNITS = {
    "optional": "A unit may be left out; where both have one, it must measure the same thing, and sizes are converted.",
    "required": "A unit that the known answer has must be given, or one that converts to it.",
    "ignored": "Units do not count, only the numbers do.",
}
_PERCENT = {
    "asked": "A bare number stands for a percentage only where the question asks for percent.",
    "value": "30% is 0.3 and never 30.",
    "either": "30% is both 30 and 0.3.",
}
_ORDER = {
    "kind": "Order counts in pairs, vectors and matrices, not in lists and sets.",
    "strict": "Order counts in every list.",
    "free": "Order counts only in matrices and intervals.",
}
_CHOICE = {
    "either": "An option may be named by its letter or by its content.",
    "letter": "An option must be named by its letter.",
    "content": "An option must be named by its content.",
}


def _is_fluff(word: str) -> bool:
    return word in _FLUFF or all(char in _HAN_FLUFF for char in word)


def _known(sample: Sample, gold: str, longest: int) -> str:
    option = sample.answer.choice if sample.answer is not None else None
    if option is not None and option < len(sample.choices):
        return _option(sample, option)
    return _final(gold, longest)


def _option(sample: Sample, index: int) -> str:
    return _line(f"{label(index)}. {sample.choices[index]}")


def _final(text: str, longest: int) -> str:
    """Return the answer a text states, else the whole text if that is short, else its last sentence."""
    said = stated(text)
    if said is not None:
        return _line(said.text)
    whole = _line(text)
    return whole if len(whole) <= longest else _line(last_sentence(text))


def _line(text: str) -> str:
    return " ".join(plain(peel(text)).split())


def _decoy(sample: Sample, known: str) -> str:
    answer = sample.answer
    if answer is not None and answer.choice is not None and len(sample.choices) > 1:
        return _option(sample, (answer.choice + 1) % len(sample.choices))
    if known.casefold() in _OPPOSITE:
        return _OPPOSITE[known.casefold()]
    if digit := _DIGIT.search(known):
        return f"{known[: digit.start()]}{_OTHER_DIGIT[digit.group()]}{known[digit.end() :]}"
    if any(char.isdecimal() for char in known):
        return "7"
    if answer is not None and answer.type is AnswerType.EXPRESSION:
        return f"{known} + 1"
    return known[4:] if known.casefold().startswith("not ") else f"not {known}"
