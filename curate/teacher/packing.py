"""Requests and replies as the ledger's blobs: compact JSON, compressed with zstd where that pays."""

from __future__ import annotations

import json
import threading
from typing import Any

from schemas.canonical import JSON, canonical
from schemas.request import Cause, Outcome, Reply, Usage

__all__ = ["pack", "read_json", "read_outcome", "unpack", "write_outcome"]

_SMALL = 4_096
"""Bytes below which compression saves less than it costs: a page of the file, against 30 microseconds a reading."""

_codecs = threading.local()


def pack(data: bytes) -> bytes:
    """Return the bytes as they are stored: four of the length (0 where not compressed), then the data."""
    if len(data) < _SMALL:
        return b"\0\0\0\0" + data
    return len(data).to_bytes(4, "little") + bytes(_codec().compress(data, asbytes=True))


def unpack(blob: bytes) -> bytes:
    """Return the bytes of a stored request or reply.

    Raises:
        OSError, ValueError: the blob is damaged.

    """
    size = int.from_bytes(blob[:4], "little")
    return bytes(_codec().decompress(blob[4:], size, asbytes=True)) if size else blob[4:]


def read_json(blob: bytes) -> JSON:
    """Return the JSON of a stored request or reply.

    Raises:
        OSError, ValueError: the blob is damaged.

    """
    return json.loads(unpack(blob).decode("utf-8", "surrogatepass"))


def write_outcome(outcome: Outcome) -> bytes:
    """Return a remembered outcome as JSON; its cause, key and model are columns of their own."""
    reply = outcome.reply
    if reply is None:
        return canonical({"reason": outcome.reason})
    usage = reply.usage
    body = {
        "text": reply.text, "reasoning": reply.reasoning, "finish": reply.finish, "model": reply.model,
        "closed": reply.closed, "latency": reply.latency,
        "usage": [usage.prompt, usage.completion, usage.reasoning, usage.cached],
    }  # fmt: skip
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def read_outcome(key: str, cause: str, blob: bytes, model: str) -> Outcome:
    """Return a stored outcome.

    Raises:
        LookupError, OSError, TypeError, ValueError: the row is damaged.

    """
    body = read_json(blob)
    if "text" not in body:
        return Outcome(Cause(cause), reason=body["reason"], key=key, model=model, from_ledger=True)
    reply = Reply(
        text=body["text"],
        reasoning=body["reasoning"],
        finish=body["finish"],
        usage=Usage(*body["usage"]),
        model=body["model"],
        latency=body["latency"],
        closed=body["closed"],
    )
    return Outcome(Cause(cause), reply, key=key, model=model, from_ledger=True)


def _codec() -> Any:
    if not hasattr(_codecs, "zstd"):
        import pyarrow as pa

        _codecs.zstd = pa.Codec("zstd", compression_level=3)
    return _codecs.zstd
