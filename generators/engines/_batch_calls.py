"""The calls of the Files and Batch API, through the `openai` SDK. What it raises becomes a `TeacherError` here.

What a server refuses about a batch as a whole is `misconfigured`, never `bad_request` or `refused`: those two are
remembered for every one of its rows. Calls that may be made twice are tried again by the SDK; `create` is not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from generators.engines import _failures
from generators.engines._batch_files import Ticket
from schemas.errors import TeacherError
from schemas.request import Cause

if TYPE_CHECKING:
    import openai
    from openai.types import Batch

__all__ = ["Calls", "connect"]

_MARK = "curate"
"""Name of our tag among a batch's metadata."""
_CLOCKS = 86400.0
"""Seconds that the server's clock may be behind ours."""
_LARGEST = 16 << 30
"""Bytes of an output file above which it is not taken."""
_OF_A_ROW = (Cause.BAD_REQUEST, Cause.REFUSED)


@asynccontextmanager
async def connect(base_url: str, key: str, timeout: float) -> AsyncIterator[Calls]:  # noqa: ASYNC109 - of each call
    """Make the calls of one account at one server."""
    import openai

    # Not followed: a redirect could hand the key to a stranger.
    http = openai.DefaultAsyncHttpxClient(follow_redirects=False)
    client = openai.AsyncOpenAI(
        base_url=base_url, api_key=key or "none", max_retries=2, timeout=timeout, http_client=http
    )
    async with client:
        yield Calls(client, key)


@dataclass(frozen=True, slots=True)
class Calls:
    """An open connection. Every method raises `TeacherError`."""

    client: openai.AsyncOpenAI
    key: str

    async def upload(self, rows: IO[bytes], name: str) -> str:
        """Send a file of rows and return its id; the file is read piece by piece."""
        with _boundary("the upload of a batch", self.key):
            made = await self.client.files.create(file=(f"{name}.jsonl", rows), purpose="batch")
            return _text(getattr(made, "id", None))

    async def create(self, ticket: Ticket) -> Batch:
        """Start a batch. After any error but `misconfigured` and `rate_limited` it may be there all the same."""
        once = self.client.with_options(max_retries=0)
        with _boundary("the creation of a batch", self.key):
            return _sound(
                await once.batches.create(
                    input_file_id=ticket.input_file_id,
                    endpoint="/v1/chat/completions",
                    completion_window="24h",
                    metadata={_MARK: ticket.tag},
                )
            )

    async def find(self, ticket: Ticket) -> Batch | None:
        """Look for the batch of a ticket among the account's; one that failed as a whole does not count."""
        with _boundary("the list of batches", self.key):
            async for batch in self.client.batches.list(limit=100):
                if batch.created_at < ticket.created - _CLOCKS:
                    break
                same = batch.input_file_id == ticket.input_file_id
                if (same or (batch.metadata or {}).get(_MARK) == ticket.tag) and batch.status != "failed":
                    return _sound(batch)
        return None

    async def retrieve(self, batch_id: str) -> Batch:
        """Return a batch as it is now."""
        with _boundary(f"the state of the batch {batch_id}", self.key):
            return _sound(await self.client.batches.retrieve(batch_id))

    async def download(self, file_id: str, into: IO[bytes]) -> None:
        """Append a file to `into`, and an end of line."""
        size = 0
        with _boundary(f"the download of {file_id}", self.key):
            async with self.client.files.with_streaming_response.content(file_id) as response:
                async for piece in response.iter_bytes(1 << 20):
                    size += len(piece)
                    if size > _LARGEST:
                        raise TeacherError(Cause.MALFORMED, f"the output file {file_id} is over {_LARGEST >> 30} GiB")
                    into.write(piece)
        into.write(b"\n")


def _sound(found: object) -> Batch:
    """Check what the SDK itself does not: it hands out whatever the server said."""
    from openai.types import Batch

    if not isinstance(found, Batch):
        raise TeacherError(Cause.MALFORMED, "the server's answer describes no batch")
    _text(found.id)
    _text(found.status)
    return found


def _text(found: object) -> str:
    if not isinstance(found, str) or not found:
        raise TeacherError(Cause.MALFORMED, "the server's answer lacks an id or a state")
    return found


@contextmanager
def _boundary(what: str, key: str) -> Iterator[None]:
    """Translate everything the SDK and its transport raise; keys never leave in a message."""
    import httpx2
    import openai

    try:
        yield
    except openai.APIStatusError as error:
        told = _failures.refused(error.status_code, error.response.content, error.response.headers, key)
        cause = Cause.MISCONFIGURED if told.cause in _OF_A_ROW else Cause(told.cause)
        raise TeacherError(cause, f"{what}: {told.reason}", retry_after=told.retry_after) from None
    except (openai.APITimeoutError, httpx2.TimeoutException):
        raise TeacherError(Cause.TIMEOUT, f"{what}: no complete answer within the time limit") from None
    except (openai.APIConnectionError, httpx2.HTTPError, httpx2.StreamError) as error:
        reason = f"{what}: {_failures.said(error.__cause__ or error)}"
        raise TeacherError(Cause.UNREACHABLE, _failures.scrub(reason, key)) from None
    except (openai.OpenAIError, ValueError, TypeError, AttributeError) as error:
        reason = f"{what}: the SDK could not read the answer: {_failures.said(error)}"
        raise TeacherError(Cause.MALFORMED, _failures.scrub(reason, key)) from None
