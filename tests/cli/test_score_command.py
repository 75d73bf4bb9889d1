"""`curate score`: one line a row, in order, whatever the row is like."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from fakes.command_line import Cli
from fakes.server import serve
from PIL import Image

HEAD = '''"""Scorers for tests."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from schemas.request import Request
from schemas.score import Score

'''
WIDE = (
    HEAD
    + '''__all__ = ["Wide"]


@dataclass(frozen=True, slots=True)
class Wide:
    """Width of the first picture as a share of `full`."""

    version: ClassVar[int] = 1
    on: ClassVar[str] = "sample"
    detail_fields: ClassVar[Mapping[str, type]] = {"bytes": int}
    full: int = 100

    def __call__(self, sample, read, /):
        if not sample.media:
            return Score.unscored("no picture")
        if sample.media[0].width == 13:
            raise ZeroDivisionError("thirteen")
        return Score(sample.media[0].width / self.full, True, "", {"bytes": len(read(sample.media[0]))})
'''
)
LONG = (
    HEAD
    + '''__all__ = ["Long"]


@dataclass(frozen=True, slots=True)
class Long:
    """Words of thinking."""

    version: ClassVar[int] = 1
    on: ClassVar[str] = "trace"
    detail_fields: ClassVar[Mapping[str, type]] = {}

    def __call__(self, sample, trace, /):
        return Score(len(trace.reasoning.split()) / 10)
'''
)
ASKED = (
    HEAD
    + '''__all__ = ["Asked"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the judge says."""

    version: ClassVar[int] = 1
    on: ClassVar[str] = "asked"
    detail_fields: ClassVar[Mapping[str, type]] = {}

    def __call__(self, sample, /):
        [outcome] = yield [Request("judge", sample.messages)]
        return Score(float(outcome.reply.text)) if outcome.ok else Score.unscored(outcome.reason)
'''
)


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write five rows: two good ones, one without its picture, one without any, one that breaks the scorer."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pics").mkdir()
    for width in (20, 50, 13):
        Image.new("RGB", (width, 16), "blue").save(tmp_path / "pics" / f"{width}.png")
    lines = [
        {"image": "pics/20.png", "question": "a?", "answer": "1"},
        {"image": "pics/gone.png", "question": "b?", "answer": "1"},
        {"image": "pics/50.png", "question": "c?", "answer": "1"},
        {"question": "d?", "answer": "1"},
        {"image": "pics/13.png", "question": "e?", "answer": "1"},
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "wide.py").write_text(WIDE)
    (tmp_path / "long.py").write_text(LONG)
    (tmp_path / "asked.py").write_text(ASKED)
    return tmp_path / "rows.jsonl"


def test_every_row_gets_a_line_in_order(cli: Cli, rows: Path) -> None:
    """Scored, unreadable, unscored and broken rows each say which they are; the counts are talk."""
    ended = cli("score", rows, "--scorer", "wide.py", "--param", "full=200", "--json")
    first, gone, second, bare, broken = ended.lines()

    assert ended.code == 0
    assert list(first) == ["id", "media", "wide"]
    assert first["media"] == ["pics/20.png"]
    size = (rows.parent / "pics" / "20.png").stat().st_size
    assert first["wide"] == {"value": 0.1, "passed": True, "reason": "", "detail": {"bytes": size}}
    assert gone["id"] is None
    assert gone["media"] == ["pics/gone.png"]
    assert gone["error"]["cause"] == "missing_file"
    assert second["wide"]["value"] == 0.25
    assert (bare["media"], bare["wide"]["value"], bare["wide"]["reason"]) == ([], None, "no picture")
    assert broken["wide"]["value"] is None
    assert "ZeroDivisionError: thirteen" in broken["wide"]["reason"]
    assert ended.err == "2 scored, 2 unscored, 1 failed\n"
    assert not (rows.parent / ".curate").exists()


def test_a_bare_folder_of_pictures(cli: Cli, rows: Path) -> None:
    """FILE<tab>VALUE for every picture, sorted by path, empty where there is no value."""
    assert (
        cli("score", rows.parent / "pics", "--scorer", "wide.py", "--tsv").out == "13.png\t\n20.png\t0.2\n50.png\t0.5\n"
    )


def test_tsv_names_pictures_and_else_rows(cli: Cli, rows: Path) -> None:
    """Unreadable pictures have no value; a row without pictures goes by its id."""
    lines = cli("score", rows, "--scorer", "wide.py", "--tsv").out.splitlines()
    assert lines[:3] == ["pics/20.png\t0.2", "pics/gone.png\t", "pics/50.png\t0.5"]
    assert len(lines[3].split("\t")[0]) == 24


def test_csv_and_table(cli: Cli, rows: Path) -> None:
    """The same rows as columns."""
    found = list(csv.DictReader(io.StringIO(cli("score", rows, "--scorer", "wide.py", "--csv").out)))
    assert [row["wide.value"] for row in found] == ["0.2", "", "0.5", "", ""]
    assert found[1]["error"].startswith("missing_file: ")
    assert "wide.value" in cli("score", rows, "--scorer", "wide.py").out
    assert len(cli("score", rows, "--scorer", "wide.py", "--limit", "2", "--tsv").out.splitlines()) == 2


def test_trace_scorers_rate_what_rows_bring(cli: Cli, rows: Path) -> None:
    """A response with its thinking is a trace; a bare question has none."""
    talk = [
        {"role": "user", "content": "How many?"},
        {"role": "assistant", "content": "<think>\none two three\n</think>\n\n3"},
    ]
    given = [{"messages": talk}, {"messages": talk, "answer": "3"}, {"question": "x?", "answer": "1"}]
    path = rows.parent / "traces.jsonl"
    path.write_text("\n".join(map(json.dumps, given)))
    scored = [row["long"] for row in cli("score", path, "--scorer", "long.py", "--json").lines()]

    assert [score["value"] for score in scored] == [0.3, 0.3, None]
    assert "brings no response" in scored[2]["reason"]


def test_asked_scorers_need_a_teacher(cli: Cli, rows: Path) -> None:
    """Without one the message says what to add; with one the replies are kept for the next time."""
    assert "asks a model: add --teacher" in cli("score", rows, "--scorer", "asked.py").err
    with serve(lambda body, before: "0.5") as endpoint:
        command = ("score", rows, "--scorer", "asked.py", "--teacher", f"{endpoint.url}#mock", "--json")
        first = cli(*command)
        asked = len(endpoint.bodies)
        again = cli(*command)

    assert [row.get("asked", {}).get("value") for row in first.lines()] == [0.5, None, 0.5, 0.5, 0.5]
    assert first.out == again.out
    assert asked == len(endpoint.bodies) == 4
    assert not any((rows.parent / ".curate" / "blobs").glob("*"))
