"""LLaVA-CoT: an answer in four tagged stages, asked for as a whole (arXiv 2411.10440, section 3.1.2, appendix B).

The published set was written with the known answer in the request (`mode="answer_conditioned"`); `honest`, the
default, never shows it. What was taken from where, and what is done differently: docs/methods.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal, get_args

from generators._stage_case import check_fields
from generators._stage_verdict import Judging, judged
from generators._stage_writing import Example, Path, cut, opening, seeded, visible
from generators._stages import SUMMARY, Fault, read
from schemas import prompt as prompts
from schemas.answer import LETTERS, Answer
from schemas.errors import ConfigError, SchemaError
from schemas.protocols import Verifier
from schemas.request import Outcome, Program, Request, Sampling
from schemas.sample import Message, Sample
from schemas.score import RIGHT
from schemas.trace import Trace

__all__ = ["LlavaCot"]

Mode = Literal["honest", "answer_conditioned"]


@dataclass(frozen=True, slots=True)
class LlavaCot:
    """Ask for SUMMARY, CAPTION, REASONING and CONCLUSION at once, `tries` times until one is right."""

    version: ClassVar[int] = 2
    verifier: Verifier
    """Decides on the conclusion; handed in, because generators import no scorers."""
    mode: Mode = "honest"
    """Whether the teacher is shown the known answer; traces then have `answer_seen`."""
    tries: int = 2
    """Draws at most, one after another; the source's `max_retries = 2`."""
    prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "llava_cot"))
    """The instruction, used as it is; empty for a model tuned on this format."""
    system: bool = True
    """Whether it is a system turn; False opens the first user turn with it (Llama 3.2's template takes no system turn
    with pictures)."""
    known_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "llava_cot_known"))
    """Follows the question in the mode `answer_conditioned`; its field is `$answer`."""
    hints: str = "hints"
    """Field of the source's row, a text or a list of them, that is shown beside the known answer; empty shows none."""
    hints_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "llava_cot_hints"))
    """Follows the known answer where the row has hints; its field is `$hints`, a line each."""
    examples: tuple[Example, ...] = ()
    """Worked examples (question, summary, caption, reasoning, conclusion), shown as earlier turns."""
    sampling: Sampling = field(default_factory=lambda: Sampling(max_tokens=4096))
    """The source sets nothing but leaves all to the server; a seed is raised by one with every try."""
    role: str = "teacher"
    judge_reasoning: bool = True
    """Whether a judge has to say that the reasoning leads to the conclusion."""
    judge_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "stage_reasoning"))
    """Its fields are `$code` and `$material`."""
    judge_sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0, max_tokens=2048))
    judge_role: str = "judge"
    judge_control: bool = True
    """Whether the judge also has to refuse a conclusion that the reasoning does not lead to: one more request."""

    def __post_init__(self) -> None:
        """Refuse to draw nothing, a mode that would show the answer without saying so, and prompts without fields."""
        if self.tries < 1:
            raise ConfigError(f"llava_cot needs at least 1 try: got {self.tries}")
        if self.mode not in get_args(Mode):
            raise ConfigError(f"llava_cot has the modes {' and '.join(get_args(Mode))}: got {self.mode!r}")
        check_fields(["answer"], known_prompt=self.known_prompt)
        check_fields(["hints"], hints_prompt=self.hints_prompt)
        check_fields(["code", "material"], judge_prompt=self.judge_prompt)

    def __call__(self, sample: Sample, /) -> Program[list[Trace]]:
        """Return a trace with a verdict for every reply; a request that failed leaves none.

        Raises:
            SchemaError: the mode is `answer_conditioned`, and the sample has no known answer.

        """
        messages = self._messages(sample)
        traces: list[Trace] = []
        for index in range(self.tries):
            request = Request(self.role, messages, seeded(self.sampling, index), index, "llava_cot")
            (outcome,) = yield [request]
            if outcome.reply is None:
                continue
            traces.append((yield from self._judged(sample, request, outcome)))
            if traces[-1].verdict is not None and traces[-1].verdict.value == RIGHT:
                break
        return traces

    def _messages(self, sample: Sample) -> tuple[Message, ...]:
        messages = opening(sample, self.prompt, self.examples, system=self.system)
        if self.mode == "honest":
            return messages
        if sample.answer is None or not sample.answer.text.strip():
            raise SchemaError("the mode answer_conditioned needs a known answer, and the sample has none: use honest")
        told = [prompts.fill(self.known_prompt, answer=_known(sample, sample.answer))]
        if hints := _hints(sample, self.hints):
            told.append(prompts.fill(self.hints_prompt, hints="\n".join(f"- {hint}" for hint in hints)))
        return (*messages[:-1], Message("user", (*messages[-1].content, *told)))

    def _judged(self, sample: Sample, request: Request, outcome: Outcome) -> Program[Trace]:
        seen = self.mode == "answer_conditioned"
        return (
            yield from judged(
                sample,
                _path(request, outcome),
                method="llava_cot/answer_conditioned" if seen else "llava_cot",
                verifier=self.verifier,
                judging=self._judging(),
                answer_seen=seen,
            )
        )

    def _judging(self) -> Judging | None:
        if not self.judge_reasoning:
            return None
        return Judging("llava_cot", self.judge_role, self.judge_prompt, self.judge_sampling, self.judge_control)


def _path(request: Request, outcome: Outcome) -> Path:
    """Read the four stages of a reply; a reply that was cut is cut, whatever it holds."""
    assert outcome.reply is not None
    if cut(outcome):
        return Path().then(request, outcome, Fault("truncated", "the reply was cut at the token limit"))
    texts = read(visible(outcome.reply, SUMMARY))
    if isinstance(texts, Fault):
        return Path().then(request, outcome, texts)
    return Path(texts, (outcome.key,), outcome.reply.usage, request, outcome)


def _known(sample: Sample, answer: Answer) -> str:
    """Write the known answer, an option with its letter."""
    if answer.choice is not None and answer.choice < min(len(sample.choices), len(LETTERS)):
        return f"{LETTERS[answer.choice]}. {sample.choices[answer.choice]}"
    return answer.text


def _hints(sample: Sample, name: str) -> list[str]:
    """Return the hints that the row holds, each on one line; what is no text is none."""
    held = sample.meta.get(name) if name else None
    given = held if isinstance(held, list) else [held]
    return [line for hint in given if isinstance(hint, str) and (line := " ".join(hint.split()))]
