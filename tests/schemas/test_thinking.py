"""Thinking and answer come apart without losing a word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.thinking import join, marks, split, unmarked

words = st.text(st.characters(exclude_characters="<>|[]\u25c1\u25b7"), max_size=60)


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
        ("\n<|begin_of_solution|>\nb\n<|end_of_solution|>", "", "b", True),
        ("<|START_RESPONSE|>b<|END_RESPONSE|>", "", "b", True),
        ("See <|begin_of_solution|>", "", "See <|begin_of_solution|>", True),
        ("I <think> so", "", "I <think> so", True),
        ("<think></think>b", "", "b", True),
        ("\u25c1think\u25b7a\u25c1/think\u25b7b", "a", "b", True),
        ("[THINK]a[/THINK]b", "a", "b", True),
        ("<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>b<|END_RESPONSE|>", "a", "b", True),
        ("<reasoning>a</reasoning><answer>b</answer>", "a", "<answer>b</answer>", True),
        ("<answer>b</answer><reasoning>a</reasoning>", "", "<answer>b</answer><reasoning>a</reasoning>", True),
        ("<reasoning>a", "a", "", False),
        ("<REASONING>a</REASONING>\n<SOLUTION>b</SOLUTION>", "a", "<SOLUTION>b</SOLUTION>", True),
        ("<REASONING>a</REASONING><CONCLUSION>b", "", "<REASONING>a</REASONING><CONCLUSION>b", True),
        ("<REASONING>a", "", "<REASONING>a", True),
        ("<SUMMARY>a</SUMMARY>", "", "<SUMMARY>a</SUMMARY>", True),
        ("<Reasoning>a</Reasoning>b", "a", "b", True),
        ("<REASONING>a</REASONING>b", "", "<REASONING>a</REASONING>b", True),
        ("<|im_start|>assistant\n<think>a</think>b", "a", "b", True),
        ("<think>a</think><think>b", "a</think><think>b", "", False),
        ("Sure!\n<think>\na", "Sure!\n<think>\na", "", False),
        ("analysisaassistantfinalb", "analysisa", "b", True),
        ("analysis of b", "", "analysis of b", True),
        ("<|channel|>analysis<|message|>a", "<|channel|>analysis<|message|>a", "", False),
    ],
)
def test_forms(text: str, reasoning: str, answer: str, closed: bool) -> None:
    """Every inline form of thinking is understood."""
    assert tuple(split(text)) == (reasoning, answer, closed)


def test_the_final_channel_is_the_answer() -> None:
    """A text in channels answers in its final channel only."""
    thought = split("<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>")

    assert (thought.answer, thought.closed) == ("b", True)


@pytest.mark.parametrize("token", ["<think>", " \n", "\t<think>a ", "<|channel|>analysis ", "< think"])
def test_a_megabyte_is_taken_apart(token: str) -> None:
    """Repeated marks cost linear time: a megabyte ends within the suite's limit."""
    text = token * (1_000_000 // len(token))
    assert isinstance(split(text).closed, bool)
    assert isinstance(marks(text), list)
    assert len(unmarked(text)) <= len(text)


def test_marks_are_the_tags_that_split_reads() -> None:
    """In order, each with its kind and its place; words of sections and channels only where a text begins with them."""
    text = "<think>a [THINK] <analysis> </think>b"
    assert [(mark.kind, mark.opens, text[mark.start : mark.end]) for mark in marks(text)] == [
        ("think", True, "<think>"),
        ("[think]", True, "[THINK]"),
        ("think", False, "</think>"),
    ]
    section = "<analysis>a</analysis>b"
    assert [(mark.kind, mark.opens) for mark in marks(section)] == [("analysis", True), ("analysis", False)]
    assert marks(section, inline=False) == []
    assert unmarked("<s>< think >a</ think ><|begin_of_solution|>b") == "ab"
