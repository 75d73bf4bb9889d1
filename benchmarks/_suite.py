"""The scenarios of the README's table: curate and the two floors, one after another, secondst the mock server."""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
import platform
import runpy
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from _clients import Found, Load, curate, floor, write_rows

__all__ = ["run_suite"]

README = Path(__file__).resolve().parent / "README.md"
BEGIN, END = "<!-- throughput: begin -->", "<!-- throughput: end -->"
_MIXED = {"429": 0.05, "500": 0.05, "reset": 0.02, "malformed": 0.02, "hang": 0.01, "truncated": 0.02}
_LASTING = {"500": 0.02, "content_filter": 0.02, "empty": 0.02}
_HEAD = (
    "| client | wall s | sending s | / ideal | / aiohttp | CPU s | / AsyncOpenAI | MB | rows | doubled | failed |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)
_CLIENTS = ("curate", "AsyncOpenAI", "aiohttp")


@dataclass(frozen=True, slots=True)
class Scenario:
    """A server's temper and what is asked of it."""

    name: str
    n: int
    concurrency: int
    server: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the mock server."""
    ideal_s: float | None = None
    """Seconds that the requests alone take at best."""
    images: bool = False
    timeout: float = 120.0


@dataclass(frozen=True, slots=True)
class Line:
    """One client's row of the table."""

    client: str
    found: Found
    doubled: int
    """Complete answers to what had been answered."""


_SCENARIOS = (
    Scenario("no latency, 2,000 at 64", 2000, 64),
    Scenario("500 ms, 2,000 at 256", 2000, 256, {"latency_ms": 500}, math.ceil(2000 / 256) * 0.5),
    Scenario(
        "pictures of 200 KB, 100 ms, 300 at 32", 300, 32, {"latency_ms": 100}, math.ceil(300 / 32) * 0.1, images=True
    ),
    Scenario("log-normal, median 100 ms, 2,000 at 64", 2000, 64, {"latency_ms": 100, "lognormal_sigma": 1.0}),
    Scenario("faults, 100 ms, 1,000 at 64", 1000, 64, {"latency_ms": 100, "faults": _MIXED}, timeout=10.0),
    Scenario(
        "rows that always fail, 1,000 at 64",
        1000,
        64,
        {"latency_ms": 100, "faults": _LASTING, "fault_scope": "request"},
        timeout=10.0,
    ),
    Scenario(
        "capacity of 40 behind a queue, 100 ms, 2,000 at 256",
        2000,
        256,
        {"latency_ms": 100, "max_concurrency": 40},
        2000 / 40 * 0.1,
    ),
)


def run_suite(mock: Path, floors: Path, *, only: Sequence[str] | None, repeat: int) -> None:
    """Run all scenarios and write the table; `only` some are printed instead."""
    tables = []
    with tempfile.TemporaryDirectory(prefix="throughput-") as made:
        folder = Path(made)
        for scenario in _SCENARIOS:
            if only and not any(word in scenario.name for word in only):
                continue
            lines = _scenario(scenario, mock, floors, folder, repeat)
            tables.append(_table(scenario, lines))
            print(tables[-1], flush=True)
        if not only:
            tables.append(_again(mock, folder / "again"))
            print(tables[-1], flush=True)
    if not only:
        _write("\n\n".join([_facts(repeat), *tables]))


def _scenario(scenario: Scenario, mock: Path, floors: Path, folder: Path, repeat: int) -> list[Line]:
    """Run every client `repeat` times, in turn, and take each one's run of median CPU."""
    images = _pictures(floors, folder / "pictures", scenario.n) if scenario.images else None
    rows = Load("", scenario.n, scenario.concurrency, images, scenario.timeout)
    # The floors' own prompts: what the server does to a request hangs on its words.
    prompts = runpy.run_path(str(floors / "workload.py"))["prompts"](scenario.n)
    source = write_rows(folder / "source", rows, prompts)
    runs: dict[str, list[Line]] = {client: [] for client in _CLIENTS}
    for turn in range(repeat):
        for client in _CLIENTS:
            home = folder / f"{_SCENARIOS.index(scenario)}-{client}-{turn}"
            # A server of its own for each: what hangs in one run would end in the next.
            with _server(mock, scenario.server) as address:
                found = _client(client, replace(rows, base_url=f"{address}/v1"), source, floors, home)
                stats = _get(f"{address}/stats")
            runs[client].append(Line(client, replace(found, busy_s=stats["span_s"]), stats["dup_paid"]))
    return [sorted(lines, key=lambda line: line.found.cpu_s)[len(lines) // 2] for lines in runs.values()]


def _client(client: str, load: Load, source: Path, floors: Path, folder: Path) -> Found:
    if client == "curate":
        return curate(load, source, folder)
    script = "drive_floor_openai.py" if client == "AsyncOpenAI" else "drive_floor_aiohttp.py"
    return floor(floors / script, load, folder)


def _again(mock: Path, folder: Path, n: int = 2000, times: int = 3) -> str:
    """Time a run whose every reply is in the ledger secondst one of a single row, which is start-up."""
    starts, seconds = [], []
    with _server(mock, {}) as address:
        load = Load(f"{address}/v1", n, 64)
        source = write_rows(folder / "source", load)
        one = write_rows(folder / "one", replace(load, n=1))
        curate(load, source, folder / "curate")
        for turn in range(times):
            starts.append(curate(load, one, folder / f"one-{turn}").wall_s)
            seconds.append(curate(load, source, folder / "curate", name=f"again{turn}").wall_s)
    start, again = statistics.median(starts), statistics.median(seconds)
    return (
        f"**{n:,} rows again, all in the ledger**: {again:.2f} s; start-up, a run of one row: {start:.2f} s; "
        f"ratio {again / start:.2f}."
    )


@contextmanager
def _server(mock: Path, settings: Mapping[str, Any]) -> Iterator[str]:
    """Run the mock server on a free port of this machine, and give its address; it ends with the block."""
    command = [sys.executable, str(mock), "--port", "0", "--host", "127.0.0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline().split()
        try:
            address = next(word for word in said if word.startswith("http://")).removesuffix("/v1")
            _post(f"{address}/config", settings)
            yield address
        finally:
            process.terminate()


def _pictures(floors: Path, folder: Path, n: int) -> Path:
    script = [sys.executable, str(floors / "make_images.py"), "--out", str(folder), "--n", str(n), "--kb", "200"]
    subprocess.run(script, check=True, capture_output=True)
    return folder


def _post(url: str, body: Mapping[str, Any]) -> None:
    asked = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        answer.read()


def _get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def _table(scenario: Scenario, lines: Sequence[Line]) -> str:
    known = {line.client: line.found for line in lines}
    rows = [
        f"**{scenario.name}**" + (f" (ideal {scenario.ideal_s:.1f} s)" if scenario.ideal_s else ""),
        "",
        _HEAD,
    ]
    rows += [_row(scenario, line, known) for line in lines]
    return "\n".join(rows)


def _row(scenario: Scenario, line: Line, known: Mapping[str, Found]) -> str:
    found = line.found
    busy = found.busy_s or math.nan
    cells = [
        line.client,
        f"{found.wall_s:.2f}",
        f"{busy:.2f}",
        f"{busy / scenario.ideal_s:.2f}" if scenario.ideal_s else "",
        f"{busy / (known['aiohttp'].busy_s or math.nan):.2f}",
        f"{found.cpu_s:.2f}",
        f"{found.cpu_s / known['AsyncOpenAI'].cpu_s:.2f}",
        f"{found.rss_mb:.0f}",
        f"{found.rows}",
        f"{line.doubled}",
        found.failures,
    ]
    return f"| {' | '.join(cells)} |"


def _facts(repeat: int) -> str:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("openai", "aiohttp"))
    runs = "one run" if repeat == 1 else f"the run of median CPU of {repeat}"
    return (
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, {versions}; {runs} each."
    )


def _write(text: str) -> None:
    page = README.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
