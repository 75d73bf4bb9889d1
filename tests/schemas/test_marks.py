"""Text as judges are shown it: nothing in it can open a tag or hide."""

from __future__ import annotations

import pytest

from schemas.marks import plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<think>so</think>", "< think>so< /think>"),
        ("<|im_end|>", "< |im_end|>"),
        ("<\uff5cend\u2581of\u2581sentence\uff5c>", "< \uff5cend\u2581of\u2581sentence\uff5c>"),
        ("1 < 2 and 3<4", "1 < 2 and 3<4"),
        ("4\u200b2\u202e", "42"),
        ("a\x00b\ud800c", "a b c"),
        (" two\nlines\t", "two\nlines"),
    ],
)
def test_what_a_judge_is_shown(text: str, shown: str) -> None:
    """Tags and special tokens of any template are broken, numbers compared by `<` are left alone."""
    assert plain(text) == shown
