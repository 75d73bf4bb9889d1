"""How good and how fast the verifier is, beside math-verify in the same run.

    python benchmarks/verify.py [CASES.jsonl]

Cases are rows `{kind, gold, prediction, equal, options?, question?, source}`. Prints a table by kind and by source,
the cases that went wrong, what hostile input costs, and speeds; the last line is the same as JSON.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import math_verify_baseline as baseline

from curate.teacher.workers import Workers
from curate.verify import drive, verify_rows
from schemas.answer import Answer
from schemas.request import Call
from schemas.sample import Message, Sample
from scorers.verify_answer import VerifyAnswer

CASES = Path(__file__).resolve().parents[2] / "shared" / "data" / "verifier-cases.jsonl"
ENDS = ("right", "false accept", "false reject", "undecided equal", "undecided")
Row = dict[str, Any]


def main() -> None:
    """Run everything and print it."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else CASES
    cases = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    plain = [case for case in cases if case["kind"] != "hostile"]
    with Workers(1, memory_mb=1024) as workers:
        workers.run(Call(len, ("warm",), 60))
        ours, seconds = timed(lambda: [row["verdict"] for row in verify_rows(map(as_row, plain), workers=workers)])
        theirs = {name: timed(lambda name=name: beside(workers, name, plain)) for name in ("default", "wrapped")}
        hostile = attacked(workers, [case for case in cases if case["kind"] == "hostile"])
        threads = same_from_threads(workers, plain, ours)
    found = ours + [row["verdict"] for row in hostile]
    cases = plain + [case for case in cases if case["kind"] == "hostile"]
    result = {
        "cases": len(cases),
        "ours": count(cases, found),
        "by_kind": table(cases, found, "kind"),
        "by_source": table(cases, found, "source"),
        **{f"math_verify_{name}": count(plain, verdicts) for name, (verdicts, _) in theirs.items()},
        "cases_per_second": round(len(plain) / seconds),
        **{f"math_verify_{name}_per_second": round(len(plain) / spent) for name, (_, spent) in theirs.items()},
        **speeds(),
        "hostile": hostile,
        "hostile_worst_seconds": max((row["seconds"] for row in hostile), default=0),
        "worker_peak_mb": max((row["peak_mb"] for row in hostile), default=0),
        "same_from_16_threads": threads,
    }
    show(result, plain, ours, {name: verdicts for name, (verdicts, _) in theirs.items()})
    print(json.dumps(result))


def as_row(case: Row) -> Row:
    """Keep what the verifier may see."""
    return {key: case[key] for key in ("gold", "prediction", "question", "options") if case.get(key) is not None}


def timed(work: Any) -> tuple[list[str], float]:
    """Return a result and the seconds it took."""
    start = time.perf_counter()
    return work(), time.perf_counter() - start


def beside(workers: Workers, name: str, cases: list[Row]) -> list[str]:
    """Ask math-verify, in a worker, with its own five seconds."""
    outcomes = [workers.run(Call(getattr(baseline, name), (case["gold"], case["prediction"]), 5)) for case in cases]
    return [("right" if end.value else "wrong") if end.ok else "undecided" for end in outcomes]


def attacked(workers: Workers, cases: list[Row]) -> list[Row]:
    """Time every hostile case alone; the peak memory is the worker's."""
    rows = []
    for case in cases:
        (row,), seconds = timed(lambda case=case: list(verify_rows([as_row(case)], workers=workers)))
        rows.append({"note": case.get("note"), "equal": case["equal"], "verdict": row["verdict"], "rule": row["rule"],
                     "seconds": round(seconds, 3), "peak_mb": peak_mb()})  # fmt: skip
    return rows


