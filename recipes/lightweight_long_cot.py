r"""Long thoughts for a small model, on questions at the edge of what it can do (arXiv 2509.03321).

    curate run recipes/lightweight_long_cot.py --source data/maths.jsonl --teacher https://host/v1#qwq \
        --teacher student=http://127.0.0.1:8000/v1#qwen2.5-vl-3b

1. Measure: NAME-scored. The student answers every question several times; its success rate is the difficulty.
2. Sort: NAME-zones. Solved alone too often: dropped by the rule on the rate. Solved sometimes: kept. Never (or no more
   often than `--low`): asked again with longer and longer beginnings of a solution that end before the answer shows;
   solved with help: kept; never, not even then: dropped. The solution is the row's own (`--solution` names the field),
   else what the teacher writes. `SELECT method, count(*) FROM traces GROUP BY 1` counts who needed help.
3. Teach: NAME. The teacher thinks and answers, each try verified; the shortest right trace is kept. The rate stays on
   the sample: `difficulty.detail.pass_rate` is 0 where the student needed help.

Roles: `student` is the model to be trained, `teacher` writes, `reviser` rewrites. Export both sets, for tuning and for
RL, with `curate export NAME --to lightweight`; RL on what no teacher solved, too, with `curate export NAME-zones --to
lightweight --param parts=rl`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from curate.run import Keep, Rule, Run
from generators.hinted import Hinted
from generators.think_then_answer import ThinkThenAnswer
from schemas.errors import ConfigError
from schemas.request import Sampling
from scorers.difficulty import Difficulty
from scorers.verify_answer import VerifyAnswer
from scorers.verify_judge import VerifyJudge

if TYPE_CHECKING:
    from schemas.version import Version

HELP = (0.25, 0.5, 0.75)
"""Shares of the reference solution that are shown in turn."""


def build(
    run: Run,
    *,
    source: str,
    name: str = "lightweight",
    limit: int | None = None,
    attempts: int = 8,
    low: float = 0.0,
    high: float = 0.75,
    hints: bool = True,
    solution: str = "solution",
    guide: bool = True,
    tries: int = 4,
    revise: bool = False,
    max_traces: int = 1,
    judge: bool = False,
    temperature: float = 0.6,
    top_p: float = 0.95,
    longest: int = 8192,
    student_longest: int = 4096,
) -> Version:
    """Build the versions `NAME-scored`, `NAME-zones` and `NAME`.

    Args:
        run: the workspace and the models.
        source: a file, a folder or a dataset's name (docs/sources.md).
        name: name of the final version.
        limit: read only so many rows.
        attempts: draws of the student per question, and at each amount of help.
        low: success rate up to which the student is given help.
        high: success rate up to which a question is kept; the paper's bounds are not known.
        hints: give help; without it questions that are never solved are dropped.
        solution: field of the rows that holds the reference solution.
        guide: have the teacher write the solution where a row has none; without it such a row gets no help.
        tries: draws of the teacher per question.
        revise: rewrite one wrong try toward the known answer where no try is right.
        max_traces: most traces kept per question.
        judge: ask the role `judge` whether an answer is right where the rules cannot tell.
        temperature: of the teacher.
        top_p: of the teacher.
        longest: token limit of the teacher; the release trains on 8192 tokens.
        student_longest: token limit of the student.

    """
    if not 0 <= low <= high <= 1:
        raise ConfigError(f"the middle band is 0 <= low <= high <= 1: got --low {low} and --high {high}")
    verifier = VerifyAnswer(judge=VerifyJudge() if judge else None)
    drawn = Sampling(temperature=0.7, top_p=0.95, max_tokens=student_longest)
    student = Difficulty(verifier, n=attempts, sampling=drawn)
    teacher = ThinkThenAnswer(
        verifier,
        tries=tries,
        revise=revise,
        sampling=Sampling(temperature=temperature, top_p=top_p, max_tokens=longest),
    )
    # The student's words and draws are those of its score, so that what it did alone is answered by the ledger; so are
    # the tries of the teacher as a guide when it teaches.
    zones = Hinted(
        verifier,
        tries=attempts,
        enough=math.floor(low * attempts + 1e-9) + 1,
        amounts=HELP if hints else (),
        solution=solution,
        guide=teacher if guide else None,
        prompt=student.prompt,
        sampling=drawn,
        require_reasoning=False,
    )
    scored = run.read(source, name=f"{name}-scored", limit=limit, score=[student])
    sorted_out = run.distil(
        scored,
        zones,
        name=f"{name}-zones",
        rules=[
            Rule("answer IS NOT NULL", "=", threshold=True),  # without an answer no draw can be right
            Rule("difficulty.detail.pass_rate", "<=", high),
        ],
        keep=Keep(most=1, order="first"),
    )
    run.funnel(sorted_out)
    version = run.distil(sorted_out, teacher, name=name, keep=Keep(most=max_traces))
    run.funnel(version)
    return version
