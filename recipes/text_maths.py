"""Long chain-of-thought from text questions: competition mathematics and science.

    curate run recipes/text_maths.py --source maths.jsonl --teacher https://host/v1#model --teacher student=URL#small
    curate run recipes/text_maths.py --source physics.jsonl --subject science --teacher https://host/v1#model

1. Read and rate. Rows of any source become samples; the student's pass rate over `rollouts` says how hard each is.
2. Sieve. Questions outside the band of pass rates are dropped before the teacher is asked; unrated ones stay.
3. Distil. The teacher works the question out `tries` times, every answer is verified, and right traces that repeat
   themselves, change their language or conclude something else than they answer are screened out. The shortest is kept.

Roles: `teacher` writes, `student` answers for the pass rate, `reviser` rewrites where `--revise` asks for it, `judge`
compares answers where the rules cannot and `--judge` asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from curate.run import Keep, Rule, Run
from generators.screened import Screened
from generators.think_then_answer import ThinkThenAnswer
from schemas.errors import ConfigError
from schemas.prompt import load
from schemas.protocols import TraceScorer
from schemas.request import Sampling
from scorers.difficulty import Difficulty
from scorers.language import Language
from scorers.reasoning_agrees import ReasoningAgrees
from scorers.repetition import Repetition
from scorers.verify_answer import VerifyAnswer
from scorers.verify_judge import VerifyJudge

if TYPE_CHECKING:
    from schemas.version import Version

PROMPTS = {"maths": "competition_maths", "science": "science"}
_ANSWERED = Rule("answer IS NOT NULL", "=", threshold=True)
"""Without a known answer no try can be right."""


def build(
    run: Run,
    *,
    source: str,
    name: str = "text-maths",
    limit: int | None = None,
    subject: Literal["maths", "science"] = "maths",
    rollouts: int = 4,
    min_rate: float = 0.0,
    max_rate: float = 0.9,
    tries: int = 4,
    max_traces: int = 1,
    temperature: float = 0.6,
    top_p: float = 0.95,
    longest: int = 16384,
    revise: bool = False,
    judge: bool = False,
    system: bool = True,
) -> Version:
    """Build the versions `NAME-scored` and `NAME`.

    Args:
        run: the workspace and the models.
        source: a file, a folder or a dataset's name (docs/sources.md).
        name: name of the final version.
        limit: read only so many rows.
        subject: which instruction the teacher gets.
        rollouts: draws of the student per question; 0 rates and drops nothing.
        min_rate: drop questions that the student solves less often.
        max_rate: drop questions that the student solves more often.
        tries: draws of the teacher per question.
        max_traces: most traces kept per question, the shortest first.
        temperature: of the teacher.
        top_p: of the teacher.
        longest: token limit of a trace.
        revise: rewrite one wrong try toward the known answer where no try is right.
        judge: ask the role `judge` whether an answer is right where the rules cannot tell.
        system: put the instruction into a system turn; off for teachers that want none.

    """
    if not 0 <= min_rate <= max_rate <= 1:
        raise ConfigError(
            f"the band of pass rates is 0 <= low <= high <= 1: got --min-rate {min_rate:g} and --max-rate {max_rate:g}"
        )
    verifier = VerifyAnswer(judge=VerifyJudge() if judge else None)
    keep = Keep(most=max_traces)
    rated = [Difficulty(verifier, n=rollouts)] if rollouts else []
    rate = "difficulty.detail.pass_rate"
    writer = ThinkThenAnswer(
        verifier,
        tries=tries,
        prompt=load("generators.prompts", PROMPTS[subject]),
        sampling=Sampling(temperature=temperature, top_p=top_p, max_tokens=longest),
        revise=revise,
        system=system,
    )
    screens: dict[str, TraceScorer] = {
        "repetition": Repetition(),
        "language": Language(),
        "reasoning_agrees": ReasoningAgrees(),
    }
    scored = run.read(source, name=f"{name}-scored", limit=limit, score=rated)
    version = run.distil(
        scored,
        Screened(verifier, writer, screens),
        name=name,
        rules=[_ANSWERED, *([Rule(rate, ">=", min_rate), Rule(rate, "<=", max_rate)] if rollouts else [])],
        keep=keep,
    )
    run.funnel(version)
    return version
