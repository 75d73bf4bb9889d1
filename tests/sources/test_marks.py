"""Where pictures go in a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.sources._marks import Turn, place
from curate.sources._media import Picture
from schemas.errors import SourceError

P = [Picture(None, f"{i}.png") for i in range(4)]

PLACED = [
    ("no mark, picture first", "what is it?", 1, (P[0], "what is it?")),
    ("mark at the start", "<image>\nwhat is it?", 1, (P[0], "what is it?")),
    ("mark at the end", "what is it?\n\n<image>", 1, (P[0], "what is it?")),
    ("mark at the end of a line", "what is it? <image>", 1, (P[0], "what is it?")),
    ("mark alone on its line", "look:\n<image>\nwhat is it?", 1, (P[0], "look:\nwhat is it?")),
    ("mark alone between blank lines", "look:\n\n<image>\n\nwhat?", 1, (P[0], "look:\n\nwhat?")),
    ("mark within a line", "the sum <image> has", 1, ("the sum ", P[0], " has")),
    ("a number beyond the pictures is text", "out?\n<image>\n<image2>", 1, (P[0], "out?\n<image2>")),
    ("a number alone", "<image1>\nout?", 1, (P[0], "out?")),
    ("numbers with a space", "<image 2> beside <image 1>", 2, (P[1], " beside ", P[0])),
    ("plain marks take what no number names", "<image1> <image> <image>", 3, (P[0], P[1], P[2])),
    ("plain mark before a number", "<image> then <image1>", 2, (P[1], " then ", P[0])),
    ("a number named twice stays text the second time", "<image1> or <image1>?", 1, (P[0], "or <image1>?")),
    ("unmarked pictures lead", "and <image> here", 3, (P[1], P[2], "and ", P[0], " here")),
    ("several marks in place", "first <image>. second <image>.", 2, ("first ", P[0], ". second ", P[1], ".")),
    ("nothing but a picture", "<image>", 1, (P[0],)),
    ("no picture and no mark", " plain ", 0, ("plain",)),
]


@pytest.mark.parametrize(("text", "count", "expected"), [row[1:] for row in PLACED], ids=[row[0] for row in PLACED])
def test_place(text: str, count: int, expected: tuple[str | Picture, ...]) -> None:
    """Marks become pictures, and a single picture leads unless it stands within a line."""
    assert place([Turn("user", (text,))], P[:count]) == [Turn("user", expected)]


@pytest.mark.parametrize(
    ("text", "count", "cause"), [("<image>", 0, "missing_image"), ("<image> <image>", 1, "image_marks")]
)
def test_marks_without_pictures(text: str, count: int, cause: str) -> None:
    """A mark that stands for no picture fails the row."""
    with pytest.raises(SourceError) as caught:
        place([Turn("user", (text,))], P[:count])
    assert caught.value.cause == cause


def test_marks_run_through_the_turns() -> None:
    """Marks take pictures in the order of the conversation; an unmarked one goes to the first question."""
    turns = [Turn("system", ("s",)), Turn("user", ("a <image> b",)), Turn("assistant", ("c",)), Turn("user", ("d",))]

    assert place(turns, P[:2])[1].parts == (P[1], "a ", P[0], " b")


def test_marks_beside_parts_say_where() -> None:
    """Where a message has picture parts and marks in its text, the marks give the places."""
    turn = Turn("user", (P[0], P[1], "left <image>, right <image>."))

    assert place([turn], [])[0].parts == ("left ", P[0], ", right ", P[1], ".")


@given(
    st.lists(st.sampled_from(["<image>", "<image1>", "<image 2>", "word", "\n", " "]), max_size=8), st.integers(0, 4)
)
def test_every_picture_has_one_place(pieces: list[str], count: int) -> None:
    """Each picture appears once, and no word is lost or doubled."""
    text = "".join(pieces)
    named = {number for number, mark in ((1, "<image1>"), (2, "<image 2>")) if mark in pieces and number <= count}
    if pieces.count("<image>") > count - len(named):
        with pytest.raises(SourceError) as caught:
            place([Turn("user", (text,))], P[:count])
        assert caught.value.cause == ("image_marks" if count else "missing_image")
        return
    (turn,) = place([Turn("user", (text,))], P[:count])
    assert sorted(part for part in turn.parts if isinstance(part, Picture)) == P[:count]
    left = "".join(part for part in turn.parts if isinstance(part, str))
    assert left.count("word") == text.count("word")
    assert "<image>" not in left
