r"""Skywork R1V: a model distils itself, and each round of its training gets the data it needs (arXiv 2504.05599).

    curate run recipes/skywork_r1v.py --source data/vqa.jsonl --teacher https://host/v1#m0
    curate run recipes/skywork_r1v.py --source data/vqa.jsonl --teacher https://host/v1#m0 \
        --teacher student=https://host/v1#m1 --round 2

1. Score. Clarity and integration are measured here; necessity, quality and difficulty are a judge's, as in the report.
2. Distil: the version NAME, D in the report, of rows with a known answer. The teacher thinks once, with the penalty or
   budget of Eq. 1; the rules, and a judge where they cannot tell, compare its answer with the known one. A right chain
   stays as it is, a wrong one is revised toward the known answer (`origin='revised'`, `answer_seen`).
3. Rate: NAME-rated. A reward from 1 to 5 for every question with its chain, or the rows' own (`--rating FIELD`).
4. Select: NAME-rT with `--round T`. D_t = {reward >= tau} and, beside it, whatever of D the last round's model gets
   wrong, tau 2, 3, 4, 5. Round 5 is the RL set: tau 5 and no errors.

The last round's model is asked in the role `student`, or its answers are read from `--predictions FILE`. Binding a
new model to `teacher` distils D anew with it, as the report does before every round. New weights need a new name: what
a name was asked before is answered by the ledger. Export a round with `curate export NAME-r1 --to llamafactory`, the RL
set with `curate export NAME-r5 --to lightweight --param parts=rl`.

Roles: `teacher` thinks, `reviser` rewrites, `judge` rates questions and compares answers, `reward` rates items,
`student` is M of the last round. One `--teacher SPEC` plays them all.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

from curate.length import penalty_field
from curate.predicted import errors_in, predictions_in
from curate.rounds import Round, answered, check_names, errors_of, history, rated, rated_in, round_set
from curate.run import Rule, Run
from generators.skywork_r1v import SkyworkR1v
from schemas.errors import ConfigError
from schemas.request import Sampling
from scorers.clarity import Clarity
from scorers.difficulty import Difficulty
from scorers.integration import Integration
from scorers.length.controller import LengthController
from scorers.necessity_rating import NecessityRating
from scorers.question_quality import QuestionQuality
from scorers.reward_rating import RewardRating
from scorers.verify_answer import VerifyAnswer
from scorers.verify_judge import VerifyJudge

if TYPE_CHECKING:
    from schemas.version import Version

TAUS = (2, 3, 4, 5)
"""Of rounds 1 to 4; the RL set has the last one."""
LAST = len(TAUS) + 1


def build(
    run: Run,
    *,
    source: str,
    name: str = "r1v",
    limit: int | None = None,
    round: int = 0,  # noqa: A002 - the option's name
    predictions: str = "",
    rating: str = "",
    attempts: int = 1,
    max_returns: int = 2,
    votes: int = 1,
    tries: int = 1,
    origin: Literal["self", "teacher"] = "self",
    revise: bool = True,
    judge: bool = True,
    alpha: float = 0.2,
    beta: float = 1.0,
    gamma: float = 1.0,
    ranges: str = "",
    policy: Literal["budget", "paper", "both"] = "budget",
    shortest: int = 1024,
    longest: int = 8192,
    temperature: float = 0.6,
    top_p: float = 0.95,
) -> Version:
    """Build the versions `NAME-scored` and `NAME`; with a round also `NAME-rated` and `NAME-rT`.

    Args:
        run: the workspace and the models.
        source: a file, a folder or a dataset's name (docs/sources.md).
        name: name of the distilled version.
        limit: read only so many rows.
        round: 1 to 4 build the data of that round, 5 the RL set; 0 ends with the distilled version.
        predictions: a file with the last round's model's answers, in place of asking the role `student`.
        rating: field of the rows that holds a reward from 0 to 5, in place of asking the role `reward`.
        attempts: draws of the student per question; wrong is what no draw solves. The report has one.
        max_returns: how often an item that is rated too low may return as an error, over all rounds.
        votes: grades of each item; their mean is compared with tau.
        tries: draws of the teacher per question.
        origin: whether the teacher is the model that will be trained (`self`) or another.
        revise: rewrite a wrong chain toward the known answer.
        judge: ask a judge whether an answer is right where the rules cannot tell.
        alpha: strength of the length controller, 0.2 keeps its penalty within [1, 1.22].
        beta: weight of the text scores in Eq. 1, where the vision scores have 1.
        gamma: weight of the integration score.
        ranges: a version such as `r1v-scored@v1` whose least and greatest scores scale those of Eq. 1, so that further
            rows leave penalties and budgets as they were; the source's own without.
        policy: what the length controller sends: a token `budget`, the `paper`'s penalty, or `both`.
        shortest: token budget of the plainest question.
        longest: token budget of the most demanding one.
        temperature: of the teacher.
        top_p: of the teacher.

    """
    if not 0 <= round <= LAST:
        raise ConfigError(f"--round {round}: 1 to {LAST - 1} are training rounds, {LAST} is the RL set")
    if predictions and round in (0, LAST):
        raise ConfigError("--predictions are of the last round's model: they go with --round 1 to 4")
    # Everything that can be wrong with the options is told before anyone is asked.
    verifier = VerifyAnswer(judge=VerifyJudge() if judge else None)
    controller = LengthController(
        alpha=alpha,
        beta=beta,
        gamma=gamma,
        min_tokens=shortest,
        max_tokens=longest,
        policy=policy,
        penalty_field=penalty_field(run),
        text=LengthController.judged,
    )
    sampling = Sampling(temperature=temperature, top_p=top_p, max_tokens=longest)
    generator = SkyworkR1v(verifier, tries=tries, origin=origin, longest=longest, revise=revise, sampling=sampling)
    reward = RewardRating(votes=votes)
    drawn = Sampling(temperature=0.0 if attempts == 1 else temperature, max_tokens=longest)
    student = Difficulty(verifier, n=attempts, sampling=drawn)
    said = predictions_in(predictions) if predictions else None
    frozen = run.store.resolve(ranges) if ranges else None
    turn = Round(round, (0, *TAUS, TAUS[-1])[round], most_returns=max_returns)

    scored = run.read(
        source,
        name=f"{name}-scored",
        limit=limit,
        score={
            "clarity": Clarity(),
            "integration": Integration(),
            "necessity": NecessityRating(),
            "question_quality": QuestionQuality(),
        },
    )
    controller = dataclasses.replace(controller, ranges=run.ranges(frozen or scored, controller.reads))
    known = Rule("answer IS NOT NULL", "=", threshold=True)  # without an answer no chain can be right
    version = run.distil(scored, generator, name=name, rules=[known], score={"length": controller})
    if round:
        rate = f"{name}-rated"
        data = rated_in(run, version, rating, name=rate) if rating else rated(run, version, reward, name=rate)
        if said is not None:
            turn = dataclasses.replace(turn, wrong=errors_in(run, data, said, verifier))
        elif round < LAST:
            answers = answered(run, version, student, name=f"{name}-r{round}-student")
            check_names(run, answers, f"{name}-r{round - 1}-student")
            turn = dataclasses.replace(turn, wrong=errors_of(run, answers))
        earlier = history(run, (f"{name}-r{t}" for t in range(1, round))) if round < LAST else ()
        version = round_set(run, data, turn, name=f"{name}-r{round}", earlier=earlier)
    run.funnel(version)
    return version
