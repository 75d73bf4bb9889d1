"""Visual facts: what right chains say is in the picture, checked there, and how much of it each chain says.

Perception-R1 (arXiv 2506.07218) takes atomic visual annotations out of right chains and rewards a chain for the share
it states. What was taken from where, and what is done differently: docs/methods.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import ClassVar, NamedTuple

from generators._chain import is_right, withdrawn
from generators._stage_case import Material, case, question, told, word
from generators.think_then_answer import ThinkThenAnswer
from schemas import prompt as prompts
from schemas.canonical import JSON
from schemas.errors import ConfigError
from schemas.marks import plain
from schemas.protocols import Generator, Verifier
from schemas.request import Outcome, Program, Request, Sampling
from schemas.sample import Sample
from schemas.score import Score
from schemas.trace import Trace

__all__ = ["VisualFacts"]

_NAME = "visual_facts"
_FIELDS: Mapping[str, type] = {
    "reference": int,
    "stated": int,
    "own": int,
    "own_true": int,
    "own_false": int,
    "own_unsure": int,
    "facts": str,
}
_LONGEST = 300
"""Characters of a fact; a longer one is no atomic one, and is left out."""
_MARK = re.compile(r"</?info\d{0,3}>", re.IGNORECASE)


class _Fact(NamedTuple):
    """One thing that a chain says is to be seen."""

    text: str
    holds: str
    """`yes`, `no` or `unsure`, as the checker says; `unknown` where it gave no opinion."""


class _Judged(NamedTuple):
    """What became of one chain."""

    facts: tuple[_Fact, ...]
    """That it states itself; only right chains are asked for theirs."""
    extracted: bool
    """Whether the extractor gave a list; False where the chain is not right or there was no readable reply."""


@dataclass(frozen=True, slots=True)
class VisualFacts:
    """Have chains written, take the visual facts out of right ones, check each in the picture, and score coverage.

    The reference of a sample is every fact of its right chains that holds, or those that its row brings along.
    """

    version: ClassVar[int] = 2
    verifier: Verifier
    """Decides on the answers; handed in, because generators import no scorers."""
    tries: int = 2
    writer: Generator | None = None
    """Writes the chains; think-then-answer with `tries` draws and no revision where not given."""
    given: str = ""
    """Key of the sample's `meta` with reference facts, a list or text with `<info1>` marks, trusted as the known answer
    is; empty takes the chains'. A row without them is unscored: two kinds of reference are two measures."""
    most: int = 12
    """Facts taken of one chain, and of the reference; each is one request to the checker."""
    reject_false: bool = True
    """Whether a right chain that states a false fact is undecided."""
    least: float = 0.0
    """Coverage below which a right chain is undecided."""
    extract_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "facts_extract"))
    """Its fields, and those of the next two, are `$code` and `$material`; this one also has `$most`."""
    check_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "facts_check"))
    cover_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "facts_cover"))
    sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0, max_tokens=2048))
    """Of extractor and checkers."""
    extractor_role: str = "extractor"
    """Reads chains; needs no picture."""
    checker_role: str = "checker"
    """Sees the picture and one fact at a time."""
    coverer_role: str = "extractor"
    """Says which facts a chain states; needs no picture."""

    def __post_init__(self) -> None:
        """Use think-then-answer where no writer is given, and refuse parameters that mean nothing.

        Raises:
            ConfigError: there would be no fact, or a coverage that cannot be.

        """
        if self.most < 1 or not 0 <= self.least <= 1:
            raise ConfigError(
                f"most={self.most}, least={self.least:g}: use 1 or more facts, and a coverage from 0 to 1"
            )
        if self.writer is None:
            # the class is frozen, and what writes belongs to its spec
            object.__setattr__(self, "writer", ThinkThenAnswer(self.verifier, tries=self.tries, revise=False))

    @property
    def trace_fields(self) -> Mapping[str, Mapping[str, type]]:
        """Scores on every trace, those of the writer among them.

        The value of `visual_facts` is the share of the reference facts that the chain states; the detail has what
        became of its own ones.
        """
        return {**getattr(self.writer, "trace_fields", {}), _NAME: _FIELDS}

    def __call__(self, sample: Sample, /) -> Program[list[Trace]]:
        """Return the writer's traces with their scores; what cannot be measured is unscored, never low."""
        assert self.writer is not None
        traces = yield from self.writer(sample)
        right = [trace for trace in traces if is_right(trace)]
        known = _listed(sample.meta.get(self.given))[: self.most] if self.given else []
        if not sample.media or not (right or known):
            why = "no chain of the sample is right" if sample.media else "the question has no picture"
            return [trace.with_score(_NAME, Score.unscored(why)) for trace in traces]
        judged = yield from self._judged(sample, right)
        reference = known if self.given else _true([judged[trace.id] for trace in right])[: self.most]
        stated = yield from self._stated(sample, traces, reference)
        return [self._scored(trace, judged.get(trace.id), reference, stated.get(trace.id)) for trace in traces]

    def _judged(self, sample: Sample, right: Sequence[Trace]) -> Program[dict[str, _Judged]]:
        """Take the facts out of right chains and check each in the picture; the same fact is checked once."""
        outcomes = (yield [self._extraction(sample, trace) for trace in right]) if right else []
        lists = [_facts(outcome, self.most) for outcome in outcomes]
        wanted = list(dict.fromkeys(fact for found in lists for fact in found or ()))
        answers = (yield [self._check(sample, fact) for fact in wanted]) if wanted else []
        holds = {fact: _opinion(outcome) for fact, outcome in zip(wanted, answers, strict=True)}
        return {
            trace.id: _Judged(tuple(_Fact(fact, holds[fact]) for fact in found or ()), found is not None)
            for trace, found in zip(right, lists, strict=True)
        }

    def _stated(
        self, sample: Sample, traces: Sequence[Trace], reference: Sequence[str]
    ) -> Program[dict[str, set[int]]]:
        """Ask of every chain which of the reference facts it states; without a readable reply it is left out."""
        asked = [trace for trace in traces if trace.reasoning.strip()] if reference else []
        outcomes = (yield [self._coverage(sample, trace, reference) for trace in asked]) if asked else []
        found = ((trace.id, _numbers(outcome, len(reference))) for trace, outcome in zip(asked, outcomes, strict=True))
        return {ident: numbers for ident, numbers in found if numbers is not None}

    def _extraction(self, sample: Sample, trace: Trace) -> Request:
        template = self.extract_prompt.replace("$most", str(self.most))
        material = [("question", question(sample, pictures=False)), ("reasoning", (trace.reasoning,))]
        return Request(self.extractor_role, case(template, material), self.sampling, 0, f"{_NAME}.extract")

    def _check(self, sample: Sample, fact: str) -> Request:
        material: Material = [("pictures", ("Shown here:", *sample.media)), ("statement", (fact,))]
        return Request(self.checker_role, case(self.check_prompt, material), self.sampling, 0, f"{_NAME}.check")

    def _coverage(self, sample: Sample, trace: Trace, reference: Sequence[str]) -> Request:
        facts = "\n".join(f"{index}. {fact}" for index, fact in enumerate(reference, start=1))
        material = [
            ("question", question(sample, pictures=False)),
            ("facts", (facts,)),
            ("reasoning", (trace.reasoning,)),
        ]
        return Request(self.coverer_role, case(self.cover_prompt, material), self.sampling, 0, f"{_NAME}.cover")

    def _scored(self, trace: Trace, judged: _Judged | None, reference: list[str], stated: set[int] | None) -> Trace:
        """Return the trace with its score; a right one with a false fact, or with too few, is undecided."""
        facts = judged.facts if judged else ()
        detail: dict[str, JSON] = {"reference": len(reference)}
        if judged and judged.extracted:
            count = {value: sum(fact.holds == value for fact in facts) for value in ("yes", "no")}
            unsure = len(facts) - sum(count.values())
            detail |= {"own": len(facts), "own_true": count["yes"], "own_false": count["no"], "own_unsure": unsure}
            detail["facts"] = json.dumps([fact._asdict() for fact in facts], ensure_ascii=False)
        false = next((fact.text for fact in facts if fact.holds == "no"), "")
        if not reference:
            why = f"the row has no facts in meta[{self.given!r}]" if self.given else "there are no facts that hold"
            score = Score.unscored(f"{why} to measure by", **detail)
        elif stated is None:
            score = Score.unscored("nobody could say which facts the chain states", **detail)
        else:
            share = len(stated) / len(reference)
            passed = share >= self.least and not false
            score = Score(
                share, passed, f"states a false fact: {false}" if false else "", {**detail, "stated": len(stated)}
            )
        trace = trace.with_score(_NAME, score)
        if is_right(trace) and self.reject_false and false:
            return withdrawn(trace, "visual_fact_false", f"the picture does not show: {false}")
        if is_right(trace) and score.value is not None and score.value < self.least:
            return withdrawn(trace, "visual_facts_few", f"states {score.value:.2f} of the facts, {self.least:g} wanted")
        return trace


