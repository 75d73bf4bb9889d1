"""The same rows in every format, and a place in memory for pictures."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from curate.sources import RawRow, load, open_source
from schemas.answer import LETTERS
from schemas.errors import SourceError
from schemas.sample import Sample


class Memory:
    """Blobs in a dict."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def put(self, data: bytes) -> str:
        """Keep the bytes."""
        digest = hashlib.sha256(data).hexdigest()
        self.kept[digest] = data
        return digest


def picture(shade: int = 0) -> bytes:
    """Return a small PNG that differs with `shade`."""
    out = io.BytesIO()
    Image.new("RGB", (16, 12), (shade % 256, shade // 256 % 256, 99)).save(out, "PNG")
    return out.getvalue()


def raw(fields: Mapping[str, Any], root: Path | None = None) -> RawRow:
    """Make a row out of fields."""
    return RawRow(0, "made", fields, "made:1", root)


def sample(fields: Mapping[str, Any], root: Path | None = None) -> Sample:
    """Load a row out of fields."""
    return load(raw(fields, root), Memory())


def cause(fields: Mapping[str, Any], root: Path | None = None) -> str:
    """Return why a row fails."""
    try:
        load(raw(fields, root), Memory())
    except SourceError as error:
        return error.cause
    return "none"


def samples(ref: Path | str, **options: Any) -> list[Sample | SourceError]:
    """Load every row of a source; what fails is its error."""
    out: list[Sample | SourceError] = []
    for row in open_source(ref, **options):
        try:
            out.append(load(row, Memory()))
        except SourceError as error:
            out.append(error)
    return out


def good(ref: Path | str, **options: Any) -> list[Sample]:
    """Load every row of a source that must be fine."""
    return [load(row, Memory()) for row in open_source(ref, **options)]


Row = Mapping[str, Any]
"""question (with one mark per picture), options (or None), answer, pictures (bytes)."""


def lettered(row: Row) -> str:
    """Return the question with its options as lines."""
    lines = [f"{LETTERS[i]}. {text}" for i, text in enumerate(row["options"] or ())]
    return "\n".join([row["question"], *lines])


def files(row: Row, folder: Path) -> list[str]:
    """Write a row's pictures and return their names."""
    names = []
    for data in row["pictures"]:
        name = f"{hashlib.sha256(data).hexdigest()[:12]}.png"
        (folder / name).write_bytes(data)
        names.append(name)
    return names


def as_jsonl(rows: Sequence[Row], folder: Path) -> Path:
    """Write plain rows, one a line."""
    lines = [
        json.dumps(
            {"question": r["question"], "options": r["options"], "answer": r["answer"], "images": files(r, folder)}
        )
        for r in rows
    ]
    return _write(folder / "rows.jsonl", "\n".join(lines))


def as_llava(rows: Sequence[Row], folder: Path) -> Path:
    """Write a list of conversations."""
    body = [
        {"id": i, "image": files(r, folder), "conversations": _talk(r, "from", "value")} for i, r in enumerate(rows)
    ]
    return _write(folder / "llava.json", json.dumps(body, ensure_ascii=False, indent=1))


def as_sharegpt(rows: Sequence[Row], folder: Path) -> Path:
    """Write messages with a list of pictures."""
    body = [{"messages": _talk(r, "role", "content"), "images": files(r, folder)} for r in rows]
    return _write(folder / "sharegpt.jsonl", "\n".join(json.dumps(row) for row in body))


def as_openai(rows: Sequence[Row], folder: Path) -> Path:
    """Write messages of parts, pictures as data URLs in the place of their marks."""
    lines = []
    for row in rows:
        texts = lettered(row).split("<image>")
        parts: list[Any] = [{"type": "text", "text": texts[0]}]
        for data, text in zip(row["pictures"], texts[1:], strict=True):
            url = "data:image/png;base64," + base64.b64encode(data).decode()
            parts += [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": text}]
        talk = [{"role": "user", "content": parts}, {"role": "assistant", "content": row["answer"]}]
        lines.append(json.dumps({"messages": talk}))
    return _write(folder / "openai.jsonl", "\n".join(lines))


def as_csv(rows: Sequence[Row], folder: Path) -> Path:
    """Write a table, lists as JSON in their cells."""
    path = folder / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["image", "question", "choices", "answer"])
        for row in rows:
            options = json.dumps(row["options"]) if row["options"] else ""
            out.writerow([json.dumps(files(row, folder)), row["question"], options, row["answer"]])
    return path


def as_parquet(rows: Sequence[Row], folder: Path) -> Path:
    """Write pictures as structs of bytes and path."""
    body = [
        {
            "images": [{"bytes": data, "path": "x.png"} for data in row["pictures"]],
            "question": row["question"],
            "options": row["options"],
            "answer": row["answer"],
        }
        for row in rows
    ]
    struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    kinds = [
        ("images", pa.list_(struct)),
        ("question", pa.string()),
        ("options", pa.list_(pa.string())),
        ("answer", pa.string()),
    ]
    pq.write_table(pa.Table.from_pylist(body, pa.schema(kinds)), folder / "rows.parquet")
    return folder / "rows.parquet"


def as_webdataset(rows: Sequence[Row], folder: Path) -> Path:
    """Write a tar of pictures and sidecars."""
    members = []
    for i, row in enumerate(rows):
        members += [(f"k{i:03}.{n}.png", data) for n, data in enumerate(row["pictures"])]
        fields = {"question": row["question"], "options": row["options"], "answer": row["answer"]}
        members.append((f"k{i:03}.json", json.dumps(fields).encode()))
    return tar(folder / "rows.tar", members)


def tar(path: Path, members: Sequence[tuple[str, bytes]]) -> Path:
    """Write a tar of named bytes."""
    with tarfile.open(path, "w") as out:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    return path


WRITERS = (as_jsonl, as_llava, as_sharegpt, as_openai, as_csv, as_parquet, as_webdataset)


def _talk(row: Row, role: str, content: str) -> list[dict[str, str]]:
    names = ("human", "gpt") if role == "from" else ("user", "assistant")
    return [{role: names[0], content: lettered(row)}, {role: names[1], content: row["answer"]}]


def _write(path: Path, text: str) -> Path:
    path.write_text(text + "\n", encoding="utf-8")
    return path
