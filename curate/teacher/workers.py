"""Worker processes for slow or dangerous pure work: killed at a deadline, capped in memory, gone when we are gone.

A pool of pebble's, with what running strangers' input needs on top:

* The work travels as bytes and is taken apart inside the task, so that a function or result that cannot be pickled
  fails its own call instead of the pool.
* Workers come from a fork server that has imported `preload`, so replacing a killed one takes milliseconds and no
  deadline pays for an import. They never run the user's script again: functions have to live in a module.
* SIGTERM ends a worker at once, even inside a long C call; SIGINT is the parent's business; the end of the parent,
  kill -9 included, is delivered by the kernel as SIGIO, which ends a busy worker too.
"""

from __future__ import annotations

import atexit
import os
import pickle
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import islice
from multiprocessing import forkserver
from multiprocessing.util import Finalize
from types import TracebackType
from typing import Any, NamedTuple, Self
from weakref import WeakSet

from pebble import ProcessExpired, ProcessPool

from curate.teacher._worker import Context, forget_server, perform, prepare, run_each, shorten_lock
from schemas.errors import CurateError
from schemas.request import Call, Cause, Outcome

__all__ = ["Done", "WorkerDied", "Workers", "call_outcome", "warm"]

_CONTEXT = Context()
_PRELOAD = ("scorers._symbolic",)
_RESTARTS = 2
"""How often a call is handed to a new pool when the old one broke under it."""


class WorkerDied(CurateError):  # noqa: N818 - what happened is its name, like BrokenPipe
    """A worker process ended in the middle of a call: a crash, `os._exit`, or the system's out-of-memory killer."""


class _Task(NamedTuple):
    payload: bytes
    deadline: float
    future: Future[Any]


_Pending = deque[tuple[tuple[Any, ...], Future[Any]]]


class Done(NamedTuple):
    """One item of a map: its value, or the error that its call ended with."""

    item: Any
    value: Any = None
    error: BaseException | None = None


class Workers:
    """Killable worker processes, started at first use; safe to use from any thread.

    Args:
        count: processes; the CPUs this process may use where not given.
        memory_mb: address space of one worker in MiB. Work that needs more ends with `MemoryError`. None: no cap.
        preload: modules that workers import before their first call.

    """

    def __init__(
        self,
        count: int | None = None,
        *,
        memory_mb: int | None = 2048,
        preload: Sequence[str] = _PRELOAD,
    ) -> None:
        self.count = count or len(os.sched_getaffinity(0))
        self._memory = memory_mb
        self._preload = tuple(preload)
        self._lock = threading.Lock()
        self._pool: ProcessPool | None = None
        self._broken: list[ProcessPool] = []
        self._live: set[Future[Any]] = set()
        _ALL.add(self)

    def submit(self, call: Call) -> Future[Any]:
        """Queue a call; its deadline counts from the moment a worker takes it.

        The future raises `TimeoutError` past the deadline, `WorkerDied` where the process ended, or the function's own
        error. Cancelling the future kills the worker that runs it.
        """
        future: Future[Any] = Future()
        payload = pickle.dumps((call.function, call.args), pickle.HIGHEST_PROTOCOL)
        self._live.add(future)
        future.add_done_callback(self._live.discard)
        self._send(_Task(payload, call.deadline, future), restarts=_RESTARTS)
        return future

    def run(self, call: Call) -> Outcome:
        """Run one call and wait for how it ended."""
        future = self.submit(call)
        wait([future])
        return call_outcome(future)

    def map(
        self, function: Callable[[Any], Any], items: Iterable[Any], *, deadline: float = 2.0, chunk: int = 16
    ) -> Iterator[Done]:
        """Yield `function(item)` for each item, in order, holding only a bounded look-ahead in memory.

        Cheap items share a chunk. A chunk that is not done within one item's deadline, or takes its worker down, is run
        again item by item, so that a bad item ends alone.
        """
        pending: _Pending = deque()
        chunks = _chunks(items, chunk)
        try:
            while self._fill(pending, chunks, function, deadline) or pending:
                batch, future = pending.popleft()
                yield from self._collect(function, batch, future, deadline)
        finally:
            _cancel(pending)

    def map_unordered(
        self, function: Callable[[Any], Any], items: Iterable[Any], *, deadline: float = 2.0, chunk: int = 16
    ) -> Iterator[Done]:
        """Yield like `map`, each chunk as soon as it is done."""
        pending: _Pending = deque()
        chunks = _chunks(items, chunk)
        try:
            while self._fill(pending, chunks, function, deadline) or pending:
                wait([future for _, future in pending], return_when=FIRST_COMPLETED)
                ready = [entry for entry in pending if entry[1].done()]
                for entry in ready:
                    pending.remove(entry)
                    yield from self._collect(function, *entry, deadline)
        finally:
            _cancel(pending)

    def close(self) -> None:
        """Kill every worker; calls under way or queued end as cancelled. The next call starts new workers."""
        for future in tuple(self._live):
            future.cancel()
        with self._lock:
            pools = [*self._broken, *([self._pool] if self._pool else [])]
            self._pool, self._broken = None, []
        atexit.unregister(self.close)
        for pool in pools:
            pool.stop()  # type: ignore[no-untyped-call]
            pool.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _fill(
        self,
        pending: _Pending,
        chunks: Iterator[tuple[Any, ...]],
        function: Callable[[Any], Any],
        deadline: float,
    ) -> bool:
        """Keep a few chunks per worker under way; True while there are new ones."""
        fresh = list(islice(chunks, max(0, 3 * self.count - len(pending))))
        pending.extend((batch, self.submit(Call(run_each, (function, batch), deadline))) for batch in fresh)
        return bool(fresh)

    def _collect(
        self, function: Callable[[Any], Any], batch: tuple[Any, ...], future: Future[Any], deadline: float
    ) -> Iterator[Done]:
        error = future.exception()
        if error is None:
            yield from (Done(item, *pair) for item, pair in zip(batch, future.result(), strict=True))
        elif len(batch) == 1:
            yield Done(batch[0], error=error)
        else:
            alone = [((item,), self.submit(Call(run_each, (function, (item,)), deadline))) for item in batch]
            for item, single in alone:
                yield from self._collect(function, item, single, deadline)

    def _send(self, task: _Task, *, restarts: int) -> None:
        for _ in range(_RESTARTS + 1):
            pool = self._running()
            try:
                inner = pool.schedule(perform, args=(task.payload,), timeout=task.deadline)
            except RuntimeError:  # all of its workers died at once, and this call is the first to see it
                self._retire(pool)
                continue
            inner.add_done_callback(partial(self._settle, task, restarts, pool))
            task.future.add_done_callback(partial(_pass_cancel, inner))
            return
        task.future.set_exception(WorkerDied(f"started {_RESTARTS + 1} pools of workers, and each of them broke"))

    def _settle(self, task: _Task, restarts: int, pool: ProcessPool, inner: Future[Any]) -> None:
        """Carry the end of pebble's future over to ours."""
        if inner.cancelled():
            task.future.cancel()
        elif isinstance(inner.exception(), BrokenProcessPool) and restarts:
            self._retire(pool)
            self._send(task, restarts=restarts - 1)
        elif task.future.set_running_or_notify_cancel():
            _finish(task, inner)

    def _running(self) -> ProcessPool:
        with self._lock:
            if self._pool is None:
                atexit.register(self.close)
                Finalize(None, self.close, exitpriority=10)  # a child of multiprocessing ends without `atexit`
                shorten_lock()
                _CONTEXT.set_forkserver_preload(list(self._preload))
                limits = (self._memory, self._preload)
                self._pool = ProcessPool(self.count, initializer=prepare, initargs=limits, context=_CONTEXT)
            return self._pool

    def _forget(self) -> None:
        """In a child that was forked: the pool is the parent's, and so are the threads that served it."""
        self._lock = threading.Lock()
        self._pool, self._broken, self._live = None, [], set()

    def _retire(self, pool: ProcessPool) -> None:
        with self._lock:
            if self._pool is pool:
                self._broken.append(pool)
                self._pool = None


