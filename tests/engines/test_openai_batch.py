"""The batch engine against a loopback Files and Batch API: what is bought, what comes back, what a crash leaves."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from fakes.batch_server import Bureau, echo, failed, ok, serve, status
from PIL import Image

from generators.engines import _batch_files
from generators.engines.openai_batch import OpenaiBatch
from schemas.errors import ConfigError, TeacherError
from schemas.prompt import user
from schemas.protocols import Session
from schemas.request import Cause, Reply, Request, Sampling, Usage, request_key
from schemas.sample import Media

KEY = "sk-canary-0123456789"
Said = list[Reply | TeacherError]


def _no_media(_: object) -> bytes:
    raise AssertionError("no picture is asked for")


def _requests(count: int, **sampling: Any) -> list[Request]:
    return [Request("teacher", user(f"question {i}"), Sampling(**sampling)) for i in range(count)]


def _engine(bureau: Bureau, state: Path, **fields: Any) -> OpenaiBatch:
    return OpenaiBatch(bureau.url, "mock", str(state), **{"gather": 0.05, "poll": 0.02, **fields})


async def _all(session: Session, requests: Sequence[Request]) -> Said:
    said: Said = []
    for outcome in await asyncio.gather(*(session.complete(r) for r in requests), return_exceptions=True):
        assert isinstance(outcome, Reply | TeacherError), repr(outcome)
        said.append(outcome)
    return said


def _ask(engine: OpenaiBatch, requests: Sequence[Request], read: Callable[[Media], bytes] = _no_media) -> Said:
    async def main() -> Said:
        async with engine.open(read) as session:
            return await _all(session, requests)

    return asyncio.run(main())


def _abandon(engine: OpenaiBatch, requests: Sequence[Request], until: Callable[[], bool]) -> None:
    """Ask, and leave as Ctrl-C does, once `until` is true."""

    async def main() -> None:
        async with engine.open(_no_media) as session:
            waiting = asyncio.create_task(_all(session, requests))
            await _until(until)
            waiting.cancel()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - the server is another thread and has no event to wait for
            await asyncio.sleep(0.01)


def _texts(said: Said) -> list[str]:
    return [outcome.text if isinstance(outcome, Reply) else f"{outcome.cause}: {outcome.reason}" for outcome in said]


def _causes(said: Said) -> list[str]:
    return [outcome.cause if isinstance(outcome, TeacherError) else "ok" for outcome in said]


def _tickets(state: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in state.glob("*.json")]


def test_many_requests_are_one_batch(tmp_path: Path) -> None:
    """Requests that come together are uploaded once; every one gets its own row, whatever the order of the output."""
    requests = _requests(25, temperature=0.5, max_tokens=64)
    with serve(Bureau()) as bureau:
        said = _ask(_engine(bureau, tmp_path, rename={"max_tokens": "max_completion_tokens"}), requests)

    [rows] = bureau.uploads
    assert _texts(said) == [f"QUESTION {i}" for i in range(25)]
    assert [row["custom_id"] for row in rows] == [request_key(request, "mock") for request in requests]
    assert {(row["method"], row["url"]) for row in rows} == {("POST", "/v1/chat/completions")}
    assert rows[3]["body"] == {
        "model": "mock",
        "messages": [{"role": "user", "content": "question 3"}],
        "temperature": 0.5,
        "max_completion_tokens": 64,
    }
    assert (bureau.batches[0]["endpoint"], bureau.batches[0]["completion_window"]) == ("/v1/chat/completions", "24h")
    assert isinstance(said[0], Reply)
    assert (said[0].usage, said[0].model, said[0].finish) == (Usage(11, 7), "mock-1", "stop")
    assert said[0].latency > 0
    assert bureau.chats == []


def test_draws_of_one_question_are_rows_of_their_own(tmp_path: Path) -> None:
    """Repeated draws are told apart, and the very same request asked twice at once is one row."""
    draws = [Request("teacher", user("why?"), try_index=i) for i in (0, 1, 1)]
    with serve(Bureau()) as bureau:
        assert _texts(_ask(_engine(bureau, tmp_path), draws)) == ["WHY?"] * 3

    assert len(set(bureau.bought)) == len(bureau.bought) == 2


@pytest.mark.parametrize(
    ("fields", "sizes"), [({"max_requests": 10}, [10, 10, 5]), ({"max_requests": 5}, [5, 5, 5, 5, 5])]
)
def test_splits_by_number(tmp_path: Path, fields: dict[str, int], sizes: list[int]) -> None:
    """No batch holds more requests than it may, and all are answered."""
    with serve(Bureau()) as bureau:
        said = _ask(_engine(bureau, tmp_path, **fields), _requests(25))

    assert _texts(said) == [f"QUESTION {i}" for i in range(25)]
    assert sorted(len(rows) for rows in bureau.uploads) == sorted(sizes)


def test_splits_by_size_with_pictures(tmp_path: Path) -> None:
    """Pictures travel as data URLs and count toward the size of a batch."""
    out = BytesIO()
    Image.effect_noise((64, 64), 80).save(out, "PNG")
    picture = out.getvalue()
    requests = [Request("t", user(f"q{i}", Media(f"{i:064x}", "image/png", 64, 64, len(picture)))) for i in range(7)]
    most = 3 * (len(picture) * 4 // 3 + 400)
    with serve(Bureau(row=lambda body: ok(body["messages"][0]["content"][0]["text"]))) as bureau:
        said = _ask(_engine(bureau, tmp_path, max_bytes=most), requests, lambda media: picture)

    assert _texts(said) == [f"q{i}" for i in range(7)]
    assert sorted(len(rows) for rows in bureau.uploads) == [1, 3, 3]
    assert max(bureau.upload_sizes) <= most
    assert bureau.uploads[0][0]["body"]["messages"][0]["content"][1]["image_url"]["url"].startswith("data:image/")


def test_a_request_larger_than_a_batch_fails_alone(tmp_path: Path) -> None:
    """What fits into no batch is said so, and the others go on."""
    requests = [*_requests(2), Request("teacher", user("x" * 2000))]
    with serve(Bureau()) as bureau:
        said = _ask(_engine(bureau, tmp_path, max_bytes=1000), requests)

    assert _causes(said) == ["ok", "ok", Cause.CALL_FAILED]
    assert "raise max_bytes" in _texts(said)[2]


ROWS = [
    (status(400), Cause.BAD_REQUEST),
    (status(400, "content_filter"), Cause.REFUSED),
    (status(404), Cause.MISCONFIGURED),
    (status(429), Cause.RATE_LIMITED),
    (status(429, "insufficient_quota"), Cause.MISCONFIGURED),
    (status(500), Cause.SERVER_ERROR),
    (status(503), Cause.OVERLOADED),
    (failed("batch_expired"), Cause.TIMEOUT),
    (failed("request_timeout"), Cause.TIMEOUT),
    (failed("batch_cancelled"), Cause.CANCELLED),
    (failed("rate_limit_exceeded"), Cause.RATE_LIMITED),
    (failed("never_heard_of"), Cause.SERVER_ERROR),
    ({"response": None, "error": None}, Cause.SERVER_ERROR),
    ({"response": {"status_code": 200, "body": None}, "error": None}, Cause.MALFORMED),
    ({"response": {"status_code": 200, "body": {"choices": []}}, "error": None}, Cause.MALFORMED),
    (ok(""), Cause.EMPTY),
    (None, Cause.MALFORMED),
]


def _nth(body: Any) -> int:
    return int(body["messages"][0]["content"].split()[1])


def _mixed(body: Any) -> Any:
    return ROWS[_nth(body)][0] if _nth(body) < len(ROWS) else echo(body)


def test_every_failed_row_has_its_cause(tmp_path: Path) -> None:
    """One batch, each row of which goes wrong in another way: each has its cause and words, the good one its reply."""
    with serve(Bureau(row=_mixed)) as bureau:
        said = _ask(_engine(bureau, tmp_path, fallback=False), _requests(len(ROWS) + 1))

    assert _causes(said) == [*(cause for _, cause in ROWS), "ok"]
    assert all(outcome.reason for outcome in said if isinstance(outcome, TeacherError))
    assert bureau.chats == []


def test_passing_failures_are_asked_at_the_chat_endpoint(tmp_path: Path) -> None:
    """A row that failed for now is answered by chat, a few at once; one that always fails is not asked again."""
    with serve(Bureau(row=_mixed)) as bureau:
        said = _ask(_engine(bureau, tmp_path), _requests(len(ROWS) + 1))

    lasting = {Cause.BAD_REQUEST, Cause.REFUSED, Cause.MISCONFIGURED, Cause.CANCELLED}
    assert _causes(said) == [*(cause if cause in lasting else "ok" for _, cause in ROWS), "ok"]
    assert _texts(said).count("by chat") == len(bureau.chats) == sum(cause not in lasting for _, cause in ROWS)


def test_an_expired_batch_is_finished_by_chat(tmp_path: Path) -> None:
    """What a batch answered before it expired counts; the rest is asked at the chat endpoint."""
    with serve(Bureau(end="expired", row=lambda body: echo(body) if _nth(body) < 4 else None)) as bureau:
        said = _ask(_engine(bureau, tmp_path), _requests(6))

    assert _texts(said) == ["QUESTION 0", "QUESTION 1", "QUESTION 2", "QUESTION 3", "by chat", "by chat"]
    assert [body["messages"][0]["content"] for body in bureau.chats] == ["question 4", "question 5"]


def test_without_fallback_what_expired_goes_into_the_next_batch(tmp_path: Path) -> None:
    """The failure is a passing one, and whoever asks again, in this session or later, gets a new batch for it alone."""
    requests = _requests(3)
    lost = {1, 2}

    async def main(engine: OpenaiBatch) -> tuple[Said, Said]:
        async with engine.open(_no_media) as session:
            first = await _all(session, requests)
            lost.remove(1)
            return first, await _all(session, requests[1:])

    with serve(Bureau(end="expired", row=lambda body: None if _nth(body) in lost else echo(body))) as bureau:
        engine = _engine(bureau, tmp_path, fallback=False)
        first, again = asyncio.run(main(engine))
        lost.clear()
        later = _ask(engine, requests[2:])

    assert _causes(first) == ["ok", Cause.TIMEOUT, Cause.TIMEOUT]
    assert _texts(again)[0] == "QUESTION 1"
    assert _causes(again) == ["ok", Cause.TIMEOUT]
    assert _texts(later) == ["QUESTION 2"]
    assert [len(rows) for rows in bureau.uploads] == [3, 2, 1]


def test_a_batch_that_fails_validation_says_why(tmp_path: Path) -> None:
    """The whole batch failed: one clear reason, none of its rows is blamed for good, and a rerun asks again."""
    errors = [{"code": "model_not_found", "message": "no model mock", "line": 1, "param": None}]
    requests = _requests(3)
    with serve(Bureau(failures=[errors])) as bureau:
        said = _ask(_engine(bureau, tmp_path), requests)
        kept = _tickets(tmp_path)
        again = _ask(_engine(bureau, tmp_path), requests)

    assert _causes(said) == [Cause.MISCONFIGURED] * 3
    assert "batch-0 of 3 requests failed: model_not_found: no model mock (line 1)" in _texts(said)[0]
    assert kept == []
    assert _causes(again) == ["ok"] * 3


def test_a_full_queue_is_waited_for(tmp_path: Path) -> None:
    """A batch that does not fit beside another is submitted again when that one ends, from the file it has there."""
    full = [{"code": "token_limit_exceeded", "message": "enqueued token limit reached"}]

    async def main(engine: OpenaiBatch) -> Said:
        async with engine.open(_no_media) as session:
            first = asyncio.create_task(_all(session, _requests(4)))
            await _until(lambda: bool(bureau.batches) and any(b["status"] == "failed" for b in bureau.batches))
            bureau.hold = False
            return await first

    class Queue(Bureau):
        def _finish(self, batch: dict[str, Any]) -> None:
            if self.hold and batch["id"] == "batch-1":
                batch.update(status="failed", errors={"object": "list", "data": full})
            else:
                super()._finish(batch)

    with serve(Queue(hold=True)) as bureau:
        said = asyncio.run(main(_engine(bureau, tmp_path, max_requests=2)))

    assert _causes(said) == ["ok"] * 4
    assert len(bureau.uploads) == 2
    assert len(bureau.batches) == 3


def test_a_batch_alone_too_large_for_the_queue_is_rate_limited(tmp_path: Path) -> None:
    """With nothing to wait for the request goes back to the driver's limiter; a second try uploads nothing."""
    full = [{"code": "token_limit_exceeded", "message": "enqueued token limit reached"}]

    async def main(engine: OpenaiBatch) -> tuple[Said, Said]:
        async with engine.open(_no_media) as session:
            return await _all(session, _requests(2)), await _all(session, _requests(2))

    with serve(Bureau(failures=[full])) as bureau:
        first, again = asyncio.run(main(_engine(bureau, tmp_path)))

    assert _causes(first) == [Cause.RATE_LIMITED] * 2
    assert isinstance(first[0], TeacherError)
    assert first[0].retry_after
    assert "lower max_requests" in first[0].reason
    assert _causes(again) == ["ok"] * 2
    assert len(bureau.uploads) == 1


