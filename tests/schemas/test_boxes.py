"""Boxes: conventions that are declared and held to, one written form, overlap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.answer import Answer, AnswerType
from schemas.boxes import IN_TRACES, Box, Convention, boxed_answer, iou, overlaps, quads, rewritten, steps

SIDES = st.tuples(*[st.floats(0, 1)] * 4).map(lambda s: Box(*_ordered(s))).filter(lambda b: b.area > 1e-4)
SIZES = st.tuples(st.integers(100, 4000), st.integers(100, 4000))


def _ordered(sides: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = sides
    return min(left, right), min(top, bottom), max(left, right), max(top, bottom)


def _numbers(box: Box, convention: Convention, width: int, height: int) -> list[float]:
    across, down = {"share": (1, 1), "thousand": (1000, 1000), "pixel": (width, height)}[convention.unit]
    last = (box.right, box.bottom) if convention.form == "xyxy" else (box.right - box.left, box.bottom - box.top)
    return [box.left * across, box.top * down, last[0] * across, last[1] * down]


@pytest.mark.parametrize("convention", list(Convention.every()), ids=str)
@given(box=SIDES, size=SIZES)
def test_every_convention_reads_what_it_writes(convention: Convention, box: Box, size: tuple[int, int]) -> None:
    """The same region comes back, whatever the numbers were."""
    numbers = _numbers(box, convention, *size)
    found = convention.box(numbers, *size)
    if convention.unit != "share" and max(numbers) <= 1:
        assert found is None
    else:
        assert found is not None
        assert iou(found, box) > 0.999


@pytest.mark.parametrize(
    ("convention", "quad"),
    [
        (Convention("xyxy", "share"), (0.5, 0.5, 0.3, 0.3)),
        (Convention("xywh", "share"), (0.5, 0.5, 0.6, 0.3)),
        (Convention("xywh", "share"), (0.1, 0.1, 0.0, 0.3)),
        (Convention("xywh", "share"), (100, 100, 50, 50)),
        (Convention("xywh", "share"), (-0.2, 0.1, 0.5, 0.3)),
        (Convention("xyxy", "pixel"), (0.1, 0.1, 0.5, 0.5)),
        (Convention("xyxy", "pixel"), (10, 10, 700, 100)),
        (Convention("xyxy", "thousand"), (10, 10, 1200, 100)),
        (Convention("xyxy", "share"), (0.1, float("nan"), 0.5, 0.5)),
        (Convention("xyxy", "share"), (0.1, 0.1, float("inf"), 0.5)),
        (Convention("xyxy", "share"), (0.1, 0.1, 0.5)),
    ],
)
def test_numbers_that_cannot_be_a_box_are_none(convention: Convention, quad: tuple[float, ...]) -> None:
    """Outside, without area, of another scale, not finite, not four."""
    assert convention.box(quad, 640, 480) is None


def test_a_box_may_stick_out_by_rounding_and_is_cut_off() -> None:
    """Two hundredths of a side."""
    assert Convention("xywh", "share").box((-0.01, 0.0, 0.5, 1.015), 10, 10) == (0.0, 0.0, 0.49, 1.0)


@pytest.mark.parametrize("box", [Box(0.9996, 0, 1, 1), Box(0, 0.9999, 0.5, 1), Box(0.5, 0.5, 0.5001, 0.5001)], ids=str)
def test_the_smallest_box_at_the_edge_is_written_as_a_box(box: Box) -> None:
    """Rounding moves no box out of the picture, and leaves it an area."""
    assert IN_TRACES.box(quads(str(box))[0], 640, 480) is not None


def test_a_picture_without_size_has_no_pixels() -> None:
    """Unknown sizes give no boxes instead of a division by zero."""
    assert Convention("xyxy", "pixel").box((1, 1, 5, 5), 0, 0) is None


def test_steps_hold_the_boxes_that_follow_at() -> None:
    """Other lists of four numbers are no boxes; marks around `Step k:` do not matter."""
    text = (
        "**Step 1:** the cups are at [0.1, 0.2, 0.3, 0.4] and [0.5, 0.5, 0.1, 0.1].\n"
        "Step 2. the dial shows [1, 2, 3, 4] marks;\nit is at: [0.2,0.2,0.2,0.2]\n"
        "## Step 3: so two."
    )
    found = steps(text)
    assert [step.number for step in found] == [1, 2, 3]
    assert [len(step.quads) for step in found] == [2, 1, 0]
    assert found[1].quads == ((0.2, 0.2, 0.2, 0.2),)
    assert found[2].text == "so two."
    assert steps("no steps at all, at [1, 2, 3, 4]") == []


def test_boxes_are_rewritten_where_they_stand() -> None:
    """Only after `at`, unless anywhere; what is no box stays."""
    thousand = Convention("xyxy", "thousand")
    said = "the cup is at [100, 200, 300, 600], its marks are [1, 2, 3, 4]; the rest at [900, 0, 100, 5]"
    assert rewritten(said, thousand, 10, 10) == said.replace("[100, 200, 300, 600]", "[0.100, 0.200, 0.200, 0.400]")
    assert rewritten("Answer: [0, 0, 500, 500]", thousand, 10, 10) == "Answer: [0, 0, 500, 500]"
    assert (
        rewritten("Answer: [0, 0, 500, 500]", thousand, 10, 10, anywhere=True) == "Answer: [0.000, 0.000, 0.500, 0.500]"
    )


@given(box=SIDES)
def test_what_is_written_reads_back(box: Box) -> None:
    """To three decimals, and never as a box without area."""
    [step] = steps(f"Step 1: it is at {box}.")
    found = IN_TRACES.box(step.quads[0], 640, 480)
    assert found is not None
    assert all(abs(a - b) < 0.002 for a, b in zip(found, box, strict=True))


@pytest.mark.parametrize(
    ("value", "count"),
    [
        ([0.1, 0.2, 0.3, 0.4], 1),
        ([[1, 2, 3, 4], [5, 6, 7, 8]], 2),
        ([{"bbox": [1, 2, 3, 4], "area": 7, "id": [1, 2, 3, 4]}], 1),
        ({"dog": [1, 2, 3, 4], "cat": [[1, 2, 3, 4], [1, 2, 3, 4]]}, 3),
        ("[0.1, 0.2, 0.3, 0.4] and [1,2,3,4]", 2),
        ("[0.30000000000000004, 0.1234567890123456, 0.2, 0.2]", 1),
        (["[1, 2, 3, 4]"], 1),
        (None, 0),
        (7, 0),
        ([True, 1, 2, 3], 0),
        ([[[[[[1, 2, 3, 4]]]]]], 0),
        ([[1, 2, 3, 4]] * 5000, 200),
        ("[" * 100_000, 0),
    ],
)
def test_known_boxes_come_in_many_shapes(value: object, count: int) -> None:
    """Lists, objects, mappings and texts; anything else holds none, and there is a limit."""
    assert len(quads(value)) == count


@pytest.mark.parametrize(
    ("answer", "count"),
    [
        (Answer("[0.1, 0.2, 0.3, 0.4]"), 1),
        (Answer.of("[[10, 20, 30, 40], [1,2,3,4]]"), 2),
        (Answer("[1, 2, 3, 4] and [5, 6, 7, 8]"), 2),
        (Answer("upper left: [1, 2, 3, 4]", AnswerType.BOX), 1),
        (Answer("somewhere", AnswerType.BOX), 0),
        (Answer("marks 1 to 4: [1, 2, 3, 4]"), None),
        (Answer("[1, 2, 3, 4]", AnswerType.LIST), None),
        (Answer("[1, 2, 3]"), None),
        (Answer("[1, 2, 3, 4]" * 30_000 + "x"), None),
        (None, None),
    ],
)
def test_an_answer_is_boxes_by_its_type_or_where_it_is_nothing_else(answer: Answer | None, count: int | None) -> None:
    """Numbers in a sentence, and lists of a kind that was declared, are none."""
    found = boxed_answer(answer)
    assert (None if found is None else len(found)) == count


@given(SIDES, SIDES)
def test_overlap_is_symmetric_and_within_its_range(one: Box, other: Box) -> None:
    """A box overlaps itself wholly."""
    assert iou(one, other) == pytest.approx(iou(other, one))
    assert 0 <= iou(one, other) <= 1 + 1e-9
    assert iou(one, one) == pytest.approx(1)


def test_overlaps_are_those_of_the_best() -> None:
    """One number a known box, 0 where nothing was found."""
    left, right = Box(0, 0, 0.5, 1), Box(0.5, 0, 1, 1)
    assert overlaps([left, right], [left]) == [1.0, 0.0]
    assert overlaps([left], []) == [0.0]
    assert iou(Box(0, 0, 0, 0), Box(0, 0, 0, 0)) == 0.0
