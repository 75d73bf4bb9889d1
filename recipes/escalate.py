"""Failure-driven escalation: short chains first, long ones by a stronger teacher for what they do not solve (Honey).

    curate run recipes/escalate.py --source data/vqa.jsonl --teacher teacher=https://host/v1#small \
        --teacher strong=https://host/v1#large

1. Read. Rows of any source become samples.
2. Short. The role `teacher` writes a short chain; its answer is verified.
3. Long. Where no short chain is right, the role `strong` writes `long_tries` long ones, each verified; with `--revise`
   a wrong one is rewritten toward the known answer, marked so, where none is right.

An answer that the rules cannot compare is not right, and is escalated too; with `--judge` the role `judge` compares it
first, as in the source. Every trace has a score `escalation` with its stage and what both stages had cost by then, in
requests and tokens:

    curate sql "SELECT escalation.detail.stage, count(*), sum(completion_tokens) FROM traces GROUP BY 1" --at honey
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from curate.run import Keep, Rule, Run
from generators.escalate import Escalate
from schemas.request import Sampling
from scorers.verify_answer import VerifyAnswer
from scorers.verify_judge import VerifyJudge

if TYPE_CHECKING:
    from schemas.version import Version


def build(
    run: Run,
    *,
    source: str,
    name: str = "honey",
    limit: int | None = None,
    short_tries: int = 1,
    long_tries: int = 4,
    short_tokens: int = 1024,
    long_tokens: int = 8192,
    longest: int = 0,
    temperature: float = 0.6,
    top_p: float = 0.95,
    revise: bool = False,
    judge: bool = False,
    max_traces: int = 1,
) -> Version:
    """Build the versions `NAME-samples` and `NAME`.

    Args:
        run: the workspace and the models.
        source: a file, a folder or a dataset's name (docs/sources.md).
        name: name of the final version.
        limit: read only so many rows.
        short_tries: short chains per question.
        long_tries: long chains per question that no short one solved.
        short_tokens: token limit of a short chain; what is cut is escalated.
        long_tokens: token limit of a long chain.
        longest: limit of one more draw in place of a long chain that was cut; 0 draws none.
        temperature: of both teachers.
        top_p: of both teachers.
        revise: rewrite one wrong long chain toward the known answer where none is right.
        judge: ask the role `judge` whether an answer is right where the rules cannot tell.
        max_traces: most traces kept per question.

    """
    short = Sampling(temperature=temperature, top_p=top_p, max_tokens=short_tokens)
    generator = Escalate(
        VerifyAnswer(judge=VerifyJudge() if judge else None),
        short_tries=short_tries,
        long_tries=long_tries,
        short_sampling=short,
        long_sampling=Sampling(temperature=temperature, top_p=top_p, max_tokens=long_tokens),
        longest=longest,
        revise=revise,
    )
    keep = Keep(most=max_traces)
    samples = run.read(source, name=f"{name}-samples", limit=limit)
    answered = Rule("answer IS NOT NULL", "=", threshold=True)  # without one nothing is right, and all is escalated
    version = run.distil(samples, generator, name=name, rules=[answered], keep=keep)
    run.funnel(version)
    return version
