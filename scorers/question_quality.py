"""Question quality: a judge rates wording, coherence, difficulty, reasoning and knowledge against anchored levels.

The textual scores of Skywork R1V (arXiv 2504.05599, section 2.3: question quality, difficulty, reasoning demand). The
value is the quality alone; difficulty, demand and knowledge are evidence for the length controller and for select.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from schemas import prompt as prompts
from schemas.canonical import JSON
from schemas.request import Cause, Program, Request, Sampling
from schemas.sample import Media, Message, Sample
from schemas.score import Score
from schemas.thinking import split

if TYPE_CHECKING:
    from scorers._rating import Rating

__all__ = ["QuestionQuality"]


@dataclass(frozen=True, slots=True)
class QuestionQuality:
    """Mean of wording and coherence, rated 1 to 5 by a judge and scaled to [0, 1]; a second draw if unreadable."""

    version: ClassVar[int] = 1
    on: ClassVar[Literal["asked"]] = "asked"
    detail_fields: ClassVar[Mapping[str, type]] = {
        "wording": float,
        "coherence": float,
        "difficulty": float,
        "reasoning_demand": float,
        "knowledge": float,
        "asked": int,
        "model": str,
    }
    role: str = "judge"
    prompt: str = field(default_factory=lambda: prompts.load("scorers.prompts", "question_quality"))
    pictures: bool = True
    """False marks the places of pictures instead of sending them, for judges that cannot see."""
    temperature: float = 0.2
    """Not 0, so that a second draw can differ from an unreadable first."""
    max_tokens: int = 2048
    """Room for a thinking judge."""
    structured: bool = True
    """Whether the JSON schema is sent; False for endpoints that refuse it."""

    def __call__(self, sample: Sample, /) -> Program[Score]:
        """Return the rating; unscored where the judge fails, or twice says nothing readable."""
        from scorers._rating import read

        for index in (0, 1):
            (outcome,) = yield [self._request(sample, index)]
            if outcome.reply is None:
                return Score.unscored(f"the judge did not answer: {outcome.cause}", asked=index + 1)
            rating = read(split(outcome.reply.text).answer)
            if rating is not None:
                return _score(rating, asked=index + 1, model=outcome.model)
            if outcome.cause is Cause.TRUNCATED:
                # Never asked for again at the same limit.
                return Score.unscored("the judge's reply was cut at its token limit", asked=index + 1)
        return Score.unscored("the judge twice gave no readable rating", asked=2, model=outcome.model)

    def _request(self, sample: Sample, index: int) -> Request:
        drawn = Sampling(
            temperature=self.temperature, max_tokens=self.max_tokens, schema=SCHEMA if self.structured else None
        )
        return Request(self.role, self._messages(sample), drawn, try_index=index, purpose="question_quality")

    def _messages(self, sample: Sample) -> tuple[Message, ...]:
        """Put the sample between marks, as material: an earlier turn or a system text must not steer the judge."""
        last = max((i for i, turn in enumerate(sample.messages) if turn.role == "user"), default=0)
        parts: list[str | Media] = []
        for turn in sample.messages[:last]:
            parts += (f"[{turn.role}]", *turn.content)
        if parts:
            parts.append("[user]")
        parts += prompts.question_parts(sample)
        shown = [self._shown(part) for part in parts]
        return (Message.of("system", self.prompt), *prompts.user("<question>", *shown, "</question>"))

    def _shown(self, part: str | Media) -> str | Media:
        if isinstance(part, str):
            return _MARK.sub("(question)", part)  # the material must not be able to end itself
        return part if self.pictures else "[picture, not shown]"


def _score(rating: Rating, *, asked: int, model: str) -> Score:
    wording, coherence = rating.scaled("wording"), rating.scaled("coherence")
    detail: dict[str, JSON] = {
        "wording": wording,
        "coherence": coherence,
        "difficulty": rating.scaled("difficulty"),
        "reasoning_demand": rating.scaled("reasoning"),
        "knowledge": rating.scaled("knowledge"),
        "asked": asked,
        "model": model,
    }
    return Score((wording + coherence) / 2, reason=" ".join(rating.reason.split())[:300], detail=detail)


_MARK = re.compile(r"<\s*/?\s*question\s*>", re.IGNORECASE)
ASPECTS = ("wording", "coherence", "difficulty", "reasoning", "knowledge")
SCHEMA: Mapping[str, JSON] = {
    "type": "object",
    "properties": {
        "reason": {"type": "string"},
        # An enum, because strict structured output does not take minimum and maximum everywhere.
        **{name: {"type": "integer", "enum": [1, 2, 3, 4, 5]} for name in ASPECTS},
    },
    "required": ["reason", *ASPECTS],
    "additionalProperties": False,
}
"""The form of a judge's reply; the reason comes first so that the numbers follow from it."""
