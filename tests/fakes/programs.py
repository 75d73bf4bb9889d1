"""Play programs by hand: a scripted answer for every request, and a verifier that needs no library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Generic, Literal, TypeVar

from schemas.answer import Answer
from schemas.request import Call, Cause, Outcome, Program, Reply, Request, Usage, request_key
from schemas.sample import Media, Message, Sample
from schemas.score import RIGHT, UNDECIDED, WRONG, Verdict

R = TypeVar("R")
Answering = Callable[[Request], Outcome]
PICTURE = Media("ab" * 32, "image/png", 640, 480, 12345)


@dataclass
class Played(Generic[R]):
    """What a program returned, and everything it asked on the way."""

    result: R
    batches: list[list[Request]] = field(default_factory=list)

    @property
    def requests(self) -> list[Request]:
        """Return all requests in order."""
        return [request for batch in self.batches for request in batch]

    @property
    def keys(self) -> list[str]:
        """Return the ledger keys of all requests."""
        return [request_key(request, "m") for request in self.requests]


def play(program: Program[R], answer: Answering) -> Played[R]:
    """Run a program to its end, answering every request with `answer` and every call in place."""
    batches: list[list[Request]] = []
    outcomes: list[Outcome] | None = None
    while True:
        try:
            asked = next(program) if outcomes is None else program.send(outcomes)
        except StopIteration as done:
            return Played(done.value, batches)
        batches.append([item for item in asked if isinstance(item, Request)])
        outcomes = [_called(item) if isinstance(item, Call) else answer(item) for item in asked]


def said(request: Request, text: str, *, reasoning: str = "", tokens: int = 0) -> Outcome:
    """Answer with a whole reply."""
    reply = Reply(text, reasoning, usage=Usage(completion=tokens))
    return Outcome(Cause.OK, reply, key=request_key(request, "m"), model="m")


def cut(request: Request, text: str, *, reasoning: str = "", tokens: int = 0) -> Outcome:
    """Answer with a reply that ended at its token limit."""
    reply = Reply(text, reasoning, finish="length", usage=Usage(completion=tokens))
    return Outcome(Cause.TRUNCATED, reply, key=request_key(request, "m"), model="m")


def failed(request: Request, cause: Cause = Cause.SERVER_ERROR) -> Outcome:
    """End without a reply."""
    return Outcome(cause, reason=f"it was {cause}", key=request_key(request, "m"), model="m")


def sample(
    question: str = "How many legs has the animal?",
    answer: str | None = "4",
    choices: tuple[str, ...] = (),
    *,
    picture: bool = True,
    meta: dict[str, object] | None = None,
) -> Sample:
    """Make a sample with one picture and one question."""
    parts = (PICTURE, question) if picture else (question,)
    known = None if answer is None else Answer.of(answer, choices)
    return Sample.of([Message("user", parts)], answer=known, choices=choices, meta=meta)


@dataclass(frozen=True, slots=True)
class AfterAnswer:
    """Compare what follows the last `Answer:` with the known text, option or letter; `?` is undecided."""

    version: ClassVar[int] = 1
    on: ClassVar[Literal["verify"]] = "verify"

    def __call__(self, sample: Sample, prediction: str, /) -> Program[Verdict]:
        """Return the verdict without asking anything."""
        yield from ()
        said_last = prediction.rpartition("Answer:")[2].strip()
        if sample.answer is None or said_last in {"", "?"}:
            return Verdict(UNDECIDED, "no_answer_found", verifier="after_answer")
        told = Answer.of(said_last, sample.choices)
        same = told.choice == sample.answer.choice if sample.choices else told.text == sample.answer.text
        return Verdict(RIGHT if same else WRONG, "text", said_last, verifier="after_answer")


def _called(call: Call) -> Outcome:
    return Outcome(Cause.OK, value=call.function(*call.args))
