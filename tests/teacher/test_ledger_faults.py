"""The ledger on a full or damaged disk, beside a second process, and with a server's oddest words."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fakes.ledgers import answered, keep, question

from curate.run import open_run
from curate.teacher.driver import Driver, Endpoint, Job
from curate.teacher.ledger import Attempt, Ledger
from curate.teacher.workers import Workers
from generators.engines.scripted import Scripted
from schemas.errors import StoreError
from schemas.prompt import user
from schemas.request import Cause, Outcome, Program, Reply, Request, Usage, request_key, request_keys

NOISE = os.urandom(40_000).hex()


def _full(ledger: Ledger, pages: int = 16) -> None:
    """Let the file grow by only a few pages more, as a full disk would."""
    [used] = ledger._writer.execute("PRAGMA page_count").fetchone()
    ledger._writer.execute(f"PRAGMA max_page_count = {used + pages}")


def _big(number: int) -> tuple[Request, Outcome]:
    request = question(number)
    return request, answered(request, text=NOISE[number * 100 :][:20_000])


def _put(ledger: Ledger, number: int, done: Callable[[BaseException | None], None]) -> None:
    request, outcome = _big(number)
    ledger.put(request, outcome, request_keys(request, "m"), cost=None, done=done)


def test_full_disk_keeps_what_was_confirmed_and_nothing_else(tmp_path: Path) -> None:
    """The first reply that does not fit names the disk; all before it are there, it is not, and no later one is."""
    with Ledger(tmp_path / "l.sqlite") as ledger:
        _full(ledger)
        ended = [keep(ledger, *_big(number)) for number in range(10) if ledger._failure is None]
        with pytest.raises(StoreError, match=r"cannot be written: the disk is full \(.*\): make room"):
            _put(ledger, 11, lambda _: None)
        with pytest.raises(StoreError, match="the disk is full"):
            ledger.note(Attempt("k", "m", Cause.OK, "", 1.0))
    with Ledger(tmp_path / "l.sqlite") as ledger:
        stored = [ledger.get(_big(number)[1].key) is not None for number in range(10)]
        assert keep(ledger, *_big(9)) is None

    assert 1 < len(ended) < 10
    assert [error is None for error in ended] == [True] * (len(ended) - 1) + [False]
    assert stored == [True] * (len(ended) - 1) + [False] * (11 - len(ended))


def test_what_is_queued_behind_a_full_disk_is_told(tmp_path: Path) -> None:
    """Everybody who waits is called, each once, and what was called safe is what is stored."""
    told: dict[int, BaseException | None] = {}
    ended = threading.Semaphore(0)
    with Ledger(tmp_path / "l.sqlite") as ledger:
        _full(ledger)
        for number in range(12):

            def done(error: BaseException | None, number: int = number) -> None:
                assert number not in told
                told[number] = error
                ended.release()

            try:
                _put(ledger, number, done)
            except StoreError as error:
                done(error)
        assert all(ended.acquire(timeout=10) for _ in range(12))
    with Ledger(tmp_path / "l.sqlite") as ledger:
        stored = {number for number in told if ledger.get(_big(number)[1].key)}

    assert stored == {number for number, error in told.items() if error is None}
    assert len(stored) < 12


def test_a_run_on_a_full_disk_ends_with_one_error(tmp_path: Path) -> None:
    """The driver stops with the disk's name on it, and no program is given a reply that is not stored."""
    seen: list[str] = []

    def one(number: int) -> Program[str]:
        [outcome] = yield [Request("teacher", user(f"question {number}"))]
        return outcome.key

    engine = Scripted(lambda request: request.messages[0].text + NOISE[:20_000])
    with Ledger(tmp_path / "l.sqlite") as ledger, Workers(1, preload=()) as workers:
        _full(ledger)
        driver = Driver({"": Endpoint("e", engine, concurrency=2)}, ledger, workers, lambda _: b"")
        jobs = (Job(number, lambda number=number: one(number)) for number in range(40))
        with pytest.raises(StoreError, match="cannot be written: the disk is full") as told:
            driver.run(jobs, lambda _, key: seen.append(key))
    with Ledger(tmp_path / "l.sqlite") as ledger:
        assert all(ledger.get(key) for key in seen)

    assert len(str(told.value).splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
def test_a_limit_on_the_file_s_size_loses_nothing_confirmed(tmp_path: Path) -> None:
    """A process that may not write on says so, and the file opens with all that it confirmed."""
    script = """
        import resource, sys, threading
        from pathlib import Path
        from curate.teacher.ledger import Ledger
        from schemas.errors import StoreError
        from schemas.request import request_keys
        from tests_ledgers import answered, question

        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
        ledger = Ledger(Path(sys.argv[1]))
        for number in range(100):
            ended, errors = threading.Event(), []
            request = question(number)
            reply = answered(request, text=sys.argv[2][number * 100:][:10_000])
            keys = request_keys(request, "m")
            ledger.put(request, reply, keys, cost=None, done=lambda e: (errors.append(e), ended.set()))
            ended.wait(10)
            if errors[0]:
                print(errors[0])
                break
            print(reply.key, flush=True)
        ledger.close()
    """
    fakes = Path(__file__).resolve().parents[1]
    code = textwrap.dedent(script).replace("tests_ledgers", "fakes.ledgers")
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "l.sqlite"), NOISE[:30_000]],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": f"{fakes}:{fakes.parent}"},
    )  # fmt: skip
    *keys, said = done.stdout.splitlines()
    with Ledger(tmp_path / "l.sqlite") as ledger:
        assert all(ledger.get(key) for key in keys)
        assert ledger.count() == len(keys)

    assert 1 < len(keys) < 99
    assert "the disk refused" in said or "the disk is full" in said


