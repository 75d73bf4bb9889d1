"""`curate.verify`: two lines of Python, streams of rows, hostile input, threads."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fakes.verdicts import judged

from curate.teacher.workers import Workers
from curate.verify import BadRow, drive, read_rows, verify, verify_rows
from schemas.errors import ConfigError
from schemas.request import Cause, Outcome, Program, Request


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    """Two workers that have read the grammar."""
    with Workers(2, memory_mb=1024) as pool:
        yield pool


def test_two_lines() -> None:
    """The README's example, and one that needs a worker."""
    assert verify("1/2", "\\boxed{0.5}").value == "right"
    assert verify("\\sqrt{8}", "2\\sqrt{2}").rule == "symbolic"
    assert verify("B", "It is London", choices=["Paris", "London"]).right


def test_odd_rows_are_undecided_rows(workers: Workers) -> None:
    """Nothing a file can hold stops the stream or gets lost."""
    rows = [
        {"id": "a", "gold": 3, "prediction": "three"},
        {"gold": None, "prediction": "x"},
        {"gold": "2", "prediction": None},
        {"gold": "2"},
        "no object",
        {"gold": ["2"], "prediction": "2"},
        {"gold": "2", "prediction": {"text": "2"}},
        {"gold": "B", "prediction": "b", "options": {"A": "x", "B": "y"}},
        {"gold": "B", "prediction": "b", "choices": "xy"},
        {"gold": "2", "prediction": "2", "answer_type": "nonsense"},
        {"gold": True, "prediction": "yes"},
        {"id": 0, "gold": 0.5, "prediction": "\ud800 1/2"},
        BadRow(40, "cut"),
    ]
    found = list(verify_rows(rows, workers=workers))
    assert [row["id"] for row in found] == ["a", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 40]
    assert [row["rule"] for row in found[:7]] == [
        "number", "no_gold", "no_answer_found", "no_answer_found", "bad_row", "bad_row", "bad_row",
    ]  # fmt: skip
    assert [row["verdict"] for row in found[7:11]] == ["right", "undecided", "undecided", "right"]
    assert all(str(row["extracted"]).encode() is not None for row in found)


def test_a_file_keeps_its_line_numbers(tmp_path: Path) -> None:
    """Blank lines count as lines and are no rows; broken ones say what is wrong."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(
        b'{"gold": 1, "prediction": "1"}\n\n{"gold": \n\xff\xfe\n[1]\n{"id": "z", "gold": 1, "prediction": "2"}'
    )
    rows = list(read_rows(path))
    assert rows[0] == {"id": 0, "gold": 1, "prediction": "1"}
    assert [row.line for row in rows if isinstance(row, BadRow)] == [2, 3, 4]
    assert [row["verdict"] for row in verify_rows(rows)] == ["right", "undecided", "undecided", "undecided", "wrong"]


def test_a_missing_file_is_one_clear_error(tmp_path: Path) -> None:
    """The user is told what to give."""
    with pytest.raises(ConfigError, match="jsonl"):
        list(read_rows(tmp_path / "none.jsonl"))


def test_rows_are_a_stream(workers: Workers) -> None:
    """A long file is never held."""
    taken = 0

    def rows() -> Iterator[object]:
        nonlocal taken
        while True:
            taken += 1
            yield {"gold": "\\sqrt{8}", "prediction": "2\\sqrt{2}"}

    stream = verify_rows(rows(), workers=workers)
    assert [next(stream)["verdict"] for _ in range(5)] == ["right"] * 5
    assert taken < 200


HOSTILE = [
    "9^{9^{9^{9}}}",
    "(" * 3000,
    "\\frac{1}{1+" * 400,
    "\\prod_{p=1}^{10^9} p",
    "{" * 5000,
    "2^{99999999}",
    "(10^9)!",
]


def test_hostile_input_ends_at_its_deadline(workers: Workers) -> None:
    """Each one alone, and the next one is served."""
    for text in HOSTILE:
        start = time.monotonic()
        (row,) = verify_rows([{"gold": "1", "prediction": text}], workers=workers)
        assert row["verdict"] != "right"
        assert time.monotonic() - start < 10
    assert next(verify_rows([{"gold": "\\sqrt{8}", "prediction": "2\\sqrt{2}"}], workers=workers))["verdict"] == "right"


def test_threads_find_the_same(workers: Workers) -> None:
    """Sixteen threads at once: the verdicts of one."""
    pairs = [
        ("1/2", "0.5"),
        ("x^2-1", "(x-1)(x+1)"),
        ("5 cm", "5 m"),
        ("\\pi", "3.14"),
        ("a-b", "b-a"),
        ("yes", "no"),
    ] * 8
    rows = [{"gold": gold, "prediction": said} for gold, said in pairs]
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda row: next(verify_rows([row], workers=workers))["verdict"], rows))
    assert found == [judged(gold, said).value for gold, said in pairs]


def test_requests_are_refused(workers: Workers) -> None:
    """A program that asks a model is told that there is none."""

    def asking() -> Program[Cause]:
        (outcome,) = yield [Request("judge", ())]
        assert isinstance(outcome, Outcome)
        return outcome.cause

    assert drive(asking(), workers) is Cause.REFUSED
