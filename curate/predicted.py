"""Which samples of a version a file of predictions gets wrong: another way to say what a model fails at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.predictions import FIELDS
from curate.sources import open_source
from curate.teacher.driver import Job
from schemas.errors import ConfigError
from schemas.score import RIGHT, UNDECIDED, Verdict
from schemas.thinking import split

if TYPE_CHECKING:
    from curate.run import Run
    from schemas.protocols import Verifier
    from schemas.request import Program
    from schemas.sample import Sample
    from schemas.version import Version

__all__ = ["Predictions", "errors_in", "is_answer", "predictions_in"]

Key = tuple[str, str]
"""`id` or `question`, and which."""

_NAMED = ("sample_id", *(name for name in FIELDS["id"] if name != "sample_id"))
"""Ours first: rows of an export have both, and their other id may be a number that means another row elsewhere."""
_ASKED = FIELDS["question"]

_LONGEST = 200
"""Characters of an answer that the score `difficulty` keeps; an answer that D was verified by is shorter."""


@dataclass(slots=True)
class Predictions:
    """What a file says, by the ids and the questions of its rows."""

    path: str
    said: dict[Key, str] = field(default_factory=dict)
    """The first prediction of an id or a question."""
    several: set[Key] = field(default_factory=set)
    """Questions with several predictions, or a row without one: they may be asked of several pictures, so what is said
    is nobody's."""
    rows: int = 0
    again: int = 0
    """Rows whose id had a prediction before."""
    empty: int = 0
    """Rows that cannot be read or have no prediction."""

    def add(self, ident: str, question: str, prediction: str) -> None:
        """Take a row in."""
        self.rows += 1
        if not prediction or not (ident or question):
            self.empty += 1
            self.several.add(("question", question))
            return
        if ident:
            self.again += ("id", ident) in self.said
            self.said.setdefault(("id", ident), prediction)
        if question and self.said.setdefault(("question", question), prediction) != prediction:
            self.several.add(("question", question))

    def of(self, sample: Sample, ambiguous: set[Key]) -> str:
        """Return the prediction that belongs to a sample, or nothing."""
        keys = (key for key in _keys(sample) if key not in ambiguous and key not in self.several)
        return next((self.said[key] for key in keys if key in self.said), "")


def predictions_in(path: str | Path) -> Predictions:
    """Read a file of predictions, in any format that sources read.

    Raises:
        ConfigError: there is no such file, or no row has a prediction with an id or a question.

    """
    found = Predictions(str(path))
    for raw in open_source(path):
        fields = {name.strip().casefold(): value for name, value in raw.fields.items()}
        found.add(_field(fields, _NAMED), _field(fields, _ASKED), _prediction(fields))
    if not found.said:
        names = ", ".join(FIELDS["prediction"])
        raise ConfigError(f"{path} has no row with a prediction and an id or a question: its field is one of {names}")
    return found


def errors_in(run: Run, data: Version, found: Predictions, verifier: Verifier) -> dict[str, bool | None]:
    """Judge a file's predictions and return, for each sample that has one, whether it is wrong.

    A row belongs to the sample whose id it has, or whose source row had its id, or whose question it holds; what fits
    several samples is left alone, and of several rows with one id the first counts. A prediction without an answer in
    it is wrong: the model was asked and is not right. One whose answer could not be compared is not known (None).

    Raises:
        ConfigError: no prediction belongs to a sample.

    """
    ambiguous = _ambiguous(run, data)
    verdicts: dict[str, Verdict] = {}

    def jobs() -> Iterator[Job[str, Verdict]]:
        for sample in run.store.samples(data):
            if said := found.of(sample, ambiguous):
                yield Job(sample.id, _judging(verifier, sample, said))

    run.drive(jobs(), verdicts.__setitem__, what="judge predictions")
    if not verdicts:
        raise ConfigError(
            f"no row of {found.path} belongs to a sample of {data.ref}: give sample ids, row ids or questions"
        )
    wrong = {ident: _wrong(verdict) for ident, verdict in verdicts.items()}
    run.say(
        f"{found.path}: {found.rows} rows, {found.empty} without a prediction, {found.again} with an id that was there "
        f"before; {len(wrong)} of {data.manifest.counts['kept']} samples have a prediction: "
        f"{sum(w is True for w in wrong.values())} wrong, {sum(w is None for w in wrong.values())} undecided"
    )
    return wrong


def is_answer(read: str) -> bool:
    """Tell whether what a verifier read can be an answer: a judge is shown a text without one as it is, whole."""
    return 0 < len(read.strip()) < _LONGEST and any(char.isalnum() for char in read)


def _wrong(verdict: Verdict) -> bool | None:
    if verdict.value == UNDECIDED and (is_answer(verdict.extracted) or verdict.rule == "judge_failed"):
        return None
    return verdict.value != RIGHT


def _prediction(fields: Mapping[str, Any]) -> str:
    """Return the first field that holds a prediction, as it is written."""
    return next((text for name in FIELDS["prediction"] if (text := _text(fields.get(name)))), "")


def _field(fields: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return the first of these fields that holds something, with its white space squeezed."""
    return next((" ".join(text.split()) for name in names if (text := _text(fields.get(name)))), "")


def _text(value: object) -> str:
    """Return a text or number as text; of a list of one, what it holds; of anything else nothing."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return str(value).strip() if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""


def _keys(sample: Sample) -> Iterator[Key]:
    yield "id", sample.id
    for name in _NAMED:
        if named := _field(sample.meta, (name,)):
            yield "id", named
    yield "question", " ".join(sample.question.split())


def _ambiguous(run: Run, data: Version) -> set[Key]:
    """Return keys that belong to more than one sample."""
    seen: set[Key] = set()
    twice: set[Key] = set()
    for sample in run.store.samples(data):
        for key in set(_keys(sample)):
            (twice if key in seen else seen).add(key)
    return twice


def _judging(verifier: Verifier, sample: Sample, prediction: str) -> Any:
    def judge() -> Program[Verdict]:
        return verifier(sample, split(prediction).answer)

    return judge
