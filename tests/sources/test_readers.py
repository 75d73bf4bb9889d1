"""What readers make of files that are odd, damaged or large: rows with reasons, never an exception half-way."""

from __future__ import annotations

import bz2
import csv
import gzip
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sources.clothes import as_jsonl, as_parquet, as_webdataset, good, picture, samples, tar

from curate.sources import open_source
from curate.sources._row import Found
from curate.sources.csv_file import CsvFile
from curate.sources.json_list import JsonList
from curate.sources.jsonl import Jsonl
from curate.sources.parquet import Parquet
from curate.sources.webdataset import WebDataset
from schemas.errors import ConfigError

ROWS = [{"question": f"q{i}?", "options": None, "answer": str(i), "pictures": [picture(i)]} for i in range(5)]


def outcomes(found: Sequence[Found]) -> list[str]:
    """Return the question or the cause of every row."""
    return [row.error.cause if row.error else str(row.fields.get("question")) for row in found]


def test_lines_that_are_no_rows(tmp_path: Path) -> None:
    """Each bad line of a jsonl fails alone, named by its place; blank lines and a byte-order mark are no matter."""
    lines = [
        b'\xef\xbb\xbf{"question": "a"}',
        b"",
        b"{broken",
        b"[1]",
        b'"text"',
        b'{"question": "\xff"}',
        b"{}",
        b"[" * 9999,
    ]
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"\n".join([*lines, b'{"question": "z"}']))
    found = list(Jsonl()(str(path)))

    assert outcomes(found) == [
        "a",
        "malformed",
        "not_an_object",
        "not_an_object",
        "malformed",
        "None",
        "malformed",
        "z",
    ]
    assert [row.where for row in found] == [f"x.jsonl:{n}" for n in (1, 3, 4, 5, 6, 7, 8, 9)]
    assert "x.jsonl:3" in str(found[1].error)


def test_numbers_keep_their_spelling(tmp_path: Path) -> None:
    """An answer is what the file says, digit by digit; meta holds numbers."""
    spelled = ["7", "1.0", "1e5", "-0", "0.10", "123456789012345678901234567890"]
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(f'{{"question": "q", "answer": {n}, "level": 1.50}}' for n in spelled))
    loaded = good(path)

    assert [s.answer.text for s in loaded if s.answer] == spelled
    assert {s.meta["level"] for s in loaded} == {1.5}


@pytest.mark.parametrize("pack", [".gz", ".zst"])
def test_packed_lines(pack: str, tmp_path: Path) -> None:
    """Packed files read as the plain ones; a cut one yields its rows and then says so."""
    body = b"".join(json.dumps({"question": f"q{i}"}).encode() + b"\n" for i in range(20_000))
    packed = gzip.compress(body) if pack == ".gz" else pa.compress(body, "zstd", asbytes=True)
    (tmp_path / f"x.jsonl{pack}").write_bytes(packed)
    (tmp_path / f"cut.jsonl{pack}").write_bytes(packed[: len(packed) // 2])
    cut = outcomes(list(Jsonl()(str(tmp_path / f"cut.jsonl{pack}"))))

    assert len(list(Jsonl()(str(tmp_path / f"x.jsonl{pack}")))) == 20_000
    assert cut[-1] in ("unreadable", "malformed")
    assert "unreadable" in cut[-2:]
    assert next(iter(open_source(tmp_path / f"x.jsonl{pack}"))).source == "x"


JSON_FILES = [
    ("list", '[{"question": "a"}, {"question": "b"}]', ["a", "b"]),
    ("empty list", " [ ] ", []),
    ("list with strangers", '[{"question": "a"}, 7, [1], "x", {"question": "b"}]', ["a", *["not_an_object"] * 3, "b"]),
    ("list cut in an element", '[{"question": "a"}, {"quest', ["a", "malformed"]),
    ("list cut after a comma", '[{"question": "a"},', ["a", "malformed"]),
    ("list not closed", '[{"question": "a"}', ["a", "malformed"]),
    ("comma missing", '[{"question": "a"} {"question": "b"}]', ["a", "malformed"]),
    ("rows by id", '{"7": {"question": "a"}, "8": {"question": "b"}}', ["a", "b"]),
    ("rows under a name", '{"version": 1, "data": [{"question": "a"}, {"question": "b"}]}', ["a", "b"]),
    ("one row", '{"question": "a", "options": ["x", "y"]}', ["a"]),
    ("one conversation", '{"messages": [{"role": "user", "content": "a"}]}', ["None"]),
    ("lines under the name of json", '{"question": "a"}\n{"question": "b"}\n{oops\n', ["a", "b", "malformed"]),
]


@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in JSON_FILES], ids=[row[0] for row in JSON_FILES])
def test_json_files(text: str, expected: list[str], tmp_path: Path) -> None:
    """A json file may be a list, an object of rows, one row, or lines; what breaks off says where."""
    path = tmp_path / "x.json"
    path.write_text("\ufeff" + text if expected else text, encoding="utf-8")

    assert outcomes(list(JsonList()(str(path)))) == expected


