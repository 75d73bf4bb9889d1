"""A judge model compares the final answer with the known one, where rules cannot tell.

Judges of this kind are known to say yes to empty symbols, openers like "Thought process:" and orders to say yes
(arXiv 2505.22203; arXiv 2507.08794). So the judge is shown the answer alone and never the reasoning, has to quote it,
and a yes counts only if the same judge says no to the same answer beside a wrong known answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from schemas import prompt as prompts
from schemas.policy import Policy
from schemas.request import Cause, Outcome, Program, Request, Sampling
from schemas.sample import Media, Message, Sample
from schemas.score import RIGHT, WRONG, Verdict
from scorers import _judge_case as cases
from scorers._judge_case import Case
from scorers._judge_reply import SCHEMA, Fault, Opinion, agreed, read
from scorers._reading import read as both_sides
from scorers._reading import undecided

__all__ = ["VerifyJudge"]

_NAME = "verify_judge"
_LATER = 0.7
"""Temperature of every draw after the first, so that a vote or a second draw can differ."""


@dataclass(frozen=True, slots=True)
class VerifyJudge:
    """Right or wrong by what a judge model says of the final answer; undecided wherever it cannot be relied on.

    One request where the judge says no, two where it says yes (times `votes`); none where there is nothing to judge.
    """

    version: ClassVar[int] = 2
    on: ClassVar[Literal["verify"]] = "verify"

    role: str = "judge"
    policy: Policy = field(default_factory=Policy)
    """What counts as the same answer; put into the prompt in words."""
    control: bool = True
    """A yes is checked by asking again with a wrong known answer: a judge that does not say no to that is not
    believed. Without it a yes costs half, and an answer that talks the judge into yes is kept."""
    votes: int = 1
    """Draws that all have to agree."""
    pictures: bool = False
    """Whether the question's pictures are sent."""
    longest: int = 400
    """Characters of an answer that are judged; a longer one is undecided, for a part of it proves nothing."""
    max_tokens: int = 1024
    """Of a reply; room for a short thought."""
    structured: bool = True
    """Whether the JSON schema is sent; False for endpoints that refuse it."""
    prompt: str = field(default_factory=lambda: prompts.load("scorers.prompts", "verify_judge"))
    case: str = field(default_factory=lambda: prompts.load("scorers.prompts", "verify_judge_case"))

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense.

        Raises:
            ValueError: fewer than one vote or character.

        """
        if self.votes < 1 or self.longest < 1:
            message = f"votes={self.votes} and longest={self.longest} must be 1 or more"
            raise ValueError(message)

    def __call__(self, sample: Sample, prediction: str, /) -> Program[Verdict]:
        """Ask; the prediction's thinking is cut off first."""
        name = f"{_NAME}({self.policy.label})" if self.policy.label else _NAME
        reading = both_sides(sample, prediction, name)
        if isinstance(reading, Verdict):
            return reading
        shown = Case.of(sample, reading, self.longest)
        fault = self._hopeless(shown)
        if fault is None:
            opinion = yield from self._opinion(sample, shown)
            if isinstance(opinion, Opinion) and opinion.equivalent == "yes" and self.control:
                opinion = yield from self._controlled(sample, shown, opinion)
            if isinstance(opinion, Opinion):
                reason = f"{opinion.model or 'the judge'}: {opinion.reason}"[:300]
                value = RIGHT if opinion.equivalent == "yes" else WRONG
                return Verdict(value, "judge", shown.answer, reason, name)
            fault = opinion
        return undecided(fault.rule, fault.reason, name, shown.answer)

    def _hopeless(self, shown: Case) -> Fault | None:
        """Say why it is no use to ask."""
        if not cases.has_content(shown):
            return Fault("judge_nothing_to_judge", "the answer holds no value, word or letter that could be one")
        longest = max(len(shown.answer), len(shown.known))
        if longest > self.longest:
            return Fault(
                "judge_too_long", f"an answer of {longest} characters is not judged, {self.longest} is the most"
            )
        return None

    def _controlled(self, sample: Sample, shown: Case, opinion: Opinion) -> Program[Opinion | Fault]:
        """Return the opinion if the judge says no to the same answer beside a wrong known one."""
        other = yield from self._opinion(sample, shown.with_decoy(sample))
        if isinstance(other, Fault):
            return other._replace(reason=f"in the control: {other.reason}"[:300])
        if other.equivalent == "yes":
            return Fault("judge_fooled", f"the judge says yes to a wrong known answer too: {other.reason}"[:300])
        return opinion

    def _opinion(self, sample: Sample, shown: Case) -> Program[Opinion | Fault]:
        outcomes = yield [self._request(sample, shown, index) for index in range(self.votes)]
        said = []
        for index, outcome in enumerate(outcomes):
            found = read(outcome, shown.answer)
            if _unreadable(outcome, found):
                (again,) = yield [self._request(sample, shown, self.votes + index)]
                found = read(again, shown.answer)
            said.append(found)
        return agreed(said)

    def _request(self, sample: Sample, shown: Case, index: int) -> Request:
        drawn = Sampling(
            temperature=_LATER if index else 0.0,
            max_tokens=self.max_tokens,
            schema=SCHEMA if self.structured else None,
        )
        rubric = Message.of("system", prompts.fill(self.prompt, counts=cases.counts(self.policy)))
        pictures = [part for part in prompts.question_parts(sample) if self.pictures and isinstance(part, Media)]
        messages = (rubric, *prompts.user(*pictures, shown.text(self.case)))
        return Request(self.role, messages, drawn, try_index=index, purpose=_NAME)


def _unreadable(outcome: Outcome, found: Opinion | Fault) -> bool:
    return outcome.cause is Cause.OK and isinstance(found, Fault) and found.rule == "judge_unreadable"
