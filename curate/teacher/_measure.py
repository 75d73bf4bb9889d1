"""What the replies to a probe's questions say about an endpoint: pure judgements, each with its evidence in words.

A setting counts as honoured where the output shows it, never because the server took the request. `unknown` is an
answer: where two plain replies differ by themselves, a third that differs proves nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any, Literal

from generators.engines import _wire
from schemas.errors import TeacherError
from schemas.prompt import user
from schemas.request import Cause, Reply, Request, Sampling
from schemas.sample import Media

__all__ = ["NUMBER", "PENALTIES", "Finding", "Said", "context", "findings", "logprobs", "questions", "reasoning"]

Said = Reply | TeacherError
"""How one question ended."""

NUMBER = "574"
"""What is written in the picture that is shown."""
PENALTIES: Mapping[str, float] = {"repetition_penalty": 1.8, "presence_penalty": 2.0, "frequency_penalty": 2.0}
"""Settings so extreme that a text with repetitions cannot stay the same under them."""

_LIMIT = 16
"""Tokens, for the question about the limit: the least that every provider takes."""
_FEWEST_WORDS, _LEAST_REPEATED = 20, 0.2
"""Below these a reply holds too little repetition for a penalty to show."""
_FALL, _CLEAR_FALL = 0.03, 0.15
"""How far the share of repeated words must fall: where plain replies are the same, and where they differ."""
_REFUSALS = frozenset({Cause.BAD_REQUEST, Cause.REFUSED, Cause.MISCONFIGURED})
_CONTEXT = ("max_model_len", "context_length", "context_window", "max_context_length", "n_ctx")
"""vLLM and SGLang, OpenRouter, Groq, Mistral, llama.cpp."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of one ability of an endpoint."""

    name: str
    """A field of `Sampling`, or `reasoning`, `images`, `logprobs`, `context`."""
    answer: Literal["yes", "no", "unknown"]
    evidence: str
    """One line for people."""
    value: str = ""
    """`reasoning`: where it arrives (`generators.engines._wire.place`); `context`: tokens."""


def questions(picture: Media) -> dict[str, Request]:
    """Return what is asked, in order; the first one is answered by every endpoint that answers at all."""
    rhyme = "Write a nursery rhyme about rain. Every line begins with the same three words."
    town = "Invent a town, name it, and say in one sentence what its people do all day."
    plain = Sampling(temperature=0.0, max_tokens=160)
    free = Sampling(temperature=1.0, max_tokens=48)
    shape = {
        "type": "object",
        "properties": {"colour": {"type": "string", "enum": ["red", "green", "blue"]}, "count": {"type": "integer"}},
        "required": ["colour", "count"],
        "additionalProperties": False,
    }
    sheep = "A farmer has 17 sheep and buys twice as many again, then 9 run away. How many are left? Think first."
    seen = Request("teacher", user(picture, "Which number is written here, and on what colour?"), _most(1024))
    return {
        "max_tokens": _ask("Tell a long story about a lighthouse, of 300 words at least.", _most(_LIMIT)),
        "plain": _ask(rhyme, plain),
        "again": _ask(rhyme, plain),
        **{name: _ask(rhyme, _with(plain, name, value)) for name, value in PENALTIES.items()},
        "schema": _ask("Greet me in one plain sentence.", replace(_most(1024), schema=shape)),
        "images": replace(seen, purpose="probe"),
        "seed": _ask(town, replace(free, seed=11)),
        "same_seed": _ask(town, replace(free, seed=11)),
        "other_seed": _ask(town, replace(free, seed=12)),
        "greedy": _ask(town, replace(free, temperature=0.0)),
        "top_k": _ask(town, replace(free, seed=13, top_k=1)),
        "min_p": _ask(town, replace(free, seed=14, min_p=1.0)),
        "reasoning": _ask(sheep, _most(2048)),
        "logprobs": _ask("Say yes.", replace(_most(_LIMIT), extra={"logprobs": True})),
    }


def findings(said: Mapping[str, Said]) -> list[Finding]:
    """Judge everything that replies alone can show; `said` is by the names of `questions`."""
    return [
        _images(said["images"]),
        *(_penalty(name, said) for name in PENALTIES),
        _schema(said["schema"]),
        _seed(said["seed"], said["same_seed"], said["other_seed"]),
        _max_tokens(said["max_tokens"]),
        *(_greedy(name, said) for name in ("top_k", "min_p")),
    ]


