"""One question in different clothes is one sample."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sources.clothes import WRITERS, as_csv, good, picture

from schemas.sample import Sample

words = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1).filter(lambda t: t.strip() and "<" not in t)
lines = st.lists(words, min_size=1, max_size=3).map("\n".join)


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a question with as many marks as pictures, options or none, and an answer."""
    pictures = [picture(draw(st.integers(0, 50))) for _ in range(draw(st.integers(0, 3)))]
    question = draw(lines)
    for _ in pictures:
        question = draw(st.sampled_from(["<image>\n{}", "{}\n<image>", "{} <image>", "see <image> {}"])).format(
            question
        )
    options = draw(st.none() | st.lists(words.map(str.strip), min_size=2, max_size=5, unique=True))
    answer = draw(st.sampled_from("AB") if options else words.map(str.strip))
    return {"question": question, "options": options, "answer": answer, "pictures": pictures}


def content(sample: Sample) -> list[tuple[str, list[str]]]:
    """Return what is asked, pictures by hash."""
    return [(m.role, [part if isinstance(part, str) else part.sha256 for part in m.content]) for m in sample.messages]


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(rows(), min_size=1, max_size=3))
def test_every_format_gives_the_same_samples(drawn: list[dict[str, Any]]) -> None:
    """Written as jsonl, LLaVA, ShareGPT, OpenAI messages, csv, parquet and webdataset, rows load to equal samples."""
    with tempfile.TemporaryDirectory() as folder:
        first, *others = [good(write(drawn, Path(folder))) for write in WRITERS]
    assert len(first) == len(drawn)
    for other in others:
        assert [s.id for s in other] == [s.id for s in first]
        assert [content(s) for s in other] == [content(s) for s in first]
        assert [(s.answer, s.choices) for s in other] == [(s.answer, s.choices) for s in first]
    for row, sample in zip(drawn, first, strict=True):
        assert len(sample.media) == len(row["pictures"])
        assert sample.answer is not None
        assert sample.answer.text == row["answer"]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.from_regex(r"\A[-+]?0{0,3}[0-9]{1,4}(\.[0-9]{0,3})?(e[0-9])?\Z"), min_size=1, max_size=8))
def test_answers_survive_a_table(answers: list[str]) -> None:
    """`007` stays `007` and `1.0` stays `1.0` in a csv, whatever stands in the other rows."""
    with tempfile.TemporaryDirectory() as folder:
        drawn = [{"question": "how many", "options": None, "answer": text, "pictures": []} for text in answers]
        loaded = good(as_csv(drawn, Path(folder)))
    assert [s.answer.text for s in loaded if s.answer] == answers
