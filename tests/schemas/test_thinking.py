"""Thinking and answer come apart without losing a word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.thinking import join, split

words = st.text(st.characters(exclude_characters="<>|"), max_size=60)


@given(words, words)
def test_join_then_split(reasoning: str, answer: str) -> None:
    """What was joined comes apart into the same two texts."""
    thought = split(join(reasoning, answer))

    assert (thought.reasoning, thought.answer) == (reasoning.strip(), answer.strip())
    assert thought.closed


@pytest.mark.parametrize(
    ("text", "reasoning", "answer", "closed"),
    [
        ("42", "", "42", True),
        ("<think>a</think>b", "a", "b", True),
        ("a</think>b", "a", "b", True),
        ("<think>a", "a", "", False),
        ("<think>a</think>b</think>c", "a</think>b", "c", True),
        ("<|begin_of_thought|>a<|end_of_thought|><|begin_of_solution|>b<|end_of_solution|>", "a", "b", True),
        ("I <think> so", "", "I <think> so", True),
        ("<think></think>b", "", "b", True),
    ],
)
def test_forms(text: str, reasoning: str, answer: str, closed: bool) -> None:
    """Every inline form of thinking is understood."""
    assert tuple(split(text)) == (reasoning, answer, closed)
