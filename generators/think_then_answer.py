"""Think-then-answer distillation: several tries, each verified, and one revision toward the known answer.

The multi-stage self-distillation of Skywork R1V (arXiv 2504.05599, section 2.3): a model reasons before it answers,
decoded with a penalty from the sample's scores; right chains stay as they are, a wrong one is rewritten so that it ends
in the right answer. With `bridge` a text takes the place of the pictures, the modality bridging of Vision-R1
(arXiv 2503.06749). What was taken from where, and what is done differently: docs/methods.md.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from generators._answer_line import Parts, answer_line
from schemas import prompt as prompts
from schemas.answer import LETTERS
from schemas.errors import ConfigError, SchemaError
from schemas.leaks import answer_leak, bridge_leak
from schemas.protocols import Verifier
from schemas.request import Cause, Outcome, Program, Reply, Request, Sampling
from schemas.sample import Media, Message, Sample
from schemas.score import RIGHT, UNDECIDED, WRONG, Verdict
from schemas.thinking import split
from schemas.trace import Trace

__all__ = ["ThinkThenAnswer"]

_PENALTIES = ("repetition_penalty", "presence_penalty", "frequency_penalty")


@dataclass(frozen=True, slots=True)
class ThinkThenAnswer:
    """Ask for reasoning and an answer `tries` times; revise the best wrong try once (arXiv 2504.05599, section 2.3)."""

    version: ClassVar[int] = 3
    verifier: Verifier
    """Decides each try; handed in, because generators import no scorers."""
    tries: int = 4
    """Draws per sample, all asked for at once."""
    prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "think_then_answer"))
    """The instruction, used as it is."""
    examples: tuple[tuple[str, str, str], ...] = ()
    """Worked examples (question, reasoning, answer), shown as earlier turns; they end in `Answer: …` lines."""
    bridge: str = ""
    """Key of the sample's `meta` whose text takes the place of its pictures; empty sends the pictures."""
    longest: int = 0
    """Token limit of one more draw in place of each try that was cut below it; 0 leaves cut tries as they are."""
    revise: bool = True
    """Whether to rewrite one wrong try where no try is right."""
    revise_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "revise"))
    """Follows the question; its fields are `$answer` and `$draft`."""
    sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0.6, top_p=0.95, max_tokens=8192))
    """How tries and revision are drawn; a seed is raised by one with every try."""
    role: str = "teacher"
    reviser_role: str = "reviser"
    length: str = "length"
    """Score whose detail says what to send, `max_tokens` and penalties under the names that `Sampling` has; empty, or a
    sample without the score, leaves `sampling` alone."""
    require_reasoning: bool = True
    """Whether a right answer without reasoning is rejected. Off is for teachers that explain in the answer itself."""
    system: bool = True
    """False puts the instruction in the first user turn, for teachers that want no system turn (DeepSeek-R1)."""

    def __post_init__(self) -> None:
        """Refuse to draw nothing."""
        if self.tries < 1:
            raise ConfigError(f"a teacher needs at least 1 try: got {self.tries}")

    def __call__(self, sample: Sample, /) -> Program[list[Trace]]:
        """Return a trace with a verdict for every reply; a request that failed leaves none.

        Raises:
            SchemaError: `bridge` is set, and the sample has pictures but no such text.

        """
        requests = self._tries(sample)
        outcomes = list((yield requests))
        yield from self._again(requests, outcomes)
        traces: list[Trace] = []
        for request, outcome in zip(requests, outcomes, strict=True):
            if outcome.reply is not None:
                trace = self._trace(sample, request, outcome, thought(outcome.reply, cut=_cut(outcome)))
                traces.append((yield from self._judge(sample, trace)))
        draft = _draft(traces)
        if self.revise and sample.answer is not None and draft is not None:
            traces += yield from self._revise(sample, draft)
        return traces

    def _again(self, requests: list[Request], outcomes: list[Outcome]) -> Program[None]:
        """Draw the tries that were cut once more with the highest limit; what is cut again keeps its longer text."""
        cut = [
            index
            for index, (request, outcome) in enumerate(zip(requests, outcomes, strict=True))
            if _cut(outcome) and (request.sampling.max_tokens or self.longest) < self.longest
        ]
        if not cut:
            return
        longer = [
            dataclasses.replace(r, sampling=dataclasses.replace(r.sampling, max_tokens=self.longest))
            for r in (requests[index] for index in cut)
        ]
        for index, request, outcome in zip(cut, longer, (yield longer), strict=True):
            if outcome.reply is not None:
                requests[index], outcomes[index] = request, outcome

    def _tries(self, sample: Sample) -> list[Request]:
        messages = self._messages(sample)
        sampling = self._sampling(sample)
        return [
            Request(self.role, messages, _seeded(sampling, i), try_index=i, purpose="think_then_answer")
            for i in range(self.tries)
        ]

    def _messages(self, sample: Sample) -> tuple[Message, ...]:
        """Put what all samples share first, so that a server's prompt cache is hit: instruction, examples, the rest."""
        shown = [turn for example in self.examples for turn in _example(*example)]
        asked = self._conversation(sample)
        if not self.system:
            return _with_instruction((*shown, *asked), self.prompt)
        own = [part for turn in asked if turn.role == "system" for part in turn.content]
        rest = [turn for turn in asked if turn.role != "system"]
        return (Message("system", _joined((self.prompt, *own))), *shown, *rest)

    def _conversation(self, sample: Sample) -> tuple[Message, ...]:
        """Return the sample's turns, the last with its options, with the bridge's text in place of pictures."""
        last = max((i for i, turn in enumerate(sample.messages) if turn.role == "user"), default=0)
        turns = (*sample.messages[:last], Message("user", prompts.question_parts(sample)))
        return _bridged(turns, _bridge_text(sample, self.bridge)) if self._bridges(sample) else turns

    def _bridges(self, sample: Sample) -> bool:
        return bool(self.bridge and sample.media)

    def _sampling(self, sample: Sample) -> Sampling:
        """Return the sampling with what the sample's length score wants sent."""
        score = sample.scores.get(self.length) if self.length else None
        if score is None:
            return self.sampling
        wanted: dict[str, Any] = {
            name: float(value)
            for name in _PENALTIES
            if isinstance(value := score.detail.get(name), (int, float)) and math.isfinite(value) and value > 0
        }
        budget = score.detail.get("max_tokens")
        if isinstance(budget, int) and budget > 0:
            wanted["max_tokens"] = budget
        return dataclasses.replace(self.sampling, **wanted)

    def _trace(
        self, sample: Sample, request: Request, outcome: Outcome, parts: Parts, *, draft: Trace | None = None
    ) -> Trace:
        """Build the trace of a try, or of the revision of `draft`."""
        trace = Trace.of(
            sample,
            request,
            outcome,
            method="think_then_answer/text_bridge" if self._bridges(sample) else "think_then_answer",
            origin="revised" if draft else "teacher",
            answer_seen=draft is not None,
            earlier=draft.requests if draft else (),
            reasoning=parts.reasoning,
            answer=parts.answer,
        )
        return dataclasses.replace(trace, finish="length") if _cut(outcome) else trace

    def _judge(self, sample: Sample, trace: Trace) -> Program[Trace]:
        """Return the trace with its verdict; a cut or empty answer is not worth the verifier's time."""
        unfit = _unfit(trace)
        if unfit is not None:
            return trace.with_verdict(unfit)
        verdict = yield from self.verifier(sample, trace.answer)
        if verdict.value == RIGHT:
            verdict = self._doubt(sample, trace, verdict)
        return trace.with_verdict(verdict)

    def _doubt(self, sample: Sample, trace: Trace, verdict: Verdict) -> Verdict:
        """Withdraw a right verdict from a trace without a chain, and from one that speaks of what its reader lacks."""
        if self.require_reasoning and not trace.reasoning.strip():
            return _undecided("no_reasoning", "the reply holds an answer and no reasoning apart from it", verdict)
        text = f"{trace.reasoning}\n{trace.answer}"
        if trace.answer_seen and (words := answer_leak(text)):
            return _undecided("hint_leak", f"the chain speaks of the answer it was given: {words!r}", verdict)
        if self._bridges(sample) and (words := bridge_leak(text)):
            return _undecided(
                "bridge_leak", f"the chain speaks of the text that stood for the picture: {words!r}", verdict
            )
        return verdict

    def _revise(self, sample: Sample, draft: Trace) -> Program[list[Trace]]:
        """Ask once for the draft to be rewritten toward the known answer."""
        request = self._revision(sample, draft)
        (outcome,) = yield [request]
        if outcome.reply is None:
            return []
        # A thinking reviser's own thoughts are about the task of rewriting; the new chain is what it wrote out.
        parts = answer_line(split(outcome.reply.text).answer)
        return [(yield from self._judge(sample, self._trace(sample, request, outcome, parts, draft=draft)))]

    def _revision(self, sample: Sample, draft: Trace) -> Request:
        *before, question = self._conversation(sample)
        text = prompts.fill(
            self.revise_prompt, answer=_known(sample), draft="\n\n".join(filter(None, (draft.reasoning, draft.answer)))
        )
        messages = (*before, Message("user", (*question.content, text)))
        return Request(self.reviser_role, messages, self.sampling, purpose="think_then_answer.revise")