def test_a_wrong_key_is_misconfigured_and_told_to_nobody(tmp_path: Path) -> None:
    """401 ends it with the server's words, without the key; nothing on disk holds it either."""
    os.environ["CANARY_KEY"] = KEY
    with serve(Bureau(key="another")) as bureau:
        said = _ask(_engine(bureau, tmp_path, key_env="CANARY_KEY"), _requests(2))

    assert _causes(said) == [Cause.MISCONFIGURED] * 2
    assert "wrong key ***" in _texts(said)[0]
    assert bureau.keys == {KEY}
    assert bureau.batches == []


def test_nothing_on_disk_holds_a_key_or_a_prompt(tmp_path: Path) -> None:
    """A ticket holds hashes and ids, for a user's name and password in the address are left out as well."""
    os.environ["CANARY_KEY"] = KEY
    with serve(Bureau(hold=True)) as bureau:
        bureau.url = bureau.url.replace("http://", f"http://me:{KEY}@")
        engine = _engine(bureau, tmp_path, key_env="CANARY_KEY")
        _abandon(engine, _requests(2), lambda: bureau.looks > 0)

    [ticket] = _tickets(tmp_path)
    assert ticket["batch_id"] == "batch-0"
    assert "@" not in ticket["place"]
    assert all(KEY not in path.read_text() and "question" not in path.read_text() for path in tmp_path.iterdir())


