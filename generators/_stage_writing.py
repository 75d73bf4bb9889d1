"""Writing stages: what a teacher is asked, one stage or all of them, and what becomes of its replies."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from generators._stage_case import conversation
from generators._stages import STAGES, Fault, close, read_stage, written
from schemas import prompt as prompts
from schemas.canonical import JSON
from schemas.request import Cause, Outcome, Program, Reply, Request, Sampling, Usage
from schemas.sample import Message, Sample
from schemas.thinking import split
from schemas.trace import Trace

__all__ = [
    "Asking",
    "Example",
    "Path",
    "continued",
    "cut",
    "distinct",
    "draw",
    "opening",
    "seeded",
    "trace_of",
    "visible",
]

Example = tuple[str, str, str, str, str]
"""A worked example: question, summary, caption, reasoning, conclusion."""

_CONTINUE: Mapping[str, JSON] = {"add_generation_prompt": False, "continue_final_message": True}
"""What vLLM and SGLang want to go on in the last assistant turn; llama.cpp does so by itself."""


class Asking(NamedTuple):
    """How single stages are asked for."""

    purpose: str
    role: str
    prompt: str
    next_prompt: str
    examples: tuple[Example, ...]
    sampling: Sampling
    prefill: bool
    system: bool


@dataclass(frozen=True, slots=True)
class Path:
    """An answer as far as it is written: its stages, and the replies they came in."""

    texts: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    usage: Usage = field(default_factory=Usage)
    request: Request | None = None
    outcome: Outcome | None = None
    fault: Fault | None = None
    """Why the last reply is not the stage that was asked for; it is then not among `texts`."""
    stages: tuple[str, ...] = STAGES

    def then(self, request: Request, outcome: Outcome, text: str | Fault) -> Path:
        """Return the path with one more stage, or with the fault that ends it."""
        return Path(
            self.texts if isinstance(text, Fault) else (*self.texts, text),
            (*self.keys, outcome.key),
            _sum(self.usage, outcome.reply.usage if outcome.reply else Usage()),
            request,
            outcome,
            text if isinstance(text, Fault) else None,
            self.stages,
        )


def draw(
    asking: Asking, sample: Sample, paths: Sequence[Path], counts: Sequence[int], *, start: int = 0
) -> Program[list[Path]]:
    """Ask for the next stage of every path, `counts[i]` times for `paths[i]`, all at once.

    Draws are numbered through from `start`, so that equal texts before them never make two draws one. What failed is
    left out; what is not in form comes back with its fault.
    """
    asked = [_stage_request(asking, sample, path) for path in paths]
    origins = [place for place, count in enumerate(counts) for _ in range(count)]
    requests = [_nth(asked[place], start + index) for index, place in enumerate(origins)]
    outcomes = (yield requests) if requests else []
    outcomes = [continued(request, outcome) for request, outcome in zip(requests, outcomes, strict=True)]
    return [
        paths[place].then(
            request, outcome, _stage_text(outcome, STAGES[len(paths[place].texts)], opened=asking.prefill)
        )
        for place, request, outcome in zip(origins, requests, outcomes, strict=True)
        if outcome.reply is not None
    ]


def distinct(paths: Sequence[Path]) -> list[Path]:
    """Return the first of all paths that say the same: going on from one twice, or keeping it twice, is no search."""
    found: dict[tuple[str, ...], Path] = {}
    for path in paths:
        found.setdefault(path.texts, path)
    return list(found.values())


def opening(
    sample: Sample, prompt: str, examples: Sequence[Example] = (), *, system: bool = True
) -> tuple[Message, ...]:
    """Return what comes before the answer, what all samples share first: instruction, examples, the sample's turns.

    Without `system` the instruction opens the first user turn; templates exist that take no system turn with pictures.
    """
    shown = [turn for question, *texts in examples for turn in _example(question, texts)]
    turns = conversation(sample)
    own = [turn.text for turn in turns if turn.role == "system"]
    rest = [*shown, *(turn for turn in turns if turn.role != "system")]
    told = "\n\n".join(filter(None, (prompt, *own)))
    if system and told:
        return (Message.of("system", told), *rest)
    first = Message(rest[0].role, tuple(filter(None, (told, *rest[0].content))))
    return (first, *rest[1:])


def trace_of(sample: Sample, path: Path, *, method: str, answer_seen: bool = False) -> Trace:
    """Return the trace of a path that has a reply; one with a fault has the reply as it came in its reasoning.

    A reply that is all thinking is no stage, and stands there too.

    Reasoning and answer keep their tags: one after the other they are the answer in its published form.
    """
    request, outcome = path.request, path.outcome
    assert request is not None
    assert outcome is not None
    assert outcome.reply is not None
    raw = _raw(outcome.reply, path.stages[len(path.texts)]) if path.fault else ""
    whole = len(path.texts) == len(path.stages)
    trace = Trace.of(
        sample,
        request,
        outcome,
        method=method,
        answer_seen=answer_seen,
        earlier=path.keys[:-1],
        reasoning="\n\n".join(filter(None, (written(path.texts[: len(path.stages) - 1], path.stages), raw))),
        answer=written(path.texts[-1:], path.stages[-1:]) if whole else "",
    )
    return dataclasses.replace(trace, usage=path.usage, finish="length" if cut(outcome) else trace.finish)


def continued(request: Request, outcome: Outcome) -> Outcome:
    """Take off what was written for the model: llama.cpp's reply begins with the turn that it goes on with."""
    begun = request.messages[-1]
    if outcome.reply is None or begun.role != "assistant":
        return outcome
    text = outcome.reply.text.strip().removeprefix(begun.text.strip())
    return dataclasses.replace(outcome, reply=dataclasses.replace(outcome.reply, text=text))


