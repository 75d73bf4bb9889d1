"""A whole `curate` run of one request a row, against what one would write by hand.

    python benchmarks/throughput.py --base-url URL --n 2000 --concurrency 64 [--images DIR] [--latency-ms L] --json
    python benchmarks/throughput.py --suite --mock mock_teacher.py --floors DIR

The first form runs curate (the command line, rows read from a JSON Lines file, ledger and store in a new folder), then
the bare `AsyncOpenAI` loop of `_openai_loop.py` on the same rows. Its last line is JSON:

    wall_s, cpu_s, rss_mb    the curate run from start to end: seconds, user and system seconds of all its processes,
                             peak MB of the largest
    wall_ratio_to_ideal      seconds between the first request sent and the last answer received, read from the run's
                             ledger, over ceil(n / concurrency) x latency: so start-up, reading the rows and writing
                             the version are apart. Latency is --latency-ms, else the mean of ten requests, one after
                             another; null where that is under 5 ms, for then nothing waits for the server
    cpu_ratio_to_openai_loop cpu_s over the loop's

The second form starts the mock server itself, runs every scenario with curate, with the floors of DIR
(`drive_floor_openai.py`, `drive_floor_aiohttp.py`, `make_images.py`) and writes the table in README.md.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from _clients import Found, Load, curate, openai_loop, write_rows

_NO_LATENCY = 0.005
"""Seconds below which a server's own time is not what a run waits for."""


def main() -> None:
    """Read the options and run."""
    options = _options()
    if options.suite:
        from _suite import run_suite

        run_suite(options.mock, options.floors, only=options.only, repeat=options.repeat)
        return
    load = Load(options.base_url, options.n, options.concurrency, options.images, model=options.model)
    latency = options.latency_ms / 1000 if options.latency_ms is not None else None
    with tempfile.TemporaryDirectory(prefix="throughput-") as folder:
        summary = _compare(load, Path(folder), latency, talk=not options.json)
    print(json.dumps(summary))


def ideal(load: Load, latency: float | None) -> float | None:
    """Return the seconds that full rounds of requests take at this latency; None where there is next to none."""
    if latency is None or latency < _NO_LATENCY:
        return None
    return math.ceil(load.n / load.concurrency) * latency


def _compare(load: Load, folder: Path, latency: float | None, *, talk: bool) -> dict[str, float | None]:
    source = write_rows(folder / "source", load)
    ours = curate(load, source, folder / "curate")
    bare = openai_loop(load, source, folder / "loop")
    if ours.rows != load.n or bare.rows != load.n:
        print(f"rows out of {load.n}: curate {ours.rows} ({ours.failures}), loop {bare.rows}", file=sys.stderr)
    best = ideal(load, latency if latency is not None else _probed(load))
    if talk:
        _show(ours, bare, best)
    return {
        "wall_s": round(ours.wall_s, 3),
        "cpu_s": round(ours.cpu_s, 3),
        "rss_mb": round(ours.rss_mb, 1),
        "wall_ratio_to_ideal": round(ours.busy_s / best, 3) if best and ours.busy_s is not None else None,
        "cpu_ratio_to_openai_loop": round(ours.cpu_s / bare.cpu_s, 3),
    }


def _probed(load: Load, times: int = 10) -> float:
    """Return the mean seconds of an answer that has the server to itself."""
    body = json.dumps({"model": load.model, "messages": [{"role": "user", "content": "How long does this take?"}]})
    address = urllib.request.Request(
        f"{load.base_url}/chat/completions", body.encode(), {"Content-Type": "application/json"}
    )
    begun = time.perf_counter()
    for _ in range(times):
        with urllib.request.urlopen(address, timeout=load.timeout) as answer:
            answer.read()
    return (time.perf_counter() - begun) / times


def _show(ours: Found, bare: Found, best: float | None) -> None:
    for name, found in (("curate", ours), ("AsyncOpenAI loop", bare)):
        print(
            f"{name:18} {found.wall_s:7.2f} s   {found.cpu_s:7.2f} s CPU   {found.rss_mb:6.0f} MB   {found.rows} rows"
        )
    if best is not None and ours.busy_s is not None:
        print(f"first request to last answer {ours.busy_s:.2f} s, ideal {best:.2f} s")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-url", help="an OpenAI-compatible endpoint that wants no key, up to and with /v1")
    parser.add_argument("--model", default="mock-teacher")
    parser.add_argument("--n", type=int, default=2000, help="requests")
    parser.add_argument("--concurrency", type=int, default=64, help="most requests at once")
    parser.add_argument("--images", type=Path, help="folder of .jpg files, one a request")
    parser.add_argument("--latency-ms", type=float, help="the server's, where it is known")
    parser.add_argument("--json", action="store_true", help="print nothing but the line of JSON")
    parser.add_argument("--suite", action="store_true", help="run the scenarios of the README's table")
    parser.add_argument("--mock", type=Path, help="mock_teacher.py")
    parser.add_argument("--floors", type=Path, help="folder of the hand-written clients")
    parser.add_argument("--only", action="append", metavar="WORD", help="only scenarios with this word; no table")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each, of which the median CPU is shown")
    options = parser.parse_args()
    if options.suite and not (options.mock and options.floors):
        parser.error("--suite needs --mock and --floors")
    if not options.suite and not options.base_url:
        parser.error("give --base-url, or --suite")
    return options


if __name__ == "__main__":
    main()
