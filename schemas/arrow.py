"""The tables of a version as Arrow: their columns, and the way from a dataclass to a row and back without loss.

Two things Arrow cannot hold are written another way. Free-form JSON (`meta`, a reply's schema) is a column of canonical
JSON text. Half a surrogate pair, which JSON files and models do produce and UTF-8 forbids, becomes the noncharacter
U+FDD0 with four hex digits; so does U+FDD0 itself, and reading turns both back.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from schemas.answer import Answer, AnswerType
from schemas.canonical import JSON, canonical
from schemas.errors import SchemaError
from schemas.request import Sampling, Usage
from schemas.sample import Media, Message, Sample
from schemas.score import Score, Verdict
from schemas.trace import Trace
from schemas.version import Dropped, Failed

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "Fields",
    "batch_of",
    "dropped_row",
    "dropped_rows",
    "failed_row",
    "failed_rows",
    "sample_row",
    "sample_rows",
    "schema",
    "trace_row",
    "trace_rows",
]

Fields = Mapping[str, Mapping[str, str]]
"""Score columns of a table: the scorer's name to its detail fields and their types (`float`, `int`, `bool`, `str`)."""

Row = dict[str, Any]

_FLOATS = ("temperature", "top_p", "repetition_penalty", "presence_penalty", "frequency_penalty", "min_p")
_INTS = ("max_tokens", "seed", "top_k")
_VERDICT = ("value", "rule", "extracted", "reason", "verifier")
_MARK = "\ufdd0"
_UNSAFE = re.compile("[\ud800-\udfff\ufdd0]")
_MARKED = re.compile("\ufdd0([0-9a-f]{4})")
_MARK_BYTES = re.compile(_MARK.encode())


def schema(table: str, fields: Fields | None = None) -> pa.Schema:
    """Return the Arrow schema of a table with one struct column per scorer.

    Raises:
        SchemaError: a scorer is called like a column, or a detail field has a type a column cannot have.

    """
    import pyarrow as pa

    columns = _columns(table)
    for name, detail in (fields or {}).items():
        if name in columns:
            raise SchemaError(f"scorer {name!r} cannot have a column: the table {table} has one of that name")
        columns[name] = _score_type(name, detail)
    return pa.schema(list(columns.items()))


def batch_of(rows: Sequence[Row], shape: pa.Schema) -> pa.RecordBatch:
    """Build a record batch from rows; text that UTF-8 cannot hold is written with the mark.

    Raises:
        SchemaError: a value does not fit its column; the message names the row and the column.

    """
    import pyarrow as pa

    try:
        batch = _build(rows, shape)
    except UnicodeEncodeError:
        return _build([_mark(row) for row in rows], shape)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as exc:
        raise SchemaError(_misfit(rows, shape) or f"rows do not fit their columns: {exc}") from exc
    return _build([_mark(row) for row in rows], shape) if _has_mark(batch) else batch


def sample_row(sample: Sample, fields: Fields) -> Row:
    """Return a sample as a row of the table `samples`.

    Raises:
        SchemaError: a score is not declared in `fields`, or has a detail that is not.

    """
    answer = sample.answer
    return {
        "id": sample.id,
        "source": sample.source,
        "question": sample.question,
        "answer": answer.text if answer else None,
        "answer_type": answer.type.value if answer else None,
        "answer_choice": answer.choice if answer else None,
        "choices": list(sample.choices),
        "messages": [{"role": m.role, "content": [_part(p) for p in m.content]} for m in sample.messages],
        "media": [{name: getattr(m, name) for name in Media.__slots__} for m in sample.media],
        "licence": sample.licence,
        "row": sample.row,
        "meta": _json(sample.meta),
        **_scores(sample.id, sample.scores, fields),
    }


def sample_rows(batch: pa.RecordBatch, fields: Fields) -> list[Sample]:
    """Return the samples of a record batch."""
    return [_sample(row, fields) for row in _rows(batch)]


def trace_row(trace: Trace, fields: Fields) -> Row:
    """Return a trace as a row of the tables `traces` and `rejected`.

    Raises:
        SchemaError: a score is not declared in `fields`, or has a detail that is not.

    """
    verdict, sampling, usage = trace.verdict, trace.sampling, trace.usage
    return {
        "id": trace.id,
        "sample_id": trace.sample_id,
        "method": trace.method,
        "teacher": trace.teacher,
        "origin": trace.origin,
        "answer_seen": trace.answer_seen,
        "try_index": trace.try_index,
        "reasoning": trace.reasoning,
        "answer": trace.answer,
        "finish": trace.finish,
        "verdict": {name: getattr(verdict, name) for name in _VERDICT} if verdict else None,
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "reasoning_tokens": usage.reasoning,
        "cached_tokens": usage.cached,
        "requests": list(trace.requests),
        "prompts": list(trace.prompts),
        "sampling": {
            **{name: _float(getattr(sampling, name)) for name in _FLOATS},
            **{name: getattr(sampling, name) for name in _INTS},
            "stop": list(sampling.stop),
            "schema": None if sampling.schema is None else _json(sampling.schema),
            "extra": _json(sampling.extra),
        },
        **_scores(trace.id, trace.scores, fields),
    }


