"""What is asked of a model, what comes back, and the programs that do the asking.

A program is a plain generator. It yields a batch of `Request` (ask a model) or `Call` (run slow pure work in a worker
process) and is sent one `Outcome` for each, in order. It holds no I/O, no clock and no randomness of its own, so it is
resumed by running it again against the ledger.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from schemas.canonical import JSON, canonical
from schemas.sample import Message

__all__ = [
    "Call",
    "Cause",
    "Keys",
    "Outcome",
    "Program",
    "Reply",
    "Request",
    "Sampling",
    "Usage",
    "request_body",
    "request_key",
    "request_keys",
]


class Cause(StrEnum):
    """How one request ended."""

    OK = "ok"
    TRUNCATED = "truncated"
    """Cut at the token limit; the reply is there, its end is not."""
    REFUSED = "refused"
    """The provider's content filter, or an explicit refusal. Remembered."""
    BAD_REQUEST = "bad_request"
    """The server will never take this request (4xx). Remembered."""
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    """503 and its kin."""
    SERVER_ERROR = "server_error"
    """Any other 5xx."""
    UNREACHABLE = "unreachable"
    """Connection refused, reset or closed half-way."""
    TIMEOUT = "timeout"
    MALFORMED = "malformed"
    """A body that is not the JSON it should be."""
    EMPTY = "empty"
    """A finished reply with neither text nor reasoning."""
    MISCONFIGURED = "misconfigured"
    """The endpoint turns every request away: wrong key, model or address. Ends the run."""
    CANCELLED = "cancelled"
    CALL_FAILED = "call_failed"
    """A `Call` raised, or its worker died."""

    @property
    def answered(self) -> bool:
        """True where the outcome carries a reply."""
        return self in (Cause.OK, Cause.TRUNCATED)

    @property
    def remembered(self) -> bool:
        """True where asking again would give the same, so the ledger keeps it."""
        return self in (Cause.OK, Cause.TRUNCATED, Cause.REFUSED, Cause.BAD_REQUEST)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a reply is drawn. None leaves a setting to the server."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    """Upper limit of generated tokens, reasoning included."""
    seed: int | None = None
    stop: tuple[str, ...] = ()
    repetition_penalty: float | None = None
    """Multiplicative, 1 is off (vLLM, SGLang, llama.cpp); an OpenAI-style endpoint may ignore it."""
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    schema: Mapping[str, JSON] | None = None
    """JSON schema the reply must follow (structured output)."""
    extra: Mapping[str, JSON] = field(default_factory=dict)
    """Further fields of the request's body, as they are."""

    def to_json(self) -> JSON:
        """Return the settings that are set, as JSON."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) not in (None, (), {})}


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model in a role (`teacher`, `student`, `judge`, `reviser`, ...)."""

    role: str
    messages: tuple[Message, ...]
    sampling: Sampling = field(default_factory=Sampling)
    try_index: int = 0
    """Tells repeated draws of the same question apart."""
    purpose: str = ""
    """What it is for, e.g. `necessity.blind`; for people, never part of the key."""


EXCLUDED: Mapping[str, str] = {
    "role": "two roles bound to one model get the same reply for the same question",
    "purpose": "a label for people",
    "timeout": "how long one waits does not change what is said",
    "concurrency": "how many ask at once does not change what is said",
    "key": "secrets are never stored, and the same model behind another key is the same model",
    "base_url": "the same model on another port or mirror is the same model",
    "order": "requests are answered one by one",
    "media.name": "the bytes are the picture, not the file's name",
}
"""Everything about a request that is not in its key, and why."""


class Keys(NamedTuple):
    """What a request to a model is known by; made once, because it is needed before and after the asking."""

    key: str
    """Hash of all that decides the reply, 64 hex digits."""
    family: str
    """Hash of the same without the token limit: a reply that ended by itself is as good under every limit it fits."""
    body: bytes
    """Canonical form of `request_body`, which `key` is the hash of."""


def request_keys(request: Request, identity: str) -> Keys:
    """Return the keys of a request to the model `identity`.

    In the key: model identity, messages with media hashes, sampling, try index. Not in it: see `EXCLUDED`.
    """
    sampling = request.sampling.to_json()
    # Written member by member in the order of their names, so that the long ones are written once.
    head = b'{"messages":%b,"model":%b,"sampling":' % (
        canonical([message.to_json() for message in request.messages]),
        canonical(identity),
    )
    tail = b',"try":%d}' % request.try_index
    body = b"%b%b%b" % (head, canonical(sampling), tail)
    if sampling.pop("max_tokens", None) is None:
        family = b'{"family":%b}' % body
    else:
        family = b'{"family":%b%b%b}' % (head, canonical(sampling), tail)
    return Keys(hashlib.sha256(body).hexdigest(), hashlib.sha256(family).hexdigest(), body)


def request_key(request: Request, identity: str) -> str:
    """Return the ledger key of a request to the model `identity`: 64 hex digits."""
    return request_keys(request, identity).key


def request_body(request: Request, identity: str) -> JSON:
    """Return the JSON that a request's key is the hash of, as it is stored in the ledger to explain a miss."""
    return {
        "model": identity,
        "messages": [message.to_json() for message in request.messages],
        "sampling": request.sampling.to_json(),
        "try": request.try_index,
    }


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one reply as the server counted them."""

    prompt: int = 0
    completion: int = 0
    """Reasoning included."""
    reasoning: int = 0
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said."""

    text: str
    """The visible answer, without its thinking."""
    reasoning: str = ""
    """The thinking, wherever the server put it."""
    finish: str = "stop"
    """`stop`, `length`, ... as the server said."""
    usage: Usage = field(default_factory=Usage)
    model: str = ""
    """The model's name as the server gave it."""
    latency: float = field(default=0.0, compare=False)
    """Seconds from sending to the last byte."""
    closed: bool = True
    """False where thinking was opened and never closed."""


@dataclass(frozen=True, slots=True)
class Call:
    """Slow pure work for a killable worker process: `function(*args)`, both picklable."""

    function: Callable[..., Any]
    args: tuple[Any, ...] = ()
    deadline: float = 2.0
    """Seconds; past it the worker is killed and the outcome's cause is `timeout`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one request or call ended."""

    cause: Cause
    reply: Reply | None = None
    value: Any = None
    """What a `Call` returned."""
    reason: str = ""
    """For people, where there is no reply."""
    key: str = ""
    """The request's ledger key."""
    model: str = ""
    """Identity of the model that was asked."""
    from_ledger: bool = field(default=False, compare=False)

    @property
    def ok(self) -> bool:
        """True where the reply is whole (or the call returned)."""
        return self.cause is Cause.OK


R = TypeVar("R")

Program = Generator[Sequence[Request | Call], Sequence[Outcome], R]
"""A durable program that returns an `R`."""
