"""Perception to cognition: what is seen, whole and in detail, before what it means, shallow and deep (Vad-R1).

The schema of Vad-R1's chains (arXiv 2505.19877, P2C-CoT), which are about what is abnormal in a video, for any question
about pictures. What was taken from where, and what is done differently: docs/methods.md.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import ClassVar

from generators._stage_verdict import Judging, judged
from generators._stage_writing import Path, cut, opening, seeded, visible
from generators._stages import Fault, read
from schemas import prompt as prompts
from schemas.protocols import Verifier
from schemas.request import Outcome, Program, Request, Sampling
from schemas.sample import Sample
from schemas.score import RIGHT
from schemas.trace import Trace

__all__ = ["PerceptionToCognition"]

_STAGES = ("GLOBAL_PERCEPTION", "LOCAL_PERCEPTION", "SHALLOW_COGNITION", "DEEP_COGNITION", "CONCLUSION")


@dataclass(frozen=True, slots=True)
class PerceptionToCognition:
    """Ask for two sections of seeing, two of thinking and a conclusion, `tries` times until one is right."""

    version: ClassVar[int] = 2
    verifier: Verifier
    """Decides on the conclusion; handed in, because generators import no scorers."""
    tries: int = 2
    """Draws at most, one after another."""
    prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "perception_to_cognition"))
    """The instruction, used as it is."""
    sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0.6, top_p=0.95, max_tokens=4096))
    """A seed is raised by one with every try."""
    role: str = "teacher"
    judge_reasoning: bool = True
    """Whether a judge has to say that seeing is true and free of conclusions, and that thinking leads to the answer."""
    judge_prompt: str = field(
        default_factory=lambda: prompts.load("generators.prompts", "perception_to_cognition_check")
    )
    """Its fields are `$code` and `$material`."""
    judge_sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0, max_tokens=2048))
    judge_role: str = "judge"
    judge_control: bool = True
    """Whether the judge also has to refuse a conclusion that the thinking does not lead to: one more request."""

    def __call__(self, sample: Sample, /) -> Program[list[Trace]]:
        """Return a trace with a verdict for every reply; a request that failed leaves none."""
        messages = opening(sample, self.prompt)
        traces: list[Trace] = []
        for index in range(self.tries):
            request = Request(self.role, messages, seeded(self.sampling, index), index, "perception_to_cognition")
            (outcome,) = yield [request]
            if outcome.reply is None:
                continue
            traces.append((yield from self._judged(sample, _path(request, outcome))))
            if traces[-1].verdict is not None and traces[-1].verdict.value == RIGHT:
                break
        return traces

    def _judged(self, sample: Sample, path: Path) -> Program[Trace]:
        name, judging = "perception_to_cognition", None
        if self.judge_reasoning:
            judging = Judging(name, self.judge_role, self.judge_prompt, self.judge_sampling, self.judge_control)
        return (yield from judged(sample, path, method=name, verifier=self.verifier, judging=judging))


def _path(request: Request, outcome: Outcome) -> Path:
    """Read the five sections of a reply; a reply that was cut is cut, whatever it holds."""
    assert outcome.reply is not None
    start = Path(stages=_STAGES)
    if cut(outcome):
        return start.then(request, outcome, Fault("truncated", "the reply was cut at the token limit"))
    texts = read(visible(outcome.reply, _STAGES[0]), _STAGES)
    if isinstance(texts, Fault):
        return start.then(request, outcome, texts)
    return dataclasses.replace(
        start, texts=texts, keys=(outcome.key,), usage=outcome.reply.usage, request=request, outcome=outcome
    )
