"""A ledger of a million replies: how fast it fills, opens, answers and explains.

    python benchmarks/ledger.py [REPLIES]

Prints a table and one line of JSON; `cpu` figures do not mind what else the machine does. Requests have about 400
characters, replies 1,400. Needs 1.6 KB of disk a reply.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from curate.teacher.explain import nearest
from curate.teacher.ledger import Ledger
from curate.teacher.ledger_report import reading, stats
from schemas.prompt import user
from schemas.request import Cause, Outcome, Reply, Request, Sampling, Usage, request_body, request_key, request_keys

MODEL = "teacher-8b"
REPLAYED = 100_000
ASKED = 20_000
WAITING = 2_000
"""Replies queued at once while the ledger is filled."""
WORDS = random.Random(0).choices(
    [f"{a}{b}" for a in "bcdfgklmnprst" for b in ("a", "em", "ion", "ora", "ol")], k=50_000
)


def text(seed: int, size: int) -> str:
    """Return `size` characters of seeded words."""
    start = random.Random(seed).randrange(len(WORDS) - size // 2)
    return " ".join(WORDS[start : start + size // 2])[:size]


def request(number: int, limit: int = 4_096) -> Request:
    """Return one question of many under a common instruction."""
    words = f"Think step by step, then answer. Question {number}: {text(number, 330)}"
    return Request("teacher", user(words), Sampling(temperature=0.6, max_tokens=limit), purpose=f"p{number % 5}")


def fill(path: Path, count: int) -> None:
    """Store replies through the ledger itself, with its group commits and syncs."""
    places = threading.Semaphore(WAITING)
    with Ledger(path) as ledger:
        for number in range(count):
            asked = request(number)
            reply = Reply(text(number, 150), text(number + 1, 1_250), usage=Usage(120, 450, 400), latency=1.5)
            keys = request_keys(asked, MODEL)
            outcome = Outcome(Cause.OK, reply, key=keys.key, model=MODEL)
            places.acquire()
            ledger.put(asked, outcome, keys, cost=0.001, done=lambda _: places.release())


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def each(work: Callable[[Any], object], items: Iterable[Any]) -> list[float]:
    """Return the sorted milliseconds that `work` takes for each item."""
    return sorted(1_000 * timed(partial(work, item)) for item in items)


def measure(path: Path, count: int) -> dict[str, float]:
    """Open the ledger, look up known, unknown and fitting requests in random order, replay, count and explain."""
    chance = random.Random(1)
    numbers = [chance.randrange(count) for _ in range(ASKED)]
    known = [request_key(request(number), MODEL) for number in numbers]
    replayed = chance.sample(range(count), min(count, REPLAYED))
    replayed_keys = [request_key(request(number), MODEL) for number in replayed]
    found = {"open_s": timed(lambda: Ledger(path).close())}
    with Ledger(path) as ledger:
        assert all(ledger.get(key) for key in known[:10])
        cpu = time.thread_time()
        times = each(ledger.get, known)
        found |= {"get_ms": sum(times) / len(times), "get_median_ms": times[len(times) // 2]}
        found["get_cpu_ms"] = 1_000 * (time.thread_time() - cpu) / len(known)
        times = each(ledger.get, (key[::-1] for key in known))
        found["miss_ms"] = sum(times) / len(times)
        others = [request(number, 2_048) for number in numbers[:5_000]]

        def fitting(other: Request) -> Outcome | None:
            return ledger.fitting(request_keys(other, MODEL).family, 2_048)

        assert fitting(others[0])
        times = each(fitting, others)
        found["fitting_ms"] = sum(times) / len(times)
        cpu = time.thread_time()
        took = timed(lambda: [ledger.get(key) for key in replayed_keys])
        found["replayed_per_s"] = len(replayed_keys) / took
        found["replayed_per_cpu_s"] = len(replayed_keys) / (time.thread_time() - cpu)
    found["stats_s"] = timed(lambda: stats(path))
    changed = request_body(request(count // 2, 2_048), MODEL)
    with reading(path) as connection:
        found["why_s"] = timed(lambda: nearest(connection, changed))
    return found


def main() -> None:
    """Fill a ledger, measure it and print what came out."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite"
        seconds = timed(lambda: fill(path, count))
        results = {"filled_per_s": count / seconds, "bytes_each": path.stat().st_size / count, **measure(path, count)}
    print(f"{count} replies")
    for name, value in results.items():
        print(f"{name:18} {value:12.4f}")
    print(json.dumps({"replies": count, **{name: round(value, 4) for name, value in results.items()}}))


if __name__ == "__main__":
    main()
