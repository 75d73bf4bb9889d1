"""Grounded chains: form, declared convention, known boxes, answers that are boxes, and a judge that looks."""

from __future__ import annotations

import dataclasses
import json
import pickle
from collections.abc import Callable

import pytest
from fakes.programs import PICTURE, AfterAnswer, cut, failed, play, said, sample
from fakes.staged import blocks

from generators.grounded_cot import GroundedCot
from schemas.answer import Answer, AnswerType
from schemas.boxes import IN_TRACES, steps
from schemas.errors import ConfigError, SchemaError
from schemas.request import Cause, Outcome, Request
from schemas.sample import Message, Sample
from schemas.score import UNDECIDED, Verdict
from scorers.grounding import Grounding

GENERATOR = GroundedCot(AfterAnswer())
GOOD = (
    "Step 1: the dog is at [100, 200, 500, 700], standing.\n"
    "Step 2: its legs are at [100, 500, 300, 700] and [300, 500, 500, 700], two each.\n"
    "Step 3: two and two make four.\n\nAnswer: 4"
)
WRONG = GOOD.replace("Answer: 4", "Answer: 5")
KNOWN = {"coordinate": [0.1, 0.2, 0.4, 0.5]}


def teacher(
    *texts: str, leads: str = "yes", elsewhere: str = "no", quote: str = "make four."
) -> Callable[..., Outcome]:
    """Answer the tries in order, and judge the own answer and another one as told."""

    def answer(request: Request) -> Outcome:
        if request.role != "judge":
            return said(request, texts[min(request.try_index, len(texts) - 1)], tokens=7)
        own = blocks(request)["conclusion"].startswith(("Answer: 4", "Answer: [0.1"))
        return said(request, json.dumps({"quote": quote, "reason": "So.", "leads": leads if own else elsewhere}))

    return answer


def verdicts(traces: list) -> list[tuple[str, str]]:
    """Return value and rule of every trace's verdict."""
    return [(trace.verdict.value, trace.verdict.rule) for trace in traces]


def test_a_right_chain_has_its_boxes_in_the_one_form_of_traces() -> None:
    """Whatever the teacher's convention is, a trace has corner and size in shares."""
    played = play(GENERATOR(sample()), teacher(GOOD))
    (trace,) = played.result
    assert trace.reasoning == (
        "Step 1: the dog is at [0.100, 0.200, 0.400, 0.500], standing.\n"
        "Step 2: its legs are at [0.100, 0.500, 0.200, 0.200] and [0.300, 0.500, 0.200, 0.200], two each.\n"
        "Step 3: two and two make four."
    )
    assert (trace.answer, trace.method, trace.origin, trace.answer_seen) == (
        "Answer: 4",
        "grounded_cot",
        "teacher",
        False,
    )
    assert verdicts([trace]) == [("right", "text")]
    assert (trace.requests, trace.sampling) == ((played.keys[0],), GENERATOR.sampling)
    assert [r.role for r in played.requests] == ["teacher", "judge", "judge"]
    assert played.requests[1].messages[-1].media == (PICTURE,)
    assert blocks(played.requests[1])["reasoning"] == trace.reasoning
    assert play(GENERATOR(sample()), teacher(GOOD)).keys == played.keys


