"""Step values: how often a chain still comes out right when it is written on from each of its steps.

Q* (arXiv 2406.14283) steers decoding by the value of partial chains and estimates it from rollouts; here continuation
sampling rates the steps of chains that another generator wrote. What was taken and what is done differently:
docs/methods.md.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from generators._answer_line import answer_line
from generators._chain import is_right, judged, withdrawn
from generators._stage_writing import continued, opening, seeded
from generators._stage_writing import cut as was_cut
from generators._steps import Tally, step_ends
from generators.think_then_answer import ThinkThenAnswer
from schemas import prompt as prompts
from schemas.canonical import JSON
from schemas.errors import ConfigError
from schemas.leaks import answer_leak
from schemas.protocols import Generator, Verifier
from schemas.request import Outcome, Program, Request, Sampling, Usage
from schemas.sample import Message, Sample
from schemas.score import RIGHT, WRONG, Score
from schemas.thinking import split
from schemas.trace import Trace

__all__ = ["StepValues"]

_CONTINUE: Mapping[str, JSON] = {"add_generation_prompt": False, "continue_final_message": True}
"""What vLLM and SGLang want to go on in the last assistant turn; llama.cpp does so by itself."""


@dataclass(frozen=True, slots=True)
class StepValues:
    """Have chains written, and draw `n` continuations from the end of each of their steps."""

    version: ClassVar[int] = 3
    trace_fields: ClassVar[Mapping[str, Mapping[str, type]]] = {
        "step_values": {
            "steps": int,
            "n": int,
            "values": str,
            "decided": str,
            "intervals": str,
            "ends": str,
            "baseline": float,
            "dead_from": int,
            "dead_below": float,
            "missing": int,
        }
    }
    """Score columns that its traces bring along. `value` is the least value of a step; `values` is a JSON list with one
    value or null for each step, `decided` how many continuations each rests on, `intervals` their 95 % Wilson
    intervals, `ends` where each ends in `reasoning`; `baseline` is the value of the bare question, `dead_from` the
    first step from which on nothing came out right, `dead_below` the upper end of that step's interval."""
    verifier: Verifier
    """Decides on continuations; handed in, because generators import no scorers."""
    writer: Generator | None = None
    """Writes the chains; without one, think-then-answer with one try and no revision."""
    n: int = 4
    """Continuations of each step."""
    steps: int = 8
    """Most steps of a chain; of a longer one, neighbours count as one."""
    baseline: bool = True
    """Whether to draw continuations of the bare question too: what the first step adds shows against it."""
    repair: bool = True
    """Whether a wrong chain is followed by one that goes right from its last good step. Nobody saw the answer."""
    instruction: str = field(default_factory=lambda: prompts.load("generators.prompts", "think_then_answer"))
    prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "step_continue"))
    """Follows the question; its field is `$beginning`."""
    prefill: bool = False
    """Whether the beginning is put into the model's own turn, behind a server that goes on in it."""
    sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0.8, top_p=0.95, max_tokens=4096))
    """How continuations are drawn; a seed is raised by one with every one."""
    role: str = "teacher"

    def __post_init__(self) -> None:
        """Refuse parameters that mean nothing; use think-then-answer where no writer is given."""
        if self.n < 1 or self.steps < 1:
            raise ConfigError(f"step_values: n={self.n}, steps={self.steps}: use whole numbers from 1 on")
        if self.writer is None:
            # the class is frozen, and what writes belongs to its spec
            object.__setattr__(self, "writer", ThinkThenAnswer(self.verifier, tries=1, revise=False))

    def __call__(self, sample: Sample, /) -> Program[list[Trace]]:
        """Return the writer's traces, those that are decided with the values of their steps, and repaired ones."""
        assert self.writer is not None
        written = yield from self.writer(sample)
        traces: list[Trace] = []
        for trace in written:
            traces += (yield from self._valued(sample, trace)) if _decided(trace) else [trace]
        return traces

    def _valued(self, sample: Sample, trace: Trace) -> Program[list[Trace]]:
        ends = step_ends(trace.reasoning, self.steps)
        cuts = [0, *ends] if self.baseline else ends
        if not cuts:
            return [trace]
        requests = [self._request(sample, trace.reasoning[:cut], i) for cut in cuts for i in range(self.n)]
        outcomes = yield requests
        rows: list[list[Trace | None]] = [[] for _ in cuts]
        for index, (request, outcome) in enumerate(zip(requests, outcomes, strict=True)):
            cut = cuts[index // self.n]
            rows[index // self.n].append((yield from self._continued(sample, trace, cut, request, outcome)))
        tallies = [_tally(row) for row in rows]
        valued = trace.with_score("step_values", _score(tallies, ends, n=self.n, baseline=self.baseline))
        if not (self.repair and trace.verdict is not None and trace.verdict.value == WRONG):
            return [valued]
        return [valued, *_repaired(rows[1:] if self.baseline else rows)]

    def _request(self, sample: Sample, beginning: str, index: int) -> Request:
        before = opening(sample, self.instruction)
        sampling = seeded(self.sampling, index)
        if beginning and self.prefill:
            sampling = dataclasses.replace(sampling, extra={**sampling.extra, **_CONTINUE})
            before = (*before, Message.of("assistant", beginning))
        elif beginning:
            asked = prompts.fill(self.prompt, beginning=beginning)
            before = (*before[:-1], Message("user", (*before[-1].content, asked)))
        return Request(self.role, before, sampling, index, "step_values.continue")

    def _continued(
        self, sample: Sample, trace: Trace, cut: int, request: Request, outcome: Outcome
    ) -> Program[Trace | None]:
        """Return the chain that a continuation makes of the beginning, with its verdict; None for a failed call."""
        if outcome.reply is None:
            return None
        reply = continued(request, outcome).reply or outcome.reply
        # What a thinking model thinks about the task of going on is no part of the chain.
        parts = answer_line(split(reply.text).answer)
        whole = Trace.of(
            sample,
            request,
            outcome,
            method="step_values/repaired",
            origin=trace.origin,
            answer_seen=trace.answer_seen,
            earlier=trace.requests,
            reasoning="\n\n".join(filter(None, (trace.reasoning[:cut].strip(), parts.reasoning))),
            answer=parts.answer,
        )
        usage = _usage(trace, cut, outcome.reply.usage)
        whole = dataclasses.replace(whole, usage=usage, finish="length" if was_cut(outcome) else whole.finish)
        made = yield from judged(sample, whole, self.verifier, thinks=False)
        if is_right(made) and (words := answer_leak(f"{parts.reasoning}\n{parts.answer}")):
            return withdrawn(made, "hint_leak", f"the chain speaks of a draft: {words!r}")
        if is_right(made) and not parts.reasoning:
            return withdrawn(made, "no_reasoning", "the continuation holds an answer and no step toward it")
        return made


def _usage(trace: Trace, cut: int, continuation: Usage) -> Usage:
    """Return what the whole chain took: of the tokens before the cut only their share of the text is known."""
    share = cut / max(1, len(trace.reasoning) + len(trace.answer))
    return dataclasses.replace(continuation, completion=continuation.completion + round(trace.usage.completion * share))


def _decided(trace: Trace) -> bool:
    return trace.verdict is not None and trace.verdict.value in (RIGHT, WRONG) and bool(trace.reasoning.strip())


_UNFIT = frozenset({"hint_leak", "no_reasoning"})
"""Rules of right continuations that are unfit to train on: their step led to the right answer all the same."""


def _tally(row: Sequence[Trace | None]) -> Tally:
    values = [RIGHT if t.verdict.rule in _UNFIT else t.verdict.value for t in row if t and t.verdict]
    return Tally(values.count(RIGHT), values.count(RIGHT) + values.count(WRONG))


def _score(tallies: Sequence[Tally], ends: Sequence[int], *, n: int, baseline: bool) -> Score:
    steps = tallies[1:] if baseline else tallies
    known = [tally.value for tally in steps if tally.value is not None]
    detail: dict[str, JSON] = {
        "steps": len(steps),
        "n": n,
        "values": json.dumps([tally.value for tally in steps]),
        "decided": json.dumps([tally.decided for tally in steps]),
        "intervals": json.dumps([tally.interval for tally in steps]),
        "ends": json.dumps(list(ends)),
        "missing": n * len(tallies) - sum(tally.decided for tally in tallies),
    }
    if baseline and tallies[0].value is not None:
        detail["baseline"] = tallies[0].value
    if not known:
        return Score.unscored("no continuation was decided", **detail)
    dead = _dead_from(steps)
    if dead is not None:
        detail |= {"dead_from": dead, "dead_below": steps[dead - 1].interval[1]}
    said = f"nothing comes out right from step {dead} of {len(steps)} on" if dead else "every step can come out right"
    return Score(min(known), dead is None, said, detail)


def _dead_from(steps: Sequence[Tally]) -> int | None:
    """Return the first step, from 1, from which on no continuation was right, where all were decided in some."""
    alive = max((i for i, tally in enumerate(steps, 1) if tally.right or not tally.decided), default=0)
    return alive + 1 if alive < len(steps) else None


def _repaired(rows: Sequence[Sequence[Trace | None]]) -> list[Trace]:
    """Return the shortest right chain from the last step that has one."""
    for row in reversed(rows):
        right = [t for t in row if t is not None and is_right(t)]
        if right:
            return [min(right, key=lambda t: (len(t.reasoning) + len(t.answer), t.try_index))]
    return []
