"""What every plug-in promises. A new file is covered the moment it exists: nothing here names one."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
from pathlib import Path
from typing import Any

import pytest
from fakes.programs import failed, play, said, sample

from curate import plugins
from curate.chain import Keep, distil
from schemas.answer import Answer
from schemas.canonical import fingerprint, spec
from schemas.request import Cause, Outcome, Request
from schemas.sample import Message, Sample
from schemas.score import Score
from schemas.trace import Trace
from schemas.wording import asked, wordings

KINDS = [(kind, name) for kind in ("scorer", "length", "verifier", "generator") for name in plugins.names(kind)]
SCORERS = [(kind, name) for kind, name in KINDS if kind in ("scorer", "length")]
VERIFIERS = plugins.names("verifier")
GENERATORS = plugins.names("generator")
GOLD = [json.loads(line) for line in (Path(__file__).parent / "data" / "gold.jsonl").read_text().splitlines()]

ODD = [
    Sample.of([]),
    Sample.of([Message("user", ("",))]),
    Sample.of([Message("user", ("\x00\ud7ff \u202e \U0001d54f e\u0301 " * 50,))], answer=Answer.of("")),
    Sample.of(
        [Message("system", ("s",)), Message("user", ("q",)), Message("assistant", ("a",))], answer=Answer.of("7")
    ),
    sample(choices=("one", "two"), answer="B"),
    sample(answer=None),
]


def _no_bytes(_: object) -> bytes:
    return b"not a picture"


def _answer(request: Request) -> Outcome:
    return said(request, "I count the legs.\nAnswer: 4", tokens=9)


@pytest.mark.parametrize(("kind", "name"), KINDS)
def test_is_a_frozen_described_value(kind: str, name: str) -> None:
    """A plug-in is a frozen dataclass with a version and a docstring; it pickles, compares and has a fingerprint."""
    one, other = plugins.make(kind, name), plugins.make(kind, name)

    assert dataclasses.is_dataclass(one)
    assert type(one).__dataclass_params__.frozen
    assert isinstance(one.version, int)
    assert (type(one).__doc__ or "").strip()
    assert pickle.loads(pickle.dumps(one)) == one == other
    assert fingerprint(spec(one)) == fingerprint(spec(other))
    assert spec(one)["name"] == name


def _score(kind: str, name: str, of: Sample) -> Score:
    scorer = plugins.make(kind, name)
    if scorer.on == "asked":
        return play(scorer(of), _answer).result
    if scorer.on == "trace":
        request = Request("teacher", of.messages)
        return scorer(of, Trace.of(of, request, _answer(request), method="m"))
    return scorer(of, _no_bytes)


@pytest.mark.parametrize("of", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize(("kind", "name"), SCORERS)
def test_scores_are_evidence_or_say_why_not(kind: str, name: str, of: Sample) -> None:
    """Any sample gets a finite score in [0, 1] with declared details, or a reason; the same one every time."""
    before = pickle.dumps(of)
    score = _score(kind, name, of)
    fields = plugins.make(kind, name).detail_fields

    assert score == _score(kind, name, of)
    assert pickle.dumps(of) == before
    assert set(score.detail) <= set(fields)
    assert all(value is None or isinstance(value, (fields[key], int)) for key, value in score.detail.items())
    if score.value is None:
        assert score.reason
    else:
        assert math.isfinite(score.value)
        assert 0 <= score.value <= 1


@pytest.mark.parametrize(("kind", "name"), [pair for pair in SCORERS if plugins.load(*pair).on == "asked"])
def test_failed_calls_are_missing_not_low(kind: str, name: str) -> None:
    """Where every call fails there is no value."""
    score = play(plugins.make(kind, name)(sample()), failed).result

    assert score.value is None
    assert score.reason


GOLD_CASES = [(name, row) for name in VERIFIERS for row in GOLD]


def _verdict(name: str, row: dict[str, Any], prediction: str) -> str:
    choices = tuple(row.get("choices", ()))
    of = Sample.of([Message("user", ("What is it?",))], answer=Answer.of(row["gold"], choices), choices=choices)
    return play(plugins.make("verifier", name)(of, prediction), failed).result.value


@pytest.mark.parametrize(("name", "row"), GOLD_CASES, ids=str)
def test_gold_is_never_wrong(name: str, row: dict[str, Any]) -> None:
    """A verifier may be unsure of the known answer itself, but never rejects it."""
    for prediction in (row["gold"], f"\\boxed{{{row['gold']}}}", f"<think>hm</think>The answer is {row['gold']}."):
        assert _verdict(name, row, prediction) != "wrong"


@pytest.mark.parametrize("row", GOLD, ids=str)
def test_default_verifier_decides_plain_cases(row: dict[str, Any]) -> None:
    """The default verifier accepts a plain known answer and rejects its neighbours."""
    assert _verdict("verify_answer", row, f"Answer: {row['gold']}") == "right"
    for other in row["wrong"]:
        assert _verdict("verify_answer", row, f"Answer: {other}") != "right"


@pytest.mark.parametrize("name", VERIFIERS)
@pytest.mark.parametrize("prediction", ["", "\x00", "{" * 5000, "<think>", "\\boxed{", "None", "I cannot answer that."])
def test_nothing_to_judge_is_undecided_or_wrong(name: str, prediction: str) -> None:
    """Text without an answer never passes."""
    assert all(_verdict(name, row, prediction) != "right" for row in GOLD[:4])


@pytest.mark.parametrize("of", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("name", GENERATORS)
def test_generators_are_stable_programs(name: str, of: Sample) -> None:
    """A second run asks the very same, so that the ledger answers it; traces keep what they rest on."""
    first = play(plugins.make("generator", name)(of), _answer)
    second = play(plugins.make("generator", name)(of), _answer)

    assert first.keys == second.keys
    assert first.result == second.result
    assert len({trace.id for trace in first.result}) == len(first.result)
    for trace in first.result:
        assert set(trace.requests) <= set(first.keys)
        assert trace.verdict is not None
        assert trace.sample_id == of.id


@pytest.mark.parametrize("own_words", [False, True])
@pytest.mark.parametrize("name", GENERATORS)
def test_every_trace_says_its_prompts(name: str, own_words: bool) -> None:
    """Each request that a trace rests on was made from prompts that its generator holds, and the trace names them.

    With words of a user's own too: what a generator hands on to another one is not the same text by chance.
    """
    generator = plugins.make("generator", name)
    if own_words:
        held = {field.name: getattr(generator, field.name) for field in dataclasses.fields(generator)}
        texts = {key: text for key, text in held.items() if isinstance(text, str) and " " in text}
        generator = dataclasses.replace(generator, **{key: f"{text} Mind the units." for key, text in texts.items()})
    known = wordings(spec(generator))
    solved = sample(meta={"solution": "A cat is an animal. Cats walk on legs. It has two in front. It has two behind."})

    for answer in (_answer, lambda request: said(request, "I count the legs.\nAnswer: 5", tokens=9)):
        played = play(distil(solved, {}, generator, {}, Keep(), known=known), answer)
        traces = [*played.result.kept, *played.result.rejected]

        assert played.result.failed is None
        assert traces
        assert all(asked(known, request) for request in played.requests if request.role == "teacher")
        for trace in traces:
            assert trace.prompts
            assert set(trace.prompts) <= {one.ref for one in known}


@pytest.mark.parametrize("cause", [c for c in Cause if not c.answered])
@pytest.mark.parametrize("name", GENERATORS)
def test_generators_survive_every_failure(name: str, cause: Cause) -> None:
    """Where nothing was answered there is no trace, and nothing is raised."""
    assert play(plugins.make("generator", name)(sample()), lambda r: failed(r, cause)).result == []
