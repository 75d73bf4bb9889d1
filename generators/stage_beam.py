"""Stage-level beam search: several candidates a stage, and a knock-out by a judge (LLaVA-CoT, arXiv 2411.10440).

The published code (`inference_demo.py`) draws ten candidates a stage and has the same model compare random pairs until
one is left; a chain of reasoning is first checked against its caption, without the picture. The paper keeps N of M, and
each of the N gets M / N of the next stage's draws. Both are settings here. What is different: docs/methods.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import ClassVar

from generators._stage_case import Material, case, check_fields, question, told, word
from generators._stage_verdict import Judging, judged
from generators._stage_writing import Asking, Example, Path, distinct, draw
from generators._stages import REASONING, STAGES, written
from schemas import prompt as prompts
from schemas.canonical import fingerprint
from schemas.errors import ConfigError
from schemas.protocols import Verifier
from schemas.request import Outcome, Program, Request, Sampling
from schemas.sample import Sample
from schemas.trace import Trace

__all__ = ["StageBeam"]


@dataclass(frozen=True, slots=True)
class StageBeam:
    """Write four stages, drawing `candidates` of each and keeping `width` (arXiv 2411.10440, section 3.2.1).

    With every draw in form it asks `4 candidates` times for a stage, `4 (candidates - width)` times for a comparison
    (twice that with `both_orders`) and, with `check_reasoning` and where any has to go, `candidates` times for a check;
    a chain that a check finds wrong needs no comparison, and neither do two answers that say the same. The judge of a
    right conclusion comes on top: two requests, or one without `judge_control`.
    """

    version: ClassVar[int] = 2
    verifier: Verifier
    """Decides on the conclusions; handed in, because generators import no scorers."""
    candidates: int = 10
    """Draws of each stage, shared out evenly among the answers it goes on from."""
    width: int = 1
    """Answers that are kept after each stage, and come out as traces in the end; those that say the same are one."""
    check_reasoning: bool = True
    """Whether each chain is first checked against its caption; one found wrong loses to any that is not."""
    both_orders: bool = False
    """Whether each pair is shown a second time, swapped; two replies that differ are a draw."""
    prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "llava_cot"))
    """The instruction, used as it is; empty for a model tuned on this format."""
    system: bool = True
    """Whether it is a system turn; False opens the first user turn with it."""
    next_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "stage_next"))
    """Asks for one stage; its field is `$stage`."""
    match_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "stage_match"))
    """Its fields, and those of the next two, are `$code` and `$material`."""
    check_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "stage_check"))
    judge_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "stage_reasoning"))
    examples: tuple[Example, ...] = ()
    """Worked examples (question, summary, caption, reasoning, conclusion), shown as earlier turns."""
    sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0.6, top_p=0.9, max_tokens=2048))
    """Of each stage, as published; a stage stops at its closing tag, and a seed is raised by one with every draw."""
    prefill: bool = False
    """Whether the model goes on in its own turn after the opening tag, as the published model does. Endpoints that
    cannot are asked for each stage in a user turn."""
    role: str = "teacher"
    judge_role: str = "judge"
    """Compares, checks, and judges the reasoning; in the source it is the model itself."""
    judge_sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0, max_tokens=2048))
    judge_reasoning: bool = True
    """Whether a judge has to say that the reasoning leads to a right conclusion."""
    judge_control: bool = True
    """Whether the judge also has to refuse a conclusion that the reasoning does not lead to: one more request."""

    def __post_init__(self) -> None:
        """Refuse a search that keeps nothing, or more than it draws, and prompts without their fields."""
        if not 1 <= self.width <= self.candidates:
            raise ConfigError(f"width {self.width} of {self.candidates} candidates: keep at least 1, at most all")
        judges = {"match_prompt": self.match_prompt, "check_prompt": self.check_prompt}
        check_fields(["stage"], next_prompt=self.next_prompt)
        check_fields(["code", "material"], **judges, judge_prompt=self.judge_prompt)

    def __call__(self, sample: Sample, /) -> Program[list[Trace]]:
        """Return a trace for each answer that is left after the last stage.

        Where no draw of a stage is in form, one trace says so; where none was answered, there is none.
        """
        beams = [Path()]
        for stage in STAGES:
            drawn = yield from draw(self._asking(), sample, beams, _shares(self.candidates, len(beams)))
            whole = [path for path in drawn if path.fault is None]
            if not whole:
                beams = drawn[:1]
                break
            beams = distinct((yield from self._survivors(sample, whole, stage)))
        traces: list[Trace] = []
        for path in beams:
            traces.append((yield from self._judged(sample, path)))  # noqa: PERF401 - a program cannot ask in there
        return traces

    def _survivors(self, sample: Sample, paths: list[Path], stage: str) -> Program[list[Path]]:
        if len(paths) <= self.width:
            return paths
        if stage != REASONING or not self.check_reasoning:
            return (yield from self._knock_out(sample, paths, self.width))
        outcomes = yield [self._check(sample, path) for path in paths]
        wrong = [word(told(outcome, "correct"), "correct") in ("no", "false") for outcome in outcomes]
        sound = [path for path, failed in zip(paths, wrong, strict=True) if not failed]
        if len(sound) >= self.width:
            return (yield from self._knock_out(sample, sound, self.width))
        others = [path for path, failed in zip(paths, wrong, strict=True) if failed]
        return [*sound, *(yield from self._knock_out(sample, others, self.width - len(sound)))]

    def _knock_out(self, sample: Sample, paths: list[Path], left: int) -> Program[list[Path]]:
        """Compare pairs until `left` are left: every comparison takes one out, and a round's are asked at once."""
        while len(paths) > left:
            count = min(len(paths) // 2, len(paths) - left)
            pairs = [(paths[2 * i], paths[2 * i + 1]) for i in range(count)]
            asked = [self._matches(sample, pair) for pair in pairs]
            requests = [request for matches in asked for request in matches]
            outcomes = iter((yield requests) if requests else ())
            won = [
                _winner(sample, pair, list(islice(outcomes, len(matches))))
                for pair, matches in zip(pairs, asked, strict=True)
            ]
            paths = [*paths[2 * count :], *won]
        return paths

    def _matches(self, sample: Sample, pair: tuple[Path, Path]) -> list[Request]:
        """Return what is asked about a pair: nothing where the two say the same."""
        if pair[0].texts == pair[1].texts:
            return []
        first, second = (pair[1], pair[0]) if _swapped(sample, pair) else pair
        orders = [(first, second), (second, first)] if self.both_orders else [(first, second)]
        return [
            self._judge_request(
                self.match_prompt,
                [
                    ("question", question(sample)),
                    ("candidate A", (written(one.texts),)),
                    ("candidate B", (written(other.texts),)),
                ],
                "match",
            )
            for one, other in orders
        ]

    def _check(self, sample: Sample, path: Path) -> Request:
        _, caption, reasoning = path.texts
        blocks: Material = [
            ("question", question(sample, pictures=False)),
            ("caption", (caption,)),
            ("reasoning", (reasoning,)),
        ]
        return self._judge_request(self.check_prompt, blocks, "check")

    def _judge_request(self, prompt: str, material: Material, what: str) -> Request:
        return Request(self.judge_role, case(prompt, material), self.judge_sampling, 0, f"stage_beam.{what}")

    def _judged(self, sample: Sample, path: Path) -> Program[Trace]:
        judging = None
        if self.judge_reasoning:
            judging = Judging("stage_beam", self.judge_role, self.judge_prompt, self.judge_sampling, self.judge_control)
        return (yield from judged(sample, path, method="stage_beam", verifier=self.verifier, judging=judging))

    def _asking(self) -> Asking:
        words = (self.role, self.prompt, self.next_prompt, self.examples)
        return Asking("stage_beam", *words, self.sampling, self.prefill, self.system)


def _shares(total: int, parts: int) -> list[int]:
    """Share `total` draws out among `parts`, the first ones getting what does not divide."""
    return [total // parts + (index < total % parts) for index in range(parts)]


def _swapped(sample: Sample, pair: tuple[Path, Path]) -> bool:
    """Tell which of a pair is shown first: by chance, but the same one every time."""
    return _coin(sample, pair, "order")


def _winner(sample: Sample, pair: tuple[Path, Path], outcomes: Sequence[Outcome]) -> Path:
    """Return the better of a pair; where the judge does not say, or says both, a coin decides."""
    swapped, votes = _swapped(sample, pair), [0, 0]
    for turn, outcome in enumerate(outcomes):
        better = word(told(outcome, "better"), "better")
        if better in ("a", "b"):
            votes[(better == "b") ^ swapped ^ (turn == 1)] += 1
    if votes[0] == votes[1]:
        return pair[_coin(sample, pair, "draw")]
    return pair[votes[1] > votes[0]]


def _coin(sample: Sample, pair: tuple[Path, Path], what: str) -> bool:
    return int(fingerprint([what, sample.id, pair[0].texts, pair[1].texts])[:8], 16) % 2 == 1