def reasoning(said: Said, data: bytes | None) -> Finding:
    """Judge where reasoning arrives; `data` is the reply's body as it came, None where only the reply is known."""
    if isinstance(said, TeacherError):
        return _not_answered("reasoning", said, refusal="unknown")
    place = _wire.place(data) if data is not None else "somewhere" if said.reasoning else "none"
    if place != "none":
        value = "" if data is None else place
        where = "it arrives; where was not asked: no HTTP endpoint" if data is None else f"arrives as {place}"
        return Finding("reasoning", "yes", f"{where}, {len(said.reasoning)} characters", value)
    if said.usage.reasoning:
        return Finding("reasoning", "no", f"hidden: {said.usage.reasoning} tokens counted, none shown", "hidden")
    if said.finish == "length":
        return Finding("reasoning", "unknown", "cut at the token limit before any mark of reasoning or its end")
    return Finding("reasoning", "no", f"nothing but the answer: {_quote(said.text)}", "none")


def logprobs(data: bytes | TeacherError) -> Finding:
    """Judge the raw reply to the question that asked for log-probabilities."""
    if isinstance(data, TeacherError):
        return _not_answered("logprobs", data)
    try:
        given = (json.loads(data)["choices"][0].get("logprobs") or {}).get("content")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return Finding("logprobs", "unknown", "the answer is no chat completion")
    if given:
        return Finding("logprobs", "yes", "given with each token")
    return Finding("logprobs", "no", "ignored: the request is taken, and the reply holds none")


def context(data: bytes | TeacherError, model: str) -> Finding:
    """Read the context length out of the server's list of models."""
    if isinstance(data, TeacherError):
        return Finding("context", "unknown", f"the server gives no list of models: {data.reason}")
    try:
        listed = json.loads(data)["data"]
        own = next((entry for entry in listed if entry["id"] == model), listed[0] if len(listed) == 1 else {})
        places: list[Mapping[str, Any]] = [own, own.get("meta") or {}]
        found = {name: place[name] for place in places for name in _CONTEXT if isinstance(place.get(name), int)}
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return Finding("context", "unknown", "the server's list of models is not in the usual form")
    for name, tokens in found.items():
        return Finding("context", "yes", f"{tokens:,} tokens, as {name} in the server's list of models", str(tokens))
    return Finding("context", "unknown", "the server's list of models does not say")


def _ask(prompt: str, sampling: Sampling) -> Request:
    return Request("teacher", user(prompt), sampling, purpose="probe")


def _most(tokens: int) -> Sampling:
    return Sampling(max_tokens=tokens)


def _with(sampling: Sampling, name: str, value: float) -> Sampling:
    changed: dict[str, Any] = {name: value}
    return replace(sampling, **changed)


def _penalty(name: str, said: Mapping[str, Said]) -> Finding:
    plain, again, changed = said["plain"], said["again"], said[name]
    if isinstance(plain, TeacherError):
        return Finding(name, "unknown", f"nothing to compare with: {plain.reason}")
    if isinstance(changed, TeacherError):
        return _not_answered(name, changed)
    before, after = _all(plain), _all(changed)
    second = before if isinstance(again, TeacherError) else _all(again)
    told = f"at {PENALTIES[name]:g}"
    if after in (before, second):
        if len(_words(before)) < _FEWEST_WORDS or _repeated(before) < _LEAST_REPEATED:
            return Finding(name, "unknown", f"the plain reply repeats too little to tell: {_quote(before)}")
        same = f"ignored: {told} the reply is the same to the letter, {_repeated(before):.0%} of its words repeated"
        return Finding(name, "no", same)
    # The longer a text, the more it repeats: only beginnings of one length compare.
    most = min(len(_words(text)) for text in (before, second, after))
    first, other, got = (_repeated(text, most) for text in (before, second, after))
    shares = f"{told} the repeated share of the first {most} words goes from {first:.0%} to {got:.0%}"
    needed = _FALL if before == second else max(_CLEAR_FALL, 2 * abs(first - other))
    if got <= min(first, other) - needed:
        return Finding(name, "yes", shares)
    why = "too little for a penalty" if before == second else "and two plain replies differ by themselves"
    return Finding(name, "unknown", f"{shares}: {why}")


def _schema(said: Said) -> Finding:
    if isinstance(said, TeacherError):
        return _not_answered("schema", said)
    if said.finish == "length":
        return Finding("schema", "unknown", "the reply was cut at the token limit")
    try:
        found = json.loads(said.text)
    except (ValueError, RecursionError):
        return Finding("schema", "no", f"ignored: the reply is not JSON: {_quote(said.text)}")
    fits = isinstance(found, dict) and set(found) == {"colour", "count"} and type(found["count"]) is int
    if fits and found["colour"] in ("red", "green", "blue"):
        return Finding("schema", "yes", f"the reply fits, though something else was asked: {_quote(said.text)}")
    return Finding("schema", "no", f"the reply is JSON of another form: {_quote(said.text)}")


