"""A reward from 1 to 5 for a training item, the RM(x) of Skywork R1V's iterations (arXiv 2504.05599, section 2.2).

The report selects by `RM(x) >= tau` with tau 2, 3, 4, 5 and says neither which model rates nor by what; here a model is
asked with anchored grades. Its own scale starts at 0, which no tau tells from 1.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from schemas import prompt as prompts
from schemas.canonical import JSON, fingerprint
from schemas.errors import ConfigError
from schemas.marks import plain
from schemas.request import Cause, Outcome, Program, Request, Sampling
from schemas.sample import Media, Message, Sample
from schemas.score import Score
from schemas.thinking import split
from schemas.trace import Trace
from scorers._rating import HIGHEST, LOWEST, counted, level, objects, scaled

__all__ = ["RewardRating"]

_SCHEMA: Mapping[str, JSON] = {
    "type": "object",
    "properties": {
        "reason": {"type": "string"},
        "rating": {"type": "integer", "enum": list(range(LOWEST, HIGHEST + 1))},
    },
    "required": ["reason", "rating"],
    "additionalProperties": False,
}
_LONGEST = 60_000
"""Characters of a text that are shown: its two ends."""
_CODE_DIGITS = 16


@dataclass(frozen=True, slots=True)
class RewardRating:
    """Grade of a question with its known answer, or of a trace of it; tau is compared with detail's `rating`."""

    version: ClassVar[int] = 2
    on: ClassVar[Literal["asked"]] = "asked"
    detail_fields: ClassVar[Mapping[str, type]] = {
        "rating": float,
        "votes": int,
        "spread": float,
        "ballots": str,
        "asked": int,
        "model": str,
        "trace": str,
    }
    role: str = "reward"
    """Where no model is bound to it, the one that is bound to all roles answers."""
    votes: int = 1
    """Independent grades, all asked for at once; the rating is their mean."""
    prompt: str = field(default_factory=lambda: prompts.load("scorers.prompts", "reward_rating"))
    """Its fields are `$code` and `$material`."""
    pictures: bool = True
    """False leaves pictures out, for models that cannot see."""
    sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0.2, max_tokens=2048))
    """Not at 0, so that votes and a second draw can differ."""
    structured: bool = True
    """Whether the JSON schema is sent; False for endpoints that refuse it."""

    def __post_init__(self) -> None:
        """Refuse a vote without voters."""
        if self.votes < 1:
            raise ConfigError(f"reward_rating needs at least 1 vote: got {self.votes}")

    def __call__(self, sample: Sample, /, trace: Trace | None = None) -> Program[Score]:
        """Return the grade of the sample, with `trace` as its solution; unscored where no vote can be had.

        Each whole reply without a grade in it is asked for once more.
        """
        outcomes: list[Outcome] = []
        votes: list[int] = []
        wanted = list(range(self.votes))
        for _ in range(2):
            replies = yield [self._request(sample, trace, index) for index in wanted]
            outcomes += replies
            found = [_rating(outcome) for outcome in replies]
            votes += [vote for vote in found if vote is not None]
            again = [i for i, o, v in zip(wanted, replies, found, strict=True) if v is None and o.cause is Cause.OK]
            wanted = [index + self.votes for index in again]
            if not wanted:
                break
        return _score(votes, outcomes, "" if trace is None else trace.id)

    def _request(self, sample: Sample, trace: Trace | None, index: int) -> Request:
        drawn = dataclasses.replace(self.sampling, schema=_SCHEMA if self.structured else None)
        pictures = [part for turn in sample.messages for part in turn.media] if self.pictures else []
        text = _case(sample, trace, self.prompt)
        return Request(self.role, prompts.user(*pictures, text), drawn, try_index=index, purpose="reward_rating")


def _case(sample: Sample, trace: Trace | None, template: str) -> str:
    """Write the item between marks whose code stands nowhere in it."""
    known = sample.answer.text if sample.answer is not None else ""
    blocks = {"question": _question(sample), "known answer": known}
    if trace is not None:
        blocks["solution"] = f"{trace.reasoning}\n\n{trace.answer}"
    texts = {name: _shown(text) for name, text in blocks.items()}
    code = fingerprint(list(texts.values()))[:_CODE_DIGITS]
    while any(code in text for text in texts.values()):
        code = fingerprint([code])[:_CODE_DIGITS]
    material = "\n\n".join(f"[{name} {code}]\n{text}\n[end {code}]" for name, text in texts.items())
    return prompts.fill(template, code=code, material=material)


def _question(sample: Sample) -> str:
    last = max((i for i, turn in enumerate(sample.messages) if turn.role == "user"), default=0)
    asked = Message("user", prompts.question_parts(sample))
    turns = (*sample.messages[:last], asked)
    return "\n\n".join(
        f"{turn.role}: {' '.join('[picture]' if isinstance(part, Media) else part for part in turn.content)}"
        for turn in turns
    )


def _shown(text: str) -> str:
    half = _LONGEST // 2
    return plain(text if len(text) <= _LONGEST else f"{text[:half]} [...] {text[-half:]}") or "(none)"


def _rating(outcome: Outcome) -> int | None:
    """Return the grade in the last object of a reply that has one."""
    if outcome.reply is None or outcome.cause is Cause.TRUNCATED:
        return None
    found = [level(item, "rating") for item in objects(split(outcome.reply.text).answer)]
    return next((vote for vote in reversed(found) if vote is not None), None)


def _score(votes: Sequence[int], outcomes: Sequence[Outcome], trace: str) -> Score:
    model = next((outcome.model for outcome in outcomes if outcome.model), "")
    told: dict[str, JSON] = {"votes": len(votes), "asked": len(outcomes), "model": model, "trace": trace}
    if not votes:
        return Score.unscored(_lost(outcomes), **told)
    count = counted(votes)
    told |= {"rating": count.mean, "spread": count.spread, "ballots": json.dumps(votes)}
    return Score(scaled(count.mean), reason=f"{model or 'the judge'}: {count.mean:g} of {HIGHEST}", detail=told)


def _lost(outcomes: Sequence[Outcome]) -> str:
    failed = next((outcome for outcome in outcomes if outcome.reply is None), None)
    if failed is not None:
        return f"the reward model did not answer: {failed.cause}"
    if any(outcome.cause is Cause.TRUNCATED for outcome in outcomes):
        return "the reward model's reply was cut at its token limit"
    return "the reward model twice gave no readable grade"