def test_a_long_list_is_read_in_pieces(tmp_path: Path) -> None:
    """Elements larger and smaller than a piece, with brackets and commas in their texts, come out whole."""
    rows = [{"question": f'{i} [,]}}\\" ' * (200_000 if i % 7 == 3 else 3)} for i in range(30)]
    path = tmp_path / "x.json"
    path.write_text(json.dumps(rows, indent=1))

    assert [dict(row.fields) for row in JsonList()(str(path))] == rows


@pytest.mark.parametrize("text", ["", "7", "null", "{nope"])
def test_json_that_holds_no_rows(text: str, tmp_path: Path) -> None:
    """What is neither a list nor an object is the user's to change."""
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ConfigError):
        list(JsonList()(str(path)))


def test_tables_with_bad_records(tmp_path: Path) -> None:
    """A record with too many or too few cells, or broken quotes, fails alone; quoted line ends are text."""
    path = tmp_path / "x.csv"
    path.write_bytes(b'question,answer\r\n"a\nb",007\r\nx\r\ny,1,2\r\n"q"z,1\r\n\r\n\xff,1\r\nz,"1.0"\r\n"open,5\r\n')
    found = list(CsvFile()(str(path)))

    assert outcomes(found) == ["a\nb", "malformed", "malformed", "malformed", "malformed", "z", "malformed"]
    assert found[0].fields["answer"] == "007"
    assert found[5].fields["answer"] == "1.0"


@pytest.mark.parametrize(("name", "mark"), [("x.csv", ";"), ("x.csv", "\t"), ("x.tsv", "\t")])
def test_other_separators(name: str, mark: str, tmp_path: Path) -> None:
    """Semicolons and tabs separate cells too."""
    path = tmp_path / name
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter=mark).writerows([["question", "answer"], ["a, b", "007"]])

    assert [dict(row.fields) for row in CsvFile()(str(path))] == [{"question": "a, b", "answer": "007"}]


@pytest.mark.parametrize("text", ["", "\n", "question,question\na,b\n"])
def test_tables_without_a_usable_header(text: str, tmp_path: Path) -> None:
    """No header, or one that names a column twice, is the user's to change."""
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(ConfigError):
        list(CsvFile()(str(path)))


def test_a_picture_in_a_cell(tmp_path: Path) -> None:
    """Base64 beyond the csv module's own limit is read."""
    import base64

    data = picture()
    path = tmp_path / "x.tsv"
    path.write_text(f"image\tquestion\n{base64.b64encode(data + bytes(200_000)).decode()}\tq\n")

    assert good(path)[0].media[0].bytes == len(data) + 200_000