@pytest.mark.parametrize(
    ("form", "unit", "boxes"),
    [
        ("xywh", "share", ("[0.1, 0.2, 0.4, 0.5]", "[0.1, 0.5, 0.2, 0.2]", "[0.3, 0.5, 0.2, 0.2]")),
        ("xyxy", "pixel", ("[64, 96, 320, 336]", "[64, 240, 192, 336]", "[192, 240, 320, 336]")),
    ],
)
def test_the_teacher_is_told_its_convention(form: str, unit: str, boxes: tuple[str, str, str]) -> None:
    """The same chain in other numbers is the same trace."""
    text = GOOD.replace("[100, 200, 500, 700]", boxes[0]).replace("[100, 500, 300, 700]", boxes[1])
    other = dataclasses.replace(GENERATOR, form=form, unit=unit)
    played = play(other(sample()), teacher(text.replace("[300, 500, 500, 700]", boxes[2])))
    (same,) = play(GENERATOR(sample()), teacher(GOOD)).result
    assert played.result[0].reasoning == same.reasoning
    assert played.requests[0].messages[0].text != play(GENERATOR(sample()), teacher(GOOD)).requests[0].messages[0].text


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (GOOD.replace("[100, 200, 500, 700]", "[500, 700, 100, 200]"), "box_form"),
        (GOOD.replace("[100, 200, 500, 700]", "[100, 200, 1500, 700]"), "box_form"),
        (GOOD.replace("[100, 200, 500, 700]", "[0.1, 0.2, 0.5, 0.7]"), "box_form"),
        ("Step 1: a dog stands.\nStep 2: so four.\nAnswer: 4", "box_missing"),
        (GOOD.replace(" is at ", " in ").replace(" are at ", " in "), "box_missing"),
        (GOOD.replace("Step 2", "Step 3", 1), "step_order"),
        (GOOD.replace("Step 1", "Step 0"), "step_order"),
        ("I look.\n" + GOOD, "text_outside"),
        ("Steps of my own:\n" + GOOD, "text_outside"),
        (GOOD.replace("Step 1: the dog is at [100, 200, 500, 700], standing.", "Step 1:"), "step_empty"),
        ("It has four legs.\nAnswer: 4", "step_missing"),
        (GOOD.replace("Answer: 4", ""), "no_answer_found"),
        ("Answer: 4", "no_answer_found"),
        ("", "no_answer_found"),
        ("$convention ${x} \x00 \ud800 [[[[", "no_answer_found"),
        ("Step 1: at " + "[1, 2, 3, 4], " * 5000 + "\nAnswer: 4", "right"),
    ],
)
def test_what_is_not_in_form_is_undecided_and_kept_as_it_came(text: str, rule: str) -> None:
    """Nobody judges it; many boxes are only many boxes."""
    played = play(dataclasses.replace(GENERATOR, tries=1, judge_reasoning=False)(sample()), teacher(text))
    (trace,) = played.result
    if rule == "right":
        assert trace.verdict.value == "right"
    else:
        assert verdicts([trace]) == [("undecided", rule)]
        assert (trace.reasoning, trace.answer) == (text.strip(), "")


def test_a_wrong_convention_is_told_with_what_would_fit() -> None:
    """The reason names the conventions by which all boxes could be boxes."""
    text = GOOD.replace("[100, 200, 500, 700]", "[600, 200, 300, 700]").replace("[300, 500, 500, 700]", "[3, 5, 5, 9]")
    text = text.replace("[100, 500, 300, 700]", "[300, 500, 200, 200]")
    (trace, _) = play(GENERATOR(sample()), teacher(text)).result
    assert "[600.0, 200.0, 300.0, 700.0] is no box as xyxy thousand" in trace.verdict.reason
    assert "all would be as xywh thousand" in trace.verdict.reason


def test_steps_have_to_meet_known_boxes() -> None:
    """Every one by some step, or the last box as the paper measures; the verifier's finding stays."""
    known = dataclasses.replace(GENERATOR, boxes="coordinate", tries=1)
    assert verdicts(play(known(sample(meta=KNOWN)), teacher(GOOD)).result) == [("right", "text")]
    off = sample(meta={"coordinate": [[0.1, 0.2, 0.4, 0.5], [0.8, 0.8, 0.1, 0.1]]})
    (trace,) = play(known(off), teacher(GOOD)).result
    assert verdicts([trace]) == [("undecided", "box_missed")]
    assert (trace.verdict.extracted, "overlap 0.000" in trace.verdict.reason) == ("4", True)
    last = dataclasses.replace(known, against="last")
    assert verdicts(play(last(sample(meta=KNOWN)), teacher(GOOD)).result) == [("undecided", "box_missed")]
    assert verdicts(play(last(sample(meta={"coordinate": [0.3, 0.5, 0.2, 0.2]})), teacher(GOOD)).result) == [
        ("right", "text")
    ]
    assert verdicts(play(known(sample()), teacher(GOOD)).result) == [("right", "text")]
    pixels = dataclasses.replace(known, known_form="xyxy", known_unit="pixel")
    assert verdicts(play(pixels(sample(meta={"coordinate": [64, 96, 320, 336]})), teacher(GOOD)).result) == [
        ("right", "text")
    ]


def test_numbers_of_another_convention_are_told_by_what_is_known() -> None:
    """A teacher that writes pixels where it was told thousandths: its boxes could be boxes, and meet nothing."""
    known = dataclasses.replace(GENERATOR, boxes="coordinate", tries=1)
    pixels = "Step 1: the dog is at [64, 96, 320, 336], so make four.\nAnswer: 4"
    (trace,) = play(known(sample(meta=KNOWN)), teacher(pixels)).result
    assert verdicts([trace]) == [("undecided", "box_convention")]
    assert trace.verdict.reason.endswith("as xyxy pixel the numbers would meet what is known: 1.000")
    assert Grounding()(sample(meta=KNOWN), trace).detail["answer_right"] is True


