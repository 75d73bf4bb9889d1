"""Samples and traces come back from Arrow and parquet as they went in."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.answer import Answer, AnswerType
from schemas.arrow import (
    batch_of,
    dropped_row,
    dropped_rows,
    failed_row,
    failed_rows,
    sample_row,
    sample_rows,
    schema,
    trace_row,
    trace_rows,
)
from schemas.errors import SchemaError
from schemas.request import Sampling, Usage
from schemas.sample import Media, Message, Sample
from schemas.score import Score, Verdict
from schemas.trace import Trace
from schemas.version import TABLES, Dropped, Failed

FIELDS = {"clarity": {"sharpness": "float", "count": "int", "odd": "bool", "why": "str"}, "bare": {}}

# every code point, half surrogate pairs and the mark itself among them
text = st.one_of(
    st.text(st.characters(), max_size=20),
    st.text(st.sampled_from("\ufdd0\ud800\udc00\x00d8\u202eé\U0001f600\r\n"), max_size=12),
)
whole = st.integers(-(2**63), 2**63 - 1)
number = st.floats(allow_nan=False, allow_infinity=False)
ident = st.text("0123456789abcdef", min_size=24, max_size=24)
json = st.recursive(
    st.none() | st.booleans() | st.integers() | number | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
pictures = st.builds(Media, sha256=text, mime=text, width=whole, height=whole, bytes=whole, name=text)
messages = st.builds(Message, text, st.lists(text | pictures, max_size=4).map(tuple))
details = st.fixed_dictionaries({}, optional={"sharpness": number, "count": whole, "odd": st.booleans(), "why": text})
scores = st.fixed_dictionaries(
    {},
    optional={
        "clarity": st.builds(Score, st.none() | number, st.none() | st.booleans(), text, details),
        "bare": st.builds(Score, st.none() | number, st.none() | st.booleans(), text),
    },
)
samples = st.builds(
    Sample,
    id=ident,
    messages=st.lists(messages, max_size=3).map(tuple),
    answer=st.none() | st.builds(Answer, text, st.sampled_from(AnswerType), st.none() | st.integers(0, 1_000)),
    choices=st.lists(text, max_size=3).map(tuple),
    source=text,
    licence=text,
    row=whole,
    meta=st.dictionaries(text, json, max_size=3),
    scores=scores,
)
drawn = st.builds(
    Sampling,
    temperature=st.none() | number,
    top_p=st.none() | number,
    max_tokens=st.none() | whole,
    seed=st.none() | whole,
    stop=st.lists(text, max_size=2).map(tuple),
    repetition_penalty=st.none() | number,
    presence_penalty=st.none() | number,
    frequency_penalty=st.none() | number,
    top_k=st.none() | whole,
    min_p=st.none() | number,
    schema=st.none() | st.dictionaries(text, json, max_size=2),
    extra=st.dictionaries(text, json, max_size=2),
)
traces = st.builds(
    Trace,
    **dict.fromkeys(("id", "sample_id", "method", "teacher", "reasoning", "answer", "finish"), text),
    usage=st.builds(Usage, whole, whole, whole, whole),
    requests=st.lists(text, max_size=3).map(tuple),
    sampling=drawn,
    answer_seen=st.booleans(),
    origin=st.sampled_from(["teacher", "self", "revised", "merged"]),
    try_index=st.integers(0, 2**31 - 1),
    verdict=st.none() | st.builds(Verdict, st.sampled_from(["right", "wrong", "undecided"]), text, text, text, text),
    scores=scores,
)
dropped = st.builds(
    Dropped,
    **dict.fromkeys(("sample_id", "stage", "rule", "value", "threshold", "source"), text),
    trace_id=st.none() | text,
    row=whole,
)
failed = st.builds(
    Failed, **dict.fromkeys(("source", "stage", "cause", "reason"), text), row=whole, sample_id=st.none() | text
)


def through_parquet(rows: list[dict[str, Any]], shape: pa.Schema) -> list[pa.RecordBatch]:
    """Write rows to parquet and read them back."""
    file = io.BytesIO()
    pq.write_table(pa.Table.from_batches([batch_of(rows, shape)]), file)
    back = pq.read_table(file)
    assert back.schema.equals(shape)
    return back.to_batches() or [pa.RecordBatch.from_pylist([], schema=shape)]


def everything(sample: Sample) -> tuple[Any, ...]:
    """Return a sample with the fields that equality leaves out."""
    return (sample, sample.row, [media.name for media in sample.media])


@given(st.lists(samples, max_size=4))
def test_samples_survive(items: list[Sample]) -> None:
    """Sample to Arrow to parquet to sample is the same, with row, names of pictures, scores and odd text."""
    batches = through_parquet([sample_row(item, FIELDS) for item in items], schema("samples", FIELDS))
    back = [sample for batch in batches for sample in sample_rows(batch, FIELDS)]
    assert [everything(sample) for sample in back] == [everything(item) for item in items]


@given(st.lists(traces, max_size=4))
def test_traces_survive(items: list[Trace]) -> None:
    """Trace to Arrow to parquet to trace is the same, with its sampling, verdict and scores."""
    batches = through_parquet([trace_row(item, FIELDS) for item in items], schema("traces", FIELDS))
    assert [trace for batch in batches for trace in trace_rows(batch, FIELDS)] == items


@given(st.lists(dropped, max_size=4), st.lists(failed, max_size=4))
def test_losses_survive(out: list[Dropped], bad: list[Failed]) -> None:
    """Dropped and failed rows come back with their nulls."""
    batches = through_parquet([dropped_row(item) for item in out], schema("dropped"))
    assert [item for batch in batches for item in dropped_rows(batch)] == out
    batches = through_parquet([failed_row(item) for item in bad], schema("failed"))
    assert [item for batch in batches for item in failed_rows(batch)] == bad


def test_a_score_column_is_a_typed_struct() -> None:
    """Value, passed and reason are columns of the scorer's struct; detail is there only where there is one."""
    shape = schema("samples", FIELDS)
    assert [member.name for member in shape.field("bare").type] == ["value", "passed", "reason"]
    detail = shape.field("clarity").type.field("detail").type
    assert [str(member.type) for member in detail] == ["double", "int64", "bool", "string"]
    assert schema("rejected", FIELDS).equals(schema("traces", FIELDS))


