"""The driver: runs many durable programs at once. The only place with an event loop.

A program yields requests and calls; the driver answers them from the ledger where it can, asks the endpoint bound to
the role where it must, puts every reply on disk before the program sees it, and hands the program's result to a sink.
Programs are independent: one that is done leaves while its neighbour still thinks.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from curate.teacher.budget import Budget
from curate.teacher.endpoint import Endpoint, Line
from curate.teacher.feed import feed
from curate.teacher.ledger import Attempt, Ledger
from curate.teacher.workers import Workers, call_outcome
from schemas.errors import ConfigError, CurateError, StoreError, TeacherError
from schemas.protocols import ReadMedia, Session
from schemas.request import Call, Cause, Keys, Outcome, Program, Reply, Request, request_keys

if TYPE_CHECKING:
    from tenacity import RetryCallState

__all__ = ["Driver", "Endpoint", "Job", "Progress"]

K = TypeVar("K")
R = TypeVar("R")

_USUAL_TRIES = 7
"""Tries of one request that ends for a passing cause: of 5 % such ends one in a billion stays."""
_TRIES = {Cause.EMPTY: 2, Cause.MALFORMED: 4}
"""Of causes that are paid for each time."""
_REFUSALS = 40
"""Times one request may be turned away by a busy server before it counts as failed."""
_AGAIN = frozenset({Cause.UNREACHABLE, Cause.SERVER_ERROR, Cause.TIMEOUT, Cause.MALFORMED, Cause.EMPTY})
_BUSY = frozenset({Cause.RATE_LIMITED, Cause.OVERLOADED})


@dataclass(frozen=True, slots=True)
class Job(Generic[K, R]):
    """A program to run, and what the caller knows it by."""

    key: K
    program: Callable[[], Program[R]]


@dataclass(slots=True)
class Progress:
    """Counts of a run so far, for people to watch."""

    started: float = field(default_factory=time.monotonic)
    total: int | None = None
    """Programs of the pass, where that is known."""
    done: int = 0
    kept: int | None = None
    """Programs whose result is kept, where the pass knows such a thing."""
    running: int = 0
    asked: int = 0
    """Requests that were answered by an endpoint."""
    replayed: int = 0
    """Requests that were answered from the ledger."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    causes: Counter[str] = field(default_factory=Counter)
    """Requests that ended without a reply, by cause."""
    attempts: Counter[str] = field(default_factory=Counter)
    """Single tries that went wrong, by cause."""
    in_flight: dict[str, int] = field(default_factory=dict)
    """Requests at each endpoint now."""
    limits: dict[str, int] = field(default_factory=dict)
    """Requests that each endpoint is given at most, now."""