def test_the_bound_of_overlap_has_to_be_exceeded() -> None:
    """Half is not more than half, for steps, answers and the scorer: the published count is of what is above."""
    half = {"coordinate": [0.125, 0.25, 0.5, 0.25]}
    text = "Step 1: the dog is at [125, 250, 625, 750], so make four.\nAnswer: 4"
    known = dataclasses.replace(GENERATOR, boxes="coordinate", tries=1, judge_reasoning=False)
    (trace,) = play(known(sample(meta=half)), teacher(text)).result
    assert verdicts([trace]) == [("undecided", "box_missed")]
    assert "overlap 0.500" in trace.verdict.reason
    assert Grounding()(sample(meta=half), trace).passed is False
    below = dataclasses.replace(known, iou=0.49)
    assert verdicts(play(below(sample(meta=half)), teacher(text)).result) == [("right", "text")]


@pytest.mark.parametrize("odd", [1.0, -0.1, float("nan")])
def test_a_bound_that_means_nothing_is_refused(odd: float) -> None:
    """No overlap exceeds it, or all do."""
    with pytest.raises(ConfigError, match="use 0 or more, below 1"):
        dataclasses.replace(GENERATOR, iou=odd)


def test_boxes_are_judged_as_they_are_written() -> None:
    """A trace's boxes are rounded; generator and scorer find the same overlap."""
    tiny = {"coordinate": [0.1, 0.1, 0.0016, 0.0016]}
    text = "Step 1: it is at [0.1, 0.1, 0.00149, 0.00149], so make four.\nAnswer: 4"
    known = GroundedCot(AfterAnswer(), form="xywh", unit="share", boxes="coordinate", tries=1, judge_reasoning=False)
    (trace,) = play(known(sample(meta=tiny)), teacher(text)).result
    assert "[0.100, 0.100, 0.001, 0.001]" in trace.reasoning
    assert (trace.verdict.rule, Grounding()(sample(meta=tiny), trace).passed) == ("box_missed", False)


def test_known_boxes_that_cannot_be_are_told_before_anything_is_asked() -> None:
    """A row whose boxes are not what was declared is a failed row, not a wrong chain."""
    known = dataclasses.replace(GENERATOR, boxes="coordinate", known_form="xyxy")
    with pytest.raises(SchemaError, match="no box as xyxy share in a picture of 640x480"):
        play(known(sample(meta={"coordinate": [0.5, 0.5, 0.2, 0.2]})), teacher(GOOD))


def test_nobody_is_shown_answer_or_known_boxes() -> None:
    """Neither is in any request."""
    asked = sample("How many legs?", "4817", meta={"coordinate": [0.123, 0.234, 0.345, 0.456]})
    played = play(dataclasses.replace(GENERATOR, boxes="coordinate")(asked), teacher(WRONG))
    assert not any(word in m.text for r in played.requests for m in r.messages for word in ("4817", "0.123"))
    assert verdicts(played.result) == [("wrong", "text")] * 2


def test_an_answer_may_be_a_box() -> None:
    """It is written as traces have boxes, and judged by its overlap with the known one."""
    asked = Sample.of(
        [Message.of("user", PICTURE, "Where is it?")], answer=Answer("[0.1, 0.2, 0.4, 0.5]", AnswerType.BOX)
    )
    near = GOOD.replace("Answer: 4", "Answer: [100, 200, 480, 700]")
    (trace,) = play(GENERATOR(asked), teacher(near)).result
    assert (trace.answer, verdicts([trace])) == ("Answer: [0.100, 0.200, 0.380, 0.500]", [("right", "box")])
    one = dataclasses.replace(GENERATOR, tries=1)
    assert verdicts(play(one(asked), teacher(GOOD.replace(" 4", " [600, 600, 900, 900]"))).result) == [("wrong", "box")]
    assert verdicts(play(one(asked), teacher(GOOD)).result) == [("undecided", "no_answer_found")]


