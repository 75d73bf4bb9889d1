"""Verified best-of-n and preference pairs: rollouts, the best right one, and the hardest wrong one beside it.

    curate run recipes/preference_pairs.py --source data/vqa.jsonl --teacher https://host/v1#model
    curate run recipes/preference_pairs.py --rollouts virgo@latest
    curate export pairs --to preference --out export/pairs

1. Roll out. The model that is to be trained answers every question `tries` times; every answer is verified. The version
   `NAME-rollouts` keeps the best right one: verified best-of-n, a supervised set of its own. With `--rollouts` the
   kept and rejected traces of any version are taken instead, and no model is needed.
2. Pair. A table step, nothing is asked: the best right trace of a question is chosen, a wrong one is rejected, the
   hardest by the kind of its error and by length. The export writes the pairs, and the chosen side of the very same
   questions as the supervised set to compare with (PIVOT, arXiv 2510.16333).

Role: `teacher` writes; bind the model whose preferences are to be trained, so that both sides are its own words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from curate.pairs import KINDS, Kind, Pairing, pair_up
from curate.run import Keep, Run
from generators.think_then_answer import ThinkThenAnswer
from schemas.errors import ConfigError
from schemas.request import Sampling
from scorers.verify_answer import VerifyAnswer

if TYPE_CHECKING:
    from schemas.version import Version


def build(
    run: Run,
    *,
    source: str = "",
    rollouts: str = "",
    name: str = "pairs",
    limit: int | None = None,
    tries: int = 8,
    most: int = 1,
    best: Literal["shortest", "longest", "first"] = "shortest",
    by: Literal["kind", "length"] = "kind",
    max_ratio: float = 2.0,
    kinds: tuple[Kind, ...] = KINDS,
    temperature: float = 1.0,
    top_p: float = 0.95,
    longest: int = 8192,
    seed: int | None = None,
) -> Version:
    """Build the versions `NAME-samples`, `NAME-rollouts` and `NAME`.

    Args:
        run: the workspace and the models.
        source: a file, a folder or a dataset's name (docs/sources.md).
        rollouts: a version whose traces are paired, in place of a source.
        name: name of the final version.
        limit: read only so many rows.
        tries: rollouts of each question.
        most: pairs a question, each with another rejected trace.
        best: which right trace is chosen.
        by: whether the error's kind or the length decides first which wrong trace is the hardest.
        max_ratio: longer over shorter trace of a pair at most; 0 takes any.
        kinds: error kinds of rejected traces, in the order of preference; give the option several times. Beside the
            default there are form, no_answer, malformed and truncated.
        temperature: of the rollouts.
        top_p: of the rollouts.
        longest: token limit of a rollout.
        seed: of the first rollout; raised by one with every further one.

    """
    if bool(source) == bool(rollouts):
        raise ConfigError("give --source, or --rollouts with a version that has traces; one of them")
    pairing = Pairing(most=most, kinds=kinds, best=best, by=by, max_ratio=max_ratio)
    if rollouts:
        if run.tap is not None or run.most_rows is not None:
            raise ConfigError("nothing to plan: with --rollouts nobody is asked")
        rolled = run.store.resolve(rollouts)
    else:
        sampling = Sampling(temperature=temperature, top_p=top_p, max_tokens=longest, seed=seed)
        rolled = run.distil(
            run.read(source, name=f"{name}-samples", limit=limit),
            ThinkThenAnswer(VerifyAnswer(), tries=tries, revise=False, sampling=sampling),
            name=f"{name}-rollouts",
            keep=Keep(order=best),
        )
    version = pair_up(run.store, rolled, name=name, pairing=pairing)
    run.funnel(version)
    return version
