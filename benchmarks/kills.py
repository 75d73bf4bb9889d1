"""kill -9 a run at random moments, resume each time, and count what was bought twice.

    python benchmarks/kills.py --mock mock_teacher.py [--kills 50] [--rate 1000]

Starts the mock server itself, which knows which complete answers had been written to an open connection and were asked
for again all the same (`sent_after_delivery`): what sat in socket buffers and in the open commit group. Prints that
number a kill, and whether the version is an undisturbed run's; the last line is the same as JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from _clients import Load, write_rows

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mock", type=Path, required=True, help="mock_teacher.py")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--n", type=int, default=0, help="rows; enough for all kills where not given")
    parser.add_argument("--latency-ms", type=float, default=60.0)
    parser.add_argument("--concurrency", type=int, default=64)
    options = parser.parse_args()
    n = options.n or 600 * options.kills
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mock = [sys.executable, str(options.mock), "--port", str(port), "--latency-ms", str(options.latency_ms)]
    server = subprocess.Popen(mock, stdout=subprocess.DEVNULL)
    try:
        time.sleep(1.5)
        with tempfile.TemporaryDirectory() as folder:
            load = Load(f"http://127.0.0.1:{port}/v1", n, options.concurrency)
            print(json.dumps(_measure(load, options.kills, Path(folder))))
    finally:
        server.terminate()
        server.wait(10)


def _measure(load: Load, kills: int, folder: Path) -> dict[str, Any]:
    rows, chance = write_rows(folder / "rows", load), random.Random(7)
    done = 0
    for _ in range(kills):
        process = _start(load, rows, folder / "torn")
        while _stats(load)["answered"] <= done and process.poll() is None:
            time.sleep(0.005)
        time.sleep(chance.uniform(0.1, 0.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
        done = _stats(load)["answered"]
    torn = _finish(load, rows, folder / "torn")
    counted = _stats(load)
    whole = _finish(load, rows, folder / "whole")
    each = counted["sent_after_delivery"] / kills
    print(f"{kills} kills, {load.n:,} rows: {each:.1f} answers a kill bought again after delivery")
    print(f"the version is {'' if torn == whole else 'NOT '}an undisturbed run's")
    return {"kills": kills, "sent_after_delivery_a_kill": round(each, 2), "same_version": torn == whole}


def _start(load: Load, rows: Path, workspace: Path) -> subprocess.Popen[str]:
    command = [
        sys.executable, "-m", "curate.cli.main", "run", str(HERE / "one_request.py"), "--source", str(rows),
        "--workspace", str(workspace), "--teacher", f"{load.base_url}#{load.model}", "--quiet", "--json",
        "--concurrency", str(load.concurrency),
    ]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=HERE.parent)


def _finish(load: Load, rows: Path, workspace: Path) -> str:
    process = _start(load, rows, workspace)
    out, err = process.communicate()
    if process.returncode:
        sys.exit(err)
    return str(json.loads(out)["id"])


def _stats(load: Load) -> dict[str, Any]:
    with urllib.request.urlopen(load.base_url.removesuffix("/v1") + "/stats") as reply:
        found: dict[str, Any] = json.loads(reply.read())
        return found


if __name__ == "__main__":
    main()
