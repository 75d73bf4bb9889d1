"""A reasoning trace and where it comes from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

from schemas.canonical import fingerprint
from schemas.request import Outcome, Request, Sampling, Usage
from schemas.sample import ID_DIGITS, Sample
from schemas.score import Score, Verdict

__all__ = ["Origin", "Trace"]

Origin = Literal["teacher", "self", "revised", "merged"]


@dataclass(frozen=True, slots=True)
class Trace:
    """One chain of thought with its answer. Build it with `Trace.of`, which computes the id."""

    id: str
    sample_id: str
    method: str
    """How it was made: the generator's name, and what it did beyond its name, e.g. `think_then_answer/text_bridge`."""
    teacher: str
    """Identity of the model that wrote it."""
    reasoning: str
    answer: str
    """The text after the thinking, whole; the extracted answer is in the verdict."""
    finish: str
    usage: Usage
    requests: tuple[str, ...]
    """Ledger keys of every request that went into it."""
    sampling: Sampling
    """As it was sent for the last request, penalties and token limit included."""
    prompts: tuple[str, ...] = ()
    """Prompts that stand in those requests, as `MODULE.FIELD@FINGERPRINT` (`schemas.wording`); the run writes them."""
    answer_seen: bool = False
    """Whether the generator was shown the known answer."""
    origin: Origin = "teacher"
    try_index: int = 0
    verdict: Verdict | None = None
    scores: Mapping[str, Score] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        sample: Sample,
        request: Request,
        outcome: Outcome,
        *,
        method: str,
        origin: Origin = "teacher",
        answer_seen: bool = False,
        earlier: Sequence[str] = (),
        reasoning: str | None = None,
        answer: str | None = None,
    ) -> Self:
        """Build a trace from an answered request; `earlier` are the keys of requests it rests on.

        `reasoning` and `answer` replace the reply's own split where a generator parses its format itself.
        """
        reply = outcome.reply
        if reply is None:
            message = f"a trace needs a reply, and the request ended as {outcome.cause}"
            raise ValueError(message)
        keys = (*earlier, outcome.key)
        thought = reply.reasoning if reasoning is None else reasoning
        said = reply.text if answer is None else answer
        ident = fingerprint([sample.id, method, list(keys), thought, said])[:ID_DIGITS]
        return cls(
            id=ident,
            sample_id=sample.id,
            method=method,
            teacher=outcome.model,
            reasoning=thought,
            answer=said,
            finish=reply.finish,
            usage=reply.usage,
            requests=keys,
            sampling=request.sampling,
            answer_seen=answer_seen,
            origin=origin,
            try_index=request.try_index,
        )

    def with_verdict(self, verdict: Verdict) -> Self:
        """Return the trace with its verdict."""
        return dataclasses.replace(self, verdict=verdict)

    def with_score(self, name: str, score: Score) -> Self:
        """Return the trace with one more score."""
        return dataclasses.replace(self, scores={**self.scores, name: score})