def trace_rows(batch: pa.RecordBatch, fields: Fields) -> list[Trace]:
    """Return the traces of a record batch."""
    return [_trace(row, fields) for row in _rows(batch)]


def dropped_row(item: Dropped) -> Row:
    """Return a row of the table `dropped`."""
    return {name: getattr(item, name) for name in Dropped.__slots__}


def dropped_rows(batch: pa.RecordBatch) -> list[Dropped]:
    """Return the dropped samples and traces of a record batch."""
    return [Dropped(**row) for row in _rows(batch)]


def failed_row(item: Failed) -> Row:
    """Return a row of the table `failed`."""
    return {name: getattr(item, name) for name in Failed.__slots__}


def failed_rows(batch: pa.RecordBatch) -> list[Failed]:
    """Return the failed rows of a record batch."""
    return [Failed(**row) for row in _rows(batch)]


def _columns(table: str) -> dict[str, Any]:
    import pyarrow as pa

    text, whole, texts = pa.string(), pa.int64(), pa.list_(pa.string())
    part = pa.struct({"type": text, "text": text, "image": text})
    message = pa.struct({"role": text, "content": pa.list_(part)})
    media = {"sha256": text, "mime": text, "width": whole, "height": whole, "bytes": whole, "name": text}
    drawn = {**dict.fromkeys(_FLOATS, pa.float64()), **dict.fromkeys(_INTS, whole)}
    lost = {"sample_id": text, "stage": text}
    if table == "samples":
        known = {"answer": text, "answer_type": text, "answer_choice": pa.int32(), "choices": texts}
        held = {"messages": pa.list_(message), "media": pa.list_(pa.struct(media)), "licence": text}
        return {"id": text, "source": text, "question": text, **known, **held, "row": whole, "meta": text}
    if table in ("traces", "rejected"):
        made = dict.fromkeys(("id", "sample_id", "method", "teacher", "origin"), text)
        said = {"try_index": pa.int32(), "reasoning": text, "answer": text, "finish": text}
        judged = {"verdict": pa.struct(dict.fromkeys(_VERDICT, text))}
        used = dict.fromkeys(("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens"), whole)
        sent = pa.struct({**drawn, "stop": texts, "schema": text, "extra": text})
        rests_on = {"requests": texts, "prompts": texts}
        return {**made, "answer_seen": pa.bool_(), **said, **judged, **used, **rests_on, "sampling": sent}
    if table == "dropped":
        why = dict.fromkeys(("rule", "value", "threshold", "trace_id", "source"), text)
        return {**lost, **why, "row": whole}
    if table == "failed":
        return {"source": text, "row": whole, **lost, "cause": text, "reason": text}
    raise SchemaError(f"there is no table {table!r}: the tables are samples, traces, rejected, dropped and failed")


def _score_type(name: str, detail: Mapping[str, str]) -> pa.DataType:
    import pyarrow as pa

    types = {"float": pa.float64(), "int": pa.int64(), "bool": pa.bool_(), "str": pa.string()}
    unknown = sorted(set(detail.values()) - set(types))
    if unknown:
        raise SchemaError(f"scorer {name!r} has a detail of type {unknown[0]}: a column takes float, int, bool or str")
    members = {"value": pa.float64(), "passed": pa.bool_(), "reason": pa.string()}
    if detail:
        members["detail"] = pa.struct({key: types[kind] for key, kind in detail.items()})
    return pa.struct(members)


