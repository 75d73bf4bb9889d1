"""Solve alone, then with help: how much of a reference solution a model needs to be shown to get there.

The three zones of "Empowering Lightweight MLLMs with Reasoning via Long CoT SFT" (arXiv 2509.03321): what a model
solves alone, what it learns with help, and what it fails at even with help. Help is a prefix of a reference solution
that ends before the answer shows; the paper's own text was not to be had, so shares and wording are ours
(docs/methods.md).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from generators._giveaway import giveaway
from generators.think_then_answer import ThinkThenAnswer
from schemas import prompt as prompts
from schemas.errors import ConfigError
from schemas.leaks import leaks
from schemas.protocols import Generator, Verifier
from schemas.request import Program, Sampling
from schemas.sample import Message, Sample
from schemas.score import RIGHT, UNDECIDED, Score, Verdict
from schemas.trace import Trace

__all__ = ["Hinted"]

_ENDS = re.compile(r"(?<=[.!?\u3002\uff01\uff1f])\s+|\n+")
_SHOWN = re.compile(
    r"\b(?:the|this|that|given|shown|provided)\s+(?:beginning|prefix|partial\s+solution)\b"
    r"|\b(?:beginning|start)\s+of\s+(?:the|a)\s+(?:sound\s+)?solution\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Hinted:
    """Draw `tries` alone; where too few are right, show longer and longer beginnings of the reference solution.

    Methods are `hinted/alone` and `hinted/help`. One with help has `answer_seen`: what was shown is part of a solution,
    whether or not it says the answer.
    """

    version: ClassVar[int] = 3
    trace_fields: ClassVar[Mapping[str, Mapping[str, type]]] = {"help": {"by": str}}
    """The score `help` of every trace: its value is the share of a solution that was shown, `by` whose solution."""
    verifier: Verifier
    """Decides each draw; handed in, because generators import no scorers."""
    tries: int = 4
    """Draws alone, and at each amount of help."""
    enough: int = 1
    """Right draws alone from which on no help is given."""
    amounts: tuple[float, ...] = (0.25, 0.5, 0.75)
    """Shares of the reference solution that are shown, in order, until one draw is right."""
    solution: str = "solution"
    """Key of the sample's `meta` that holds the reference solution."""
    guide: Generator | None = None
    """Writes a solution where the sample has none: its shortest right trace. Without a guide it gets no help."""
    prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "think_then_answer"))
    hint_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "hinted"))
    """Stands before the question; its field is `$hint`."""
    sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0.7, top_p=0.95, max_tokens=4096))
    role: str = "student"
    origin: Literal["self", "teacher"] = "self"
    """`self` where the model that is asked is the one to be trained."""
    require_reasoning: bool = True

    def __post_init__(self) -> None:
        """Refuse parameters that mean nothing."""
        if self.tries < 1 or self.enough < 1:
            raise ConfigError(f"hinted needs tries and enough of at least 1: got {self.tries} and {self.enough}")
        if not all(0 < amount < 1 for amount in self.amounts) or list(self.amounts) != sorted(set(self.amounts)):
            raise ConfigError(f"amounts of help are shares between 0 and 1 that grow: got {self.amounts}")

    def __call__(self, sample: Sample, /) -> Program[list[Trace]]:
        """Return a trace with a verdict for every reply; a request that failed leaves none.

        Where every call alone failed nothing is known of the model, and no help is asked for. A sample without a known
        answer is not asked about: nobody could say who solves it.
        """
        if sample.answer is None:
            return []
        alone = yield from self._writer()(sample)
        traces = [self._named(trace, "hinted/alone", seen=False).with_score("help", _help(0.0)) for trace in alone]
        if not traces or _right(traces) >= self.enough:
            return traces
        solution, rests_on = yield from self._reference(sample)
        for hint in self._hints(sample, solution):
            help_ = _help(len(hint) / len(solution), "guide" if rests_on else "row")
            helped = yield from self._helped(sample, hint)
            traces += [
                dataclasses.replace(trace.with_score("help", help_), requests=(*rests_on, *trace.requests))
                for trace in helped
            ]
            if _right(helped):
                break
        return traces

    def _reference(self, sample: Sample) -> Program[tuple[str, tuple[str, ...]]]:
        """Return the reference solution, or what the guide writes, and the requests that it rests on."""
        text = sample.meta.get(self.solution)
        if isinstance(text, str) and text.strip():
            return text.strip(), ()
        if self.guide is None or not self.amounts:
            return "", ()
        written = yield from self.guide(sample)
        right = [trace for trace in written if trace.verdict is not None and trace.verdict.value == RIGHT]
        best = min(right, key=lambda trace: (len(trace.reasoning), trace.id), default=None)
        return (best.reasoning.strip(), best.requests) if best is not None else ("", ())

    def _writer(self) -> ThinkThenAnswer:
        return ThinkThenAnswer(
            self.verifier,
            tries=self.tries,
            prompt=self.prompt,
            revise=False,
            sampling=self.sampling,
            role=self.role,
            length="",
            require_reasoning=self.require_reasoning,
        )

    def _hints(self, sample: Sample, solution: str) -> list[str]:
        """Return the beginnings to show, each longer than the one before; none shows the answer or is the whole."""
        ends = [found.start() for found in _ENDS.finditer(solution)]
        shown = giveaway(sample, solution)
        last = max((end for end in ends if end <= shown), default=0)
        cuts = [_cut(solution, amount, ends) for amount in self.amounts]
        hints = [hint if len(hint) <= shown else solution[:last].strip() for hint in cuts]
        return sorted({hint for hint in hints if hint}, key=len)

    def _helped(self, sample: Sample, hint: str) -> Program[list[Trace]]:
        text = prompts.fill(self.hint_prompt, hint=hint)
        last = max((i for i, turn in enumerate(sample.messages) if turn.role == "user"), default=0)
        turn = Message("user", (text, *sample.messages[last].content))
        # The same sample by its id, so that its traces are; only what is asked has more in front of it.
        shown = dataclasses.replace(sample, messages=(*sample.messages[:last], turn))
        traces = yield from self._writer()(shown)
        return [_checked(self._named(trace, "hinted/help", seen=True)) for trace in traces]

    def _named(self, trace: Trace, method: str, *, seen: bool) -> Trace:
        return dataclasses.replace(trace, method=method, origin=self.origin, answer_seen=seen)


