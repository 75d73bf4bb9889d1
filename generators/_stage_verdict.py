"""The verdict on an answer in stages: its form, its conclusion by the verifier, its reasoning by a judge."""

from __future__ import annotations

from generators._chain_check import Judging, doubt
from generators._stage_writing import Path, trace_of
from schemas.leaks import leaks
from schemas.protocols import Verifier
from schemas.request import Program
from schemas.sample import Sample
from schemas.score import RIGHT, UNDECIDED, Verdict
from schemas.trace import Trace

__all__ = ["Judging", "judged"]


def judged(
    sample: Sample, path: Path, *, method: str, verifier: Verifier, judging: Judging | None, answer_seen: bool = False
) -> Program[Trace]:
    """Return the trace of a path with its verdict.

    Right is what is in form, what the verifier finds right and, with `judging`, what the judge says the reasoning leads
    to. A right conclusion that does not come to this is undecided, by the rule that says why.
    """
    trace = trace_of(sample, path, method=method, answer_seen=answer_seen)
    if path.fault is not None:
        return trace.with_verdict(Verdict(UNDECIDED, path.fault.rule, reason=path.fault.reason))
    verdict = yield from verifier(sample, path.texts[-1])
    if verdict.value == RIGHT and answer_seen and (words := _betrayal("\n".join(path.texts))):
        reason = f"the chain speaks of the answer it was given: {words!r}"
        return trace.with_verdict(_withdrawn(verdict, "hint_leak", reason))
    if verdict.value == RIGHT and judging is not None:
        *chain, conclusion = [
            (name.lower().replace("_", " "), text) for name, text in zip(path.stages, path.texts, strict=True)
        ]
        objection = yield from doubt(sample, chain, conclusion, judging)
        verdict = _withdrawn(verdict, *objection) if objection else verdict
    return trace.with_verdict(verdict)


def _betrayal(text: str) -> str:
    """Return words by which a text shows that its writer was told the answer or a hint; the caption is its own."""
    return next((leak.text for leak in leaks(text) if leak.kind != "bridge"), "")


def _withdrawn(verdict: Verdict, rule: str, reason: str) -> Verdict:
    return Verdict(UNDECIDED, rule, verdict.extracted, reason[:300], verdict.verifier)