def test_missing_key_is_said_at_once(tmp_path: Path) -> None:
    """Without its key the engine is not opened."""
    engine = OpenaiBatch("http://127.0.0.1:9/v1", "mock", str(tmp_path), key_env="NO_SUCH_KEY")
    with pytest.raises(ConfigError, match="set the environment variable NO_SUCH_KEY"):
        _ask(engine, [])


def test_a_session_that_was_left_is_taken_up(tmp_path: Path) -> None:
    """After Ctrl-C between submission and fetch, the next session waits for the same batch and uploads nothing."""
    requests = _requests(5)
    with serve(Bureau(hold=True)) as bureau:
        engine = _engine(bureau, tmp_path)
        _abandon(engine, requests, lambda: bureau.looks > 0)
        bureau.hold = False
        said = _ask(engine, [*requests, Request("teacher", user("question 5"))])

    assert _texts(said) == [f"QUESTION {i}" for i in range(6)]
    assert [len(rows) for rows in bureau.uploads] == [5, 1]
    assert len(set(bureau.bought)) == len(bureau.bought) == 6


def test_answers_that_were_fetched_and_lost_are_fetched_again(tmp_path: Path) -> None:
    """A run that dies between a reply and its ledger finds the reply again; a clean end leaves nothing behind."""
    requests = _requests(4)

    async def dies(engine: OpenaiBatch) -> None:
        async with engine.open(_no_media) as session:
            assert _causes(await _all(session, requests)) == ["ok"] * 4
            raise KeyboardInterrupt

    with serve(Bureau()) as bureau:
        engine = _engine(bureau, tmp_path)
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(dies(engine))
        half = _ask(engine, requests[:2])
        kept = _tickets(tmp_path)
        _ask(engine, requests)

    assert _causes(half) == ["ok"] * 2
    assert len(kept) == 1, "two answers were not asked for: they may be, later"
    assert _tickets(tmp_path) == []
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
        said = _ask(_engine(bureau, tmp_path), _requests(5))

    assert _texts(said) == [f"QUESTION {i}" for i in range(5)]
    assert len(bureau.uploads) == len(bureau.batches) == 1


