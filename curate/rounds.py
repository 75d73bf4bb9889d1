"""Rounds of data for iterated training, as Skywork R1V selects them (arXiv 2504.05599, section 2.2).

D_t = {RM(x) >= tau_t} union E_{t-1}, where E_{t-1} are the items of the whole D that the last round's model gets wrong:
a union, not an intersection. What has a wrong label is wrong in every round and comes back through E however low it is
rated, so an item returns as an error only so often.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from curate.choosing import Chosen, Why, choose
from curate.predicted import is_answer
from curate.query import evaluate
from curate.teacher.driver import Job
from schemas.canonical import JSON, fingerprint, spec
from schemas.errors import ConfigError
from schemas.score import Score
from schemas.version import Step, Version

if TYPE_CHECKING:
    from curate.run import Run
    from schemas.request import Program
    from schemas.sample import Sample
    from schemas.trace import Trace
    from scorers.difficulty import Difficulty
    from scorers.reward_rating import RewardRating

__all__ = ["Round", "answered", "check_names", "errors_of", "history", "rated", "rated_in", "round_set"]

HIGHEST = 5
"""The rewards of the report are 0 to 5; a judge is asked for 1 to 5 (`reward_rating`)."""
_FIELDS = {
    "round": {"number": "int", "why": "str", "tau": "float", "rating": "float", "wrong": "bool", "returns": "int"}
}


@dataclass(frozen=True, slots=True)
class Round:
    """One selection."""

    number: int
    tau: float
    """Least rating, 1 to 5."""
    wrong: Mapping[str, bool | None] = field(default_factory=dict)
    """Sample id to whether the last round's model got it wrong; None where it was asked and that is not known. What is
    not named was not asked, and is no error."""
    most_returns: int = 2
    """How often an item may be there as an error alone, over all rounds."""

    def __post_init__(self) -> None:
        """Refuse a cap that means nothing."""
        if self.most_returns < 0:
            raise ConfigError(f"an item returns as an error 0 times or more: got {self.most_returns}")


def rated(run: Run, data: Version, scorer: RewardRating, *, name: str) -> Version:
    """Have the first kept trace of every sample graded and derive `name`: the same rows with the score `reward`."""
    step = Step("rate", {"reward": spec(scorer), "models": _models(run, scorer.role)})
    grade = _Asking(
        "reward", scorer.detail_fields, lambda sample, traces: scorer(sample, traces[0] if traces else None)
    )
    return _asked(run, data, grade, name=name, step=step)


def answered(run: Run, data: Version, student: Difficulty, *, name: str) -> Version:
    """Have a model answer every sample and derive `name`: the same rows with the score `difficulty`."""
    step = Step("answer", {"student": spec(student), "models": _models(run, student.role, "judge")})
    answer = _Asking("difficulty", student.detail_fields, lambda sample, _: student(sample))
    return _asked(run, data, answer, name=name, step=step)


def check_names(run: Run, answers: Version, before: str) -> None:
    """Tell where the model that answered is called like that of the round before, whose answers the ledger has."""
    try:
        earlier = run.store.resolve(before).manifest.step.params["models"]
    except ConfigError:
        return
    if earlier == answers.manifest.step.params["models"]:
        run.say(
            f"{answers.ref} was answered by the model of {before}: new weights need a name of their "
            "own, for what the old name was asked is answered by the ledger"
        )


def rated_in(run: Run, data: Version, key: str, *, name: str) -> Version:
    """Take rewards that the source's rows bring along, in `meta[key]`, and derive `name` as `rated` does.

    Raises:
        ConfigError: no row has a number from 0 to 5 there.

    """
    scores = {sample.id: _brought(sample.meta.get(key), key) for sample in run.store.samples(data)}
    if scores and all(score.value is None for score in scores.values()):
        raise ConfigError(f"no row of {data.ref} has a reward from 0 to {HIGHEST} in its field {key!r}")
    step = Step("rate", {"field": key})
    return choose(run, data, Chosen(scores=scores), name=name, step=step, scored={"reward": {"rating": "float"}})


def errors_of(run: Run, judged: Version, *, score: str = "difficulty") -> dict[str, bool | None]:
    """Return which samples a model got wrong, from its rollouts in the score `score`.

    Wrong is what was answered and never right; a cut reply and one without an answer are. Where every call failed, and
    where an answer was there and could not be compared, that is not known.
    """
    names = ("right", "n", "undecided", "commonest")
    rows = evaluate(run.store, judged, {name: f'"{score}".detail."{name}"' for name in names})
    wrong = {row["id"]: _missed(row) for row in rows if row["n"] is not None}
    open_ones = sum(one is None for one in wrong.values())
    if open_ones:
        run.say(f"{judged.ref}: of {open_ones} samples it is not known whether the answer is right")
    return wrong


def history(run: Run, names: Iterable[str]) -> tuple[Version, ...]:
    """Return the latest version of each name that there is."""
    found = []
    for name in names:
        try:
            found.append(run.store.resolve(name))
        except ConfigError:
            run.say(f"there is no {name}: what returned in that round is not counted")
    return tuple(found)


def round_set(run: Run, data: Version, turn: Round, *, name: str, earlier: tuple[Version, ...] = ()) -> Version:
    """Derive D_t from a rated version.

    What is not known is not low and not right: without a rating, or with a low one and not known to be an error or
    none, an item is failed, and a rerun asks for it.

    Args:
        run: the workspace.
        data: D, with the score `reward`.
        turn: which round, its threshold and its errors.
        name: name of the version.
        earlier: the sets of the rounds before, that returns are counted in.

    """
    if "reward" not in data.manifest.score_fields["samples"]:
        raise ConfigError(f"{data.ref} has no score 'reward': rate it first")
    returned = _returns(run, earlier)
    dropped: dict[str, Why] = {}
    failed: dict[str, str] = {}
    scores: dict[str, Score] = {}
    for row in evaluate(run.store, data, {"rating": "reward.detail.rating", "reason": "reward.reason"}):
        ident, rating, wrong = row["id"], row["rating"], turn.wrong.get(row["id"], False)
        good = rating is not None and rating >= turn.tau
        if good or (wrong and returned[ident] < turn.most_returns):
            scores[ident] = _kept(turn, rating, wrong=wrong, good=good, returns=returned[ident] + (not good))
        elif rating is None:
            failed[ident] = f"no rating to compare with tau: {row['reason']}"
        elif wrong is None:
            failed[ident] = f"rated {rating:g}, and not known whether the last round's model gets it wrong"
        elif wrong:
            dropped[ident] = Why("round.returns", str(returned[ident]), f"< {turn.most_returns}")
        else:
            dropped[ident] = Why("reward.detail.rating", f"{rating:g}", f">= {turn.tau:g} or an error")
    chosen = Chosen(dropped, failed, scores=scores)
    return choose(run, data, chosen, name=name, step=_step(turn), scored=_FIELDS, beside=earlier)


def _step(turn: Round) -> Step:
    params = {"number": turn.number, "tau": turn.tau, "most_returns": turn.most_returns}
    errors = fingerprint(sorted(ident for ident, wrong in turn.wrong.items() if wrong))
    unknown = fingerprint(sorted(ident for ident, wrong in turn.wrong.items() if wrong is None))
    return Step("round", {**params, "errors": errors, "unknown": unknown})


def _kept(turn: Round, rating: float | None, *, wrong: bool | None, good: bool, returns: int) -> Score:
    why = "both" if good and wrong else "reward" if good else "error"
    detail: dict[str, Any] = {"number": turn.number, "why": why, "tau": turn.tau, "returns": returns}
    detail |= {key: value for key, value in (("wrong", wrong), ("rating", rating)) if value is not None}
    return Score(1.0, passed=good, reason=f"round {turn.number}: kept for {why}", detail=detail)


def _missed(row: Mapping[str, Any]) -> bool | None:
    """Return whether rollouts missed the answer: none is right, and not all of them are answers nobody can compare."""
    if not row["n"] or (not row["right"] and row["undecided"] == row["n"] and is_answer(row["commonest"])):
        return None
    return not row["right"]


def _brought(value: object, key: str) -> Score:
    """Return a reward that a row brings along as a score."""
    try:
        number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not 0 <= number <= HIGHEST:
        return Score.unscored(f"the row's field {key!r} holds no reward from 0 to {HIGHEST}")
    return Score(number / HIGHEST, reason=f"the row's own {key}: {number:g} of {HIGHEST}", detail={"rating": number})


def _returns(run: Run, earlier: tuple[Version, ...]) -> Counter[str]:
    """Count in how many earlier rounds each item was there as an error alone."""
    rows = (row for version in earlier for row in evaluate(run.store, version, {"why": "round.detail.why"}))
    return Counter(row["id"] for row in rows if row["why"] == "error")


class _Asking(NamedTuple):
    """A score that is asked for."""

    column: str
    fields: Mapping[str, type]
    program: Callable[[Sample, list[Trace]], Program[Score]]


def _asked(run: Run, data: Version, asking: _Asking, *, name: str, step: Step) -> Version:
    """Derive `name`: the rows of `data` with one more score, which a model is asked for."""
    found = run.store.find(name, step, [data])
    if found is not None:
        return found
    scores: dict[str, Score] = {}
    jobs = (Job(sample.id, partial(asking.program, sample, traces)) for sample, traces in run.store.pairs(data))
    run.drive(jobs, scores.__setitem__, what=asking.column, total=data.manifest.counts["kept"])
    fields = {asking.column: {key: kind.__name__ for key, kind in asking.fields.items()}}
    lost = any(score.value is None and not score.detail.get("n") for score in scores.values())
    return choose(run, data, Chosen(scores=scores, retryable=lost), name=name, step=step, scored=fields)


def _models(run: Run, *roles: str) -> dict[str, JSON]:
    ends = {role: run.roles.get(role) or run.roles.get("") for role in roles}
    return {role: end.engine.identity for role, end in ends.items() if end is not None}
