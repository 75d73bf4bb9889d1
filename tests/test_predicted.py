"""Files of predictions as errors of a model: how rows find their samples, and what counts as wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fakes.runs import asked, drawn, played

from curate.predicted import errors_in, predictions_in
from schemas.errors import ConfigError, TeacherError
from schemas.request import Cause, Request
from scorers.verify_answer import VerifyAnswer
from scorers.verify_judge import VerifyJudge


def _errors(
    tmp_path: Path, rows: list[dict[str, Any]], name: str = "p.jsonl", count: int = 4
) -> dict[int, bool | None]:
    path = tmp_path / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with played(tmp_path / "w", lambda _: "") as run:
        data = drawn(run, {n: [(True, 1)] for n in range(count)})
        found = errors_in(run, data, predictions_in(path), VerifyAnswer())
    rows_of = {asked(n).id: n for n in range(count)}
    return {rows_of[ident]: wrong for ident, wrong in found.items()}


def test_rows_find_their_samples_by_id_row_id_or_question(tmp_path: Path) -> None:
    """No known answer is needed in the file; ours is the id that counts where a row has several."""
    rows: list[dict[str, Any]] = [
        {"id": asked(0).id, "prediction": "Answer: 2"},
        {"ID": "q1", "Response": "<think>3</think>Answer: 9"},
        {"question": "What  is 2 and 2?", "output": "I do not know."},
        {"id": "q0", "sample_id": asked(3).id, "prediction": "Answer: 9"},
    ]
    assert _errors(tmp_path, rows) == {0: False, 1: True, 2: True, 3: True}


def test_the_first_row_of_a_sample_counts_and_bad_rows_are_left_alone(tmp_path: Path) -> None:
    """Broken rows, rows without a prediction and rows of no sample do no harm."""
    rows: list[dict[str, Any]] = [
        {"id": "q0", "prediction": "Answer: 2"},
        {"id": "q0", "prediction": "Answer: 3"},
        {"id": "q1"},
        {"id": "q2", "prediction": ["Answer: 4"]},
        {"id": "q99", "prediction": "Answer: 4"},
        {"id": {"a": 1}, "prediction": {"b": 2}},
    ]
    assert _errors(tmp_path, rows) == {0: False, 2: False}
    (tmp_path / "q.jsonl").write_text('{"id": "q0", "prediction": "Answer: 2"}\n{broken\n[]\n')
    with played(tmp_path / "w2", lambda _: "") as run:
        data = drawn(run, {0: [(True, 1)]})
        said = predictions_in(tmp_path / "q.jsonl")
        assert (said.rows, said.empty) == (3, 2)
        assert list(errors_in(run, data, said, VerifyAnswer()).values()) == [False]


def test_what_cannot_be_compared_is_not_known(tmp_path: Path) -> None:
    """An answer that is there and cannot be decided is neither right nor an error; one without an answer is wrong."""
    rows: list[dict[str, Any]] = [
        {"id": "q0", "prediction": "Answer: blue"},
        {"id": "q1", "prediction": "<think>on and on"},
    ]
    assert _errors(tmp_path, rows) == {0: None, 1: True}


def test_an_outage_of_the_judge_makes_no_errors_and_a_ramble_is_no_answer(tmp_path: Path) -> None:
    """What the judge could not be asked about is not known; a long text that states no answer is wrong."""
    path = tmp_path / "p.jsonl"
    said = {"q0": "Answer: blue", "q1": "and on it goes " * 40}
    path.write_text("".join(json.dumps({"id": key, "prediction": text}) + "\n" for key, text in said.items()))

    def say(_: Request) -> str:
        raise TeacherError(Cause.REFUSED, "not today")

    with played(tmp_path / "w", say) as run:
        data = drawn(run, {n: [(True, 1)] for n in range(2)})
        found = errors_in(run, data, predictions_in(path), VerifyAnswer(judge=VerifyJudge()))
        assert {sample.row: found[sample.id] for sample in run.store.samples(data)} == {0: None, 1: True}


def test_a_question_with_two_predictions_belongs_to_nobody(tmp_path: Path) -> None:
    """One question over two pictures has two answers, and whose is whose nobody can tell; an id still counts."""
    asked_again = "What is 0 and 2?"
    rows: list[dict[str, Any]] = [
        {"id": "elsewhere", "question": asked_again, "prediction": "Answer: 9"},
        {"id": "there", "question": asked_again, "prediction": "Answer: 2"},
    ]
    with pytest.raises(ConfigError, match="belongs to a sample"):
        _errors(tmp_path, rows, "two.jsonl")
    assert _errors(tmp_path, [*rows, {"id": "q0", "prediction": "Answer: 2"}], "three.jsonl") == {0: False}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"id": "q0", "note": "x"}], "no row with a prediction"),
        ([{"id": "z", "prediction": "4"}], "belongs to a sample"),
    ],
)
def test_a_file_that_says_nothing_is_told(tmp_path: Path, rows: list[dict[str, Any]], words: str) -> None:
    """One line with what is missing."""
    with pytest.raises(ConfigError, match=words):
        _errors(tmp_path, rows)