def _help(share: float, by: str = "") -> Score:
    reason = f"{share:.0%} of a solution was shown" if by else "nothing was shown"
    return Score(share, reason=reason, detail={"by": by})


def _right(traces: Sequence[Trace]) -> int:
    return sum(trace.verdict is not None and trace.verdict.value == RIGHT for trace in traces)


def _cut(text: str, amount: float, ends: Sequence[int]) -> str:
    """Return about that share of a text, up to the end of a sentence or line where one is near, else of a word."""
    at = int(len(text) * amount)
    near = [end for end in ends if 0 < end < len(text) and abs(end - at) <= len(text) // 8]
    if near:
        return text[: min(near, key=lambda end: abs(end - at))].strip()
    space = text.rfind(" ", 0, at)
    return text[: space if space > 0 else at].strip()


def _checked(trace: Trace) -> Trace:
    """Withdraw a right verdict from a chain that speaks of what it was shown."""
    verdict = trace.verdict
    if verdict is None or verdict.value != RIGHT:
        return trace
    text = f"{trace.reasoning}\n{trace.answer}"
    found = _SHOWN.search(text)
    words = found.group(0) if found else next((leak.text for leak in leaks(text) if leak.kind != "bridge"), "")
    if not words:
        return trace
    reason = f"the chain speaks of the beginning it was shown: {words!r}"
    return trace.with_verdict(Verdict(UNDECIDED, "hint_leak", verdict.extracted, reason, verdict.verifier))
