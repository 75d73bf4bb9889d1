"""Where the answer stands in a text."""

# ruff: noqa: RUF001 - look-alikes are what is tested
from __future__ import annotations

import pytest
from fakes.verdicts import judged

from scorers._clean import clean, peel
from scorers._extract import find_math, stated, visible


@pytest.mark.parametrize(
    ("text", "answer", "rule"),
    [
        ("The answer is 42.", "42", "answer_line"),
        ("\\boxed{42}", "42", "box"),
        ("\\boxed{\\frac{1}{2}}", "\\frac{1}{2}", "box"),
        ("\\boxed{12} or maybe \\boxed{13}", "13", "box"),
        ("\\boxed{12}\n\nLet me check: \\boxed{12}", "12", "box"),
        ("\\(\\boxed{1}\\) and \\(\\boxed{-2}\\).", "1, -2", "box"),
        ("$\\boxed{28}$ pct", "28 pct", "box"),
        ("\\boxed{4.5}$ square miles.", "4.5 square miles", "box"),
        ("It is \\boxed{255}. So in all $10,455. Final Answer: The final answer is $10,455$.", "10,455", "answer_line"),
        ("Final answer: 3. Or rather \\boxed{4}", "4", "box"),
        ("<answer>7</answer>", "7", "tag"),
        ("<CONCLUSION> 7 </CONCLUSION>", "7", "tag"),
        ("Step 1: 5.\n\nAnswer: 12\n\nNote: the year was 1999.", "12", "answer_line"),
        ("Final answer: $12$ apples", "12 apples", "answer_line"),
        ("Answer \\[ \n 9 \n \\]", "9", "answer_line"),
        ("## Answer\n**73**", "73", "answer_line"),
        ("6 * 57 = 342\nA: 342", "342", "answer_line"),
        ("so\n#### 18", "18", "answer_line"),
        ("最终答案是 \\boxed{12}。", "12", "box"),
        ("答案是90度", "90度", "answer_line"),
        ("答案\uff1a一共有29只。", "29只", "answer_line"),
        ("答案\uff1a所以还剩下3.5千克", "3.5千克", "answer_line"),
        ("答案\uff1a至少有29只", "至少有29只", "answer_line"),
        ("La respuesta es 17.", "17", "answer_line"),
        ("정답: 17", "17", "answer_line"),
        ("Therefore $x < 5$ is the solution.", "x < 5", "formula"),
        ("The result is **73**", "73", "bold"),
        ("$1$ and $2$ and $3$", "1 and 2 and 3", "whole"),
        ("so the number is 10 which is 1,000.99m²", "1,000.99 m^{2}", "last_number"),
    ],
)
def test_the_strongest_statement_wins(text: str, answer: str, rule: str) -> None:
    """A box before a line, a line before bold, bold before formulas, numbers last."""
    found = find_math(clean(text))
    assert found is not None
    assert (" ".join(found.text.split()), found.rule) == (answer, rule)


@pytest.mark.parametrize("text", ["I cannot tell.", "light blue", "", "AZYUK2A"])
def test_nothing_found_is_said(text: str) -> None:
    """No number is made up where there is none."""
    found = find_math(clean(text))
    assert found is None or not any(char.isdigit() for char in found.text) or found.text == text


def test_an_unclosed_box_is_no_answer() -> None:
    """A text that was cut in its box has not answered, whatever came before."""
    found = stated("\\boxed{5} no wait \\boxed{12")
    assert found is not None
    assert (found.text, found.rule) == ("", "unclosed_box")


def test_the_next_turn_of_a_chat_does_not_count() -> None:
    """What a model dreamt up after its answer is cut off."""
    assert visible("It is 7.<|im_end|>\n<|im_start|>user\nAnd 8?") == "It is 7."


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("**$\\boxed{\\text{B}}$**", "B"),
        ("\\[ 9 \\].", "9"),
        ("`x`", "x"),
        ('"yes"', "yes"),
        ("7!", "7!"),
        ("$a$ and $b$", "$a$ and $b$"),
        ("$5", "$5"),
    ],
)
def test_peeling_takes_off_only_the_dressing(text: str, bare: str) -> None:
    """Marks around the whole go, marks inside stay, a factorial stays."""
    assert peel(clean(text)).strip() == bare


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("１２", "12"),
        ("٣", "3"),
        ("𝟏", "1"),
        ("−7", "-7"),
        ("1\u200b", "1"),
        ("m²", "m^{2}"),
        ("2½", "2 1/2"),
        ("\\frac13", "\\frac{1}{3}"),
        ("14{,}916", "14916".replace("14", "14,")),
        ("12,\\!000", "12,000"),
        ("90^\\circ", "90°"),
        ("\\\\boxed{5}", "\\boxed{5}"),
    ],
)
def test_one_spelling(text: str, plain: str) -> None:
    """Digits, signs and commands have one form after cleaning."""
    assert clean(text) == plain


@pytest.mark.parametrize(
    "box", ["7 \\text{ goats and } 4 \\text{ cows}", "n = 4k+2 \\text{ or } n = 4k+3 \\text{ for } k = 4"]
)
def test_a_box_of_words_and_numbers_is_not_its_last_number(box: str) -> None:
    """What stands in a box is the answer whole."""
    assert judged("4", f"\\boxed{{{box}}}").value != "right"
