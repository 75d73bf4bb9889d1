"""Failure-driven escalation: a short chain first, and the long loop only for what it does not solve (Honey, Bee).

The pipeline of Honey-Data-15M (arXiv 2510.13795) writes short chains, checks their answers, and promotes the failures
to long chains by a stronger teacher, which are checked again. What was taken from where, and what is done differently:
docs/methods.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator as Coroutine
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from generators._chain import is_right
from generators.think_then_answer import ThinkThenAnswer
from schemas import prompt as prompts
from schemas.canonical import fingerprint
from schemas.errors import ConfigError
from schemas.protocols import Generator, Verifier
from schemas.request import Outcome, Program, Sampling
from schemas.sample import ID_DIGITS, Sample
from schemas.score import Score
from schemas.trace import Trace

__all__ = ["Escalate"]

_NAME = "escalate"
_FIELDS: Mapping[str, type] = {
    "stage": str,
    "short_requests": int,
    "short_prompt_tokens": int,
    "short_completion_tokens": int,
    "long_requests": int,
    "long_prompt_tokens": int,
    "long_completion_tokens": int,
}


@dataclass(slots=True)
class _Spent:
    """What a stage cost: every answered request, those of its verifier and judges too."""

    requests: int = 0
    prompt: int = 0
    completion: int = 0
    passing: bool = False
    """Whether a request failed for a cause that passes."""

    def take(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.reply is not None:
                self.requests += 1
                self.prompt += outcome.reply.usage.prompt
                self.completion += outcome.reply.usage.completion
            self.passing |= bool(outcome.key) and not outcome.cause.remembered


@dataclass(frozen=True, slots=True)
class Escalate:
    """Ask for short chains; where none is right, for long ones of the role `strong`; say what each stage cost."""

    version: ClassVar[int] = 2
    verifier: Verifier
    """Decides both stages; handed in, because generators import no scorers."""
    short_tries: int = 1
    long_tries: int = 4
    short_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "escalate_short"))
    long_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "think_then_answer"))
    revise_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "revise"))
    """As think-then-answer has it."""
    short_sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0.6, top_p=0.95, max_tokens=1024))
    long_sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0.6, top_p=0.95, max_tokens=8192))
    longest: int = 0
    """Token limit of one more draw in place of each long try that was cut below it; 0 leaves cut tries as they are."""
    short_role: str = "teacher"
    long_role: str = "strong"
    revise: bool = False
    """Whether a wrong long try is rewritten toward the known answer, by the role `reviser`, where none is right."""
    short: Generator | None = None
    """Writes the short stage instead; the fields above for that stage then say nothing."""
    long: Generator | None = None
    """Writes the long stage instead."""

    def __post_init__(self) -> None:
        """Refuse a stage that draws nothing."""
        if self.short_tries < 1 or self.long_tries < 1:
            raise ConfigError(f"each stage draws at least 1 try: got {self.short_tries} short, {self.long_tries} long")

    @property
    def trace_fields(self) -> Mapping[str, Mapping[str, type]]:
        """Scores on every trace, those of the stages among them.

        The value of `escalation` is the share of the completion tokens spent so far that is in this trace.
        """
        stages = (getattr(stage, "trace_fields", {}) for stage in (self.short, self.long))
        return {name: fields for stage in stages for name, fields in stage.items()} | {"escalation": _FIELDS}

    def __call__(self, sample: Sample, /) -> Program[list[Trace]]:
        """Return the traces of both stages, each with its verdict and with what the stages had cost by then.

        A request of the short stage that failed for a passing cause, its judge's too, is no failed answer: where no try
        is right without it, the question waits for a rerun instead of going to the dear teacher.
        """
        short, long = _Spent(), _Spent()
        traces = yield from _counted(self._short()(sample), short)
        traces = [_marked(trace, "short", short, long) for trace in traces]
        if any(map(is_right, traces)) or short.passing:
            return traces
        more = yield from _counted(self._long()(sample), long)
        return [*traces, *(_marked(trace, "long", short, long) for trace in more)]

    def _short(self) -> Generator:
        return self.short or ThinkThenAnswer(
            self.verifier,
            tries=self.short_tries,
            prompt=self.short_prompt,
            sampling=self.short_sampling,
            role=self.short_role,
            revise=False,
            length="",
        )

    def _long(self) -> Generator:
        return self.long or ThinkThenAnswer(
            self.verifier,
            tries=self.long_tries,
            prompt=self.long_prompt,
            sampling=self.long_sampling,
            role=self.long_role,
            longest=self.longest,
            revise=self.revise,
            revise_prompt=self.revise_prompt,
        )


def _counted(program: Program[list[Trace]], spent: _Spent) -> Coroutine[Any, Any, list[Trace]]:
    """Run a stage and take note of what it costs."""
    try:
        batch = next(program)
        while True:
            outcomes = yield batch
            spent.take(outcomes)
            batch = program.send(outcomes)
    except StopIteration as stop:
        traces: list[Trace] = stop.value
        return traces


def _marked(trace: Trace, stage: Literal["short", "long"], short: _Spent, long: _Spent) -> Trace:
    """Return the trace under the name of its stage, with its cost."""
    method = f"{_NAME}/{stage}/{trace.method}"
    ident = fingerprint([trace.id, method])[:ID_DIGITS]
    costs: dict[str, int] = {}
    for name, spent in (("short", short), ("long", long)):
        costs |= {
            f"{name}_requests": spent.requests,
            f"{name}_prompt_tokens": spent.prompt,
            f"{name}_completion_tokens": spent.completion,
        }
    whole, own = short.completion + long.completion, trace.usage.completion
    detail = {"stage": stage, **costs}
    known = 0 < own <= whole
    score = Score(own / whole, detail=detail) if known else Score.unscored("no token counts of the replies", **detail)
    return dataclasses.replace(trace, id=ident, method=method).with_score("escalation", score)