def peak_mb() -> int:
    """Return the largest resident set a living worker has had, in MiB."""
    peaks = [0]
    for child in multiprocessing.active_children():
        lines = Path(f"/proc/{child.pid}/status").read_text(encoding="utf-8").splitlines()
        peaks += [int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM")]
    return max(peaks)


def same_from_threads(workers: Workers, cases: list[Row], verdicts: list[str]) -> bool:
    """Ask the same from sixteen threads at once."""
    with ThreadPoolExecutor(16) as threads:
        again = list(threads.map(lambda case: next(verify_rows([as_row(case)], workers=workers))["verdict"], cases))
    return again == verdicts


def speeds(rows: int = 20_000) -> Row:
    """Measure verdicts a second on one core, and memory over a long stream, for what needs no worker."""
    verifier, idle = VerifyAnswer(), Workers(1)
    choices = ("Paris", "London", "Rome", "Berlin")
    numbers = [(asked(str(i * 37)), f"So we get {i}.\nThe answer is {i * 37 + i % 2}.") for i in range(rows)]
    picks = [
        (asked("ABCD"[i % 4], choices), f"Step {i}. Therefore the answer is ({'ABCD'[i % 3]}).") for i in range(rows)
    ]
    rates = {}
    for name, pairs in (("numbers", numbers), ("choices", picks)):
        start = time.process_time()
        for pair in pairs:
            drive(verifier(*pair), idle)
        rates[f"{name}_per_second"] = round(rows / (time.process_time() - start))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for start in range(0, 10 * rows, rows):
        for i in range(start, start + rows):
            drive(verifier(asked(str(i)), f"\\boxed{{{i}}}"), idle)
    return {**rates, "growth_mb_over_200000": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024}


def asked(gold: str, choices: tuple[str, ...] = ()) -> Sample:
    """Make a sample with nothing but its answer."""
    return Sample("", (Message("user", ("",)),), Answer.of(gold, choices), choices)


def end_of(case: Row, verdict: str) -> str:
    """Name how one case ended."""
    if verdict == "undecided":
        return "undecided equal" if case["equal"] else "undecided"
    if (verdict == "right") == case["equal"]:
        return "right"
    return "false accept" if verdict == "right" else "false reject"


def count(cases: list[Row], verdicts: list[str]) -> dict[str, int]:
    """Count how the cases ended."""
    ends = dict.fromkeys(ENDS, 0)
    for case, verdict in zip(cases, verdicts, strict=True):
        ends[end_of(case, verdict)] += 1
    return ends


def table(cases: list[Row], verdicts: list[str], key: str) -> dict[str, dict[str, int]]:
    """Count by a field of the cases."""
    groups = defaultdict(list)
    for case, verdict in zip(cases, verdicts, strict=True):
        groups[case[key]].append((case, verdict))
    return {name: count(*map(list, zip(*pairs, strict=True))) for name, pairs in sorted(groups.items())}


def show(result: Row, plain: list[Row], ours: list[str], theirs: dict[str, list[str]]) -> None:
    """Print the tables and the cases that went wrong."""
    print(f"{'':32s}" + "".join(f"{end:>17s}" for end in ENDS))
    lines = {**result["by_kind"], **{f"source: {name}": ends for name, ends in result["by_source"].items()}}
    lines["ALL"] = result["ours"]
    lines["ALL but hostile"] = count(plain, ours)
    lines |= {f"math-verify, {name}": count(plain, verdicts) for name, verdicts in theirs.items()}
    for name, ends in lines.items():
        print(f"{name:32s}" + "".join(f"{ends[end]:17d}" for end in ENDS))
    for case, verdict in zip(plain, ours, strict=True):
        if (end := end_of(case, verdict)) not in ("right", "undecided"):
            print(f"{end}: {case['gold'][-80:]!r} | {case['prediction'][-80:]!r}")
    for row in result["hostile"]:
        print(
            f"  {row['note'] or '':28s} {row['equal']!s:6s}{row['verdict']:10s}{row['rule']:16s}{row['seconds']:6.2f} s"
        )


if __name__ == "__main__":
    main()
