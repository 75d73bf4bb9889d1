"""Chinese school mathematics (CMATH, arXiv 2306.16636, and its kin): another language from the prompt to the check.

    curate run recipes/chinese_maths.py --source data/cmath.jsonl --teacher https://host/v1#model

1. Read. Rows of any source become samples; options may be there or not.
2. Distil. The instruction is Chinese and asks for Chinese, the last line begins with `答案`. Every answer is verified,
   and right traces that are not written in Chinese are screened out: a model that thinks in English about a Chinese
   question is right, and still the wrong example. Formulas and terms in Latin letters are no English.

For a further language copy this file, write the instruction, name the script (`script="Cyrillic"`), and keep `Answer:`
or `答案` at the head of the last line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from curate.run import Keep, Rule, Run
from generators.screened import Screened
from generators.think_then_answer import ThinkThenAnswer
from schemas.prompt import load
from schemas.protocols import TraceScorer
from schemas.request import Sampling
from scorers.language import Language
from scorers.repetition import Repetition
from scorers.verify_answer import VerifyAnswer
from scorers.verify_judge import VerifyJudge

if TYPE_CHECKING:
    from schemas.version import Version


def build(
    run: Run,
    *,
    source: str,
    name: str = "chinese-maths",
    limit: int | None = None,
    tries: int = 4,
    max_traces: int = 1,
    foreign: float = 0.05,
    temperature: float = 0.6,
    top_p: float = 0.95,
    longest: int = 8192,
    judge: bool = False,
    system: bool = True,
) -> Version:
    """Build the versions `NAME-samples` and `NAME`.

    Args:
        run: the workspace and the models.
        source: a file, a folder or a dataset's name (docs/sources.md).
        name: name of the final version.
        limit: read only so many rows.
        tries: draws of the teacher per question.
        max_traces: most traces kept per question, the shortest first.
        foreign: share of letters in other scripts than Chinese that a trace may have, from 0 to 1.
        temperature: of the teacher.
        top_p: of the teacher.
        longest: token limit of a trace.
        judge: ask the role `judge` whether an answer is right where the rules cannot tell.
        system: put the instruction into a system turn; off for teachers that want none.

    """
    verifier = VerifyAnswer(judge=VerifyJudge() if judge else None)
    writer = ThinkThenAnswer(
        verifier,
        tries=tries,
        prompt=load("generators.prompts", "chinese_maths"),
        sampling=Sampling(temperature=temperature, top_p=top_p, max_tokens=longest),
        revise=False,
        system=system,
    )
    screens: dict[str, TraceScorer] = {"language": Language(most=foreign, script="Han"), "repetition": Repetition()}
    keep = Keep(most=max_traces)
    samples = run.read(source, name=f"{name}-samples", limit=limit)
    answered = Rule("answer IS NOT NULL", "=", threshold=True)  # without one no try can be right
    version = run.distil(samples, Screened(verifier, writer, screens), name=name, rules=[answered], keep=keep)
    run.funnel(version)
    return version
