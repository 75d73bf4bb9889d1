"""Fill ledgers by hand."""

from __future__ import annotations

import threading
from pathlib import Path

from curate.teacher.ledger import Ledger
from schemas.prompt import user
from schemas.request import Cause, Outcome, Reply, Request, Sampling, Usage, request_key, request_keys
from schemas.sample import Media

STEPWISE = "Look at the picture and think step by step before you answer. Give the reasons, then the answer."
EXAMINER = (
    "You are a careful examiner. Work slowly, write down each observation, check it twice, then state your answer."
)


def question(
    number: int,
    *,
    instruction: str = STEPWISE,
    temperature: float = 0.6,
    max_tokens: int = 1000,
    try_index: int = 0,
    picture: bool = False,
    purpose: str = "think",
) -> Request:
    """Return one of many questions under a common instruction."""
    words = f"How many boxes are in picture {number} of the {('red', 'green', 'blue')[number % 3]} series?"
    shown = (Media(f"{number:064x}", "image/png", 9, 9, 99),) if picture else ()
    sampling = Sampling(temperature=temperature, max_tokens=max_tokens)
    return Request("teacher", user(*shown, instruction, words), sampling, try_index, purpose)


def answered(request: Request, *, model: str = "m", text: str = "4", cause: Cause = Cause.OK) -> Outcome:
    """Return an outcome of 50 tokens, or a refusal."""
    reply = Reply(text, "because", usage=Usage(100, 50, 20, 5), model=model, latency=1.5) if cause.answered else None
    reason = "" if reply else "not this one"
    return Outcome(cause, reply, reason=reason, key=request_key(request, model), model=model)


def keep(ledger: Ledger, request: Request, outcome: Outcome) -> BaseException | None:
    """Put an outcome and wait until it is on disk, or until it is known why not."""
    ended = threading.Event()
    errors: list[BaseException | None] = []
    keys = request_keys(request, outcome.model)
    ledger.put(request, outcome, keys, cost=0.5, done=lambda error: (errors.append(error), ended.set()))
    assert ended.wait(10)
    return errors[0]


def buy(path: Path, *requests: Request, model: str = "m", cause: Cause = Cause.OK) -> list[str]:
    """Store an answer to every request, in order, and return the keys."""
    with Ledger(path) as ledger:
        for request in requests:
            assert keep(ledger, request, answered(request, model=model, cause=cause)) is None
    return [request_key(request, model) for request in requests]
