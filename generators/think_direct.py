"""Think and answer at once: two answers of one question that differ in nothing but the thinking.

L2V-CoT (arXiv 2511.17910) takes the direction of thinking out of a model's hidden states from about a hundred such
pairs, and moves it into a vision model. The pairs are also what models with a switch for thinking are tuned on. What
was taken from where, and what is done differently: docs/methods.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from generators._chain import chain, is_right, judged, withdrawn
from generators._stage_writing import opening, seeded
from schemas import prompt as prompts
from schemas.errors import ConfigError
from schemas.protocols import Verifier
from schemas.request import Outcome, Program, Request, Sampling
from schemas.sample import Sample
from schemas.trace import Trace

__all__ = ["ThinkDirect"]

Side = Literal["think", "direct"]


@dataclass(frozen=True, slots=True)
class ThinkDirect:
    """Ask a question twice, once for thinking and once for the bare answer, until both are right."""

    version: ClassVar[int] = 2
    verifier: Verifier
    """Decides both sides; handed in, because generators import no scorers."""
    tries: int = 2
    """Draws of each side at most; a side that is right is not drawn again."""
    pair: Literal["both", "think", "any"] = "both"
    """What has to be right for right answers to stand: `both` sides, the `think` side at least, or each by itself."""
    think_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "think_then_answer"))
    direct_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "direct_answer"))
    """Instructions, used as they are; the question after them is the same."""
    think_sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0.6, top_p=0.95, max_tokens=8192))
    direct_sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0.6, top_p=0.95, max_tokens=256))
    """A thinking model has to be told not to, e.g. by `extra={"chat_template_kwargs": {"enable_thinking": false}}`. A
    seed is raised by one with every try."""
    direct_words: int = 30
    """A direct answer with more words, or characters of a script without spaces, is none; nor is one for which the
    server counted more tokens of thinking, shown or not."""
    role: str = "teacher"

    def __post_init__(self) -> None:
        """Refuse parameters that mean nothing."""
        if self.tries < 1 or self.direct_words < 1:
            raise ConfigError(f"think_direct: tries={self.tries}, direct_words={self.direct_words}: use 1 or more")

    def __call__(self, sample: Sample, /) -> Program[list[Trace]]:
        """Return a trace with a verdict for every reply; a request that failed leaves none."""
        traces: list[Trace] = []
        for index in range(self.tries):
            wanted = [side for side in _METHOD if not _right(traces, _METHOD[side])]
            if not wanted:
                break
            requests = [self._request(sample, side, index) for side in wanted]
            for side, request, outcome in zip(wanted, requests, (yield requests), strict=True):
                if outcome.reply is not None:
                    traces.append((yield from self._trace(sample, side, request, outcome)))
        return self._paired(traces)

    def _request(self, sample: Sample, side: Side, index: int) -> Request:
        thinks = side == "think"
        sampling = self.think_sampling if thinks else self.direct_sampling
        messages = opening(sample, self.think_prompt if thinks else self.direct_prompt)
        return Request(self.role, messages, seeded(sampling, index), index, f"think_direct.{side}")

    def _trace(self, sample: Sample, side: Side, request: Request, outcome: Outcome) -> Program[Trace]:
        trace = chain(sample, request, outcome, method=_METHOD[side])
        trace = yield from judged(sample, trace, self.verifier, thinks=side == "think")
        if side == "direct" and is_right(trace) and self._thinks(trace):
            return withdrawn(trace, "not_direct", "the reply that was to be the bare answer reasons")
        return trace

    def _thinks(self, trace: Trace) -> bool:
        most = max(len(_WORDS.findall(trace.answer)), trace.usage.reasoning)
        return bool(trace.reasoning.strip()) or most > self.direct_words

    def _paired(self, traces: Sequence[Trace]) -> list[Trace]:
        """Withdraw right verdicts that have no partner where they need one."""
        needed = {"both": tuple(_METHOD.values()), "think": (_METHOD["think"],), "any": ()}[self.pair]
        missing = [method for method in needed if not _right(traces, method)]
        return [_withdrawn(trace, missing) for trace in traces] if missing else list(traces)


_WIDE = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORDS = re.compile(rf"[{_WIDE}]|[^\s{_WIDE}]+")
_METHOD: Mapping[Side, str] = {"think": "think_direct/think", "direct": "think_direct/direct"}


def _right(traces: Sequence[Trace], method: str) -> bool:
    return any(trace.method == method and is_right(trace) for trace in traces)


def _withdrawn(trace: Trace, missing: Sequence[str]) -> Trace:
    if not is_right(trace):
        return trace
    return withdrawn(trace, "unpaired", f"right, but there is no right {missing[0]} beside it")