def sample(**fields: Any) -> Sample:
    """Make a sample with these scores."""
    return Sample("0" * 24, (), scores=fields)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: sample_row(sample(other=Score(1.0)), FIELDS), "'other'"),
        (lambda: sample_row(sample(clarity=Score(1.0, detail={"more": 1})), FIELDS), "'more'"),
        (lambda: sample_row(sample(clarity=Score(float("nan"))), FIELDS), "clarity is nan"),
        (lambda: sample_row(sample(clarity=Score(1.0, detail={"count": 1.5})), FIELDS), "clarity.detail.count is 1.5"),
        (lambda: sample_row(sample(clarity=Score(1.0, detail={"odd": 1})), FIELDS), "clarity.detail.odd is 1"),
        (lambda: sample_row(sample(clarity=Score(1.0, detail={"why": 1})), FIELDS), "clarity.detail.why is 1"),
        (lambda: schema("samples", {"answer": {}}), "'answer'"),
        (lambda: schema("samples", {"new": {"x": "list"}}), "type list"),
        (lambda: schema("rows"), "no table 'rows'"),
    ],
)
def test_what_a_column_cannot_hold_is_refused(build: Callable[[], object], words: str) -> None:
    """An undeclared or mistyped score names the scorer and the field."""
    with pytest.raises(SchemaError, match=words):
        build()


def test_a_value_that_does_not_fit_is_named() -> None:
    """A number too large for its column is told with the row and the column, not as a pyarrow error."""
    rows = [failed_row(Failed("s", row, None, "read", "decode", "bad")) for row in (1, 2**70)]
    with pytest.raises(SchemaError, match=rf"column row of {2**70}"):
        batch_of(rows, schema("failed"))


@pytest.mark.parametrize("table", TABLES)
def test_an_empty_table_has_its_columns(table: str) -> None:
    """No rows still make a batch of the table's schema."""
    assert batch_of([], schema(table)).schema.equals(schema(table))
