"""Methods in stages: what a search is worth against theory, and how well sequential programs overlap.

    python benchmarks/stages.py [--samples 500] [--in-flight 128] [--latency-ms 200] [--questions 400] [--runs 3]

First table: the share of right conclusions on a simulated teacher with a known error in every stage, best-of-1 beside
beam search and SWIRES, each with what theory says, the 95 % interval of such a count, and the calls spent. Second:
`--samples` answers of four stages, each stage asked for by itself, against a loopback server that waits; the driver
with its ledger and HTTP engine, and a bare aiohttp loop of the same shape before and after it. The last line is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from fakes.programs import AfterAnswer, play, sample
from fakes.staged import Chances, Staged, beam, one_pass, swires

from curate.config import Models, bind
from curate.teacher.driver import Driver, Job
from curate.teacher.ledger import Ledger
from curate.teacher.workers import Workers
from generators.stage_beam import StageBeam
from generators.swires import Swires
from schemas.errors import StoreError
from schemas.protocols import Generator
from schemas.sample import Media
from schemas.trace import Trace

STAGES = ("SUMMARY", "CAPTION", "REASONING", "CONCLUSION")
LIMITS = ("captions", "keep", "reasonings", "conclusions", "rounds", "rank")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--in-flight", type=int, default=128)
    parser.add_argument("--latency-ms", type=float, default=200)
    parser.add_argument("--questions", type=int, default=400, help="of the simulated teacher")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.latency_ms / 1000))
        return
    worth = list(searches(options.questions)) if options.questions else []
    pace = (
        overlap(options.samples, options.in_flight, options.latency_ms / 1000, options.runs) if options.samples else {}
    )
    print(json.dumps({"searches": worth, "overlap": pace}))


# -- What a search is worth ----------------------------------------------------------------------------------------


class Search(NamedTuple):
    """A search and what theory says of it."""

    name: str
    generator: Generator
    theory: float


def searches(questions: int) -> Iterator[dict[str, Any]]:
    """Run every search on the simulated teacher and compare it with theory."""
    chances = Chances()
    print(f"simulated teacher: {chances}, {questions} questions\n")
    print("| search | right | theory | 95 % of such counts | calls a question |")
    print("| --- | --- | --- | --- | --- |")
    for search in _listed(chances):
        teacher = Staged(chances, seed=11)
        played = [play(search.generator(sample(f"Question {n}?")), teacher) for n in range(questions)]
        right = mean(_right(one.result, search) for one in played)
        calls = mean(len(one.requests) for one in played)
        half = 1.96 * math.sqrt(search.theory * (1 - search.theory) / questions)
        low, high = search.theory - half, search.theory + half
        print(f"| {search.name} | {right:.3f} | {search.theory:.3f} | {low:.3f} to {high:.3f} | {calls:.1f} |")
        yield {"search": search.name, "right": round(right, 4), "theory": round(search.theory, 4), "calls": calls}


def _right(traces: list[Trace], search: Search) -> bool:
    """Tell whether the answer is right: SWIRES names its best, a beam is right where one of its answers is."""
    answers = traces[:1] if isinstance(search.generator, Swires) else traces
    return any(trace.verdict is not None and trace.verdict.right for trace in answers)


def _listed(chances: Chances) -> Iterator[Search]:
    verifier = AfterAnswer()
    plain = StageBeam(verifier, candidates=1, judge_reasoning=False)
    yield Search("best of 1", plain, one_pass(chances))
    for candidates, width, check in ((4, 1, False), (10, 1, False), (10, 1, True), (4, 2, False)):
        generator = dataclasses.replace(plain, candidates=candidates, width=width, check_reasoning=check)
        name = f"beam, {candidates} candidates, width {width}{', chains checked' if check else ''}"
        yield Search(name, generator, beam(chances, candidates=candidates, width=width, check=check))
    for name, made in (("code", Swires.of_code(verifier)), ("paper", Swires.of_paper(verifier))):
        limits = {limit: getattr(made, limit) for limit in LIMITS}
        search = dataclasses.replace(made, judge_reasoning=False)
        yield Search(f"SWIRES as in the {name}", search, swires(chances, **limits)[0])


# -- How well sequential programs overlap --------------------------------------------------------------------------


def overlap(samples: int, in_flight: int, latency: float, runs: int) -> dict[str, float]:
    """Time the driver and a bare loop on the same requests, in turn."""
    ideal = math.ceil(samples * len(STAGES) / in_flight) * latency
    print(f"\n{samples} answers of {len(STAGES)} stages, {latency * 1000:.0f} ms a reply, {in_flight} in flight")
    print(f"ideal {ideal:.2f} s\n\n| run | curate s | / ideal | bare aiohttp s | / ideal | curate / bare |")
    print("| --- | --- | --- | --- | --- | --- |")
    found = []
    for run in range(runs):
        with _server(latency) as url:
            driven(url, 8, 8)  # what is imported once is no part of it
            before = bare(url, samples, in_flight)
            ours = driven(url, samples, in_flight)
            floor = (before + bare(url, samples, in_flight)) / 2
        found.append((ours, floor))
        cells = (f"{ours:.2f}", f"{ours / ideal:.3f}", f"{floor:.2f}", f"{floor / ideal:.3f}", f"{ours / floor:.3f}")
        print(f"| {run + 1} | {' | '.join(cells)} |")
    return {
        "ideal_s": round(ideal, 3),
        "curate_to_ideal": round(median(ours / ideal for ours, _ in found), 3),
        "bare_to_ideal": round(median(floor / ideal for _, floor in found), 3),
        "curate_to_bare": round(median(ours / floor for ours, floor in found), 3),
    }


def driven(url: str, samples: int, in_flight: int) -> float:
    """Return the seconds that the driver takes from its start until every answer has its verdict."""
    roles = bind([f"{url}#mock"], Models(concurrency=in_flight))
    generator = StageBeam(AfterAnswer(), candidates=1, judge_reasoning=False)
    asked = [sample(f"Question {n}?", picture=False) for n in range(samples)]
    right = 0

    def sink(_: None, traces: list[Trace]) -> None:
        nonlocal right
        right += sum(trace.verdict is not None and trace.verdict.right for trace in traces)

    with (
        tempfile.TemporaryDirectory() as folder,
        Ledger(Path(folder) / "ledger.sqlite") as ledger,
        Workers() as workers,
    ):
        driver = Driver(roles, ledger, workers, _no_picture)
        started = time.perf_counter()
        driver.run((Job(None, partial(generator, one)) for one in asked), sink)
        took = time.perf_counter() - started
    assert right == samples, f"{right} of {samples} answers are right"
    return took


def bare(url: str, samples: int, in_flight: int) -> float:
    """Return the seconds of the same requests in a loop that keeps nothing."""
    import aiohttp

    async def answer(session: aiohttp.ClientSession, slots: asyncio.Semaphore, number: int) -> None:
        texts: list[str] = []
        for stage in STAGES:
            messages = [{"role": "user", "content": f"Question {number}? Write {stage}. {' '.join(texts)}"}]
            body = {"model": "mock", "messages": messages, "stop": [f"</{stage}>"]}
            async with slots, session.post(f"{url}/chat/completions", json=body) as reply:
                texts.append((await reply.json())["choices"][0]["message"]["content"])

    async def loop() -> float:
        connector = aiohttp.TCPConnector(limit=in_flight)
        async with aiohttp.ClientSession(connector=connector) as session:
            slots = asyncio.Semaphore(in_flight)
            started = time.perf_counter()
            await asyncio.gather(*(answer(session, slots, number) for number in range(samples)))
            return time.perf_counter() - started

    return asyncio.run(loop())


def _no_picture(media: Media) -> bytes:
    raise StoreError(f"no picture {media.sha256}")


@contextmanager
def _server(latency: float) -> Iterator[str]:
    """Run the server in a process of its own, so that it takes no time from the clients' loop."""
    command = [sys.executable, __file__, "--serve", "--latency-ms", str(latency * 1000)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


async def serve(latency: float) -> None:
    """Answer every request for a stage with that stage, after a while."""
    from aiohttp import web

    async def handle(request: web.Request) -> web.Response:
        stage = (await request.json())["stop"][0].strip("</>")
        await asyncio.sleep(latency)
        text = f"<{stage}> {'Answer: 4' if stage == 'CONCLUSION' else 'words of this stage ' * 20}"
        message = {"role": "assistant", "content": text}
        usage = {"prompt_tokens": 300, "completion_tokens": 80, "total_tokens": 380}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        return web.json_response(
            {"id": "c", "object": "chat.completion", "model": "mock", "choices": choices, "usage": usage}
        )

    app = web.Application()
    app.router.add_post("/v1/chat/completions", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    main()
