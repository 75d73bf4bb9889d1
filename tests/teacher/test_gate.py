"""Limits: what a server answers at full rate, requests and tokens a minute, and pauses that are kept."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from collections.abc import Callable

import pytest

from curate.teacher.gate import Gate, Rate
from curate.teacher.knee import Knee


def _simulate(knee: Knee, capacity: int, service: Callable[[], float], replies: int) -> tuple[float, float, list[int]]:
    """Serve from a queue of `capacity` places; return the rate, the late mean latency, and the limits seen."""
    now, out, served = 0.0, 0, 0
    busy: list[float] = []
    done: list[tuple[float, int, float]] = []
    number = itertools.count()
    latencies, limits = [], []
    while served < replies:
        while out < knee.limit:
            start = now if len(busy) < capacity else max(now, heapq.heappop(busy))
            end = start + service()
            heapq.heappush(busy, end)
            heapq.heappush(done, (end, next(number), now))
            out += 1
        end, _, sent = heapq.heappop(done)
        now, out, served = end, out - 1, served + 1
        busy = [at for at in busy if at > now]
        heapq.heapify(busy)
        latencies.append(now - sent)
        limits.append(knee.limit)
        knee.answered(now, now - sent, 100.0, full=True)
    tail = latencies[replies // 2 :]
    return replies / now, sum(tail) / len(tail), limits


@pytest.mark.parametrize("most", [64, 256])
def test_a_queue_is_found_and_left(most: int) -> None:
    """A capacity of 40 behind a server that never refuses: full rate at a fraction of the waiting."""
    chance = random.Random(1)
    service = lambda: 0.1 * chance.uniform(0.8, 1.2)  # noqa: E731
    plain = 40 / 0.1
    rate, latency, limits = _simulate(Knee(most), 40, service, 12_000)

    assert rate >= 0.9 * plain
    assert 30 <= limits[-1] <= 90
    assert latency < 0.25


@pytest.mark.parametrize("spread", [0.0, 0.8, 1.2])
def test_a_server_with_room_keeps_its_rate(spread: float) -> None:
    """Nothing queues: whatever the lengths of replies, trying lower numbers costs a few per cent."""
    chance = random.Random(2)
    rate, _, _ = _simulate(Knee(64), 10_000, lambda: 0.1 * chance.lognormvariate(0.0, spread), 8_000)
    plain, _, _ = _simulate(Knee(2), 2, lambda: 0.1 * chance.lognormvariate(0.0, spread), 8_000)

    assert rate >= 0.85 * 32 * plain


def test_growing_capacity_is_found_again() -> None:
    """A server that was small and becomes large gets more after a while."""
    knee, chance = Knee(256), random.Random(3)
    _simulate(knee, 20, lambda: 0.1 * chance.uniform(0.9, 1.1), 8_000)
    small = knee.limit
    _simulate(knee, 400, lambda: 0.1 * chance.uniform(0.9, 1.1), 40_000)
    assert small <= 60
    assert knee.limit > 2 * small


def test_a_rate_is_kept_and_refilled() -> None:
    """Five seconds' worth at once, then one by one."""
    rate, now, taken = Rate(60), 100.0, 0
    while now < 160.0:
        wait = rate.wait(now)
        if wait:
            now += wait
            continue
        rate.take(now, 1)
        taken += 1
    assert 60 <= taken <= 66


def test_tokens_are_corrected_by_what_was_used() -> None:
    """What was let in as much and used little comes back."""
    rate = Rate(6000)
    rate.take(0.001, 900)
    assert rate.wait(0.001) > 3
    rate.take(0.001, -800)
    assert rate.wait(0.001) == 0


def test_a_gate_keeps_requests_a_minute() -> None:
    """Sixty-six through a gate of 3,600 a minute, with five seconds' worth in the burst."""

    async def main() -> float:
        gate = Gate(64, rpm=3600)
        loop = asyncio.get_running_loop()
        started = loop.time()

        async def one() -> None:
            async with gate.slot():
                gate.answered()

        await asyncio.gather(*(one() for _ in range(330)))
        return loop.time() - started

    assert asyncio.run(main()) >= 0.4