@pytest.mark.parametrize("happened", [True, False])
def test_crash_between_creation_and_record(tmp_path: Path, happened: bool) -> None:
    """A ticket without a batch's id: the batch is found by its mark, or made from the file that is there."""
    requests = _requests(3)
    with serve(Bureau(hold=True)) as bureau:
        engine = _engine(bureau, tmp_path)
        _abandon(engine, requests, lambda: bureau.looks > 0)
        [path] = tmp_path.glob("*.json")
        path.write_text(json.dumps(json.loads(path.read_text()) | {"batch_id": ""}))
        others = [{**bureau.batches[0], "id": f"other-{i}", "metadata": None, "input_file_id": "x"} for i in range(3)]
        bureau.batches[:] = [*(bureau.batches if happened else []), *others]
        bureau.hold = False
        said = _ask(engine, requests)

    assert _causes(said) == ["ok"] * 3
    assert len(bureau.uploads) == 1
    assert len(bureau.batches) == 4


def test_a_lost_answer_to_a_creation_is_looked_for(tmp_path: Path) -> None:
    """Where the connection breaks after the server made the batch, that batch is taken, not a second one."""
    with serve(Bureau(lose_answers=1)) as bureau:
        said = _ask(_engine(bureau, tmp_path), _requests(3))

    assert _causes(said) == ["ok"] * 3
    assert len(bureau.batches) == 1


