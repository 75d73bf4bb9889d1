"""A judge that says whether a chain of reasoning leads to its conclusion, and is believed only where it earns it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from generators._stage_case import Material, case, question, told, word
from schemas.answer import label
from schemas.marks import plain
from schemas.request import Outcome, Program, Request, Sampling
from schemas.sample import Sample

__all__ = ["Judging", "doubt"]

_DIGIT = re.compile(r"[1-9]")
_LABEL = re.compile(r"[\s*#_]{0,8}(?:(?:final\s+)?answer|答案)[\s*_]{0,8}[:\uff1a][\s*_]{0,8}", re.IGNORECASE)
_LATER = 0.7
"""Temperature of what is asked once more: at 0 a judge would break its reply again."""
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

    What cannot be read is asked for once more: a broken object would cost a chain that was dear to write.

    Args:
        sample: its question is shown, with pictures.
        chain: named blocks that lead to the conclusion; a quote has to stand in the last of them.
        conclusion: the last block; for the control another one of the same kind takes its place.
        judging: whom to ask, and how.

    """
    name, text = conclusion
    shown = [text, _decoy(sample, text)] if judging.control else [text]
    requests = [_request(sample, (*chain, (name, each)), judging) for each in shown]
    outcomes = list((yield requests))
    if unread := [place for place, outcome in enumerate(outcomes) if outcome.ok and not _leads(outcome)]:
        for place, outcome in zip(unread, (yield [_once_more(requests[place]) for place in unread]), strict=True):
            outcomes[place] = outcome
    leads, *elsewhere = map(_leads, outcomes)
    opinion = told(outcomes[0], "leads")
    if leads in ("no", "unsure"):
        rule = "reasoning_rejected" if leads == "no" else "reasoning_unsure"
        return rule, f"the judge: {opinion.get('reason', '')}"
    if not all((leads, *elsewhere)):
        cause = next((outcome.cause for outcome in outcomes if not outcome.ok), "no readable opinion")
        return "judge_failed", f"no opinion on the reasoning: {cause}"
    if "yes" in elsewhere:
        return "judge_lenient", "the judge says that the reasoning leads to another conclusion just as well"
    if not _quotes(str(opinion.get("quote", "")), chain[-1][1]):
        return "judge_quote", "what the judge quotes does not stand in the reasoning"
    return None


def _request(sample: Sample, blocks: Sequence[tuple[str, str]], judging: Judging) -> Request:
    material: Material = [("question", question(sample)), *((name, (text,)) for name, text in blocks)]
    return Request(judging.role, case(judging.prompt, material), judging.sampling, 0, f"{judging.purpose}.judge")


def _once_more(request: Request) -> Request:
    return replace(request, sampling=replace(request.sampling, temperature=_LATER), try_index=1)


def _leads(outcome: Outcome) -> str:
    """Return the opinion in a reply; empty where there is none."""
    found = word(told(outcome, "leads"), "leads")
    return found if found in ("yes", "no", "unsure") else ""


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