def cut(outcome: Outcome) -> bool:
    """Tell whether the reply ended at its token limit."""
    return outcome.cause is Cause.TRUNCATED or (outcome.reply is not None and outcome.reply.finish == "length")


def visible(reply: Reply, stage: str) -> str:
    """Return what a reply says from `stage` on, without thinking that stands before it."""
    text = reply.text.strip()
    return text if text.startswith(f"<{stage}>") else split(text).answer


def _raw(reply: Reply, stage: str) -> str:
    return visible(reply, stage).strip() or reply.text.strip() or reply.reasoning.strip()


def seeded(sampling: Sampling, index: int) -> Sampling:
    """Return the sampling of the draw `index`: its seed is raised by as much."""
    return sampling if sampling.seed is None else dataclasses.replace(sampling, seed=sampling.seed + index)


def _nth(request: Request, index: int) -> Request:
    return dataclasses.replace(request, sampling=seeded(request.sampling, index), try_index=index)


def _stage_request(asking: Asking, sample: Sample, path: Path) -> Request:
    stage = STAGES[len(path.texts)]
    before = opening(sample, asking.prompt, asking.examples, system=asking.system)
    sampling = dataclasses.replace(asking.sampling, stop=(close(stage),))
    if asking.prefill:
        sampling = dataclasses.replace(sampling, extra={**sampling.extra, **_CONTINUE})
        begun = "\n\n".join(filter(None, (written(path.texts), f"<{stage}>")))
        messages = (*before, Message.of("assistant", begun))
    else:
        messages = _asked_next(before, path, prompts.fill(asking.next_prompt, stage=stage))
    return Request(asking.role, messages, sampling, purpose=f"{asking.purpose}.{stage.lower()}")


def _asked_next(before: tuple[Message, ...], path: Path, wanted: str) -> tuple[Message, ...]:
    """Ask for a stage in a user turn of its own, for the first in the question's: templates refuse two in a row."""
    if path.texts:
        return (*before, Message.of("assistant", written(path.texts)), Message.of("user", wanted))
    return (*before[:-1], Message("user", (*before[-1].content, wanted)))


def _stage_text(outcome: Outcome, stage: str, *, opened: bool) -> str | Fault:
    assert outcome.reply is not None
    if cut(outcome):
        return Fault("truncated", f"{stage} was cut at the token limit")
    return read_stage(visible(outcome.reply, stage), stage, opened=opened)


def _example(question: str, texts: Sequence[str]) -> tuple[Message, Message]:
    return Message.of("user", question.strip()), Message.of("assistant", written(texts))


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.prompt + other.prompt,
        one.completion + other.completion,
        one.reasoning + other.reasoning,
        one.cached + other.cached,
    )
