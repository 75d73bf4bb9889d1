"""Virgo: long thoughts drawn several times, so that what is solved how often, and how briefly, can be told apart.

Section 2 of arXiv 2501.01904. A text set comes from a reasoner that thinks long; a visual set from a visual reasoner,
or from the model that was tuned on the text set (`origin="self"`). Pass-rate bands, length bands and the shortest right
rollout are a table step over what is drawn here: `curate/bands.py`. What is done differently: docs/methods.md.
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

__all__ = ["Virgo"]


@dataclass(frozen=True, slots=True)
class Virgo:
    """Draw `rollouts` long thoughts at once and verify each; nothing is revised, so no trace has seen the answer."""

    version: ClassVar[int] = 2
    verifier: Verifier
    """Decides each rollout; handed in, because generators import no scorers."""
    rollouts: int = 5
    """Draws per sample; the released set has five."""
    origin: Literal["teacher", "self"] = "teacher"
    """`self` where the model that answers was tuned on long thoughts and its own base will be trained on these."""
    prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "virgo"))
    sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0.6, top_p=0.95, max_tokens=16384))
    """The paper gives no temperature; a seed is raised by one with every rollout."""
    role: str = "teacher"
    system: bool = False
    """The published format opens the user's turn with the instruction; True makes it a system turn."""

    def __post_init__(self) -> None:
        """Refuse to draw nothing."""
        if self.rollouts < 1:
            raise ConfigError(f"virgo needs at least 1 rollout: got {self.rollouts}")

    def __call__(self, sample: Sample, /) -> Program[list[Trace]]:
        """Return a trace with a verdict for every reply; a request that failed leaves none."""
        writer = ThinkThenAnswer(
            self.verifier,
            tries=self.rollouts,
            prompt=self.prompt,
            revise=False,
            sampling=self.sampling,
            role=self.role,
            length="",
            system=self.system,
        )
        method = "virgo/visual" if sample.media else "virgo/text"
        traces = yield from writer(sample)
        return [dataclasses.replace(trace, method=method, origin=self.origin) for trace in traces]
