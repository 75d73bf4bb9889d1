"""Skywork R1V's adaptive-length distillation: a model's own thoughts, judged, and revised where they are wrong.

Section 2.3 of arXiv 2504.05599. The asking is `think_then_answer`'s; this is its use as the report describes it: one
try, by the model that will be trained on it. What was taken from where, and what is done differently: docs/methods.md.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from generators.think_then_answer import ThinkThenAnswer
from schemas import prompt as prompts
from schemas.errors import ConfigError
from schemas.protocols import Verifier
from schemas.request import Program, Sampling
from schemas.sample import Sample
from schemas.trace import Trace

__all__ = ["SkyworkR1v"]


@dataclass(frozen=True, slots=True)
class SkyworkR1v:
    """Think once with the length score's penalty or budget; keep what is right, revise what is wrong."""

    version: ClassVar[int] = 1
    verifier: Verifier
    """Decides each try; handed in, because generators import no scorers."""
    tries: int = 1
    """Draws per sample; the report has one."""
    origin: Literal["self", "teacher"] = "self"
    """Whose thoughts they are: those of the model that is to be trained (the report), or of another."""
    prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "think_then_answer"))
    longest: int = 0
    """Token limit of one more draw in place of a try that was cut below it; 0 leaves cut tries as they are."""
    revise: bool = True
    revise_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "revise"))
    """Follows the question; its fields are `$answer` and `$draft`."""
    sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0.6, top_p=0.95, max_tokens=8192))
    role: str = "teacher"
    reviser_role: str = "reviser"
    length: str = "length"
    """Score whose detail holds the penalties and limits to send (Eq. 1)."""
    system: bool = True
    """False puts the instruction in the first user turn."""

    def __post_init__(self) -> None:
        """Refuse to draw nothing."""
        if self.tries < 1:
            raise ConfigError(f"skywork_r1v needs at least 1 try: got {self.tries}")

    def __call__(self, sample: Sample, /) -> Program[list[Trace]]:
        """Return a trace with a verdict for every reply; a revised one has `origin='revised'` and `answer_seen`."""
        writer = ThinkThenAnswer(
            self.verifier,
            tries=self.tries,
            prompt=self.prompt,
            longest=self.longest,
            revise=self.revise,
            revise_prompt=self.revise_prompt,
            sampling=self.sampling,
            role=self.role,
            reviser_role=self.reviser_role,
            length=self.length,
            system=self.system,
        )
        traces = yield from writer(sample)
        return [self._named(trace) for trace in traces]

    def _named(self, trace: Trace) -> Trace:
        origin = trace.origin if trace.origin == "revised" else self.origin
        return dataclasses.replace(trace, method="skywork_r1v", origin=origin)