def _images(said: Said) -> Finding:
    if isinstance(said, TeacherError):
        return _not_answered("images", said)
    words = _words(said.text)
    if NUMBER in words:
        return Finding("images", "yes", f"the number in the picture is read: {_quote(said.text)}")
    if said.finish == "length":
        return Finding("images", "unknown", "taken; the reply was cut at the token limit")
    if "yellow" in words:
        return Finding("images", "unknown", f"the colour is named, the number is not: {_quote(said.text)}")
    return Finding("images", "no", f"taken, and not looked at: {_quote(said.text)}")


def _seed(first: Said, same: Said, other: Said) -> Finding:
    for said in (first, same, other):
        if isinstance(said, TeacherError):
            return _not_answered("seed", said)
    one, two, three = (_all(said) for said in (first, same, other) if isinstance(said, Reply))
    if not one:
        return Finding("seed", "unknown", "no text to compare")
    if one != two:
        return Finding("seed", "no", "one seed gives two replies")
    if one == three:
        return Finding("seed", "unknown", "the reply is the same under another seed: nothing is drawn at temperature 1")
    return Finding("seed", "yes", "one seed gives one reply, another seed another")


def _max_tokens(said: Said) -> Finding:
    name = "max_tokens"
    if isinstance(said, TeacherError):
        return _not_answered(name, said)
    count, words = said.usage.completion, len(_all(said).split())
    if count > _LIMIT or words > _LIMIT:
        return Finding(name, "no", f"at most {_LIMIT} tokens were asked for, {max(count, words)} tokens or words came")
    counted = f"{count} tokens" if count else "tokens not counted"
    if said.finish == "length":
        return Finding(name, "yes", f"cut at {_LIMIT} ({counted}), and said to be cut")
    if count == _LIMIT:
        return Finding(
            name, "unknown", f"at the limit of {_LIMIT} tokens, and said to have ended: a cut may pass as an end"
        )
    return Finding(name, "unknown", f"the reply ended by itself before the limit of {_LIMIT} ({counted})")


def _greedy(name: str, said: Mapping[str, Said]) -> Finding:
    """Judge a setting that leaves one token to choose from: at temperature 1 the reply is the one at temperature 0."""
    changed = said[name]
    if isinstance(changed, TeacherError):
        return _not_answered(name, changed)
    first, other, best = (said[key] for key in ("seed", "other_seed", "greedy"))
    if isinstance(first, TeacherError) or isinstance(other, TeacherError) or isinstance(best, TeacherError):
        return Finding(name, "unknown", "taken; nothing to compare with")
    aim, got = _all(best), _all(changed)
    if not aim or aim in (_all(first), _all(other)):
        return Finding(name, "unknown", "taken; replies are the same without it")
    if got == aim:
        return Finding(
            name, "yes", "with one token left to choose from, temperature 1 gives the reply of temperature 0"
        )
    if _shared(got, aim) * 2 < len(aim) and _steady(said):
        return Finding(name, "no", "ignored: with one token left to choose from, the reply is still drawn")
    return Finding(name, "unknown", "taken; the reply is near the one of temperature 0, or those differ by themselves")


def _steady(said: Mapping[str, Said]) -> bool:
    plain, again = said["plain"], said["again"]
    return isinstance(plain, Reply) and isinstance(again, Reply) and _all(plain) == _all(again)


def _not_answered(name: str, error: TeacherError, refusal: Literal["no", "unknown"] = "no") -> Finding:
    if error.cause in _REFUSALS:
        return Finding(name, refusal, f"refused: {error.reason}")
    return Finding(name, "unknown", f"no answer ({error.cause}): {error.reason}")


def _all(reply: Reply) -> str:
    return f"{reply.reasoning}\n{reply.text}".strip()


def _repeated(text: str, most: int | None = None) -> float:
    """Return the share of words, of the first `most`, that were said before."""
    words = _words(text)[:most]
    return 1 - len(set(words)) / len(words) if words else 0.0


def _words(text: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in text.lower()).split()


def _shared(one: str, other: str) -> int:
    """Return how many characters two texts have in common before they part."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _quote(text: str, most: int = 60) -> str:
    short = " ".join(text.split())
    return f'"{short}"' if len(short) <= most else f'"{short[:most]}…"'
