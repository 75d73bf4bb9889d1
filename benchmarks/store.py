"""Write and read 100,000 samples (2 KB of text) and as many traces (10 KB): the store beside plain parquet.

    python benchmarks/store.py [ROWS]

Prints a table and one line of JSON. `ratio` is the time against a plain pyarrow write of the same rows as one sorted
table held in memory, which neither sorts out of core, nor hashes, nor syncs to disk.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from curate.store import Store, Writer
from schemas.answer import Answer
from schemas.request import Sampling, Usage
from schemas.sample import Message, Sample
from schemas.score import Score, Verdict
from schemas.trace import Trace
from schemas.version import Step

FIELDS = {"samples": {"clarity": {"sharpness": "float", "pixels": "int"}}, "traces": {}}
WORDS = random.Random(0).choices(
    [f"{a}{b}" for a in "bcdfgklmnprst" for b in ("a", "em", "ion", "ora", "ol")], k=50_000
)


def text(seed: int, size: int) -> str:
    """Return `size` characters of seeded words."""
    start = random.Random(seed).randrange(len(WORDS) - size // 2)
    return " ".join(WORDS[start : start + size // 2])[:size]


def samples(rows: int) -> Iterator[Sample]:
    """Yield samples with a score, in no order."""
    for row in range(rows):
        sample = Sample.of(
            [Message.of("user", f"{row} {text(row, 2_000)}")], answer=Answer("7"), source="made", row=row
        )
        yield sample.with_score("clarity", Score(row % 100 / 100, detail={"sharpness": 0.5, "pixels": row}))


def trace(sample: Sample) -> Trace:
    """Return a trace of 10 KB."""
    words = text(sample.row + 1, 10_000)
    verdict = Verdict("right", "number", "7", "", "verify_answer")
    keys = (f"{sample.row:064x}",)
    ident, sampling = sample.id[::-1], Sampling(temperature=0.7, max_tokens=4_096)
    return Trace(ident, sample.id, "m", "t", words, "7", "stop", Usage(9, 9), keys, sampling, verdict=verdict)


def write(root: Path, rows: int) -> None:
    """Derive the version."""

    def all_rows(writer: Writer) -> int:
        for sample in samples(rows):
            writer.sample(sample)
            writer.trace(trace(sample))
        return rows

    Store(root).derive("bench", Step("bench"), write=all_rows, score_fields=FIELDS)


def make(_: Path, rows: int) -> None:
    """Only make the objects, to know what they cost."""
    for sample in samples(rows):
        trace(sample)


def plain(root: Path, rows: int) -> None:
    """Write the same rows with pyarrow alone."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from schemas.arrow import batch_of, sample_row, schema, trace_row

    root.mkdir(exist_ok=True)
    made = list(samples(rows))
    for table, items in (
        ("samples", (sample_row(sample, FIELDS["samples"]) for sample in made)),
        ("traces", (trace_row(trace(sample), {}) for sample in made)),
    ):
        shape = schema(table, FIELDS[table])
        batches = []
        while part := list(islice(items, 4_096)):
            batches.append(batch_of(part, shape))
        pq.write_table(pa.Table.from_batches(batches).sort_by("id"), root / f"{table}.parquet", compression="zstd")


def read(root: Path, _: int) -> None:
    """Read every pair back as dataclasses."""
    store = Store(root)
    for _pair in store.pairs(store.resolve("bench")):
        pass


def check(root: Path, _: int) -> None:
    """Check the version."""
    report = Store(root).check("bench")
    if report.problems:
        raise SystemExit(str(report.problems))


STAGES: dict[str, Callable[[Path, int], None]] = {f.__name__: f for f in (make, plain, write, read, check)}


def main() -> None:
    """Run each stage in a process of its own and print what it took."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in STAGES:
            root = Path(folder) / ("plain" if name == "plain" else "workspace")
            command = [sys.executable, __file__, "--stage", name, str(root), str(rows)]
            results[name] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    base = results["make"]["seconds"]
    ratio = (results["write"]["seconds"] - base) / max(0.001, results["plain"]["seconds"] - base)
    print(f"{'stage':8} {'seconds':>8} {'rows/s':>9} {'peak MB':>8}")
    for name, found in results.items():
        print(f"{name:8} {found['seconds']:8.1f} {2 * rows / found['seconds']:9.0f} {found['peak_mb']:8.0f}")
    print(json.dumps({"rows": 2 * rows, "ratio": round(ratio, 2), **results}))


def stage(name: str, root: Path, rows: int) -> None:
    """Run one stage and print its time and memory."""
    start = time.perf_counter()
    STAGES[name](root, rows)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--stage"]:
        stage(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
