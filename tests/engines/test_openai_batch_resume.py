"""The batch engine through crashes, lost answers and mistakes: nothing is bought twice."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fakes.batch_asking import (
    Said,
    abandon,
    ask,
    ask_all,
    batch_engine,
    causes,
    no_media,
    questions,
    texts,
    tickets,
)
from fakes.batch_server import Bureau, serve

from generators.engines import _batch_files
from generators.engines.openai_batch import OpenaiBatch
from schemas.errors import ConfigError
from schemas.prompt import user
from schemas.request import Cause, Request


def test_a_session_that_was_left_is_taken_up(tmp_path: Path) -> None:
    """After Ctrl-C between submission and fetch, the next session waits for the same batch and uploads nothing."""
    requests = questions(5)
    with serve(Bureau(hold=True)) as bureau:
        engine = batch_engine(bureau, tmp_path)
        abandon(engine, requests, lambda: bureau.looks > 0)
        bureau.hold = False
        said = ask(engine, [*requests, Request("teacher", user("question 5"))])

    assert texts(said) == [f"QUESTION {i}" for i in range(6)]
    assert [len(rows) for rows in bureau.uploads] == [5, 1]
    assert len(set(bureau.bought)) == len(bureau.bought) == 6


def test_answers_that_were_fetched_and_lost_are_fetched_again(tmp_path: Path) -> None:
    """A run that dies between a reply and its ledger finds the reply again; a clean end leaves nothing behind."""
    requests = questions(4)

    async def dies(engine: OpenaiBatch) -> None:
        async with engine.open(no_media) as session:
            assert causes(await ask_all(session, requests)) == ["ok"] * 4
            raise KeyboardInterrupt

    with serve(Bureau()) as bureau:
        engine = batch_engine(bureau, tmp_path)
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(dies(engine))
        half = ask(engine, requests[:2])
        kept = tickets(tmp_path)
        ask(engine, requests)

    assert causes(half) == ["ok"] * 2
    assert len(kept) == 1, "two answers were not asked for: they may be, later"
    assert tickets(tmp_path) == []
    assert len(bureau.uploads) == len(bureau.batches) == 1


CHILD = """
import asyncio, sys
from generators.engines.openai_batch import OpenaiBatch
from schemas.prompt import user
from schemas.request import Request

async def main():
    async with OpenaiBatch(sys.argv[1], "mock", sys.argv[2], gather=0.05, poll=0.02).open(None) as session:
        await asyncio.gather(*(session.complete(Request("teacher", user(f"question {i}"))) for i in range(5)))

asyncio.run(main())
"""


def test_kill_nine_between_submission_and_fetch(tmp_path: Path) -> None:
    """A process that is killed while its batch is under way costs nothing twice."""
    with serve(Bureau(hold=True)) as bureau:
        child = subprocess.Popen([sys.executable, "-c", CHILD, bureau.url, str(tmp_path)])
        until = time.monotonic() + 60
        while not bureau.looks and time.monotonic() < until:
            time.sleep(0.01)
        child.send_signal(signal.SIGKILL)
        assert child.wait(20) == -signal.SIGKILL
        bureau.hold = False
        said = ask(batch_engine(bureau, tmp_path), questions(5))

    assert texts(said) == [f"QUESTION {i}" for i in range(5)]
    assert len(bureau.uploads) == len(bureau.batches) == 1


@pytest.mark.parametrize("happened", [True, False])
def test_crash_between_creation_and_record(tmp_path: Path, happened: bool) -> None:
    """A ticket without a batch's id: the batch is found by its mark, or made from the file that is there."""
    requests = questions(3)
    with serve(Bureau(hold=True)) as bureau:
        engine = batch_engine(bureau, tmp_path)
        abandon(engine, requests, lambda: bureau.looks > 0)
        [path] = tmp_path.glob("*.json")
        path.write_text(json.dumps(json.loads(path.read_text()) | {"batch_id": ""}))
        others = [{**bureau.batches[0], "id": f"other-{i}", "metadata": None, "input_file_id": "x"} for i in range(3)]
        bureau.batches[:] = [*(bureau.batches if happened else []), *others]
        bureau.hold = False
        said = ask(engine, requests)

    assert causes(said) == ["ok"] * 3
    assert len(bureau.uploads) == 1
    assert len(bureau.batches) == 4