@pytest.mark.parametrize(
    ("judge", "rule"),
    [
        ({"leads": "no"}, "reasoning_rejected"),
        ({"elsewhere": "yes"}, "judge_lenient"),
        ({"quote": "five"}, "judge_quote"),
        ({"leads": "?"}, "judge_failed"),
    ],
)
def test_a_judge_has_to_find_the_steps_true(judge: dict[str, str], rule: str) -> None:
    """As for any other chain."""
    played = play(dataclasses.replace(GENERATOR, tries=1)(sample()), teacher(GOOD, **judge))
    assert verdicts(played.result) == [("undecided", rule)]


def test_cut_and_failed_replies() -> None:
    """Cut ones are cut traces, failed ones leave none and the next is drawn."""
    ended = play(GENERATOR(sample()), lambda r: cut(r, GOOD))
    assert verdicts(ended.result) == [("undecided", "truncated")] * 2
    assert {t.finish for t in ended.result} == {"length"}
    second = play(
        GENERATOR(sample()),
        lambda r: failed(r, Cause.REFUSED) if r.role == "teacher" and r.try_index == 0 else teacher(GOOD)(r),
    )
    assert [t.try_index for t in second.result] == [1]


def test_a_question_without_exactly_one_picture_is_asked_nothing() -> None:
    """A box does not say in which picture it is."""
    two = Sample.of([Message.of("user", PICTURE, PICTURE, "Which?")], answer=Answer.of("4"))
    for asked in (sample(picture=False), two):
        played = play(GENERATOR(asked), teacher(GOOD))
        assert (played.result, played.requests) == ([], [])
    assert pickle.loads(pickle.dumps(GENERATOR)) == GENERATOR


def test_grounding_measures_overlap_and_consistency() -> None:
    """Answer and box, either and both; without known boxes there is nothing to measure."""
    asked = sample(meta=KNOWN)
    (right,) = play(GENERATOR(asked), teacher(GOOD)).result
    score = Grounding()(asked, right)
    assert (score.value, score.passed) == (pytest.approx(1.0, abs=0.01), True)
    assert (score.detail["steps"], score.detail["boxes"], score.detail["known"]) == (3, 3, 1)
    assert (score.detail["either"], score.detail["consistent"]) == (True, True)
    (wrong, _) = play(GENERATOR(asked), teacher(WRONG)).result
    assert (Grounding()(asked, wrong).detail["either"], Grounding()(asked, wrong).detail["consistent"]) == (True, False)
    last = Grounding(against="last")(asked, right)
    assert (last.passed, last.detail["last"]) == (False, pytest.approx(0.2))
    missed = dataclasses.replace(GENERATOR, boxes="coordinate", tries=1)
    far = sample(meta={"coordinate": [0.8, 0.8, 0.1, 0.1]})
    (off,) = play(missed(far), teacher(GOOD)).result
    assert (Grounding()(far, off).value, Grounding()(far, off).detail["answer_right"]) == (0.0, True)
    assert Grounding()(sample(), right).value is None


@pytest.mark.parametrize(
    ("verdict", "answer_right"),
    [
        (Verdict("right", "text"), True),
        (Verdict("wrong", "text"), False),
        (Verdict(UNDECIDED, "reasoning_rejected", verifier="verify_answer"), True),
        (Verdict(UNDECIDED, "judge_failed", verifier="verify_answer"), True),
        (Verdict(UNDECIDED, "judge_failed", verifier="verify_judge"), None),
        (Verdict(UNDECIDED, "timeout", verifier="verify_answer"), None),
        (None, None),
    ],
)
def test_an_answer_nobody_could_decide_on_counts_neither_way(
    verdict: Verdict | None, answer_right: bool | None
) -> None:
    """Consistency is over answers that were found right or wrong, whatever was held against their chains."""
    (trace,) = play(GENERATOR(sample(meta=KNOWN)), teacher(GOOD)).result
    detail = Grounding()(sample(meta=KNOWN), dataclasses.replace(trace, verdict=verdict)).detail
    assert detail.get("answer_right") is answer_right
    assert ("either" in detail, "consistent" in detail) == (answer_right is not None,) * 2
    assert detail["box_right"] is True


def test_grounding_measures_nothing_where_boxes_cannot_be() -> None:
    """Known ones that are none as declared leave the trace unscored."""
    (right,) = play(GENERATOR(sample(meta=KNOWN)), teacher(GOOD)).result
    assert Grounding()(sample(meta={"coordinate": [5, 5, 1, 1]}), right).value is None
    assert [IN_TRACES.box(q, 640, 480) is not None for step in steps(right.reasoning) for q in step.quads] == [True] * 3
