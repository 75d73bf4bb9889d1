"""Step values: chains rated step by step by continuation sampling, and wrong ones repaired (Q*, arXiv 2406.14283).

    curate run recipes/step_values.py --source data/maths.jsonl --teacher https://host/v1#model

1. Read. Rows of any source become samples.
2. Write. The teacher thinks and answers `tries` times; every answer is verified.
3. Rate. From the end of every step of a decided chain it goes on `continuations` times; a step's value is the share
   that comes out right. A wrong chain is followed by one that goes right from its last good step; nobody is shown the
   answer.

    curate sql "SELECT id, step_values.detail.values, step_values.detail.dead_from FROM rejected" --at step-values
    curate export step-values --to stepwise --out export/steps

A chain costs (steps + 1) x continuations requests. Role: `teacher` writes and goes on; bind the model that is to learn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from curate.run import Keep, Run
from generators.step_values import StepValues
from generators.think_then_answer import ThinkThenAnswer
from schemas.request import Sampling
from scorers.verify_answer import VerifyAnswer

if TYPE_CHECKING:
    from schemas.version import Version


def build(
    run: Run,
    *,
    source: str,
    name: str = "step-values",
    limit: int | None = None,
    tries: int = 2,
    continuations: int = 4,
    steps: int = 8,
    baseline: bool = True,
    repair: bool = True,
    prefill: bool = False,
    temperature: float = 0.8,
    top_p: float = 0.95,
    longest: int = 8192,
    seed: int | None = None,
    max_traces: int = 1,
) -> Version:
    """Build the versions `NAME-samples` and `NAME`.

    Args:
        run: the workspace and the models.
        source: a file, a folder or a dataset's name (docs/sources.md).
        name: name of the final version.
        limit: read only so many rows.
        tries: chains of each question.
        continuations: draws from the end of each step.
        steps: most steps of a chain; of a longer one neighbours count as one.
        baseline: rate the bare question too.
        repair: add a chain that goes right from the last good step of a wrong one.
        prefill: put the beginning into the model's own turn, behind a server that goes on in it.
        temperature: of chains and continuations.
        top_p: of chains and continuations.
        longest: token limit of each.
        seed: of the first draw; raised by one with every further one.
        max_traces: most right traces kept per question.

    """
    verifier = VerifyAnswer()
    sampling = Sampling(temperature=temperature, top_p=top_p, max_tokens=longest, seed=seed)
    generator = StepValues(
        verifier,
        writer=ThinkThenAnswer(verifier, tries=tries, revise=False, sampling=sampling),
        n=continuations,
        steps=steps,
        baseline=baseline,
        repair=repair,
        prefill=prefill,
        sampling=sampling,
    )
    samples = run.read(source, name=f"{name}-samples", limit=limit)
    version = run.distil(samples, generator, name=name, keep=Keep(most=max_traces, order="first"))
    run.funnel(version)
    return version
