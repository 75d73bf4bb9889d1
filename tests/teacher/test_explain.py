"""What differs between requests, and which stored request is nearest."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from fakes.ledgers import EXAMINER, STEPWISE, buy, question
from hypothesis import given
from hypothesis import strategies as st

from curate.teacher.explain import ALIKE, body_of, differences, nearest
from curate.teacher.ledger_report import reading
from schemas.errors import ConfigError
from schemas.prompt import user
from schemas.request import Request, Sampling, request_body, request_key

TRIES = [question(number, try_index=index) for number in range(30) for index in range(2)]
WORDS = "tep by step before you answer. Give the {}, then the answer."


def _nearest(path: Path, request: Request, model: str = "m", before: float | None = None) -> tuple[str, list[str]]:
    with reading(path) as connection:
        found = nearest(connection, request_body(request, model), purpose="think", before=before)
    assert found is not None
    return found.key, [str(difference) for difference in found.differences]


@pytest.mark.parametrize(
    ("asked", "model", "stored", "changed"),
    [
        (question(7, temperature=0.7), "m", question(7), ["temperature: 0.6 -> 0.7"]),
        (question(7, try_index=1, temperature=0.7), "m", question(7, try_index=1), ["temperature: 0.6 -> 0.7"]),
        (question(7, max_tokens=20), "m", question(7), ["max_tokens: 1000 -> 20"]),
        (question(7), "m2", question(7), ['model: "m" -> "m2"']),
        (question(7, try_index=2), "m", question(7, try_index=1), ["try: 1 -> 2"]),
        (
            question(7, instruction=STEPWISE.replace("reasons", "grounds")),
            "m",
            question(7),
            [f"messages[0].text[0], character 71: …{WORDS.format('reasons')} -> …{WORDS.format('grounds')}"],
        ),
    ],
)
def test_what_a_user_changed_is_named(
    tmp_path: Path, asked: Request, model: str, stored: Request, changed: list[str]
) -> None:
    """Among many questions and tries, the same question and try as it was before, and the one field that moved."""
    buy(tmp_path / "l.sqlite", *TRIES)
    key, said = _nearest(tmp_path / "l.sqlite", asked, model)

    assert said == changed
    assert key in {request_key(stored, "m"), request_key(dataclasses.replace(stored, try_index=0), "m")}


@pytest.mark.parametrize("picture", [False, True])
def test_other_wording_of_the_same_question_is_nearer_than_the_same_wording_of_another(
    tmp_path: Path, picture: bool
) -> None:
    """Even where half of all that is stored has the new wording."""
    path = tmp_path / "l.sqlite"
    buy(path, *(question(number, try_index=index, picture=picture) for number in range(30) for index in range(2)))
    asked = [question(number, instruction=EXAMINER, picture=picture) for number in range(30)]
    buy(path, *asked)

    assert all(_nearest(path, asked[n])[0] == request_key(question(n, picture=picture), "m") for n in (0, 12, 29))


def test_what_was_stored_later_is_only_second_best(tmp_path: Path) -> None:
    """The first of two explains the second; where nothing is older, the newer one is better than none."""
    path = tmp_path / "l.sqlite"
    old, new = question(1), question(1, temperature=0.9)
    buy(path, old, new, question(1, temperature=0.8))
    with reading(path) as connection:
        times = dict(connection.execute("SELECT key, created FROM replies"))

    assert _nearest(path, new, before=times[request_key(new, "m")])[1] == ["temperature: 0.6 -> 0.9"]
    assert _nearest(path, old, before=times[request_key(old, "m")])[1] in (
        ["temperature: 0.8 -> 0.6"],
        ["temperature: 0.9 -> 0.6"],
    )


def test_another_purpose_is_looked_at_where_there_is_none_of_its_own(tmp_path: Path) -> None:
    """A renamed purpose does not hide the reply that was bought under the old name."""
    path = tmp_path / "l.sqlite"
    buy(path, question(1, purpose="old"))

    assert _nearest(path, question(1, temperature=0.9))[1] == ["temperature: 0.6 -> 0.9"]


def test_nothing_else_stored_and_nothing_alike(tmp_path: Path) -> None:
    """The request itself is not its own neighbour, and a stranger is known as one."""
    path = tmp_path / "l.sqlite"
    buy(path, question(1))
    with reading(path) as connection:
        assert nearest(connection, request_body(question(1), "m")) is None
        stranger = nearest(connection, request_body(Request("judge", user("Rate this poem about rain.")), "m"))

    assert stranger is not None
    assert stranger.alike < ALIKE


def test_every_kind_of_field_is_named(tmp_path: Path) -> None:
    """Settings that were not set, nested ones, turns, pictures and long values."""
    old = request_body(Request("t", user("a"), Sampling(extra={"top_a": 1, "b": 2})), "m")
    new = request_body(
        Request("t", (*user("a"), *user("b")), Sampling(stop=("x",), extra={"top_a": 3, "b": 2}), 1), "m"
    )

    assert [str(difference) for difference in differences(old, new)] == [
        "extra.top_a: 1 -> 3",
        "try: 0 -> 1",
        'stop: (not set) -> ["x"]',
        'messages[1].role: (not set) -> "user"',
        'messages[1].text[0]: (not set) -> "b"',
    ]


@given(
    st.text(max_size=200),
    st.text(max_size=200),
    st.none() | st.floats(0, 2),
    st.none() | st.floats(0, 2),
    st.integers(0, 3),
)
def test_differences_are_there_exactly_where_keys_differ(
    one: str, two: str, hot: float | None, cold: float | None, index: int
) -> None:
    """No difference goes unnamed, and none is made up; the words that are shown differ too."""
    first = Request("t", user("x", one), Sampling(temperature=hot), 0)
    second = Request("t", user("x", two), Sampling(temperature=cold), index)
    found = differences(request_body(first, "m"), request_body(second, "m"))

    assert bool(found) == (request_key(first, "m") != request_key(second, "m"))
    assert all(difference.stored != difference.asked for difference in found)


def test_a_request_file_is_read_or_refused() -> None:
    """A body, or a line of an export; anything else is one sentence."""
    body = request_body(question(1, picture=True), "m")

    assert body_of(json.dumps(body), "f") == body
    assert body_of(json.dumps({"key": "k", "request": body}), "f") == body
    for text in ("{", "[]", "{}", '"x"', json.dumps({**body, "try": "x"}), json.dumps({**body, "messages": [1]})):
        with pytest.raises(ConfigError, match=r"^f is not"):
            body_of(text, "f")
