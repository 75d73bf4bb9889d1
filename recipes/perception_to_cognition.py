"""Perception to cognition: answers that say what is seen before they say what it means (Vad-R1, arXiv 2505.19877).

    curate run recipes/perception_to_cognition.py --source data/vqa.jsonl --teacher https://host/v1#model

1. Read. Rows of any source become samples; those without a known answer are dropped.
2. Write. The teacher fills GLOBAL_PERCEPTION, LOCAL_PERCEPTION, SHALLOW_COGNITION, DEEP_COGNITION and CONCLUSION.
3. Judge. All tags once and in order, the conclusion verified, and a judge that looks at the picture: perception is true
   and draws no conclusion yet, cognition rests on it and leads to the conclusion.

Roles: `teacher` writes, `judge` judges. One `--teacher SPEC` plays both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from curate.run import Keep, Rule, Run
from generators.perception_to_cognition import PerceptionToCognition
from schemas.request import Sampling
from scorers.verify_answer import VerifyAnswer

if TYPE_CHECKING:
    from schemas.version import Version


def build(
    run: Run,
    *,
    source: str,
    name: str = "perception",
    limit: int | None = None,
    tries: int = 2,
    judge: bool = True,
    control: bool = True,
    temperature: float = 0.6,
    top_p: float = 0.95,
    longest: int = 4096,
    max_traces: int = 1,
) -> Version:
    """Build the versions `NAME-samples` and `NAME`.

    Args:
        run: the workspace and the models.
        source: a file, a folder or a dataset's name (docs/sources.md).
        name: name of the final version.
        limit: read only so many rows.
        tries: draws at most, one after another until one is right.
        judge: have a judge say whether perception is true and cognition leads to a right conclusion.
        control: have it also refuse a conclusion that is not led to; one more request.
        temperature: of the teacher.
        top_p: of the teacher.
        longest: token limit of a reply.
        max_traces: most traces kept per question.

    """
    generator = PerceptionToCognition(
        VerifyAnswer(),
        tries=tries,
        judge_reasoning=judge,
        judge_control=control,
        sampling=Sampling(temperature=temperature, top_p=top_p, max_tokens=longest),
    )
    samples = run.read(source, name=f"{name}-samples", limit=limit)
    answered = Rule("answer IS NOT NULL", "=", threshold=True)  # without one no chain can be right
    version = run.distil(samples, generator, name=name, rules=[answered], keep=Keep(most=max_traces))
    run.funnel(version)
    return version
