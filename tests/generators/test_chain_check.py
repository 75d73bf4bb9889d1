"""The judge of chains: the other conclusion that it has to refuse is of the kind of the own one."""

from __future__ import annotations

import json

import pytest
from fakes.programs import failed, play, said, sample
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


@pytest.mark.parametrize(
    ("replies", "ended"),
    [
        (["well", "no", "yes"], None),
        (["yes", "{", "no"], None),
        (["{", "{", "yes", "no"], None),
        (["{", "no", "{"], "judge_failed"),
        (["{", "no", "no"], "reasoning_rejected"),
        (["no", "{", "{"], "reasoning_rejected"),
        (["yes", "no"], None),
    ],
)
def test_what_cannot_be_read_is_asked_for_once_more(replies: list[str], ended: str | None) -> None:
    """Of either question, at another temperature; a call that failed is the driver's to repeat."""
    left = list(replies)

    def judge(request: Request) -> object:
        text = left.pop(0)
        return said(request, text if text == "{" else json.dumps({"quote": "So.", "leads": text}))

    played = play(doubt(sample(), [("reasoning", "So.")], ("conclusion", "Answer: 4"), JUDGING), judge)
    assert (played.result and played.result[0], left) == (ended, [])
    assert len({(r.try_index, r.sampling.temperature) for r in played.requests}) == 1 + (len(replies) > 2)
    gone = play(doubt(sample(), [("reasoning", "So.")], ("conclusion", "Answer: 4"), JUDGING), failed)
    assert (len(gone.requests), gone.result and gone.result[0]) == (2, "judge_failed")