def _build(rows: Sequence[Row], shape: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.RecordBatch.from_arrays([pa.array([r[f.name] for r in rows], f.type) for f in shape], schema=shape)


def _misfit(rows: Sequence[Row], shape: pa.Schema) -> str | None:
    """Find the value that would not go into its column, to name it."""
    import pyarrow as pa

    for row in rows:
        for field in shape:
            try:
                pa.array([row[field.name]], field.type)
            except (pa.ArrowException, TypeError, ValueError, OverflowError) as exc:
                owner = row.get("id") or row.get("sample_id") or row.get("row")
                return f"column {field.name} of {owner} cannot be stored: {' '.join(str(exc).split())}"
    return None


def _part(part: str | Media) -> Row:
    if isinstance(part, Media):
        return {"type": "image", "text": None, "image": part.sha256}
    return {"type": "text", "text": part, "image": None}


def _scores(owner: str, scores: Mapping[str, Score], fields: Fields) -> Row:
    unknown = sorted(set(scores) - set(fields))
    if unknown:
        raise SchemaError(f"{owner} has a score {unknown[0]!r} that the version's score fields do not declare")
    return {name: _score(name, scores[name], fields[name]) if name in scores else None for name in fields}


def _score(name: str, score: Score, fields: Mapping[str, str]) -> Row:
    row: Row = {"value": _float(score.value, name), "passed": score.passed, "reason": score.reason}
    unknown = sorted(set(score.detail) - set(fields))
    if unknown:
        raise SchemaError(f"{name} gave a detail {unknown[0]!r} that its detail_fields do not declare")
    if fields:
        row["detail"] = {
            key: _TAKES[kind](score.detail.get(key), f"{name}.detail.{key}") for key, kind in fields.items()
        }
    return row


def _float(value: Any, where: str = "sampling") -> float | None:
    """Check a number and drop the sign of zero, which equality does not see either."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise SchemaError(f"{where} is {value!r}: a finite number or None is stored")
    return float(value) + 0.0


def _int(value: Any, where: str) -> int | None:
    if value is None or type(value) is int:
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise SchemaError(f"{where} is {value!r}: a whole number or None is stored")


def _bool(value: Any, where: str) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise SchemaError(f"{where} is {value!r}: true, false or None is stored")


def _str(value: Any, where: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise SchemaError(f"{where} is {value!r}: text or None is stored")


_TAKES: Mapping[str, Callable[[Any, str], Any]] = {"float": _float, "int": _int, "bool": _bool, "str": _str}


def _json(value: Mapping[str, JSON]) -> str:
    return canonical(value).decode("utf-8", "surrogatepass") if value else "{}"


def _rows(batch: pa.RecordBatch) -> Iterator[Row]:
    names = batch.schema.names
    marked = _has_mark(batch)
    for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
        row = dict(zip(names, values, strict=True))
        yield _unmark(row) if marked else row


def _sample(row: Row, fields: Fields) -> Sample:
    pictures = iter([Media(**media) for media in row["media"]])
    messages = tuple(
        Message(m["role"], tuple(next(pictures) if p["type"] == "image" else p["text"] for p in m["content"]))
        for m in row["messages"]
    )
    known = row["answer"]
    answer = None if known is None else Answer(known, AnswerType(row["answer_type"]), row["answer_choice"])
    return Sample(
        id=row["id"],
        messages=messages,
        answer=answer,
        choices=tuple(row["choices"]),
        source=row["source"],
        licence=row["licence"],
        row=row["row"],
        meta=json.loads(row["meta"]),
        scores=_read_scores(row, fields),
    )


def _trace(row: Row, fields: Fields) -> Trace:
    sampling, verdict = row["sampling"], row["verdict"]
    drawn = {
        **sampling,
        "stop": tuple(sampling["stop"]),
        "schema": None if sampling["schema"] is None else json.loads(sampling["schema"]),
        "extra": json.loads(sampling["extra"]),
    }
    usage = (row["prompt_tokens"], row["completion_tokens"], row["reasoning_tokens"], row["cached_tokens"])
    plain = ("id", "sample_id", "method", "teacher", "reasoning", "answer", "finish")
    return Trace(
        **{name: row[name] for name in (*plain, "answer_seen", "origin", "try_index")},
        usage=Usage(*usage),
        requests=tuple(row["requests"]),
        sampling=Sampling(**drawn),
        prompts=tuple(row["prompts"] or ()),
        verdict=None if verdict is None else Verdict(**verdict),
        scores=_read_scores(row, fields),
    )


def _read_scores(row: Row, fields: Fields) -> dict[str, Score]:
    found = {name: row[name] for name in fields if row[name] is not None}
    return {
        name: Score(
            value=score["value"],
            passed=score["passed"],
            reason=score["reason"],
            detail={key: value for key, value in (score.get("detail") or {}).items() if value is not None},
        )
        for name, score in found.items()
    }


def _has_mark(batch: pa.RecordBatch) -> bool:
    """Whether any text of the batch may hold the mark; looking through the buffers costs next to nothing."""
    buffers = (buffer for column in batch.columns for buffer in column.buffers() if buffer is not None)
    return any(_MARK_BYTES.search(buffer) for buffer in buffers)


def _mark(value: Any) -> Any:
    return _each_text(value, lambda text: _UNSAFE.sub(lambda found: f"{_MARK}{ord(found.group()):04x}", text))


def _unmark(value: Any) -> Any:
    return _each_text(value, lambda text: _MARKED.sub(lambda found: chr(int(found.group(1), 16)), text))


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _each_text(item, change) for key, item in value.items()}
    return [_each_text(item, change) for item in value] if isinstance(value, list) else value