@pytest.mark.parametrize(
    ("code", "cause"),
    [(400, Cause.MISCONFIGURED), (404, Cause.MISCONFIGURED), (429, Cause.RATE_LIMITED), (500, Cause.SERVER_ERROR)],
)
def test_a_creation_that_is_refused(tmp_path: Path, code: int, cause: Cause) -> None:
    """Nothing is bought: each request is told, and asked again it is in a batch."""

    async def main(engine: OpenaiBatch) -> tuple[Said, Said]:
        async with engine.open(_no_media) as session:
            return await _all(session, _requests(2)), await _all(session, _requests(2))

    with serve(Bureau(refuse_creation=[code])) as bureau:
        first, again = asyncio.run(main(_engine(bureau, tmp_path)))

    assert _causes(first) == [cause] * 2
    assert _causes(again) == ["ok"] * 2
    assert len(bureau.batches) == 1


def test_looks_that_go_wrong_are_repeated(tmp_path: Path) -> None:
    """A server that stumbles while it is asked for a batch's state costs nobody the batch."""
    with serve(Bureau(refuse=[500, 429])) as bureau:
        assert _causes(_ask(_engine(bureau, tmp_path), _requests(2))) == ["ok"] * 2

    assert len(bureau.batches) == 1


def test_nobody_there(tmp_path: Path) -> None:
    """A closed port is unreachable for every request."""
    with serve(Bureau()) as bureau:
        pass
    assert _causes(_ask(_engine(bureau, tmp_path), _requests(2))) == [Cause.UNREACHABLE] * 2


def test_a_batch_of_another_account_is_not_bought_again(tmp_path: Path) -> None:
    """A ticket whose batch the server does not know is said, with both ways out."""
    with serve(Bureau(hold=True)) as bureau:
        engine = _engine(bureau, tmp_path)
        _abandon(engine, _requests(2), lambda: bureau.looks > 0)
        bureau.batches.clear()
        said = _ask(engine, _requests(2))

    assert _causes(said) == [Cause.MISCONFIGURED] * 2
    assert "use the key it was submitted with, or remove" in _texts(said)[0]
    assert len(bureau.uploads) == 1


def test_models_and_places_do_not_share_batches(tmp_path: Path) -> None:
    """Another model in the same folder asks for itself."""
    with serve(Bureau(hold=True)) as bureau:
        _abandon(_engine(bureau, tmp_path), _requests(2), lambda: bureau.looks > 0)
        bureau.hold = False
        other = OpenaiBatch(bureau.url, "other", str(tmp_path), gather=0.05, poll=0.02)
        assert _causes(_ask(other, _requests(2))) == ["ok"] * 2

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
        _ask(_engine(bureau, tmp_path / "taken"), [])
