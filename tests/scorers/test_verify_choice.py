"""Multiple choice in every form that models give it."""

# ruff: noqa: RUF001 - look-alikes are what is tested
from __future__ import annotations

import pytest
from fakes.verdicts import judged

CITIES = ("Paris", "London", "Rome", "Berlin")

PICKS_B = [
    "B", "b", "(B)", "B.", "B)", "Ｂ", "**B**", "\\boxed{B}", "\\boxed{\\text{B}}", "\\boxed{\\textbf{(B)}}", "$B$",
    "答案是B", "选B", "故选B。", "答案：B", "正确选项是 B", "Réponse : B", "La respuesta correcta es la B",
    "Answer: B", "Answer: B. Option A is wrong", "The answer is B", "the answer is (b).", "I think the answer is B",
    "option B", "Option B is correct.", "B. London", "B: London", "(B) London", "**Answer: B) London**",
    "London", "It is London.", "\\boxed{London}", "<answer>B</answer>", "<CONCLUSION>B</CONCLUSION>",
    "A is a city in France.\n\nB", "The correct option is B, because it lies on the Thames.",
    "<think>It could be A.</think>B",
]  # fmt: skip

NOT_B = [
    "A", "C", "Paris", "A or B", "A and B", "Both A and B", "B or C", "I cannot tell.", "a dog", "I", "not B", "E",
    "Option B is wrong, so the answer is C.", "Answer: C. B is wrong", "It is not London.", "None of these",
    "\\boxed{E}", "\\boxed{B, C}", "B. Paris", "A city in England", "", "<think>B",
]  # fmt: skip


@pytest.mark.parametrize("prediction", PICKS_B)
def test_every_form_of_b(prediction: str) -> None:
    """Letters in any dress and language, and the option's content."""
    assert judged("B", prediction, CITIES).right


@pytest.mark.parametrize("prediction", NOT_B)
def test_what_is_not_b(prediction: str) -> None:
    """Other options, several options, articles, pronouns and denials."""
    assert not judged("B", prediction, CITIES).right


@pytest.mark.parametrize("prediction", ["It is a city in England", "A city", "a dog", "As I said, no idea."])
def test_the_article_is_no_option(prediction: str) -> None:
    """`a` and `A` before a word do not pick option A."""
    assert not judged("A", prediction, CITIES).right


def test_the_pronoun_is_no_option() -> None:
    """`I think so` does not pick the ninth option."""
    assert not judged("I", "I think so", tuple("qrstuvwxyz")).right


@pytest.mark.parametrize(
    ("gold", "prediction", "choices", "value"),
    [
        ("B", "It is a blue car", ("red", "blue", "green"), "right"),
        ("blue", "B", ("red", "blue", "green"), "right"),
        ("B", "The answer is (B) 25 degrees", ("20 degrees", "25 degrees"), "right"),
        ("B", "15.0", ("10", "15"), "right"),
        ("15", "B", ("10", "15"), "right"),
        ("A, C", "AC", CITIES, "right"),
        ("AC", "A and C", CITIES, "right"),
        ("A, C", "A", CITIES, "wrong"),
        ("A", "B", ("B", "A"), "wrong"),
        ("Madrid", "B", CITIES, "undecided"),
        ("E", "\\boxed{none of these}", ("1", "2", "3", "4", "none of these"), "right"),
    ],
)
def test_letters_and_contents(gold: str, prediction: str, choices: tuple[str, ...], value: str) -> None:
    """Letters and contents stand for each other; several options need all of them."""
    assert judged(gold, prediction, choices).value == value


def test_an_option_that_does_not_exist_is_undecided() -> None:
    """The letter beyond the last option names nothing."""
    verdict = judged("B", "The answer is F.", CITIES)
    assert (verdict.value, verdict.rule) == ("undecided", "choice_unmatched")


def test_a_bare_letter_without_options() -> None:
    """Where the options are not given, the letter alone decides, with its case."""
    assert judged("D", "So the answer is D.").right
    assert judged("D", "\\boxed{E}").value == "wrong"
    assert judged("D", "d").value == "undecided"