class Driver:
    """Answers programs. Make one for a run; `run` may be called for each of its passes."""

    def __init__(
        self,
        roles: Mapping[str, Endpoint],
        ledger: Ledger,
        workers: Workers,
        read: ReadMedia,
        *,
        budget: Budget | None = None,
        lacks: Callable[[Endpoint, frozenset[str]], Sequence[str]] | None = None,
        retry_wait: float = 0.25,
        report: Callable[[Progress], None] | None = None,
    ) -> None:
        """Bind roles to endpoints; the role `""` answers for every role without an endpoint of its own.

        `budget` is shared by the passes of a run. `lacks` says what an endpoint is known to do without of the sampling
        fields (and `images`) that a request needs; that ends the run before anything of the kind is sent. `retry_wait`
        is the first pause before a new try, in seconds; `report` is called twice a second while running.
        """
        self.roles = dict(roles)
        self.progress = Progress()
        self._ledger = ledger
        self._workers = workers
        self._read = read
        self._budget = budget or Budget()
        self._lacks = lacks
        self._retry_wait = retry_wait
        self._report = report
        self._lines: dict[int, Line] = {}
        self._flying: dict[str, asyncio.Future[Outcome]] = {}
        self._stack = AsyncExitStack()

    def run(self, jobs: Iterable[Job[K, R]], sink: Callable[[K, R], None]) -> None:
        """Run every job's program and give its key and result to `sink`, in order of completion.

        `jobs` is read lazily, from another thread. An error in a program or in `sink` ends the run.

        Raises:
            ConfigError: no endpoint for a role, or an endpoint that turns every request away.
            StoreError: the ledger cannot be written.
            BudgetSpent: a cap is reached; what was asked until then is in the ledger.

        """
        asyncio.run(self._run(jobs, sink))

    async def _run(self, jobs: Iterable[Job[K, R]], sink: Callable[[K, R], None]) -> None:
        self._lines = {}
        self._flying = {}
        watch = asyncio.create_task(self._watch())
        try:
            async with AsyncExitStack() as self._stack, asyncio.TaskGroup() as group:
                slots = asyncio.Semaphore(self._programs())
                async for job in feed(jobs, slots):
                    group.create_task(self._one(job, sink, slots))
        except BaseExceptionGroup as errors:
            raise _first(errors) from errors
        finally:
            watch.cancel()
            self._look()
            if self._report is not None:
                self._report(self.progress)

    def _programs(self) -> int:
        """Return how many programs run at once: enough that every endpoint is busy while others think."""
        ends = {id(end): end.concurrency for end in self.roles.values()}
        return max(64, 2 * sum(ends.values()))

    async def _one(self, job: Job[K, R], sink: Callable[[K, R], None], slots: asyncio.Semaphore) -> None:
        self.progress.running += 1
        try:
            result = await self._drive(job.program())
        finally:
            self.progress.running -= 1
            slots.release()
        self.progress.done += 1
        sink(job.key, result)

    async def _drive(self, program: Program[R]) -> R:
        try:
            batch = next(program)
            while True:
                batch = program.send(await self._answer(batch))
        except StopIteration as stop:
            result: R = stop.value
            return result

    async def _answer(self, batch: Sequence[Request | Call]) -> list[Outcome]:
        outcomes: list[Outcome | None] = [None] * len(batch)
        waiting: list[tuple[int, Any]] = []
        for index, item in enumerate(batch):
            if isinstance(item, Call):
                waiting.append((index, self._call(item)))
                continue
            line = self._line(item.role)
            identity = line.endpoint.engine.identity
            keys = request_keys(item, identity)
            known = self._ledger.get(keys.key) or self._ledger.fitting(keys.family, item.sampling.max_tokens)
            if known is None:
                waiting.append((index, self._ask_once(item, keys, line)))
            else:
                self.progress.replayed += 1
                outcomes[index] = known
        if len(waiting) == 1:
            outcomes[waiting[0][0]] = await waiting[0][1]
        elif waiting:
            for (index, _), outcome in zip(waiting, await asyncio.gather(*(w for _, w in waiting)), strict=True):
                outcomes[index] = outcome
        return [outcome for outcome in outcomes if outcome is not None]

    async def _call(self, call: Call) -> Outcome:
        future = self._workers.submit(call)
        await asyncio.wait([asyncio.wrap_future(future)])
        return call_outcome(future)

    def _line(self, role: str) -> Line:
        endpoint = self.roles.get(role) or self.roles.get("")
        if endpoint is None:
            known = ", ".join(sorted(self.roles)) or "none"
            raise ConfigError(
                f"no model for the role '{role}' (bound: {known}): add --teacher {role}=NAME or URL#model"
            )
        line = self._lines.get(id(endpoint))
        if line is None:
            self._budget.check(endpoint.name, endpoint.price)
            line = self._lines[id(endpoint)] = Line(endpoint, endpoint.gate(), asyncio.Lock())
        return line

    async def _ask_once(self, request: Request, keys: Keys, line: Line) -> Outcome:
        """Ask, or wait for the same question that is already on its way."""
        flying = self._flying.get(keys.key)
        if flying is not None:
            return await asyncio.shield(flying)
        self._flying[keys.key] = future = asyncio.get_running_loop().create_future()
        try:
            outcome = await self._ask(request, keys, line)
        except BaseException as error:
            future.cancel() if isinstance(error, asyncio.CancelledError) else future.set_exception(error)
            future.exception() if not future.cancelled() else None  # a failure nobody else waited for is not news
            raise
        else:
            future.set_result(outcome)
            return outcome
        finally:
            del self._flying[keys.key]

    async def _ask(self, request: Request, keys: Keys, line: Line) -> Outcome:
        key, identity = keys.key, line.endpoint.engine.identity
        self._check_needs(request, line)
        try:
            reply = await self._try(request, key, line)
        except TeacherError as error:
            cause = Cause(error.cause)
            self.progress.causes[cause.value] += 1
            if line.lost(cause):
                gone = "no answer any more" if line.answered else "no answer"
                raise ConfigError(
                    f"the endpoint {line.endpoint.name} gives {gone}: {error.reason}; check address and key"
                ) from error
            outcome = Outcome(cause, reason=error.reason, key=key, model=identity)
        else:
            cause = Cause.TRUNCATED if reply.finish == "length" else Cause.OK
            outcome = Outcome(cause, reply, key=key, model=identity)
            self._settle(line, reply, key)
        if cause.remembered:
            await self._keep(request, outcome, keys, line)
        return outcome

    def _check_needs(self, request: Request, line: Line) -> None:
        """End the run before a request that its endpoint is known to take and not to follow."""
        needs = frozenset({*request.sampling.to_json(), *request.sampling.extra})
        needs |= {"images"} if any(message.media for message in request.messages) else set()
        if self._lacks is None or needs in line.checked:
            return
        line.checked.add(needs)
        if found := self._lacks(line.endpoint, needs):
            what = request.purpose or request.role
            raise ConfigError(f"{'; '.join(found)}, and {what} needs it: change the recipe or probe the endpoint again")

    async def _try(self, request: Request, key: str, line: Line) -> Reply:
        """Ask until there is a reply, by cause: passing errors a few times, with a growing random pause."""
        try:
            return await self._admitted(request, key, line)  # nearly always enough, at no cost
        except TeacherError as error:
            if error.cause not in _AGAIN:
                raise
        from tenacity import AsyncRetrying, retry_if_exception, wait_random_exponential

        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda e: isinstance(e, TeacherError) and e.cause in _AGAIN),
            stop=_enough,
            wait=wait_random_exponential(multiplier=self._retry_wait, max=20),
            reraise=True,
        )
        await asyncio.sleep(random.uniform(0, self._retry_wait))  # noqa: S311 - jitter
        return await retrying(self._admitted, request, key, line)

    async def _admitted(self, request: Request, key: str, line: Line) -> Reply:
        """Ask through the gate; a busy server sends the request back to the gate, not to the retry counter."""
        expected, pause = line.expected(request), 0.0
        for turn in range(_REFUSALS):
            if pause:
                await asyncio.sleep(pause)  # outside, so that others go on
            async with line.gate.slot(expected):
                try:
                    reply = await self._send(request, key, line)
                except TeacherError as error:
                    if error.cause == Cause.TIMEOUT:
                        line.gate.slower()
                    if error.cause not in _BUSY:
                        raise
                    pause = line.gate.refused(error.retry_after, turn)
                    refusal = error
                else:
                    usage = reply.usage
                    line.gate.answered(
                        latency=reply.latency,
                        completion=usage.completion,
                        correction=usage.prompt + usage.completion - expected if expected else 0,
                    )
                    return reply
        raise refusal

    async def _send(self, request: Request, key: str, line: Line) -> Reply:
        end = line.endpoint
        session = line.session or await self._open(line)
        hold = await self._budget.hold(end.name, request, end.worst_price)
        started = time.perf_counter()
        try:
            reply = await session.complete(request)
        except TeacherError as error:
            cause = Cause(error.cause)
            if cause is Cause.CANCELLED:  # an engine that asks nobody
                self._budget.release(hold)
                raise
            self._budget.fail(hold, cause, unpaid=error.unpaid)
            self.progress.attempts[cause.value] += 1
            took = time.perf_counter() - started
            self._ledger.note(Attempt(key, end.engine.identity, cause, error.reason, took))
            raise
        except BaseException:
            self._budget.fail(hold, Cause.CANCELLED)
            took = time.perf_counter() - started
            with suppress(StoreError):  # what ended the run is told, not what came of it
                self._ledger.note(Attempt(key, end.engine.identity, Cause.CANCELLED, "the run ended first", took))
            raise
        self._budget.settle(hold, reply, line.price(key))
        if allowed := getattr(session, "allowed", None):
            line.gate.allow(allowed)
        self._ledger.note(Attempt(key, end.engine.identity, Cause.OK, "", reply.latency, cost=line.cost(key, reply)))
        return reply

    async def _open(self, line: Line) -> Session:
        async with line.lock:
            if line.session is None:
                line.session = await self._stack.enter_async_context(line.endpoint.engine.open(self._read))
            return line.session

    def _settle(self, line: Line, reply: Reply, key: str) -> None:
        line.answered += 1
        line.turned_away = 0
        line.written += reply.usage.completion
        self.progress.asked += 1
        self.progress.prompt_tokens += reply.usage.prompt
        self.progress.completion_tokens += reply.usage.completion
        self.progress.cost += line.cost(key, reply) or 0.0

    async def _keep(self, request: Request, outcome: Outcome, keys: Keys, line: Line) -> None:
        """Put an outcome on disk; returns when it is safe there."""
        loop = asyncio.get_running_loop()
        safe: asyncio.Future[None] = loop.create_future()

        def done(error: BaseException | None) -> None:
            # The reply is on disk; where the run has ended meanwhile, nobody waits to hear it.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(_resolve, safe, error)

        cost = line.cost(outcome.key, outcome.reply) if outcome.reply else None
        self._ledger.put(request, outcome, keys, cost=cost, done=done)
        await safe

    async def _watch(self) -> None:
        while self._report is not None:
            await asyncio.sleep(0.5)
            self._look()
            self._report(self.progress)

    def _look(self) -> None:
        lines = self._lines.values()
        self.progress.in_flight = {line.endpoint.name: line.gate.active for line in lines}
        self.progress.limits = {line.endpoint.name: line.gate.limit for line in lines}


def _enough(state: RetryCallState) -> bool:
    """Tell tenacity when a request was tried often enough for what went wrong; the first try came before."""
    error = state.outcome.exception() if state.outcome else None
    most = _TRIES.get(Cause(error.cause), _USUAL_TRIES) if isinstance(error, TeacherError) else _USUAL_TRIES
    return state.attempt_number + 1 >= most


def _resolve(safe: asyncio.Future[None], error: BaseException | None) -> None:
    if safe.done():
        return
    if error is None:
        safe.set_result(None)
    else:
        safe.set_exception(StoreError(f"the ledger cannot be written: {error}"))


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error to show: one of ours before others."""
    flat = [_first(error) if isinstance(error, BaseExceptionGroup) else error for error in errors.exceptions]
    return next((error for error in flat if isinstance(error, CurateError)), flat[0])
