"""LLaVA-CoT: answers in four tagged stages, plain, by stage-level beam search, or by SWIRES (arXiv 2411.10440).

    curate run recipes/llava_cot.py --source data/vqa.jsonl --teacher https://host/v1#model

1. Read. Rows of any source become samples; one without a known answer is dropped, for nothing could be found right.
2. Write. `--method plain` asks for SUMMARY, CAPTION, REASONING and CONCLUSION at once; `beam` writes stage by stage and
   has a judge compare candidates pairwise until the best are left; `swires` has stages rated and goes back to the
   captions where no reasoning is good enough. `--mode answer_conditioned` shows the plain teacher the known answer, and
   the hints of the row's field `hints`, as the published set was made; every trace then says `answer_seen`.
3. Judge. All tags once and in order, the conclusion verified by rules and, where they cannot tell, by a judge that sees
   question and pictures; then a judge has to say that the reasoning leads to it.

Roles: `teacher` writes, `judge` compares and judges, `reward` rates. One `--teacher SPEC` plays them all; `--teacher
reward=SPEC --reward-model` binds a model that replies with a number. `--prefill` is for models tuned on this format,
behind a server that goes on in the last assistant turn; `--no-instruction` leaves ours out for them; `--shown` helps
small ones. `curate export NAME --to llava_cot`
writes the published rows.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

from curate.run import Keep, Rule, Run
from generators.llava_cot import LlavaCot
from generators.stage_beam import StageBeam
from generators.swires import Swires
from schemas.errors import ConfigError
from schemas.request import Sampling
from scorers.verify_answer import VerifyAnswer
from scorers.verify_judge import VerifyJudge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.version import Version

SHOWN = (
    (
        "A box holds 3 red and 5 blue pens. 2 blue pens are taken out. How many pens are left?",
        "I count all pens at the start, then take away those that are taken out.",
        "There are 3 red pens and 5 blue pens. 2 blue pens are taken out.",
        "At the start there are 3 + 5 = 8 pens. Taking out 2 leaves 8 - 2 = 6 pens.",
        "6",
    ),
    (
        "Which of these is the heaviest?\nA. a feather\nB. a car\nC. a book",
        "I compare the weights of the three things.",
        "The things are a feather, a car and a book.",
        "A feather weighs less than a gram, a book about a kilogram, a car about a ton. The car is the heaviest.",
        "B",
    ),
)
"""Two worked examples in words."""


def build(
    run: Run,
    *,
    source: str,
    name: str = "llava-cot",
    limit: int | None = None,
    method: Literal["plain", "beam", "swires"] = "plain",
    mode: Literal["honest", "answer_conditioned"] = "honest",
    hints: str = "hints",
    tries: int = 2,
    candidates: int = 10,
    width: int = 1,
    check: bool = True,
    both_orders: bool = False,
    limits: Literal["code", "paper"] = "code",
    rounds: int | None = None,
    threshold: float | None = None,
    reward_model: bool = False,
    prefill: bool = False,
    instruction: bool = True,
    system: bool = True,
    shown: bool = False,
    judge: bool = True,
    control: bool = True,
    temperature: float = 0.6,
    top_p: float = 0.9,
    stage_tokens: int = 2048,
    max_traces: int = 1,
) -> Version:
    """Build the versions `NAME-samples` and `NAME`.

    Args:
        run: the workspace and the models.
        source: a file, a folder or a dataset's name (docs/sources.md).
        name: name of the final version.
        limit: read only so many rows.
        method: all stages at once, stage-level beam search, or stage-wise retracing search.
        mode: whether the plain teacher is shown the known answer.
        hints: answer_conditioned: field of the rows that holds hints, shown beside the known answer.
        tries: plain: draws at most, one after another until one is right.
        candidates: beam: draws of each stage.
        width: beam: answers kept after each stage.
        check: beam: have each chain first checked against its caption.
        both_orders: beam: show the judge each pair in both orders.
        limits: swires: those of the published code (5 rounds, 3 conclusions) or of the paper (3 rounds, 2).
        rounds: swires: most rounds of captions and reasonings, where not those of `limits`.
        threshold: swires: reward that ends the search, where not 60 of 100 or the reward model's own.
        reward_model: swires: the role `reward` replies with a number, as IXC-2.5-Reward does, and its threshold holds.
        prefill: beam and swires: the model goes on in its own turn instead of being asked for each stage.
        instruction: tell the teacher the format; models tuned on it need no telling.
        system: tell it in a system turn, not in the first user turn (Llama 3.2 takes none with pictures).
        shown: show two worked examples first.
        judge: have a judge say whether the reasoning leads to a right conclusion, and whether a conclusion is right
            that the rules leave open.
        control: have it also refuse a conclusion the reasoning does not lead to; one more request.
        temperature: of the teacher.
        top_p: of the teacher.
        stage_tokens: limit of a stage; the plain teacher has twice as many for all four.
        max_traces: most traces kept per question; of swires those of the highest reward.

    """
    _refuse_idle(
        method,
        plain={"mode": mode, "hints": hints, "tries": tries},
        beam={"candidates": candidates, "width": width, "check": check, "both_orders": both_orders},
        swires={"limits": limits, "rounds": rounds, "threshold": threshold, "reward_model": reward_model},
    )
    if mode == "honest":
        _refuse_idle("honest", answer_conditioned={"hints": hints}, option="mode")
    if prefill and method == "plain":
        raise ConfigError("--prefill goes with --method beam or swires: plain does not use it")
    verifier = VerifyAnswer(judge=VerifyJudge(pictures=True) if judge else None)
    examples = SHOWN if shown else ()
    sampling = Sampling(temperature=temperature, top_p=top_p, max_tokens=stage_tokens)
    generator: LlavaCot | StageBeam | Swires
    if method == "plain":
        whole = dataclasses.replace(sampling, max_tokens=2 * stage_tokens)
        generator = LlavaCot(verifier, mode=mode, hints=hints, tries=tries, examples=examples, sampling=whole)
    elif method == "beam":
        beam = StageBeam(verifier, candidates, width, check_reasoning=check, both_orders=both_orders)
        generator = dataclasses.replace(beam, examples=examples, sampling=sampling, prefill=prefill)
    else:
        preset = Swires.of_code if limits == "code" else Swires.of_paper
        search = _limited(preset(verifier, reward_model=reward_model), rounds, threshold)
        generator = dataclasses.replace(search, examples=examples, sampling=sampling, prefill=prefill)
    if not instruction:
        generator = dataclasses.replace(generator, prompt="")
    version = run.distil(
        run.read(source, name=f"{name}-samples", limit=limit),
        dataclasses.replace(generator, system=system, judge_reasoning=judge, judge_control=control),
        name=name,
        rules=[Rule("answer IS NOT NULL", "=", threshold=True)],
        keep=Keep(most=max_traces, order="first"),
    )
    run.funnel(version)
    return version


def _refuse_idle(chosen: str, *, option: str = "method", **owners: Mapping[str, object]) -> None:
    """Refuse options of another method: whoever gives one expects it to do something."""
    defaults = build.__kwdefaults__ or {}
    for owner, options in owners.items():
        idle = [name.replace("_", "-") for name, value in options.items() if value != defaults[name]]
        if idle and owner != chosen:
            raise ConfigError(f"--{idle[0]} goes with --{option} {owner}: {chosen} does not use it")


def _limited(search: Swires, rounds: int | None, threshold: float | None) -> Swires:
    return dataclasses.replace(
        search,
        rounds=search.rounds if rounds is None else rounds,
        threshold=search.threshold if threshold is None else threshold,
    )