def test_damage_in_the_middle_is_one_line(tmp_path: Path) -> None:
    """A file whose pages were overwritten is named, with what to do; it is no traceback from SQLite."""
    path = tmp_path / "l.sqlite"
    with Ledger(path) as ledger:
        keys = [outcome.key for number in range(20) if not keep(ledger, *_big(number)) for outcome in [_big(number)[1]]]
    data = bytearray(path.read_bytes())
    data[8192:] = os.urandom(len(data) - 8192)
    path.write_bytes(data)

    def read() -> None:
        with Ledger(path) as ledger:
            for key in keys:
                ledger.get(key)

    with pytest.raises(StoreError, match=r"the ledger .*l\.sqlite.*: it is damaged .*move it away") as told:
        read()
    assert len(str(told.value).splitlines()) == 1


@pytest.mark.parametrize("blob", [b"", b"\0\0\0\0{", b"\x09\0\0\0junk", b'\0\0\0\0{"text": 1}', b"\0\0\0\0[1]"])
def test_a_damaged_reply_is_one_line(tmp_path: Path, blob: bytes) -> None:
    """A row that is not what was written is an error, not a reply."""
    path = tmp_path / "l.sqlite"
    with Ledger(path) as ledger:
        keep(ledger, *_big(1))
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("UPDATE replies SET reply = ?", (blob,))

    with Ledger(path) as ledger, pytest.raises(StoreError, match="it is damaged"):
        ledger.get(_big(1)[1].key)
    with Ledger(path) as ledger, pytest.raises(StoreError, match="it is damaged"):
        ledger.fitting(request_keys(question(1, max_tokens=500), "m").family, 500)


def test_a_loop_that_is_gone_costs_no_reply(tmp_path: Path) -> None:
    """Where nobody can be told any more, as after Ctrl-C, what is queued is stored all the same."""

    def gone(_: BaseException | None) -> None:
        raise RuntimeError("Event loop is closed")

    with Ledger(tmp_path / "l.sqlite") as ledger:
        for number in range(20):
            _put(ledger, number, gone)
    with Ledger(tmp_path / "l.sqlite") as ledger:
        assert ledger.count() == 20


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_the_writer_leaves_nobody_waiting(tmp_path: Path) -> None:
    """Whatever ends the writer, those who wait are told, and so are those who come later."""
    broken: Any = "no attempt"
    with Ledger(tmp_path / "l.sqlite") as ledger:
        ledger.note(broken)
        ledger._thread.join(10)
        with pytest.raises(StoreError, match="its writer broke"):
            _put(ledger, 1, lambda _: None)


def test_the_oddest_words_and_counts_of_a_server_are_stored(tmp_path: Path) -> None:
    """Half a surrogate pair in an error and a count beyond 64 bits do not end a run."""
    request = question(1)
    reply = Reply("\ud800", "\udfff", usage=Usage(10**30, 10**20, 1, 1))
    with Ledger(tmp_path / "l.sqlite") as ledger:
        ledger.note(Attempt("k", "m", Cause.SERVER_ERROR, "oh \ud800", float("inf")))
        outcome = Outcome(Cause.OK, reply, key=request_key(request, "m"), model="m")
        assert keep(ledger, request, outcome) is None
        found = ledger.get(outcome.key)

    assert found is not None
    assert found.reply == reply


def test_a_ledger_with_its_columns_in_another_order_is_written_on(tmp_path: Path) -> None:
    """Files made before the texts moved to the end of the row serve as they are."""
    path = tmp_path / "l.sqlite"
    with closing(sqlite3.connect(path)) as base, base:
        base.execute(
            "CREATE TABLE replies(key TEXT PRIMARY KEY, family TEXT NOT NULL, model TEXT NOT NULL, role TEXT NOT NULL, "
            "purpose TEXT NOT NULL, cause TEXT NOT NULL, request BLOB NOT NULL, reply BLOB NOT NULL, prompt_tokens INT,"
            "completion_tokens INT, reasoning_tokens INT, cached_tokens INT, cost REAL, latency REAL, created REAL)"
            "WITHOUT ROWID"
        )
    with Ledger(path) as ledger:
        assert keep(ledger, *_big(1)) is None
        found, fits = (
            ledger.get(_big(1)[1].key),
            ledger.fitting(request_keys(question(1, max_tokens=60), "m").family, 60),
        )

    assert found is not None
    assert found.reply == _big(1)[1].reply
    assert fits is not None


def test_a_second_run_is_told_who_holds_the_workspace(tmp_path: Path) -> None:
    """Two runs never write one ledger: the second is told the first one's process and purpose before it opens it."""
    code = "import sys; from pathlib import Path; from curate.run import open_run\n"
    code += "with open_run(Path(sys.argv[1])): print('open', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "open\n"
    try:
        with (
            pytest.raises(StoreError, match=rf"in use by process {holder.pid} on .* \(curate run, since"),
            open_run(tmp_path),
        ):
            pass
    finally:
        holder.communicate("")
    with open_run(tmp_path) as run:
        assert run.ledger.count() == 0
