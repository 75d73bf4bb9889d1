"""How fast programs are answered from the ledger: the driver alone, no store behind it.

    python benchmarks/replay.py [REPLIES]

Fills a ledger through the driver with a scripted model, then runs the same programs against it. The last line is JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from curate.teacher.driver import Driver, Endpoint, Job
from curate.teacher.ledger import Ledger
from curate.teacher.workers import Workers
from generators.engines.replay import Replay
from generators.engines.scripted import Scripted
from schemas.errors import StoreError
from schemas.prompt import user
from schemas.protocols import Engine
from schemas.request import Outcome, Program, Request, Sampling
from schemas.sample import Media

_QUESTION, _ANSWER = "word " * 200, "<think>" + "because " * 200 + "</think>Answer: 4"


@dataclass(frozen=True, slots=True)
class One:
    """A program of one question of 1 KB."""

    number: int

    def __call__(self) -> Program[Outcome]:
        """Return how it ended."""
        sampling = Sampling(temperature=0.6, max_tokens=500)
        [outcome] = yield [Request("teacher", user(f"question {self.number} {_QUESTION}"), sampling)]
        return outcome


def main() -> None:
    """Fill, replay, print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite"
        filled = _run(path, count, Scripted(lambda _: _ANSWER, model="m"))
        rate = max(_run(path, count, Replay("m")) for _ in range(2))
    print(f"{count:,} replies of 1.6 KB: bought at {filled:,.0f}/s with every commit synced, replayed at {rate:,.0f}/s")
    print(json.dumps({"replies": count, "bought_per_s": round(filled), "replayed_per_s": round(rate)}))


def _run(path: Path, count: int, engine: Engine) -> float:
    good = [0]

    def sink(_: None, outcome: Outcome) -> None:
        good[0] += outcome.ok

    with Ledger(path) as ledger, Workers(1) as workers:
        driver = Driver({"": Endpoint("m", engine, 64)}, ledger, workers, _no_pictures)
        begun = time.perf_counter()
        driver.run((Job(None, One(i)) for i in range(count)), sink)
        took = time.perf_counter() - begun
    if good[0] != count:
        sys.exit(f"{count - good[0]} of {count} were not answered")
    return count / took


def _no_pictures(_: Media) -> bytes:
    raise StoreError("no picture is asked for")


if __name__ == "__main__":
    main()