def warm(preload: Sequence[str] = _PRELOAD) -> None:
    """Start the fork server, so that its imports, a second or so, run while this process is busy with its own."""
    _CONTEXT.set_forkserver_preload(list(preload))
    forkserver.ensure_running()


_ALL: WeakSet[Workers] = WeakSet()


def _forget_all() -> None:
    for workers in _ALL:
        workers._forget()  # noqa: SLF001 - this module's own
    forget_server()


os.register_at_fork(after_in_child=_forget_all)


def call_outcome(future: Future[Any]) -> Outcome:
    """Say how a finished call ended, as a program is told."""
    if future.cancelled():
        return Outcome(Cause.CANCELLED, reason="cancelled")
    error = future.exception()
    if error is None:
        return Outcome(Cause.OK, value=future.result())
    cause = Cause.TIMEOUT if isinstance(error, TimeoutError) else Cause.CALL_FAILED
    return Outcome(cause, reason=f"{type(error).__name__}: {error}"[:500])


def _finish(task: _Task, inner: Future[Any]) -> None:
    error = inner.exception()
    if isinstance(error, TimeoutError):
        task.future.set_exception(TimeoutError(f"not done within {task.deadline:g} s"))
    elif isinstance(error, (ProcessExpired, BrokenProcessPool)):
        code = getattr(error, "exitcode", None)
        task.future.set_exception(WorkerDied(f"the worker process ended in the middle of the call (exit code {code})"))
    elif error is not None:
        task.future.set_exception(error)
    else:
        failed, value = pickle.loads(inner.result())  # noqa: S301 - our own worker wrote it
        if failed:
            task.future.set_exception(value)
        else:
            task.future.set_result(value)


def _pass_cancel(inner: Future[Any], outer: Future[Any]) -> None:
    if outer.cancelled():
        inner.cancel()


def _cancel(pending: _Pending) -> None:
    for _, future in pending:
        future.cancel()


def _chunks(items: Iterable[Any], size: int) -> Iterator[tuple[Any, ...]]:
    stream = iter(items)
    while batch := tuple(islice(stream, max(1, size))):
        yield batch