def test_parquet_with_and_without_features(tmp_path: Path) -> None:
    """Pictures by bytes or by path below the folder load alike, and class labels become names where they are known."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(picture(1))
    struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    columns = [("image", struct), ("question", pa.string()), ("label", pa.int64())]
    rows = [
        {"image": {"bytes": picture(1), "path": "x"}, "question": "q", "label": 1},
        {"image": {"bytes": None, "path": "images/a.png"}, "question": "q", "label": 1},
        {"image": None, "question": "q", "label": None},
    ]
    table = pa.Table.from_pylist(rows, pa.schema(columns))
    features = {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}, "image": {"_type": "Image"}}
    pq.write_table(table, tmp_path / "bare.parquet")
    meta = {"huggingface": json.dumps({"info": {"features": features}})}
    pq.write_table(table.replace_schema_metadata(meta), tmp_path / "features.parquet")
    bare, known = good(tmp_path / "bare.parquet"), good(tmp_path / "features.parquet")

    assert bare[0].id == bare[1].id
    assert [s.answer.text if s.answer else None for s in bare] == ["1", "1", None]
    assert [s.answer.text if s.answer else None for s in known] == ["dog", "dog", None]
    assert [len(s.media) for s in bare] == [1, 1, 0]


def test_parquet_that_is_none_or_cut(tmp_path: Path) -> None:
    """A file that is no parquet is said to be so in one line; damage inside ends the rows with a reason."""
    (tmp_path / "no.parquet").write_text("nothing of the kind")
    with pytest.raises(ConfigError) as caught:
        list(Parquet()(str(tmp_path / "no.parquet")))
    assert "\n" not in str(caught.value)
    whole = as_parquet([dict(row, question=row["question"] * 500) for row in ROWS], tmp_path).read_bytes()
    broken = bytearray(whole)
    broken[100:400] = bytes(300)
    (tmp_path / "broken.parquet").write_bytes(broken)

    assert outcomes(list(Parquet()(str(tmp_path / "broken.parquet"))))[-1] == "unreadable"


def test_tar_of_many_extensions(tmp_path: Path) -> None:
    """Pictures in the order of their numbers, text and class beside json, keys with folders, strangers ignored."""
    members = [
        ("a/1.10.png", picture(10)),
        ("a/1.2.PNG", picture(2)),
        ("a/1.txt", b"how many?\n"),
        ("a/1.cls", b"3\n"),
        ("a/1.npy", b"..."),
        ("b/1.jpg", picture(3)),
        ("b/1.json", b'{"question": "q", "answer": 1.0, "image": "elsewhere.jpg"}'),
        ("c/2.question.txt", b"asked?"),
        ("c/2.answer.txt", b"007"),
        ("d.json", b'[{"user": "u", "assistant": "v"}]'),
        ("README", b"no key"),
    ]
    one, two, three, four = good(tar(tmp_path / "x.tar", members))

    assert [media.name for media in one.media] == ["a/1.2.png", "a/1.10.png"]
    assert (one.question, one.answer and one.answer.text) == ("how many?", "3")
    assert (two.question, two.answer and two.answer.text, len(two.media)) == ("q", "1.0", 1)
    assert (three.question, three.answer and three.answer.text) == ("asked?", "007")
    assert (four.question, four.answer and four.answer.text) == ("u", "v")
    assert four.meta["__key__"] == "d"


def test_tar_orders_pictures_as_its_json_lists_them(tmp_path: Path) -> None:
    """A list of names in the sidecar decides."""
    listed = json.dumps({"question": "q", "images": ["k.b.png", "k.a.png"]}).encode()
    (sample,) = good(tar(tmp_path / "x.tar", [("k.a.png", picture(1)), ("k.b.png", picture(2)), ("k.json", listed)]))

    assert [media.name for media in sample.media] == ["k.b.png", "k.a.png"]


def test_tar_rows_that_fail(tmp_path: Path) -> None:
    """A broken sidecar, a scattered key and a linked file fail or are left out, each alone."""
    path = tar(
        tmp_path / "x.tar",
        [("a.json", b"{oops"), ("b.json", b"[1]"), ("c.json", b'{"question": "c"}'), ("a.txt", b"t")],
    )
    with tarfile.open(path, "a") as out:
        link = tarfile.TarInfo("d.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        out.addfile(link)

    assert outcomes(list(WebDataset()(str(path)))) == ["malformed", "not_an_object", "c", "scattered_key"]


@pytest.mark.parametrize("damage", ["cut", "header", "no end"])
def test_damaged_tar(damage: str, tmp_path: Path) -> None:
    """A tar that breaks off yields the rows before, and says that there were more; a missing end mark alone is fine."""
    data = bytearray(as_webdataset(ROWS, tmp_path).read_bytes())
    with tarfile.open(tmp_path / "rows.tar") as whole:
        members = whole.getmembers()
    if damage == "cut":
        data = data[: members[-1].offset + 700]
    elif damage == "header":
        data[members[-2].offset : members[-2].offset + 100] = b"\xff" * 100
    else:
        data = data[: members[-1].offset_data + 512]
    (tmp_path / "bad.tar").write_bytes(data)
    found = outcomes(list(WebDataset()(str(tmp_path / "bad.tar"))))

    assert found[:3] == ["q0?", "q1?", "q2?"]
    assert (found[-1] == "unreadable") == (damage != "no end")


@pytest.mark.parametrize("name", ["rows.tar.gz", "rows.tgz", "rows.tar.zst"])
def test_packed_tar(name: str, tmp_path: Path) -> None:
    """Packed tars stream too."""
    data = as_webdataset(ROWS, tmp_path).read_bytes()
    (tmp_path / name).write_bytes(
        pa.compress(data, "zstd", asbytes=True) if name.endswith("zst") else gzip.compress(data)
    )

    assert [s.question for s in good(tmp_path / name)] == [row["question"] for row in ROWS]


def test_no_tar(tmp_path: Path) -> None:
    """Another file under a tar's name is the user's to change."""
    (tmp_path / "x.tar").write_bytes(bz2.compress(b"no"))
    with pytest.raises(ConfigError):
        list(WebDataset()(str(tmp_path / "x.tar")))


def test_rows_come_before_the_file_is_read(tmp_path: Path) -> None:
    """Readers stream: the first rows are there although the file's end is missing or far."""
    path = as_jsonl(ROWS, tmp_path)
    with path.open("ab") as file:
        file.truncate(path.stat().st_size + 2**33)  # a hole of 8 GB in place of more lines

    assert next(iter(open_source(path))).fields["question"] == "q0?"
    whole = tmp_path / "x.json"
    whole.write_text(json.dumps([{"question": "a"}, {"question": "b"}]))
    with whole.open("ab") as file:
        file.truncate(2**33)
    assert next(iter(open_source(whole))).fields == {"question": "a"}


def test_rows_are_numbered_with_the_failed_ones(tmp_path: Path) -> None:
    """A row's number counts every row before it, and a sample carries it."""
    (tmp_path / "x.jsonl").write_text('{"question": "a"}\noops\n{"question": "b"}\n')
    rows = list(open_source(tmp_path / "x.jsonl"))

    assert [row.row for row in rows] == [0, 1, 2]
    assert [s.row for s in samples(tmp_path / "x.jsonl") if not isinstance(s, Exception)] == [0, 2]