def thought(reply: Reply, *, cut: bool = False) -> Parts:
    """Tell reasoning from answer: by the reply's own field, by inline tags, or by the final answer line.

    A reply that was `cut` before any of these is all reasoning.
    """
    if reply.reasoning.strip():
        return Parts(reply.reasoning, reply.text)
    inline = split(reply.text)
    parts = Parts(inline.reasoning, inline.answer) if inline.reasoning else answer_line(inline.answer)
    return Parts(parts.answer, "") if cut and not parts.reasoning else parts


def _cut(outcome: Outcome) -> bool:
    """Tell whether the reply ended at its token limit."""
    return outcome.cause is Cause.TRUNCATED or (outcome.reply is not None and outcome.reply.finish == "length")


def _draft(traces: Sequence[Trace]) -> Trace | None:
    """Return the try to revise: none where one is right; else the shortest whole one, wrong before undecided."""
    if any(trace.verdict is not None and trace.verdict.value == RIGHT for trace in traces):
        return None
    whole = [trace for trace in traces if trace.finish != "length" and trace.answer.strip()]
    return min(whole, key=_draft_rank, default=None)


def _draft_rank(trace: Trace) -> tuple[bool, int]:
    wrong = trace.verdict is not None and trace.verdict.value == WRONG
    return (not wrong, len(trace.reasoning) + len(trace.answer))


