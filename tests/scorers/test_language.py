"""A switch of script is told from names, terms, quotations and formulas."""

from __future__ import annotations

import pytest
from fakes.programs import sample
from fakes.traces import made

from schemas.errors import ConfigError
from schemas.score import Score
from scorers.language import Language

ENGLISH = "First we count the apples in the left basket and then the pears in the right one, and add them. "
CHINESE = "首先我们数一数左边篮子里的苹果\uff0c然后数右边篮子里的梨\uff0c最后把两个数加起来得到答案。"
BENGALI = "প্রথমে আমরা বাম ঝুড়ির আপেল গুনি, তারপর ডান ঝুড়ির নাশপাতি গুনি এবং শেষে যোগ করি। "
RUSSIAN = "Сначала сосчитаем яблоки в левой корзине, потом груши в правой, и сложим их вместе. "
JAPANESE = "まず左のかごにあるリンゴを数えて、次に右のかごにある梨を数え、最後に二つの数を足します。"


def rate(question: str, reasoning: str, answer: str = "", **how: str) -> Score:
    """Rate a trace of a question."""
    return Language(**how)(sample(question), made(reasoning, answer))


@pytest.mark.parametrize(
    ("question", "text"),
    [
        (ENGLISH, ENGLISH * 3),
        (CHINESE, CHINESE * 3),
        (BENGALI, BENGALI * 3),
        (JAPANESE, JAPANESE * 3),
        (ENGLISH, ENGLISH * 2 + r"So $\alpha + \beta = \pi$ and \(\text{面积} = 4\)." + ENGLISH),
        (ENGLISH, ENGLISH * 2 + "with \u03b1, β and θ as angles, Σ as the sum. " + ENGLISH),
        (ENGLISH, ENGLISH * 2 + 'The sign says "出口就在左边的门后面" there. ' + ENGLISH),
        (ENGLISH, ENGLISH * 2 + "The word (苹果) means apple. " + ENGLISH),
        (ENGLISH, ENGLISH + "\n```\nprint('首先我们数一数左边篮子里的苹果')\n```\n" + ENGLISH),
        (CHINESE, CHINESE * 2 + "使用 Python 的 NumPy 库\uff0c调用 linspace 函数。" + CHINESE),
        ("What does 苹果 mean? " + ENGLISH, ENGLISH * 2 + "We know 苹果 from class: 苹果 it is. " + ENGLISH),
    ],
)
def test_one_language_passes(question: str, text: str) -> None:
    """Formulas, code, quotations, asides, terms and words of the question are no switch."""
    assert rate(question, text).passed is True


@pytest.mark.parametrize(
    ("question", "reasoning", "answer", "part"),
    [
        (ENGLISH, ENGLISH * 2 + "\n\n" + CHINESE + "\n\n" + ENGLISH, ENGLISH, "reasoning"),
        (ENGLISH, ENGLISH * 3, CHINESE, "answer"),
        (CHINESE, CHINESE + "\n\n" + ENGLISH * 2, CHINESE, "reasoning"),
        (BENGALI, ENGLISH * 3, BENGALI, "reasoning"),
        (ENGLISH, ENGLISH, RUSSIAN, "answer"),
    ],
)
def test_a_switch_is_found_and_placed(question: str, reasoning: str, answer: str, part: str) -> None:
    """Whole paragraphs in another script fail, with where they begin."""
    score = rate(question, reasoning, answer)
    assert score.passed is False
    assert score.detail["part"] == part
    assert score.detail["text"]


def test_more_of_it_is_worse() -> None:
    """The value is the share of letters in the reference's script."""
    some = rate(ENGLISH, ENGLISH * 6 + "\n\n" + CHINESE).value
    more = rate(ENGLISH, ENGLISH * 6 + ("\n\n" + CHINESE) * 4).value
    assert 1 > some > more > 0


def test_thinking_in_another_language_can_be_asked_to_be_consistent_only() -> None:
    """With the trace as reference an English chain for a Bengali question passes."""
    assert rate(BENGALI, ENGLISH * 3, ENGLISH, reference="trace").passed is True
    assert rate(BENGALI, ENGLISH * 3, ENGLISH).value == 0
    assert rate(BENGALI, ENGLISH * 3, BENGALI, reference="trace").passed is False


def test_a_short_question_in_chinese_is_a_chinese_question() -> None:
    """Its letters are words; a few Latin ones are still no language, and the trace's own script counts."""
    short = "一个皮球65元\uff0c一个球拍38元\uff0c皮球比球拍多几元\uff1f"
    assert rate(short, ENGLISH * 2).passed is False
    assert rate(short, CHINESE * 2).passed is True
    assert rate("Find x.", CHINESE * 2).passed is True


def test_a_named_script_counts_whatever_the_question_is_written_in() -> None:
    """Of a formula too, and of a question in another language."""
    for question in ("3 + 5 = ?", CHINESE, ENGLISH):
        assert rate(question, ENGLISH * 2, script="Han").passed is False
        assert rate(question, CHINESE * 2, script="Han").passed is True
    assert rate("3 + 5 = ?", "3 + 5 = 8", script="Han").value is None


def test_a_share_that_is_none_is_refused() -> None:
    """It would pass everything, or nothing."""
    for most in (-0.1, 2.0):
        with pytest.raises(ConfigError, match="from 0 to 1"):
            Language(most=most)


def test_the_parts_are_named() -> None:
    """Detail says which script each part is in."""
    detail = rate(BENGALI, ENGLISH, BENGALI).detail
    assert (detail["reference"], detail["reasoning"], detail["answer"]) == ("Bengali", "Latin", "Bengali")
    assert detail["switches"] == 1


def test_too_few_letters_are_unscored() -> None:
    """A formula has no language."""
    assert rate(ENGLISH, "$x = \\frac{1}{2}$", "42").value is None


def test_a_formula_as_question_leaves_the_reference_to_the_trace() -> None:
    """The trace is held against itself where the question has no words."""
    assert rate("$2+2=?$", ENGLISH * 3).value == 1
