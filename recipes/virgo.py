r"""Virgo: long thoughts over texts and pictures, by what is solved how often and how briefly (arXiv 2501.01904).

    curate run recipes/virgo.py --text data/maths.jsonl --source data/vqa.jsonl --teacher https://host/v1#qvq \
        --text-share 0.4
    curate run recipes/virgo.py --source data/vqa.jsonl --self-distilled --teacher http://127.0.0.1:8000/v1#tuned-on-text

1. Draw. `rollouts` long thoughts for every question, each verified: NAME-text-rollouts, NAME-visual-rollouts. With
   `--drop-solved` questions that the untuned model (role `student`) gets right by greedy decoding go first.
2. Band, a table step: NAME-text, NAME-visual. Questions in a band of pass rates, `medium` (4 or 5 of 5 right), `hard`
   (2 or 3) or `any`; of each the right rollout with the shortest thought of more than 2000 and at most 4000 tokens.
3. Mix, a table step: NAME. The largest set with `--text-share` texts, or all of both without; of one source its set.

Self-distillation: train a model on NAME-text, bind it to `teacher` and draw the visual set with `--self-distilled`;
its traces have `origin='self'`. Bands and mixtures are made anew from the rollouts that are there, without asking.
Export with `curate export NAME --to virgo` (the released columns) or `--to llamafactory`.

Roles: `teacher` thinks, `student` is the untuned model of `--drop-solved`, `judge` compares answers where the rules
cannot and `--judge` asks for it. Rows without a known answer are dropped before anything is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from curate.bands import Bands, banded
from curate.mixing import Part, mix
from curate.run import Keep, Rule, Run
from generators.virgo import Virgo
from schemas.errors import ConfigError
from schemas.request import Sampling
from scorers.difficulty import Difficulty
from scorers.verify_answer import VerifyAnswer
from scorers.verify_judge import VerifyJudge

if TYPE_CHECKING:
    from schemas.version import Version

_ANSWERED = Rule("answer IS NOT NULL", "=", threshold=True)
"""Without a known answer no rollout can be right."""
_UNSOLVED = Rule("difficulty.detail.pass_rate", "<", 1.0)


def build(
    run: Run,
    *,
    source: str = "",
    text: str = "",
    name: str = "virgo",
    limit: int | None = None,
    rollouts: int = 5,
    band: Literal["any", "medium", "hard"] = "any",
    min_thought: int = 2000,
    max_thought: int = 4000,
    max_traces: int = 1,
    self_distilled: bool = False,
    drop_solved: bool = False,
    text_share: float | None = None,
    most: int | None = None,
    seed: int = 0,
    temperature: float = 0.6,
    top_p: float = 0.95,
    longest: int = 16384,
    judge: bool = False,
    system: bool = False,
) -> Version:
    """Build `NAME-text` and `NAME-visual` from their rollouts, and `NAME` of both, or of the one that there is.

    Args:
        run: the workspace and the models.
        source: image questions: a file, a folder or a dataset's name (docs/sources.md).
        text: text questions, likewise.
        name: name of the final version.
        limit: read only so many rows of each.
        rollouts: draws per question.
        band: share of right rollouts: `medium` 0.8 to 1, `hard` 0.4 to 0.6, `any` at least one.
        min_thought: tokens that a thought has to exceed.
        max_thought: most tokens of a thought; 0 is no limit.
        max_traces: most traces kept per question, shortest thought first.
        self_distilled: the teacher of the visual set was tuned on long thoughts and teaches its own base.
        drop_solved: drop image questions that the role `student` solves by greedy decoding.
        text_share: share of texts in the mixture, 0 to 1; all of both where not given.
        most: most samples of the mixture.
        seed: another one takes other samples into the mixture.
        temperature: of the teacher.
        top_p: of the teacher.
        longest: token limit of one rollout.
        judge: ask the role `judge` whether an answer is right where the rules cannot tell.
        system: the instruction is a system turn instead of opening the user's.

    """
    if not source and not text:
        raise ConfigError("recipe virgo needs --source (image questions), --text (text questions), or both")
    if text_share is not None and not (source and text and 0 <= text_share <= 1):
        raise ConfigError("--text-share is a share from 0 to 1, of a set with both --source and --text")
    if most is not None and not (source and text and most > 0):
        raise ConfigError("--most is 1 or more, of a set with both --source and --text")
    if (drop_solved or self_distilled) and not source:
        raise ConfigError("--drop-solved and --self-distilled are about image questions: name them with --source")
    verifier = VerifyAnswer(judge=VerifyJudge() if judge else None)
    sampling = Sampling(temperature=temperature, top_p=top_p, max_tokens=longest)
    greedy = Difficulty(verifier, n=1, sampling=Sampling(temperature=0.0, max_tokens=longest))
    bands = Bands.named(band, shortest=min_thought, longest=max_thought, most=max_traces)
    made: list[Version] = []
    for kind, ref in (("text", text), ("visual", source)):
        if not ref:
            continue
        picked = kind == "visual" and drop_solved
        samples = run.read(ref, name=f"{name}-{kind}-samples", limit=limit, score=[greedy] if picked else [])
        drawn = run.distil(
            samples,
            Virgo(
                verifier,
                rollouts=rollouts,
                origin="self" if kind == "visual" and self_distilled else "teacher",
                sampling=sampling,
                system=system,
            ),
            name=f"{name}-{kind}-rollouts",
            rules=[_ANSWERED, *([_UNSOLVED] if picked else [])],
            keep=Keep(most=rollouts),
        )
        made.append(banded(run, drawn, bands, name=f"{name}-{kind}"))
        run.funnel(made[-1])
    if len(made) == 1:
        return run.store.point(name, made[0])
    counts = [version.manifest.counts["kept"] for version in made]
    weights = counts if text_share is None else [text_share, 1 - text_share]
    if not sum(weights):
        weights = [1, 1]
    version = mix(
        run,
        [Part(version, weight) for version, weight in zip(made, weights, strict=True)],
        name=name,
        most=most,
        seed=seed,
    )
    run.funnel(version)
    return version
