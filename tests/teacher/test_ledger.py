"""The ledger: what was answered is on disk, once, and comes back as it was."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.teacher.ledger import Attempt, Ledger
from curate.teacher.packing import unpack
from schemas.errors import StoreError
from schemas.prompt import user
from schemas.request import Cause, Outcome, Reply, Request, Sampling, Usage, request_key, request_keys


def _ask(text: str = "why?", **sampling: int) -> Request:
    return Request("teacher", user(text), Sampling(**sampling))


def _store(ledger: Ledger, request: Request, outcome: Outcome) -> BaseException | None:
    """Put an outcome and wait until it is on disk."""
    safe = threading.Event()
    errors: list[BaseException | None] = []
    keys = request_keys(request, outcome.model)
    ledger.put(request, outcome, keys, cost=0.5, done=lambda error: (errors.append(error), safe.set()))
    assert safe.wait(10)
    return errors[0]


def _fitting(ledger: Ledger, request: Request, model: str = "m") -> Outcome | None:
    return ledger.fitting(request_keys(request, model).family, request.sampling.max_tokens)


def _answered(request: Request, reply: Reply, cause: Cause = Cause.OK) -> Outcome:
    return Outcome(cause, reply, key=request_key(request, "m"), model="m")


@given(
    text=st.text(st.characters(codec=None), max_size=400),
    reasoning=st.text(max_size=400),
    tokens=st.tuples(*[st.integers(0, 10**6)] * 4),
    finish=st.sampled_from(["stop", "length"]),
)
@settings(max_examples=40, deadline=None)
def test_reply_comes_back(
    tmp_path_factory: pytest.TempPathFactory, text: str, reasoning: str, tokens: tuple[int, ...], finish: str
) -> None:
    """Any reply survives the disk, whatever characters it holds."""
    request = _ask()
    reply = Reply(text, reasoning, finish, Usage(*tokens), "model", 1.25, closed=False)
    with Ledger(tmp_path_factory.mktemp("ledger") / "l.sqlite") as ledger:
        assert _store(ledger, request, _answered(request, reply)) is None

        found = ledger.get(request_key(request, "m"))

    assert found is not None
    assert found.reply == reply
    assert found.from_ledger


def test_survives_reopening(tmp_path: Path) -> None:
    """A second process finds what the first one stored."""
    request = _ask()
    with Ledger(tmp_path / "l.sqlite") as ledger:
        _store(ledger, request, _answered(request, Reply("because")))
    with Ledger(tmp_path / "l.sqlite") as ledger:
        found = ledger.get(request_key(request, "m"))

        assert found is not None
        assert ledger.count() == 1
    assert found.reply is not None
    assert found.reply.text == "because"


def test_refusal_is_remembered_with_its_reason(tmp_path: Path) -> None:
    """A deterministic refusal comes back as an outcome without a reply."""
    request = _ask()
    with Ledger(tmp_path / "l.sqlite") as ledger:
        refused = Outcome(Cause.REFUSED, reason="content filter", key=request_key(request, "m"), model="m")
        _store(ledger, request, refused)

        found = ledger.get(refused.key)

    assert found is not None
    assert (found.cause, found.reason, found.reply) == (Cause.REFUSED, "content filter", None)


def test_first_reply_wins(tmp_path: Path) -> None:
    """A reply that a program has seen is never replaced."""
    request = _ask()
    with Ledger(tmp_path / "l.sqlite") as ledger:
        _store(ledger, request, _answered(request, Reply("first")))
        _store(ledger, request, _answered(request, Reply("second")))

        found = ledger.get(request_key(request, "m"))

    assert found is not None
    assert found.reply is not None
    assert found.reply.text == "first"


def test_attempts_are_rows(tmp_path: Path) -> None:
    """Every attempt is a row with its cause; a blob can be read with `unpack`."""
    request = _ask()
    with Ledger(tmp_path / "l.sqlite") as ledger:
        ledger.note(Attempt("k", "m", Cause.TIMEOUT, "slow", 2.5))
        _store(ledger, request, _answered(request, Reply("x" * 5000)))
    base = sqlite3.connect(tmp_path / "l.sqlite")
    rows = base.execute("SELECT key, cause, reason, latency FROM attempts").fetchall()
    blob = base.execute("SELECT reply FROM replies").fetchone()[0]
    base.close()

    assert rows == [("k", "timeout", "slow", 2.5)]
    assert len(blob) < 1000
    assert b"x" * 5000 in unpack(blob)


def test_stored_requests_can_be_read(tmp_path: Path) -> None:
    """The request is stored with its reply, so that a miss can be explained."""
    request = _ask(max_tokens=7)
    with Ledger(tmp_path / "l.sqlite") as ledger:
        _store(ledger, request, _answered(request, Reply("yes")))
        [stored] = ledger.requests()

    assert stored["request"]["sampling"] == {"max_tokens": 7}
    assert stored["reply"]["text"] == "yes"


def test_another_scheme_is_refused(tmp_path: Path) -> None:
    """A ledger of another fingerprint scheme is not mixed into this one."""
    Ledger(tmp_path / "l.sqlite").close()
    base = sqlite3.connect(tmp_path / "l.sqlite")
    base.execute("UPDATE facts SET value = '999'")
    base.commit()
    base.close()

    with pytest.raises(StoreError, match="scheme 999"):
        Ledger(tmp_path / "l.sqlite")


def test_garbage_is_refused(tmp_path: Path) -> None:
    """A file that is not a ledger is one clear error."""
    (tmp_path / "l.sqlite").write_bytes(b"not a database" * 100)

    with pytest.raises(StoreError, match="cannot open the ledger"):
        Ledger(tmp_path / "l.sqlite")


def test_many_threads_write(tmp_path: Path) -> None:
    """Replies put from several threads are all stored."""
    with Ledger(tmp_path / "l.sqlite") as ledger:

        def put(start: int) -> None:
            for i in range(start, start + 50):
                request = _ask(f"q{i}")
                assert _store(ledger, request, _answered(request, Reply(str(i)))) is None

        threads = [threading.Thread(target=put, args=(n * 50,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert ledger.count() == 200


@pytest.mark.parametrize(
    ("stored", "cause", "asked", "serves"),
    [
        (50, Cause.OK, 200, True),
        (50, Cause.OK, 50, True),
        (50, Cause.OK, None, True),
        (50, Cause.OK, 49, False),
        (0, Cause.OK, 200, False),
        (100, Cause.TRUNCATED, 200, False),
        (100, Cause.TRUNCATED, 100, True),
    ],
)
def test_whole_reply_serves_every_limit_it_fits(
    tmp_path: Path, stored: int, cause: Cause, asked: int | None, serves: bool
) -> None:
    """A changed token limit buys again only what was cut, or what would be."""
    bought = _ask(max_tokens=100)
    wanted = Request("teacher", bought.messages, Sampling(max_tokens=asked))
    other = Request("teacher", user("another question"), Sampling(max_tokens=asked))
    with Ledger(tmp_path / "l.sqlite") as ledger:
        _store(ledger, bought, _answered(bought, Reply("because", usage=Usage(9, stored)), cause))

        found = ledger.get(request_key(wanted, "m")) or _fitting(ledger, wanted)

        assert (found is not None) == serves
        assert _fitting(ledger, other) is None
        assert _fitting(ledger, wanted, "another model") is None
