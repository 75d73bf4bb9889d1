"""A judge that says whether a chain of reasoning leads to its conclusion, and is believed only where it earns it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from generators._stage_case import Material, case, plain, question, told, word
from schemas.answer import label
from schemas.request import Program, Request, Sampling
from schemas.sample import Sample

__all__ = ["Judging", "doubt"]

_DIGIT = re.compile(r"[1-9]")
_LABEL = re.compile(r"[\s*#_]{0,8}(?:(?:final\s+)?answer|答案)[\s*_]{0,8}[:\uff1a][\s*_]{0,8}", re.IGNORECASE)
_OTHER_DIGIT = dict(zip("123456789", "456789345", strict=True))
_OPPOSITE = {"yes": "no", "no": "yes", "true": "false", "false": "true"}


class Judging(NamedTuple):
    """How the reasoning is judged."""

    purpose: str
    role: str
    prompt: str
    """Asks for a JSON object with `leads` (yes, no, unsure), `quote` and `reason`; shows `$code` and `$material`."""
    sampling: Sampling
    control: bool
    """Whether the judge is also shown the reasoning with a conclusion it does not lead to."""


def doubt(
    sample: Sample, chain: Sequence[tuple[str, str]], conclusion: tuple[str, str], judging: Judging
) -> Program[tuple[str, str] | None]:
    """Ask the judge, and return the rule and reason by which its answer is no yes that can be relied on.

    Args:
        sample: its question is shown, with pictures.
        chain: named blocks that lead to the conclusion; a quote has to stand in the last of them.
        conclusion: the last block; for the control another one of the same kind takes its place.
        judging: whom to ask, and how.

    """
    name, text = conclusion
    shown = [text, _decoy(sample, text)] if judging.control else [text]
    outcomes = yield [_request(sample, (*chain, (name, each)), judging) for each in shown]
    opinions = [told(outcome, "leads") for outcome in outcomes]
    leads, *elsewhere = (word(opinion, "leads") for opinion in opinions)
    if not {leads, *elsewhere} <= {"yes", "no", "unsure"}:
        cause = next((outcome.cause for outcome in outcomes if not outcome.ok), "no readable opinion")
        return "judge_failed", f"no opinion on the reasoning: {cause}"
    if leads != "yes":
        rule = "reasoning_rejected" if leads == "no" else "reasoning_unsure"
        return rule, f"the judge: {opinions[0].get('reason', '')}"
    if "yes" in elsewhere:
        return "judge_lenient", "the judge says that the reasoning leads to another conclusion just as well"
    if not _quotes(str(opinions[0].get("quote", "")), chain[-1][1]):
        return "judge_quote", "what the judge quotes does not stand in the reasoning"
    return None


def _request(sample: Sample, blocks: Sequence[tuple[str, str]], judging: Judging) -> Request:
    material: Material = [("question", question(sample)), *((name, (text,)) for name, text in blocks)]
    return Request(judging.role, case(judging.prompt, material), judging.sampling, 0, f"{judging.purpose}.judge")


def _quotes(quote: str, reasoning: str) -> bool:
    words = " ".join(plain(quote).split())
    return bool(words) and words in " ".join(plain(reasoning).split())


def _decoy(sample: Sample, conclusion: str) -> str:
    """Return a conclusion of the same kind that the reasoning does not lead to if it leads to this one."""
    head = found.group() if (found := _LABEL.match(conclusion)) else ""
    known = sample.answer
    if known is not None and known.choice is not None and len(sample.choices) > 1:
        other = (known.choice + 1) % len(sample.choices)
        return f"{head}{label(other)}. {sample.choices[other]}"
    said = conclusion[len(head) :]
    if opposite := _OPPOSITE.get(said.strip().rstrip(".").casefold()):
        return f"{head}{opposite}"
    if digit := _DIGIT.search(said):
        return f"{head}{said[: digit.start()]}{_OTHER_DIGIT[digit.group()]}{said[digit.end() :]}"
    return f"{head}not {said}"
