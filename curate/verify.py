r"""Verify answers from Python, one at a time or as a stream of rows.

from curate.verify import verify

verify("1/2", r"\boxed{0.5}").value  # 'right'
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from curate.teacher.workers import Workers, call_outcome
from schemas.answer import Answer, AnswerType
from schemas.canonical import JSON
from schemas.errors import ConfigError
from schemas.protocols import Verifier
from schemas.request import Call, Cause, Outcome, Program, Request
from schemas.sample import Message, Sample
from schemas.score import UNDECIDED, Verdict
from scorers.verify_answer import VerifyAnswer

__all__ = ["BadRow", "drive", "read_rows", "verify", "verify_rows"]

R = TypeVar("R")
_MEMORY_MB = 1024
"""Address space of one worker; what needs more ends as undecided."""
_AHEAD = 64
"""Rows that may wait for a worker while later rows are decided."""


class BadRow(NamedTuple):
    """A line that is no row, and why."""

    line: int
    """From 0."""
    reason: str


def verify(  # noqa: D417 - the names say it
    gold: str,
    prediction: str,
    *,
    question: str = "",
    choices: Sequence[str] = (),
    answer_type: AnswerType | str | None = None,
    verifier: Verifier | None = None,
) -> Verdict:
    """Say whether `prediction`, a model's raw text, agrees with the known answer `gold`.

    Args:
        verifier: the default is `VerifyAnswer()`; one that asks a model gets no reply here, and stays undecided.

    """
    sample = _sample(gold, question, choices, answer_type)
    return drive((verifier or VerifyAnswer())(sample, prediction), _workers())


def verify_rows(
    rows: Iterable[object], *, verifier: Verifier | None = None, workers: Workers | None = None
) -> Iterator[dict[str, JSON]]:
    """Verify a stream of rows `{id?, gold, prediction, question?, choices? or options?, answer_type?}`, in order.

    Yields `{id, verdict, rule, extracted, reason}` for every row; one that is no row is undecided by the rule
    `bad_row`. A row without an id gets its place in the stream, from 0.
    """
    pool = workers or _workers()
    waiting: deque[_Running] = deque()
    for index, row in enumerate(rows):
        waiting.append(_start(index, row, verifier or VerifyAnswer(), pool))
        while waiting and (waiting[0].verdict is not None or len(waiting) > _AHEAD):
            yield _finish(waiting.popleft(), pool)
    while waiting:
        yield _finish(waiting.popleft(), pool)


def read_rows(path: Path) -> Iterator[object]:
    """Yield the rows of a jsonl file, with their line (from 0) as the id where they have none.

    A line that is no JSON object becomes a `BadRow`; blank lines are no rows.

    Raises:
        ConfigError: the file cannot be opened.

    """
    try:
        stream = path.open("rb")
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}; give a jsonl file of predictions") from error
    with stream:
        for number, line in enumerate(stream):
            if line.strip():
                yield _parsed(number, line)


def drive(program: Program[R], workers: Workers) -> R:
    """Run a program that needs no model: calls go to the workers, requests are refused."""
    return _resume(program, None, workers)


class _Running(NamedTuple):
    """A row under way: decided already, or waiting for its calls."""

    ident: JSON
    verdict: Verdict | None
    program: Program[Verdict] | None = None
    ends: Sequence[Future[Any] | Outcome] = ()


def _start(index: int, row: object, verifier: Verifier, workers: Workers) -> _Running:
    if not isinstance(row, Mapping):
        bad = row if isinstance(row, BadRow) else BadRow(index, f"a row is an object, not {row!r:.80}")
        return _Running(bad.line, Verdict(UNDECIDED, "bad_row", reason=bad.reason))
    ident = row.get("id")
    ident = index if ident is None else ident
    try:
        sample, prediction = _sample_of(row), _text(row.get("prediction"), "prediction")
    except ValueError as error:
        return _Running(ident, Verdict(UNDECIDED, "bad_row", reason=str(error)))
    program = verifier(sample, prediction)
    try:
        asked = next(program)
    except StopIteration as end:
        return _Running(ident, end.value)
    return _Running(ident, None, program, _submit(asked, workers))


def _finish(row: _Running, workers: Workers) -> dict[str, JSON]:
    verdict = row.verdict
    if verdict is None and row.program is not None:
        verdict = _resume(row.program, _ended(row.ends), workers)
    assert verdict is not None
    texts = {"rule": verdict.rule, "extracted": verdict.extracted, "reason": verdict.reason}
    return {"id": row.ident, "verdict": verdict.value} | {name: _printable(text) for name, text in texts.items()}


def _resume(program: Program[R], outcomes: Sequence[Outcome] | None, workers: Workers) -> R:
    try:
        while True:
            asked = next(program) if outcomes is None else program.send(outcomes)
            outcomes = _ended(_submit(asked, workers))
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # a generator's value is untyped where it is caught


def _submit(asked: Sequence[Request | Call], workers: Workers) -> list[Future[Any] | Outcome]:
    refused = Outcome(Cause.REFUSED, reason="no model is at hand here")
    return [workers.submit(item) if isinstance(item, Call) else refused for item in asked]


def _ended(ends: Sequence[Future[Any] | Outcome]) -> list[Outcome]:
    wait([end for end in ends if isinstance(end, Future)])
    return [call_outcome(end) if isinstance(end, Future) else end for end in ends]


def _sample(gold: str, question: str, choices: Sequence[str], answer_type: AnswerType | str | None) -> Sample:
    answer = Answer.of(gold, choices, answer_type)
    return Sample("", (Message("user", (question,)),), answer, tuple(choices))


def _sample_of(row: Mapping[str, object]) -> Sample:
    """Read a row's question and known answer; a missing answer is not an error, the verdict will say so."""
    kind = row.get("answer_type")
    if kind is not None and kind not in list(AnswerType):
        message = f"answer_type is {kind!r}; known are {', '.join(AnswerType)}"
        raise ValueError(message)
    choices = row.get("choices") if row.get("choices") is not None else row.get("options")
    question = _text(row.get("question"), "question")
    return _sample(_text(row.get("gold"), "gold"), question, _choices(choices), str(kind) if kind else None)


def _choices(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, Mapping):
        value = [value[key] for key in sorted(value)]
    if not isinstance(value, (list, tuple)):
        message = f"choices are a list of texts, not {value!r:.80}"
        raise ValueError(message)  # noqa: TRY004 - a bad value of a row, caught above
    return tuple(_text(item, "a choice") for item in value)


def _text(value: object, what: str) -> str:
    """Read a field as text: numbers as JSON writes them, nothing as the empty text."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, (bool, int, float)):
        return str(value)
    message = f"{what} is text or a number, not {value!r:.80}"
    raise ValueError(message)


def _parsed(number: int, line: bytes) -> object:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return BadRow(number, f"not JSON: {error}"[:200])
    if not isinstance(row, dict):
        return BadRow(number, f"a row is an object with a gold and a prediction, not {row!r:.80}")
    return row if row.get("id") is not None else {**row, "id": number}


def _printable(text: str) -> str:
    """Replace lone surrogates, which no file can hold."""
    return text.encode("utf-8", "replace").decode()


@cache
def _workers() -> Workers:
    return Workers(memory_mb=_MEMORY_MB)