def test_time_outs_lower_the_limit_once_a_second() -> None:
    """A burst is one sign."""

    async def main() -> list[int]:
        gate = Gate(100)
        limits = []
        for _ in range(5):
            gate.slower()
            limits.append(gate.limit)
        return limits

    assert asyncio.run(main()) == [70] * 5


def test_a_pause_holds_everybody() -> None:
    """What the server asks for is kept, and then everyone goes on."""

    async def main() -> float:
        gate = Gate(4)
        loop = asyncio.get_running_loop()
        for _ in range(4):
            gate.refused(0.2)
        started = loop.time()

        async def one() -> None:
            async with gate.slot():
                gate.answered(latency=0.01)

        await asyncio.gather(*(one() for _ in range(12)))
        return loop.time() - started

    assert asyncio.run(main()) >= 0.19


def test_a_refusal_now_and_then_is_the_requests_own_matter() -> None:
    """One in twenty leaves the limit and the others alone; its own wait is what the server asked for, or grows."""

    async def main() -> None:
        gate = Gate(64)
        for number in range(200):
            if number % 20:
                gate.answered(latency=0.1)
            else:
                assert gate.refused(3.0) == 3.0
        assert gate.limit == 64
        waits = [gate.refused(None, turn) for turn in range(2)]
        assert 0.25 <= waits[0] <= 0.5 <= waits[1] <= 1.0

        async def one() -> None:
            async with gate.slot():
                pass

        await asyncio.wait_for(one(), 0.2)

    asyncio.run(main())


def test_what_the_server_allows_is_kept_unless_configured() -> None:
    """Headers say how many requests a minute; the configuration has the last word."""

    async def main(gate: Gate) -> float:
        gate.allow({"requests": 3600, "tokens": 1e9})
        assert gate.counts_tokens
        loop = asyncio.get_running_loop()
        started = loop.time()

        async def one() -> None:
            async with gate.slot():
                gate.answered()

        await asyncio.gather(*(one() for _ in range(320)))
        return loop.time() - started

    assert asyncio.run(main(Gate(64))) >= 0.3
    assert asyncio.run(main(Gate(64, rpm=36_000))) < 0.3


def test_whoever_waits_longest_goes_first() -> None:
    """A place that comes free is given to the first in line, even where somebody new asks before that one runs."""
    order: list[str] = []

    async def one(gate: Gate, name: str) -> None:
        async with gate.slot():
            order.append(name)
            await asyncio.sleep(0)

    async def main() -> None:
        gate = Gate(1, adaptive=False)
        waiting = []
        async with gate.slot():
            for name in "abc":
                waiting.append(asyncio.create_task(one(gate, name)))
                await asyncio.sleep(0)
        await one(gate, "new")
        await asyncio.gather(*waiting)
        assert gate.active == 0

    asyncio.run(main())
    assert order == ["a", "b", "c", "new"]


@pytest.mark.parametrize("given", [False, True])
def test_a_place_is_not_lost_with_who_was_to_take_it(given: bool) -> None:
    """Cancelled in line or with the place already given: the next one has it."""

    async def main() -> None:
        gate = Gate(1, adaptive=False)

        async def hold() -> None:
            async with gate.slot():
                await asyncio.sleep(0)

        holder = gate.slot()
        await holder.__aenter__()
        first, second = asyncio.create_task(hold()), asyncio.create_task(hold())
        await asyncio.sleep(0)
        if not given:
            first.cancel()
        await holder.__aexit__(None, None, None)
        if given:
            first.cancel()
        await asyncio.wait_for(second, 5)
        assert first.cancelled() or first.cancelling()
        assert gate.active == 0

    asyncio.run(main())
