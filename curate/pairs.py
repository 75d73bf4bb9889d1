"""Preference pairs from the rollouts that exist: a verified trace of a question beside its hardest wrong ones.

Verified best-of-n picks the chosen side; nothing is asked again. Pairs of this kind and the matched supervised set, the
chosen side of the very same questions, are what "RL makes MLLMs see better than SFT" compares (arXiv 2510.16333).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from schemas.canonical import spec
from schemas.errors import ConfigError
from schemas.sample import Sample
from schemas.score import RIGHT, WRONG, Score
from schemas.trace import Trace
from schemas.version import Dropped, Step, Version
from scorers._clean import clean, peel
from scorers._numbers import parse_number

if TYPE_CHECKING:
    from curate.store import Store, Writer

__all__ = ["COLUMN", "KINDS", "Kind", "Pairing", "error_kind", "pair_up", "rollouts"]

Kind = Literal["near", "sign", "scale", "option", "number", "text", "form", "no_answer", "malformed", "truncated"]
"""How a trace fails."""
KINDS: tuple[Kind, ...] = ("near", "sign", "scale", "option", "number", "text")
"""Error kinds of wrong answers, those that are nearest to right first: within a tenth, another sign, a power of ten."""
COLUMN = "pair"
"""Score column of the traces of a pair; its detail says which pair and how far apart the two are."""
_FIELDS = {"chosen": "str", "number": "int", "kind": "str", "ratio": "float"}


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which rollouts of a question make a pair."""

    version: ClassVar[int] = 2
    most: int = 1
    """Pairs a question; the chosen trace is the same, the rejected ones differ."""
    kinds: tuple[Kind, ...] = KINDS
    """Error kinds that may be rejected, in the order of preference. `form` (the right number, and wrong), `no_answer`,
    `malformed` and `truncated` are taken where named; what nobody decided is never a negative."""
    by: Literal["kind", "length"] = "kind"
    """Whether the hardest negative is of the first kind, and then nearest in length; or the other way round."""
    max_ratio: float = 2.0
    """Longer over shorter text of a pair at most, so that length does not tell the sides apart; 0 takes any."""
    best: Literal["shortest", "longest", "first"] = "shortest"
    """Which right trace is chosen."""
    answer_seen: bool = False
    """Whether a trace whose writer saw the answer may stand on a side; the other did not, and style would tell."""
    same_teacher: bool = True
    """Whether both sides have to be of one model."""

    def __post_init__(self) -> None:
        """Refuse parameters that mean nothing."""
        if self.most < 1:
            raise ConfigError(f"pairs: most={self.most}: use a whole number from 1 on")
        if self.max_ratio and not self.max_ratio >= 1:
            raise ConfigError(f"pairs: max_ratio={self.max_ratio}: use a number from 1 on, or 0 for any")
        if not self.kinds or len({*self.kinds} & {*get_args(Kind)}) < len(self.kinds):
            raise ConfigError(f"pairs: kinds={', '.join(self.kinds) or 'none'}: name each once, of {get_args(Kind)}")

    def __call__(self, sample: Sample, traces: Sequence[Trace], /) -> tuple[list[tuple[Trace, Trace, str]], str]:
        """Return pairs (chosen, rejected, kind), hardest first; without one, the rule by which there is none."""
        fair = [t for t in traces if self.answer_seen or not t.answer_seen]
        right = sorted((t for t in fair if _choosable(t)), key=self._merit)
        wrong = [(t, kind) for t in fair if (kind := error_kind(sample, t)) in self.kinds]
        if not right:
            return [], "no_right_trace"
        if not wrong:
            return [], "no_wrong_trace"
        why = "no_match"
        for chosen in right:
            fit = [(t, kind) for t, kind in wrong if self._opposes(chosen, t)]
            near = [(t, kind) for t, kind in fit if not self.max_ratio or _apart(chosen, t) <= self.max_ratio]
            if near:
                hardest = _distinct(sorted(near, key=lambda pair: self._rank(chosen, *pair)))
                return [(chosen, t, str(kind)) for t, kind in hardest[: self.most]], ""
            why = "length_ratio" if fit else why
        return [], why

    def _merit(self, trace: Trace) -> tuple[int, int, str]:
        tokens = trace.usage.completion or len(_text(trace))
        return {"shortest": tokens, "longest": -tokens, "first": 0}[self.best], trace.try_index, trace.id

    def _opposes(self, chosen: Trace, other: Trace) -> bool:
        """Tell two sides apart: not one text, and not one answer that was judged both ways."""
        if self.same_teacher and chosen.teacher != other.teacher:
            return False
        answers = [_folded(t.verdict.extracted) if t.verdict else "" for t in (chosen, other)]
        return _folded(_text(chosen)) != _folded(_text(other)) and (not answers[0] or answers[0] != answers[1])

    def _rank(self, chosen: Trace, other: Trace, kind: Kind) -> tuple[float, float, int, str]:
        ranks = (float(self.kinds.index(kind)), math.log(_apart(chosen, other)))
        first, second = ranks if self.by == "kind" else ranks[::-1]
        return first, second, other.try_index, other.id


def pair_up(store: Store, parent: Version, *, name: str, pairing: Pairing | None = None) -> Version:
    """Derive the version `name` of the questions of `parent` that have a pair.

    Its traces are the chosen ones (exported as they are, they are the matched supervised set), its rejected traces the
    negatives, each with the chosen trace's id in `pair.detail.chosen`. Questions without a pair are dropped by a rule.

    Raises:
        ConfigError: `parent` has been paired already.

    """
    chosen = pairing or Pairing()
    fields = {table: dict(columns) for table, columns in parent.manifest.score_fields.items()}
    if COLUMN in fields.get("traces", {}):
        raise ConfigError(f"{parent.ref} holds pairs already: pair the version it was made of")
    fields["traces"] = {**fields.get("traces", {}), COLUMN: _FIELDS}
    step = Step("pairs", {"pairing": spec(chosen)})
    found = store.find(name, step, [parent])
    if found is not None:
        return found
    write = _Pairs(store, parent, chosen)
    return store.derive(name, step, parents=[parent], score_fields=fields, write=write)


