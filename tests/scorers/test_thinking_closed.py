"""Thinking is opened once, closed once, and nothing is lost."""

from __future__ import annotations

import pytest
from fakes.programs import sample
from fakes.traces import given, made

from schemas.score import Score
from scorers.thinking_closed import ThinkingClosed

THOUGHT, END = "<|begin_of_thought|>", "<|end_of_thought|>"
SOLUTION, DONE = "<|begin_of_solution|>", "<|end_of_solution|>"


def rate(response: str) -> Score:
    """Rate a text with its tags."""
    return ThinkingClosed()(sample(meta={"response": response}), given(response))


@pytest.mark.parametrize(
    ("response", "kinds"),
    [
        ("<think>a</think>b", "think"),
        ("<thinking>\na\n</thinking>\n\nb", "thinking"),
        ("a, opened by the template</think>b", "think"),
        (f"{THOUGHT}a{END}\n\n{SOLUTION}b{DONE}", "|solution|, |thought|"),
        ("<think>a</think><answer>b</answer>", "answer, think"),
        ("< think >a< /think >b", "think"),
        ("<seed:think>a</seed:think>b", "seed:think"),
        ("<|think|>a<|/think|>b", "|think|"),
        ("<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>b<|END_RESPONSE|>", "|response|, |thinking|"),
        ("\u25c1think\u25b7a\u25c1/think\u25b7b", "\u25c1think\u25b7"),
        ("[THINK]a[/THINK]b", "[think]"),
        ("<unused94>a<unused95>b", "unused"),
        ("<|im_start|>assistant\n<think>a</think>b", "think"),
        ("<reasoning>a</reasoning><answer>b</answer>", "answer, reasoning"),
        ("<REASONING>a</REASONING>\n<SOLUTION>b</SOLUTION>", "reasoning, solution"),
        ("<analysis>a</analysis>b", "analysis"),
        ("<think>a <reasoning>b</reasoning></think>c", "think"),
        ("<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>", "channel"),
        ("analysisaassistantfinalb", "channel"),
    ],
)
def test_whole_thinking_passes(response: str, kinds: str) -> None:
    """One opening, one closing, text after it."""
    score = rate(response)
    assert (score.value, score.detail["kinds"], score.detail["as_written"]) == (1.0, kinds, True)


@pytest.mark.parametrize(
    ("response", "fault"),
    [
        ("<think>a and a and a", "unclosed"),
        ("<think>a<think>b</think>c", "opened_again"),
        ("<think>a</think>b<think>c</think>d", "opened_again"),
        ("<think>a</think>b</think>c", "closed_again"),
        ("</think>a<think>b", "opened_again"),
        ("Sure. <think>a</think>b", "late"),
        (f"<think>a{END}b", "mixed_kinds"),
        (f"{THOUGHT}a{END}{SOLUTION}b", "unclosed_answer"),
        ("<think>a<answer>b</answer></think>c", "answer_inside"),
        ("<think>a</think>", "no_answer"),
        ("[THINK]a", "unclosed"),
        ("<seed:think>a</think>b", "mixed_kinds"),
        ("<reasoning>a</reasoning>b</reasoning>c", "closed_again"),
        ("<|channel|>analysis<|message|>a", "unclosed"),
    ],
)
def test_faults_are_named(response: str, fault: str) -> None:
    """Each fault has its name and its place."""
    score = rate(response)
    assert (score.value, score.detail["fault"]) == (0.0, fault)
    assert "character" in score.reason


def test_a_stored_trace_has_no_tags_left() -> None:
    """Thinking in a field of its own is whole; a tag inside it is one too many."""
    check = ThinkingClosed()
    assert check(sample(), made("a", "b")).detail["kinds"] == "field"
    assert check(sample(), made("a </think> b", "c")).detail["fault"] == "tag_in_text"
    assert check(sample(), made("a", "")).detail["fault"] == "no_answer"


def test_stages_of_an_answer_are_no_thinking() -> None:
    """LLaVA-CoT's reasoning is a part of the answer: stored in its tags it is whole, asked for by itself it is text."""
    check = ThinkingClosed()
    stages = "<SUMMARY> s </SUMMARY>\n\n<REASONING> r </REASONING>"
    assert check(sample(), made(stages, "<CONCLUSION> 4 </CONCLUSION>")).value == 1.0
    assert rate("<REASONING> r </REASONING> <CONCLUSION> 4 </CONCLUSION>").value is None


def test_no_thinking_is_unscored() -> None:
    """An answer alone has nothing to close."""
    assert rate("The answer is 4.").value is None
    assert ThinkingClosed()(sample(), made("", "4")).value is None