def _true(judged: Sequence[_Judged]) -> list[str]:
    """Return the facts that hold, in turn one of each chain: where only so many are taken, no chain has all of them."""
    columns = zip_longest(*([fact.text for fact in one.facts if fact.holds == "yes"] for one in judged))
    return list(dict.fromkeys(text for column in columns for text in column if text))


def _facts(outcome: Outcome, most: int) -> list[str] | None:
    """Return the list in an extractor's reply; None where there is none."""
    found = told(outcome, "facts").get("facts")
    return _listed(found)[:most] if isinstance(found, list) else None


def _listed(value: JSON) -> list[str]:
    """Return facts of a list, or of a text with marks around or lines for each; each once."""
    items = (
        value if isinstance(value, list) else re.split(r"\n", _MARK.sub("\n", value)) if isinstance(value, str) else []
    )
    texts = (" ".join(plain(item).split()) for item in items if isinstance(item, str))
    return list(dict.fromkeys(text for text in texts if 0 < len(text) <= _LONGEST))


def _opinion(outcome: Outcome) -> str:
    found = word(told(outcome, "holds"), "holds")
    return found if found in ("yes", "no", "unsure") else "unknown"


def _numbers(outcome: Outcome, most: int) -> set[int] | None:
    """Return the numbers in a reply about coverage; None where it has no list, or a number that no fact has."""
    found = told(outcome, "stated").get("stated")
    if not isinstance(found, list) or not all(type(n) is int and 1 <= n <= most for n in found):
        return None
    return set(found)
