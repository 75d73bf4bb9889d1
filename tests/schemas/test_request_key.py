"""Request keys: moved by everything that decides a reply, by nothing else."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from schemas.canonical import canonical, fingerprint
from schemas.prompt import user
from schemas.request import Request, Sampling, request_body, request_key, request_keys
from schemas.sample import Media, Message

PICTURE = Media("ab" * 32, "image/png", 4, 3, 100, "a.png")
BASE = Request(
    "teacher", (Message("system", ("be brief",)), *user("why?", PICTURE)), Sampling(temperature=0.6, max_tokens=100)
)


@pytest.mark.parametrize(
    "changed",
    [
        dataclasses.replace(BASE, role="judge"),
        dataclasses.replace(BASE, purpose="difficulty"),
        dataclasses.replace(
            BASE,
            messages=(BASE.messages[0], *user("why?", dataclasses.replace(PICTURE, name="b.png", width=9, mime="x"))),
        ),
    ],
)
def test_excluded_fields_do_not_move_the_key(changed: Request) -> None:
    """Roles, purposes and file names change nothing about the reply."""
    assert request_key(changed, "m") == request_key(BASE, "m")


_OTHER: dict[str, Any] = {
    "temperature": 0.7, "top_p": 0.9, "max_tokens": 101, "seed": 1, "stop": ("x",), "repetition_penalty": 1.1,
    "presence_penalty": 0.1, "frequency_penalty": 0.1, "top_k": 5, "min_p": 0.1, "schema": {"type": "object"},
    "extra": {"min_tokens": 5},
}  # fmt: skip


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Sampling)])
def test_every_sampling_field_moves_the_key(name: str) -> None:
    """A new sampling field cannot be forgotten: the test runs over all of them."""
    changed = dataclasses.replace(BASE, sampling=dataclasses.replace(BASE.sampling, **{name: _OTHER[name]}))

    assert request_key(changed, "m") != request_key(BASE, "m")


@pytest.mark.parametrize(
    "changed",
    [
        dataclasses.replace(BASE, try_index=1),
        dataclasses.replace(BASE, messages=BASE.messages[1:]),
        dataclasses.replace(BASE, messages=(BASE.messages[0], *user("why? ", PICTURE))),
        dataclasses.replace(BASE, messages=(BASE.messages[0], *user(PICTURE, "why?"))),
        dataclasses.replace(
            BASE, messages=(BASE.messages[0], *user("why?", dataclasses.replace(PICTURE, sha256="cd" * 32)))
        ),
    ],
)
def test_what_is_asked_moves_the_key(changed: Request) -> None:
    """Text, order, pictures and try index decide the reply."""
    assert request_key(changed, "m") != request_key(BASE, "m")


def test_model_moves_the_key() -> None:
    """Another model is another question."""
    assert request_key(BASE, "m") != request_key(BASE, "n")


@pytest.mark.parametrize(
    "sampling", [Sampling(), BASE.sampling, Sampling(max_tokens=7, stop=("\n",), extra={"a": 2.0})]
)
def test_keys_are_hashes_of_the_canonical_body(sampling: Sampling) -> None:
    """However the bytes are put together, they are those of the canonical form; the family leaves the limit out."""
    request = Request("r", (*BASE.messages, Message("user", ('\ud800 é\n"',))), sampling, try_index=3)
    keys = request_keys(request, "modèle \ud7ff")
    body = request_body(request, "modèle \ud7ff")

    assert (keys.body, keys.key) == (canonical(body), fingerprint(body))
    body["sampling"].pop("max_tokens", None)
    assert keys.family == fingerprint({"family": body})