def test_a_lost_answer_to_a_creation_is_looked_for(tmp_path: Path) -> None:
    """Where the connection breaks after the server made the batch, that batch is taken, not a second one."""
    with serve(Bureau(lose_answers=1)) as bureau:
        said = ask(batch_engine(bureau, tmp_path), questions(3))

    assert causes(said) == ["ok"] * 3
    assert len(bureau.batches) == 1


@pytest.mark.parametrize(
    ("code", "cause"),
    [(400, Cause.MISCONFIGURED), (404, Cause.MISCONFIGURED), (429, Cause.RATE_LIMITED), (500, Cause.SERVER_ERROR)],
)
def test_a_creation_that_is_refused(tmp_path: Path, code: int, cause: Cause) -> None:
    """Nothing is bought: each request is told, and asked again it is in a batch."""

    async def main(engine: OpenaiBatch) -> tuple[Said, Said]:
        async with engine.open(no_media) as session:
            return await ask_all(session, questions(2)), await ask_all(session, questions(2))

    with serve(Bureau(refuse_creation=[code])) as bureau:
        first, again = asyncio.run(main(batch_engine(bureau, tmp_path)))

    assert causes(first) == [cause] * 2
    assert causes(again) == ["ok"] * 2
    assert len(bureau.batches) == 1


def test_looks_that_go_wrong_are_repeated(tmp_path: Path) -> None:
    """A server that stumbles while it is asked for a batch's state costs nobody the batch."""
    with serve(Bureau(refuse=[500, 429])) as bureau:
        assert causes(ask(batch_engine(bureau, tmp_path), questions(2))) == ["ok"] * 2

    assert len(bureau.batches) == 1


def test_nobody_there(tmp_path: Path) -> None:
    """A closed port is unreachable for every request."""
    with serve(Bureau()) as bureau:
        pass
    assert causes(ask(batch_engine(bureau, tmp_path), questions(2))) == [Cause.UNREACHABLE] * 2


def test_a_batch_of_another_account_is_not_bought_again(tmp_path: Path) -> None:
    """A ticket whose batch the server does not know is said, with both ways out."""
    with serve(Bureau(hold=True)) as bureau:
        engine = batch_engine(bureau, tmp_path)
        abandon(engine, questions(2), lambda: bureau.looks > 0)
        bureau.batches.clear()
        said = ask(engine, questions(2))

    assert causes(said) == [Cause.MISCONFIGURED] * 2
    assert "use the key it was submitted with, or remove" in texts(said)[0]
    assert len(bureau.uploads) == 1


def test_models_and_places_do_not_share_batches(tmp_path: Path) -> None:
    """Another model in the same folder asks for itself."""
    with serve(Bureau(hold=True)) as bureau:
        abandon(batch_engine(bureau, tmp_path), questions(2), lambda: bureau.looks > 0)
        bureau.hold = False
        other = OpenaiBatch(bureau.url, "other", str(tmp_path), gather=0.05, poll=0.02)
        assert causes(ask(other, questions(2))) == ["ok"] * 2

    assert {row["body"]["model"] for rows in bureau.uploads for row in rows} == {"mock", "other"}


def test_old_tickets_go_and_damaged_ones_are_named(tmp_path: Path) -> None:
    """After 30 days the server has nothing left; a ticket that cannot be read is never passed over in silence."""
    ticket = _batch_files.Ticket("http://h/v1", "mock", ["a"])
    _batch_files.save(tmp_path, ticket)
    path = _batch_files.path_of(tmp_path, ticket)
    assert _batch_files.load(tmp_path, place="http://h/v1", model="mock") == [ticket]

    os.utime(path, (1, time.time() - _batch_files.KEPT - 60))
    assert _batch_files.load(tmp_path, place="http://h/v1", model="mock") == []
    assert not path.exists()

    for broken in ("{", "[]", '{"keys": 3}', json.dumps({**_shape(ticket), "keys": [1]})):
        path.write_text(broken)
        with pytest.raises(ConfigError, match="does not describe a batch"):
            _batch_files.load(tmp_path, place="http://h/v1", model="mock")


def _shape(ticket: _batch_files.Ticket) -> dict[str, Any]:
    return {name: getattr(ticket, name) for name in ticket.__slots__}


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """A file where the folder should be is a mistake to correct, before anything is sent."""
    (tmp_path / "taken").write_text("")
    with serve(Bureau()) as bureau, pytest.raises(ConfigError, match="taken cannot be used"):
        ask(batch_engine(bureau, tmp_path / "taken"), [])
