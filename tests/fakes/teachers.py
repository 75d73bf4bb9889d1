"""A model behind an endpoint, played: it honours, ignores or refuses each setting, as told."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fakes.server import Answer

PENALTIES = ("repetition_penalty", "presence_penalty", "frequency_penalty")
RHYME = "rain rain falls on the roof all day long\n" * 12
VARIED = " ".join(f"word{n}" for n in range(60))
THOUGHT = "First fifty one, then forty two."


@dataclass
class Player:
    """Answers a probe's questions. By default it honours everything and thinks in `reasoning`."""

    ignored: frozenset[str] = frozenset()
    """Settings without effect; `images` is one."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """Settings that are turned away, and with which status."""
    thinks: Mapping[str, Any] = field(default_factory=lambda: {"content": "42", "reasoning": THOUGHT})
    """The message that answers the question that wants thinking."""
    restless: bool = False
    """No two replies are the same."""
    fixed: str = ""
    """Says this whatever is asked."""
    _count: Callable[[], int] = field(default_factory=lambda: itertools.count().__next__)

    def __call__(self, body: Mapping[str, Any], before: int) -> Answer:
        asked = {*body, *(["images"] if "image_url" in json.dumps(body["messages"]) else [])}
        for name, status in self.refused.items():
            if name in asked:
                return Answer(f"no {name} here", status=status)
        heeded = {name: value for name, value in body.items() if name not in self.ignored}
        sees = "images" in asked - self.ignored
        message = {"content": self.fixed} if self.fixed else self._message(heeded, sees=sees)
        return _answer(message, heeded, body)

    def _message(self, body: Mapping[str, Any], *, sees: bool) -> Mapping[str, Any]:
        text = str(body["messages"])
        if "sheep" in text:
            return self.thinks
        if "response_format" in body:
            return {"content": '{"colour": "red", "count": 3}'}
        if "Which number" in text:
            return {"content": "The number is 574, on yellow." if sees else "I would need to see it."}
        if "lighthouse" in text:
            return {"content": "The light goes round. " * 50}
        if "rhyme" in text:
            said = VARIED if any(body.get(name) for name in PENALTIES) else RHYME
            return {"content": f"{said} {self._count()}" if self.restless else said}
        return {"content": self._town(body)}

    def _town(self, body: Mapping[str, Any]) -> str:
        drawn = body.get("temperature") and body.get("top_k") != 1 and body.get("min_p") != 1.0
        if not drawn:
            return "Greytown, whose people mend nets."
        seed = self._count() if self.restless or "seed" not in body else body["seed"]
        return f"Number {seed} is a town where all sleep."


def _answer(message: Mapping[str, Any], heeded: Mapping[str, Any], body: Mapping[str, Any]) -> Answer:
    words = str(message.get("content") or "").split(" ")
    most = heeded.get("max_tokens", len(words))
    cut = len(words) > most
    if cut:
        message = {**message, "content": " ".join(words[:most])}
    choice = {"index": 0, "message": message, "finish_reason": "length" if cut else "stop"}
    if heeded.get("logprobs"):
        choice["logprobs"] = {"content": [{"token": "yes", "logprob": -0.1}]}
    counts = {"prompt_tokens": 9, "completion_tokens": min(len(words), most)}
    return Answer(raw=json.dumps({"model": body["model"], "choices": [choice], "usage": counts}).encode())