def _unfit(trace: Trace) -> Verdict | None:
    """Return the verdict of a trace that cannot be right whatever its words are."""
    if trace.finish == "length":
        return _undecided("truncated", "the reply was cut at the token limit")
    if not trace.answer.strip():
        return _undecided("no_answer_found", "the reply has no text after its thinking")
    return None


def _undecided(rule: str, reason: str, former: Verdict | None = None) -> Verdict:
    return Verdict(UNDECIDED, rule, former.extracted if former else "", reason, former.verifier if former else "")


def _seeded(sampling: Sampling, index: int) -> Sampling:
    return sampling if sampling.seed is None else dataclasses.replace(sampling, seed=sampling.seed + index)


def _example(question: str, reasoning: str, answer: str) -> tuple[Message, Message]:
    # Written out rather than in tags: chat templates of thinking models cut tagged thoughts from earlier turns.
    return Message.of("user", question), Message.of("assistant", f"{reasoning.strip()}\n\nAnswer: {answer.strip()}")


def _with_instruction(turns: Sequence[Message], instruction: str) -> tuple[Message, ...]:
    first = next(i for i, turn in enumerate(turns) if turn.role == "user")
    opened = Message("user", (instruction, *turns[first].content))
    return (*turns[:first], opened, *turns[first + 1 :])


def _joined(parts: Sequence[str | Media]) -> tuple[str | Media, ...]:
    """Make neighbouring texts one: several system turns, or parts of one, are not taken by every chat template."""
    joined: list[str | Media] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] = f"{joined[-1]}\n\n{part}"
        else:
            joined.append(part)
    return tuple(joined)


def _bridge_text(sample: Sample, key: str) -> str:
    text = sample.meta.get(key)
    if not isinstance(text, str) or not text.strip():
        message = f"the sample has no text meta[{key!r}] to stand for its pictures: fill it, or leave bridge empty"
        raise SchemaError(message)
    return text.strip()


def _bridged(turns: Sequence[Message], text: str) -> tuple[Message, ...]:
    """Put `text` where the first picture is and take out the others."""
    bridged: list[Message] = []
    placed = False
    for turn in turns:
        parts: list[str | Media] = []
        for part in turn.content:
            if isinstance(part, str):
                parts.append(part)
            elif not placed:
                parts.append(text)
                placed = True
        bridged.append(Message(turn.role, tuple(parts)))
    return tuple(bridged)


def _known(sample: Sample) -> str:
    """Write the known answer, an option with its letter."""
    answer = sample.answer
    if answer is None:
        return ""
    if answer.choice is not None and answer.choice < min(len(sample.choices), len(LETTERS)):
        return f"{LETTERS[answer.choice]}. {sample.choices[answer.choice]}"
    return answer.text
