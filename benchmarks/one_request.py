"""One request a row, kept as it comes: the recipe that `throughput.py` times. It measures the way, not the answers."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from schemas.request import Program, Request
from schemas.sample import Message, Sample
from schemas.score import RIGHT, Verdict
from schemas.trace import Trace

if TYPE_CHECKING:
    from curate.run import Run
    from schemas.version import Version


@dataclass(frozen=True, slots=True)
class OneRequest:
    """Ask the row's text, pictures after it; every reply counts as right."""

    version: ClassVar[int] = 1

    def __call__(self, sample: Sample, /) -> Program[list[Trace]]:
        """Return the trace of the one reply; none where the request failed."""
        turn = sample.messages[-1]
        request = Request("teacher", (Message("user", (turn.text, *turn.media)),))
        (outcome,) = yield [request]
        if outcome.reply is None:
            return []
        trace = Trace.of(sample, request, outcome, method="one_request")
        return [trace.with_verdict(Verdict(RIGHT, "unjudged", "", "", "one_request"))]


def build(run: Run, *, source: str, name: str = "bench") -> Version:
    """Build the version `NAME`, and say on stderr how long each pass took.

    Args:
        run: the workspace and the model.
        source: the rows.
        name: name of the version.

    """
    begun = time.perf_counter()
    rows = run.read(source, name=f"{name}-rows")
    read = time.perf_counter()
    version = run.distil(rows, OneRequest(), name=name)
    passes = {"read_s": read - begun, "distil_s": time.perf_counter() - read}
    print(json.dumps({key: round(value, 3) for key, value in passes.items()}), file=sys.stderr)
    return version
