"""Prompts are found in what was asked, by the texts that a plug-in's spec holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from schemas.canonical import fingerprint, spec
from schemas.prompt import fill, user
from schemas.request import Request
from schemas.wording import asked, wordings


@dataclass(frozen=True)
class Inner:
    """A judge."""

    version: ClassVar[int] = 1
    prompt: str = "Judge with care."


@dataclass(frozen=True)
class Outer:
    """A writer that holds judges."""

    version: ClassVar[int] = 1
    prompt: str = "Hint: $hint.\nSolve it for $$5."
    role: str = "teacher"
    empty: str = " "
    fields_only: str = "$question $draft"
    examples: tuple[tuple[str, str], ...] = (("What is one and one?", "Two"), ("And two?", "Four"))
    worked: tuple[Inner, ...] = (Inner(),)


KNOWN = wordings(spec(Outer()))


def _named(*texts: str) -> list[str]:
    return [ref.partition("@")[0].rpartition(".")[2] for ref in asked(KNOWN, Request("teacher", user(*texts)))]


def test_prompts_are_texts_of_several_words_by_field_and_fingerprint() -> None:
    """Nested plug-ins count; roles, blanks and templates without words do not."""
    found = {one.ref.partition("@")[0]: one for one in KNOWN}

    assert sorted(found) == ["test_wording.examples", "test_wording.prompt"]
    assert len([one for one in KNOWN if one.ref.startswith("test_wording.prompt@")]) == 2
    assert f"test_wording.prompt@{fingerprint(Inner().prompt)[:12]}" in {one.ref for one in KNOWN}


def test_filled_prompts_are_found() -> None:
    """What stands in the `$name` fields does not matter, what stands between them does."""
    assert _named("What is it?", fill(Outer().prompt, hint="it is $5.\nSolve it")) == ["prompt"]
    assert _named("Hint: none. Solve it quickly.") == []
    assert _named("Solve it for $5. Hint: x.") == []
    assert _named("") == []


def test_examples_are_one_prompt() -> None:
    """All of them, in order."""
    assert _named("What is one and one?", "Two", "And two?", "Four", "And three?") == ["examples"]
    assert _named("And two?", "Four", "What is one and one?", "Two") == []


@pytest.mark.parametrize("value", [None, 3, "text alone", [], {}, {"name": "x"}, {"name": 3, "params": {"a": "b c"}}])
def test_other_specs_have_none(value: object) -> None:
    """A step's parameters may be anything."""
    assert wordings(value) == ()
