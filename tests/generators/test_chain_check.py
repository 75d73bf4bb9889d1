"""The judge of chains: the other conclusion that it has to refuse is of the kind of the own one."""

from __future__ import annotations

import json

import pytest
from fakes.programs import play, said, sample
from fakes.staged import blocks

from generators._chain_check import Judging, doubt
from schemas.request import Request, Sampling

JUDGING = Judging("test", "judge", "$code\n$material", Sampling(), control=True)


@pytest.mark.parametrize(
    ("conclusion", "other"),
    [
        ("Answer: yes", "Answer: no"),
        ("**Answer:** False.", "**Answer:** true"),
        ("Answer: red", "Answer: not red"),
        ("Answer: 12 cm", "Answer: 42 cm"),
        ("Final answer: 0", "Final answer: not 0"),
        ("答案\uff1a红色", "答案\uff1anot 红色"),
        ("[0.100, 0.200, 0.300, 0.400]", "[0.400, 0.200, 0.300, 0.400]"),
        ("yes", "no"),
    ],
)
def test_the_other_conclusion_is_of_the_same_kind(conclusion: str, other: str) -> None:
    """It stands behind the same words, and an answer line stays one."""
    shown = []

    def judge(request: Request) -> object:
        shown.append(blocks(request)["conclusion"])
        return said(request, json.dumps({"quote": "So.", "leads": "yes" if len(shown) == 1 else "no"}))

    assert play(doubt(sample(), [("reasoning", "So.")], ("conclusion", conclusion), JUDGING), judge).result is None
    assert shown == [conclusion, other]


def test_an_option_is_followed_by_another_option() -> None:
    """By its letter and its text, behind the same words."""
    asked = sample(choices=("two", "four"), answer="B")
    played = play(
        doubt(asked, [("reasoning", "So.")], ("conclusion", "Answer: B"), JUDGING),
        lambda r: said(r, '{"quote": "So.", "leads": "yes"}'),
    )
    assert [blocks(r)["conclusion"] for r in played.requests] == ["Answer: B", "Answer: A. two"]
    assert played.result is not None
    assert played.result[0] == "judge_lenient"