def rollouts(store: Store, version: Version) -> Iterator[tuple[Sample, list[Trace], list[Trace]]]:
    """Stream every kept sample with its kept and its rejected traces."""
    groups = groupby(store.rejected(version), key=attrgetter("sample_id"))
    ident, traces = next(groups, (None, iter(())))
    for sample, kept in store.pairs(version):
        while ident is not None and ident < sample.id:
            ident, traces = next(groups, (None, iter(())))
        yield sample, kept, list(traces) if ident == sample.id else []


def error_kind(sample: Sample, trace: Trace) -> Kind | None:
    """Say in what a trace fails; None for a right one, and where nobody decided."""
    verdict = trace.verdict
    if verdict is None or verdict.value == RIGHT:
        return None
    if trace.finish == "length" or verdict.rule == "truncated":
        return "truncated"
    if verdict.value == WRONG:
        return _distance(sample, verdict.extracted)
    if verdict.rule == "no_answer_found":
        return "no_answer"
    return "malformed" if verdict.rule in _MALFORMED or verdict.rule.startswith(("tag_", "step_")) else None


def _distinct(ranked: Sequence[tuple[Trace, Kind]]) -> list[tuple[Trace, Kind]]:
    """Return the first of traces that say the same: a draw that came twice makes one pair."""
    first = {_folded(_text(trace)): trace.id for trace, _ in reversed(ranked)}
    return [(trace, kind) for trace, kind in ranked if first[_folded(_text(trace))] == trace.id]


def _choosable(trace: Trace) -> bool:
    return trace.verdict is not None and trace.verdict.value == RIGHT and bool(trace.answer.strip())


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The writing of a version of pairs."""

    store: Store
    parent: Version
    pairing: Pairing

    def __call__(self, writer: Writer) -> int:
        writer.inherit(self.parent, ("failed",))
        taken: set[str] = set()
        for sample, kept, rejected in rollouts(self.store, self.parent):
            pairs, why = self.pairing(sample, [*kept, *rejected])
            if pairs:
                taken.add(_put(writer, sample, pairs))
            else:
                counts = f"{len(kept)} kept, {len(rejected)} rejected"
                writer.dropped(Dropped(sample.id, "pairs", why, counts, "1 pair", source=sample.source, row=sample.row))
            rule = "surplus" if pairs else why
            for trace in kept:
                if trace.id not in taken:
                    writer.dropped(Dropped(sample.id, "pairs", rule, "", "", trace.id, sample.source, sample.row))
        # A right trace that was surplus in the parent may be chosen here, and is then no longer dropped.
        for lost in self.store.dropped(self.parent):
            if lost.trace_id is None or lost.trace_id not in taken:
                writer.dropped(lost)
        return self.parent.manifest.rows_in


def _put(writer: Writer, sample: Sample, pairs: Sequence[tuple[Trace, Trace, str]]) -> str:
    """Write the pairs of one sample and return the id of the chosen trace."""
    writer.sample(sample)
    chosen = pairs[0][0]
    writer.trace(chosen.with_score(COLUMN, Score(1.0, detail={"chosen": chosen.id, "number": len(pairs)})))
    for number, (_, rejected, kind) in enumerate(pairs):
        ratio = round(_length(rejected, chosen) / _length(chosen, rejected), 4)
        detail = {"chosen": chosen.id, "number": number, "kind": kind, "ratio": ratio}
        writer.rejected(rejected.with_score(COLUMN, Score(0.0, detail=detail)))
    return chosen.id


def _distance(sample: Sample, extracted: str) -> Kind:
    """Say how far a wrong answer is from the known one."""
    known = sample.answer
    if known is None:
        return "text"
    if known.choice is not None and sample.choices:
        return "option"
    gold, told = _number(known.text), _number(extracted)
    return "text" if gold is None or told is None else _off(gold, told)


def _off(gold: Fraction, told: Fraction) -> Kind:
    if gold == told:
        return "form"
    if gold == -told:
        return "sign"
    if gold and told and _power_of_ten(told / gold):
        return "scale"
    return "near" if abs(told - gold) <= abs(gold) / 10 else "number"


def _number(text: str) -> Fraction | None:
    found = parse_number(peel(clean(text))) if len(text) <= _LONGEST else None
    return found.value if found else None


def _power_of_ten(ratio: Fraction) -> bool:
    top, low = ratio.numerator, ratio.denominator
    return min(top, low) == 1 and str(max(top, low)).strip("0") == "1"


def _apart(one: Trace, other: Trace) -> float:
    """Return the longer length over the shorter one."""
    lengths = sorted((_length(one, other), _length(other, one)))
    return lengths[1] / lengths[0]


def _length(trace: Trace, beside: Trace) -> int:
    """Return tokens where both were counted, and else characters."""
    counted = trace.usage.completion and beside.usage.completion
    return max(1, trace.usage.completion if counted else len(_text(trace)))


def _text(trace: Trace) -> str:
    return f"{trace.reasoning}\n{trace.answer}"


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


_LONGEST = 300
"""Characters of an answer that may be a number."""
_MALFORMED = frozenset({"text_outside", "stage_empty", "box_form", "box_missing"})
