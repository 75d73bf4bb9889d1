"""SWIRES: stage-wise retracing search with reward scores (LLaVA-CoT, arXiv 2411.10440, section 3.2.2, appendix D).

One summary; several captions, of which the best are reasoned from; where no reasoning is good enough the search goes
back to the captions, and all reasonings stay in one pool; the best of the pool are concluded, the best of those wins.
Paper and published code (`swires.py`) differ in their limits: `Swires.of_paper`, `Swires.of_code`.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from generators._stage_case import case, check_fields, conversation, question, told
from generators._stage_verdict import Judging, judged
from generators._stage_writing import Asking, Example, Path, distinct, draw
from generators._stages import written
from schemas import prompt as prompts
from schemas.errors import ConfigError
from schemas.protocols import Verifier
from schemas.request import Outcome, Program, Request, Sampling
from schemas.sample import Message, Sample
from schemas.thinking import split
from schemas.trace import Trace

__all__ = ["Swires"]

_MEAN, _SPREAD, _Z = -0.77, 2.08, 0.2533
"""Of rewards of reasonings by IXC-2.5-Reward on MMStar; the 60th percentile of a normal (appendix D, table 8)."""
_LIMITS = ("captions", "keep", "reasonings", "conclusions", "rounds", "rank", "summaries")
_PERCENTILE = (0, 100)
_MOST = 1e9
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,2})?")


class Rated(NamedTuple):
    """A path with its reward; None where there is none, which is never a low one."""

    path: Path
    reward: float | None


@dataclass(frozen=True, slots=True)
class Swires:
    """Search stage by stage and go back where no reasoning is good enough (arXiv 2411.10440, appendix D).

    With every draw in form, r rounds and P reasonings in the pool it asks for `1 + r (captions + keep reasonings) +
    min(P, conclusions)` stages, and for the reward of each but the summary. The judge of a right conclusion comes on
    top: two requests, or one without `judge_control`.
    """

    version: ClassVar[int] = 2
    verifier: Verifier
    """Decides on the conclusions; handed in, because generators import no scorers."""
    captions: int = 4
    """Captions a round."""
    keep: int = 2
    """Captions of a round that are reasoned from."""
    reasonings: int = 2
    """Reasonings for each of them."""
    conclusions: int = 3
    """Best reasonings of the pool that are concluded, once each; where none of them gets there, as many of the next."""
    rounds: int = 5
    """Most rounds of captions and reasonings: one more than there are retraces."""
    threshold: float = 60.0
    """Reward that has to be passed for the search to go on."""
    rank: int = 2
    """Which best reasoning of the pool has to pass it; 2 is the second best."""
    summaries: int = 3
    """Draws of the summary at most, one after another until one is in form; the sources draw one, and need it."""
    reward_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "stage_reward"))
    """Has a judge rate from 0 to 100; its fields are `$code` and `$material`. Empty is for a reward model, which is
    sent the conversation with the answer so far and replies with a number."""
    reward_role: str = "reward"
    reward_sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0, max_tokens=2048))
    prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "llava_cot"))
    """The instruction, used as it is; empty for a model tuned on this format."""
    system: bool = True
    """Whether it is a system turn; False opens the first user turn with it."""
    next_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "stage_next"))
    """Asks for one stage; its field is `$stage`."""
    examples: tuple[Example, ...] = ()
    """Worked examples (question, summary, caption, reasoning, conclusion), shown as earlier turns."""
    sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0.6, top_p=0.9, max_tokens=2048))
    """Of each stage; it stops at its closing tag, and a seed is raised by one with every draw."""
    prefill: bool = False
    """Whether the model goes on in its own turn after the opening tag, as the published model does."""
    role: str = "teacher"
    judge_reasoning: bool = True
    """Whether a judge has to say that the reasoning leads to a right conclusion."""
    judge_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "stage_reasoning"))
    judge_role: str = "judge"
    judge_sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0, max_tokens=2048))
    judge_control: bool = True
    """Whether the judge also has to refuse a conclusion that the reasoning does not lead to: one more request."""

    def __post_init__(self) -> None:
        """Refuse limits under which nothing is drawn or the rule can never be met, and prompts without their fields."""
        check_fields(["stage"], next_prompt=self.next_prompt)
        check_fields(["code", "material"], judge_prompt=self.judge_prompt)
        if self.reward_prompt:
            check_fields(["code", "material"], reward_prompt=self.reward_prompt)
        for name in _LIMITS:
            if getattr(self, name) < 1:
                raise ConfigError(f"swires needs {name} of at least 1: got {getattr(self, name)}")
        if self.keep > self.captions:
            raise ConfigError(f"swires draws {self.captions} captions a round and cannot keep {self.keep}")
        if not math.isfinite(self.threshold):
            raise ConfigError(f"swires needs a threshold that a reward can pass or miss: got {self.threshold}")
        if self.rank > self.rounds * self.keep * self.reasonings:
            raise ConfigError(f"swires cannot wait for rank {self.rank}: the pool never holds so many reasonings")

    @classmethod
    def of_code(cls, verifier: Verifier, *, reward_model: bool = False) -> Swires:
        """Return the published code's limits: five rounds, three conclusions.

        With `reward_model` rewards are those of IXC-2.5-Reward and its threshold -0.77 + 0.2533 x 2.08 holds; else a
        judge's percentiles and 60, the same place in their distribution.
        """
        made = cls(verifier, captions=4, keep=2, reasonings=2, conclusions=3, rounds=5, rank=2)
        return _with_reward_model(made) if reward_model else made

    @classmethod
    def of_paper(cls, verifier: Verifier, *, reward_model: bool = False) -> Swires:
        """Return the paper's limits, M=4, N=2, C=3: M / N reasonings a caption, C rounds, N conclusions (algorithm 1).

        Of the rule it says both "at least one" (section 3.2.2) and the second best (appendix D), which is taken here.
        """
        made = cls(verifier, captions=4, keep=2, reasonings=2, conclusions=2, rounds=3, rank=2)
        return _with_reward_model(made) if reward_model else made

    def __call__(self, sample: Sample, /) -> Program[list[Trace]]:
        """Return a trace for each different answer, the one with the highest reward first (`try_index` 0).

        Where a stage is never in form, one trace says so; where it was never answered, there is none.
        """
        ended = yield from self._search(sample)
        traces: list[Trace] = []
        for index, path in enumerate(ended):
            trace = yield from self._judged(sample, path)
            traces.append(dataclasses.replace(trace, try_index=index))
        return traces

    def _search(self, sample: Sample) -> Program[list[Path]]:
        """Return the conclusions, best first, or one path with the fault that ended the search."""
        faulty: list[Path] = []
        summary = yield from self._summary(sample, faulty)
        if not summary:
            return faulty[-1:]
        pool: list[Rated] = []
        for turn in range(self.rounds):
            captions = yield from self._rated(sample, summary, self.captions, start=turn * self.captions, faulty=faulty)
            kept = [one.path for one in _best(captions, self.keep)]
            start = turn * self.keep * self.reasonings
            pool += yield from self._rated(sample, kept, self.reasonings, start=start, faulty=faulty)
            if self._good_enough(pool):
                break
        ended = yield from self._concluded(sample, [one.path for one in _best(pool, len(pool))], faulty)
        return distinct([one.path for one in _best(ended, len(ended))]) or faulty[-1:]

    def _summary(self, sample: Sample, faulty: list[Path]) -> Program[list[Path]]:
        """Draw until a summary is in form, for everything stands on it; `faulty` takes the others."""
        for index in range(self.summaries):
            for path in (yield from draw(self._asking(), sample, [Path()], [1], start=index)):
                if path.fault is None:
                    return [path]
                faulty.append(path)
        return []

    def _concluded(self, sample: Sample, ranked: Sequence[Path], faulty: list[Path]) -> Program[list[Rated]]:
        """Conclude the best of the pool; where not one of them gets there, the next best."""
        for start in range(0, len(ranked), self.conclusions):
            chosen = ranked[start : start + self.conclusions]
            ended = yield from self._rated(sample, chosen, 1, start=start, faulty=faulty)
            if ended:
                return ended
        return []

    def _rated(
        self, sample: Sample, paths: Sequence[Path], each: int, *, start: int, faulty: list[Path]
    ) -> Program[list[Rated]]:
        """Draw the next stage of every path `each` times and rate what is in form; `faulty` takes the rest."""
        drawn = yield from draw(self._asking(), sample, paths, [each] * len(paths), start=start)
        whole = [path for path in drawn if path.fault is None]
        faulty += [path for path in drawn if path.fault is not None]
        if not whole:
            return []
        outcomes = yield [self._reward(sample, path) for path in whole]
        span = _PERCENTILE if self.reward_prompt else (-_MOST, _MOST)
        return [Rated(path, _read(outcome, *span)) for path, outcome in zip(whole, outcomes, strict=True)]

    def _good_enough(self, pool: Sequence[Rated]) -> bool:
        rewards = sorted((one.reward for one in pool if one.reward is not None), reverse=True)
        return len(rewards) >= self.rank and rewards[self.rank - 1] > self.threshold

    def _reward(self, sample: Sample, path: Path) -> Request:
        text = written(path.texts)
        if self.reward_prompt:
            messages = case(self.reward_prompt, [("question", question(sample)), ("answer so far", (text,))])
        else:
            messages = (*conversation(sample), Message.of("assistant", text))
        return Request(self.reward_role, messages, self.reward_sampling, 0, "swires.reward")

    def _judged(self, sample: Sample, path: Path) -> Program[Trace]:
        judging = None
        if self.judge_reasoning:
            judging = Judging("swires", self.judge_role, self.judge_prompt, self.judge_sampling, self.judge_control)
        return (yield from judged(sample, path, method="swires", verifier=self.verifier, judging=judging))

    def _asking(self) -> Asking:
        words = (self.role, self.prompt, self.next_prompt, self.examples)
        return Asking("swires", *words, self.sampling, self.prefill, self.system)


def _with_reward_model(search: Swires) -> Swires:
    return dataclasses.replace(search, reward_prompt="", threshold=_MEAN + _Z * _SPREAD)


def _best(rated: Sequence[Rated], count: int) -> list[Rated]:
    """Return the `count` of highest reward, earlier draws first among equals; those without one come after all."""
    return sorted(rated, key=lambda one: -math.inf if one.reward is None else one.reward, reverse=True)[:count]


def _read(outcome: Outcome, least: float, most: float) -> float | None:
    """Return the reward in a reply: the `score` of its JSON object, or a reply that is one number.

    A number that nobody asked for is no reward: a judge's lies from 0 to 100.
    """
    score = told(outcome, "score").get("score")
    if score is None and outcome.reply is not None and outcome.ok:
        text = split(outcome.reply.text).answer.strip()
        score = float(text) if _NUMBER.fullmatch(text) else None
    if isinstance(score, bool) or not isinstance(score, (int, float)) or not least <= score <= most:
        return None
    return float(score)
