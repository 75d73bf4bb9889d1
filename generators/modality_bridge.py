"""Modality bridging: a model that sees describes the picture, and a reasoner that reads solves the question.

Vision-R1 (arXiv 2503.06749) describes with the help of a pseudo chain of thought, R1-Onevision (arXiv 2503.10615) in
formal terms; both let a text-only reasoner think over the text and filter what comes out. What was taken from where,
and what is done differently: docs/methods.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from generators._bridge_text import bridged, given, leak, solution, unmarked
from generators._chain import chain, is_right, judged, undecided, withdrawn
from generators._chain_check import Judging, doubt
from generators._stage_case import conversation
from generators._stage_writing import cut, seeded
from schemas import prompt as prompts
from schemas.errors import SchemaError
from schemas.marks import plain
from schemas.protocols import Verifier
from schemas.request import Outcome, Program, Request, Sampling
from schemas.sample import Message, Sample
from schemas.thinking import split
from schemas.trace import Trace

__all__ = ["ModalityBridge"]

_NAME = "modality_bridge"


class _Text(NamedTuple):
    """What stands for the pictures, and what it rests on."""

    text: str
    method: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModalityBridge:
    """Have pictures described, have a text-only model reason, and check its chains against the pictures.

    With no failed request it asks once for the description (twice with `pseudo`), `tries` times for a chain, and for
    each right chain once for a rewriting where it speaks of the description, and once or twice of a judge.
    """

    version: ClassVar[int] = 2
    verifier: Verifier
    """Decides on the answers; handed in, because generators import no scorers."""
    tries: int = 2
    """Chains of the reasoner, all asked for at once."""
    describe: bool = True
    """Whether a model describes the pictures; False needs `given`."""
    given: str = ""
    """Key of the sample's `meta` with text of the pictures, OCR or a table; shown to describer and reasoner.

    A list of texts is lines; anything else that is no text is shown as JSON.
    """
    pseudo: bool = False
    """Whether the describer first writes a chain of its own, as Vision-R1's does, to know what to look for."""
    rewrite: bool = True
    """Whether a right chain that speaks of a description is written anew, once, as by one who sees."""
    describe_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "bridge_describe"))
    """Follows the question with its pictures; its field is `$known`, what is known of them already."""
    pseudo_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "bridge_pseudo"))
    notes_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "bridge_notes"))
    """Shows the describer the chain of its own; its field is `$notes`."""
    prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "bridge_reason"))
    """The reasoner's instruction, used as it is."""
    rewrite_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "bridge_rewrite"))
    """Its field is `$chain`."""
    judge_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "bridge_check"))
    """Its fields are `$code` and `$material`."""
    describe_sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0, max_tokens=2048))
    sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0.6, top_p=0.95, max_tokens=8192))
    """Of chains; a seed is raised by one with every try."""
    judge_sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0, max_tokens=2048))
    describer_role: str = "describer"
    role: str = "reasoner"
    """Never sees a picture."""
    reviser_role: str = "reviser"
    judge_role: str = "judge"
    judge_pictures: bool = True
    """Whether a judge that sees the pictures has to find right chains true to them."""
    judge_control: bool = True
    """Whether the judge also has to refuse another conclusion: one more request."""

    def __call__(self, sample: Sample, /) -> Program[list[Trace]]:
        """Return a trace with a verdict for every chain; one trace says so where no text for the pictures was had.

        Raises:
            SchemaError: there is no describer, and `given` has no text for the pictures or one that gives an answer.

        """
        bridge = yield from self._bridge(sample)
        if not isinstance(bridge, _Text):
            return bridge
        requests = self._requests(sample, bridge.text)
        traces: list[Trace] = []
        for request, outcome in zip(requests, (yield requests), strict=True):
            if outcome.reply is not None:
                trace = chain(sample, request, outcome, method=bridge.method, earlier=bridge.keys)
                traces += yield from self._finished(sample, trace)
        return traces

    def _bridge(self, sample: Sample) -> Program[_Text | list[Trace]]:
        """Return the text for the pictures, or the traces that say why there is none."""
        if not sample.media:
            return _Text("", f"{_NAME}/no_picture")
        known = given(sample, self.given) if self.given else ""
        words = solution(known)
        if not self.describe:
            if words or not known:
                what = f"a text that gives an answer ({words!r})" if words else "no text"
                message = f"describe is off and the row has {what} in meta[{self.given!r}]"
                raise SchemaError(f"{message}: nothing would stand for the pictures")
            return _Text(known, f"{_NAME}/given_text")
        known = "" if words else known
        draft = yield from self._pseudo(sample)
        notes = (prompts.fill(self.notes_prompt, notes=plain(_seen(one))) for one in draft)
        wanted = prompts.fill(self.describe_prompt, known=unmarked(known) or "nothing")
        request = self._looking(sample, (*notes, wanted), "describe")
        (outcome,) = yield [request]
        keys, method = tuple(one.key for one in draft), f"{_NAME}/pseudo" if draft else _NAME
        if outcome.reply is None:
            return []
        text = _seen(outcome)
        fault = _fault(outcome, text)
        if fault is None:
            return _Text("\n\n".join(filter(None, (known, text))), method, (*keys, outcome.key))
        trace = Trace.of(sample, request, outcome, method=method, earlier=keys, reasoning=text, answer="")
        finish = "length" if cut(outcome) else trace.finish
        return [undecided(dataclasses.replace(trace, finish=finish), *fault)]

    def _pseudo(self, sample: Sample) -> Program[list[Outcome]]:
        """Have the describer solve the question in its own way; what failed or was cut is of no use."""
        if not self.pseudo:
            return []
        (outcome,) = yield [self._looking(sample, (self.pseudo_prompt,), "pseudo")]
        return [outcome] if outcome.ok and _seen(outcome) else []

    def _looking(self, sample: Sample, wanted: Sequence[str], what: str) -> Request:
        *earlier, last = conversation(sample)
        messages = (*earlier, Message("user", (*last.content, *wanted)))
        return Request(self.describer_role, messages, self.describe_sampling, 0, f"{_NAME}.{what}")

    def _requests(self, sample: Sample, text: str) -> list[Request]:
        turns = bridged(conversation(sample), text) if text else conversation(sample)
        own = [turn.text for turn in turns if turn.role == "system"]
        rest = [turn for turn in turns if turn.role != "system"]
        messages = (Message.of("system", "\n\n".join((self.prompt, *own))), *rest)
        return [Request(self.role, messages, seeded(self.sampling, i), i, _NAME) for i in range(self.tries)]

    def _finished(self, sample: Sample, trace: Trace) -> Program[list[Trace]]:
        """Return the chain with its verdict, and after it the chain written anew where that was called for."""
        trace = yield from judged(sample, trace, self.verifier)
        if not is_right(trace) or not sample.media:
            return [trace]
        words = leak(sample, trace)
        if not words:
            return [(yield from self._checked(sample, trace))]
        leaked = withdrawn(trace, "bridge_leak", f"the chain speaks of the text that stood for the picture: {words!r}")
        return [leaked, *((yield from self._rewritten(sample, trace)) if self.rewrite else [])]

    def _rewritten(self, sample: Sample, trace: Trace) -> Program[list[Trace]]:
        text = prompts.fill(self.rewrite_prompt, chain=f"{trace.reasoning}\n\n{trace.answer}")
        request = Request(self.reviser_role, prompts.user(text), self.sampling, trace.try_index, f"{_NAME}.rewrite")
        (outcome,) = yield [request]
        if outcome.reply is None:
            return []
        anew = chain(
            sample,
            request,
            outcome,
            method=trace.method,
            earlier=trace.requests,
            origin="revised",
            written_out=True,
        )
        anew = yield from judged(sample, anew, self.verifier)
        if not is_right(anew):
            return [anew]
        if words := leak(sample, anew):
            reason = f"written anew, the chain still speaks of a text: {words!r}"
            return [withdrawn(anew, "bridge_leak", reason)]
        return [(yield from self._checked(sample, anew))]

    def _checked(self, sample: Sample, trace: Trace) -> Program[Trace]:
        """Return a right trace as it is, or undecided where the judge does not find it true to the pictures."""
        if not self.judge_pictures:
            return trace
        judging = Judging(_NAME, self.judge_role, self.judge_prompt, self.judge_sampling, self.judge_control)
        blocks = [("reasoning", trace.reasoning)]
        objection = yield from doubt(sample, blocks, ("conclusion", trace.answer), judging)
        return withdrawn(trace, *objection) if objection else trace


def _fault(outcome: Outcome, text: str) -> tuple[str, str] | None:
    """Say why a description is none that a reasoner may be given."""
    if cut(outcome):
        return "description_cut", "the description was cut at the token limit"
    if not text:
        return "description_empty", "the describer said nothing"
    if words := solution(text):
        return "description_answers", f"the description gives an answer: {words!r}"
    return None


def _seen(outcome: Outcome) -> str:
    """Return what a describer wrote, without its thinking."""
    return split(outcome.reply.text).answer.strip() if outcome.reply is not None else ""
