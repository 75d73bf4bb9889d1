"""Made rows of a version, and a derivation of them in any order."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from curate.store import Store, Writer
from schemas.answer import Answer
from schemas.request import Cause, Outcome, Reply, Request, Sampling
from schemas.sample import Media, Message, Sample
from schemas.score import Score, Verdict
from schemas.trace import Trace
from schemas.version import Dropped, Failed, Step, Version

FIELDS = {"samples": {"clarity": {"sharpness": "float"}}, "traces": {"repetition": {}}}
STEP = Step("made", {"rows": "made"})


def made_sample(row: int, *media: Media, size: int = 0) -> Sample:
    """Return the sample of a source row, with a score."""
    words = f"What is {row}? \ud800 é{'x' * size}"
    sample = Sample.of([Message.of("user", *media, words)], answer=Answer.of(str(row)), source="made", row=row)
    return sample.with_score("clarity", Score(row % 10 / 10, passed=True, detail={"sharpness": float(row)}))


def made_trace(sample: Sample, number: int = 0) -> Trace:
    """Return one of the traces of a sample."""
    outcome = Outcome(Cause.OK, Reply("42", f"thinking {number}"), key=f"{number:064x}", model="m")
    trace = Trace.of(sample, Request("teacher", (), Sampling(temperature=0.5)), outcome, method="made")
    return trace.with_verdict(Verdict("right", "number")).with_score("repetition", Score(0.25))


def made_rows(count: int, *media: Media) -> list[tuple[str, Any]]:
    """Return rows of all tables with the writer's method for each: `count` kept samples, 2 dropped, 2 failed."""
    samples = [made_sample(row, *media) for row in range(count)]
    out = made_sample(count)
    rows: list[tuple[str, Any]] = [("sample", sample) for sample in samples]
    rows += [("trace", made_trace(sample, number)) for sample in samples for number in range(2)]
    rows += [("rejected", made_trace(sample, 7)) for sample in samples[::2]]
    rows += [("dropped", Dropped(sample.id, "generate", "verdict", trace_id="f" * 24)) for sample in samples[::2]]
    rows += [("dropped", Dropped(out.id, "select", "clarity.value", "0.1", ">= 0.3", None, "made", count))]
    rows += [("dropped", Dropped(samples[0].id, "read", "duplicate", source="made", row=count + 1))]
    rows += [("failed", Failed("made", count + 2, None, "read", "decode", "not a picture"))]
    rows += [("failed", Failed("made", count + 3, made_sample(-1).id, "generate", "timeout", "took too long"))]
    return rows


def writing(rows: Sequence[tuple[str, Any]], rows_in: int, seed: int = 0) -> Callable[[Writer], int]:
    """Return a `write` that hands the rows over in an order of its own."""

    def write(writer: Writer) -> int:
        for method, row in random.Random(seed).sample(rows, len(rows)):
            getattr(writer, method)(row)
        return rows_in

    return write


def made_version(store: Store, count: int = 20, *media: Media, name: str = "made", seed: int = 0) -> Version:
    """Derive the version of `made_rows`."""
    write = writing(made_rows(count, *media), count + 4, seed)
    return store.derive(name, STEP, write=write, score_fields=FIELDS)
