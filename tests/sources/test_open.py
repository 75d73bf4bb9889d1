"""Finding the reader for what a user names."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, Value
from sources.clothes import as_csv, as_jsonl, as_parquet, as_webdataset, good, picture

from curate import plugins
from curate.sources import load, open_source
from schemas.errors import ConfigError

ROWS = [{"question": f"q{i}?", "options": None, "answer": str(i), "pictures": [picture(i)]} for i in range(3)]


def refused(ref: Path | str, **options: Path) -> str:
    """Return the one line that says why nothing is read."""
    with pytest.raises(ConfigError) as caught:
        list(open_source(ref, **options))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_missing_and_unknown_things_are_said_before_the_first_row(tmp_path: Path) -> None:
    """A wrong path, an unknown format, an empty folder and a wrong media root are one clear line, at once."""
    (tmp_path / "notes.docx").write_text("x")
    (tmp_path / "empty").mkdir()
    for ref in (
        "no/such/file.jsonl",
        "./nothing",
        "missing.csv",
        tmp_path / "gone",
        tmp_path / "notes.docx",
        tmp_path / "empty",
    ):
        with pytest.raises(ConfigError) as caught:
            open_source(ref)
        assert str(ref) in str(caught.value)
    assert "media root" in refused(as_jsonl(ROWS, tmp_path), media_root=tmp_path / "gone")


def test_exactly_one_reader_takes_each_thing(tmp_path: Path) -> None:
    """No two formats claim the same path."""
    things = [
        as_jsonl(ROWS, tmp_path),
        as_csv(ROWS, tmp_path),
        as_parquet(ROWS, tmp_path),
        as_webdataset(ROWS, tmp_path),
    ]
    for name in ("pictures", "named", "shards"):
        (tmp_path / name).mkdir()
    shutil.copy(next(tmp_path.glob("*.png")), tmp_path / "pictures" / "a.png")
    shutil.copytree(tmp_path / "pictures", tmp_path / "named", dirs_exist_ok=True)
    (tmp_path / "named" / "metadata.csv").write_text("file_name,question\na.png,q\n")
    shutil.copy(things[0], tmp_path / "shards")
    things += [tmp_path / name for name in ("pictures", "named", "shards")]
    (tmp_path / "list.json").write_text("[]")
    for ref in (*map(str, things), str(tmp_path / "list.json"), str(tmp_path / "pictures" / "a.png"), "hf:x/y", "x/y"):
        takers = [name for name in plugins.names("source") if plugins.load("source", name)().takes(ref)]
        assert len(takers) == 1, (ref, takers)


def test_a_bare_folder_of_pictures(tmp_path: Path) -> None:
    """Every picture, in subfolders too, is a row without a question, named by its path; hidden files are not."""
    for name in ("b.png", "a.jpg", "sub/c.PNG", ".hidden.png", ".git/d.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(picture(3))
    loaded = good(tmp_path)

    assert sorted(s.media[0].name for s in loaded) == ["a.jpg", "b.png", "sub/c.PNG"]
    assert {(s.question, s.answer, s.source) for s in loaded} == {("", None, tmp_path.name)}
    assert good(tmp_path / "sub" / "c.PNG")[0].media[0].name == "c.PNG"


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_a_folder_with_metadata(kind: str, tmp_path: Path) -> None:
    """The metadata gives the rows, its names are relative to its own folder, and pictures it does not name are none."""
    for folder in ("train", "test"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.png").write_bytes(picture(len(folder)))
        (tmp_path / folder / "unnamed.png").write_bytes(picture())
        row = {"file_name": "x.png", "question": f"{folder}?", "answer": "007"}
        path = tmp_path / folder / f"metadata.{kind}"
        if kind == "jsonl":
            path.write_text(json.dumps(row))
        elif kind == "csv":
            path.write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n")
        else:
            Dataset.from_list([row]).to_parquet(path)
    loaded = good(tmp_path)

    assert [(s.question, s.media[0].name) for s in loaded] == [("test?", "test/x.png"), ("train?", "train/x.png")]
    assert [s.answer.text for s in loaded if s.answer] == ["007", "007"]


def test_shards_in_a_folder(tmp_path: Path) -> None:
    """Files of one format are one stream in the order of their names; several formats are refused by name."""
    for n in range(2):
        (tmp_path / f"part-{n}.jsonl").write_text(f'{{"question": "q{n}"}}\n')
    rows = list(open_source(tmp_path))

    assert [(row.row, row.where, row.source) for row in rows] == [
        (0, "part-0.jsonl:1", tmp_path.name),
        (1, "part-1.jsonl:1", tmp_path.name),
    ]
    (tmp_path / "x.csv").write_text("question\nq\n")
    assert "x.csv" in refused(tmp_path)


def test_a_media_root_elsewhere(tmp_path: Path) -> None:
    """Pictures of a file are looked for below the media root that is named."""
    for name in ("rows", "pictures"):
        (tmp_path / name).mkdir()
    path = as_jsonl(ROWS, tmp_path / "rows")
    for picture_ in (tmp_path / "rows").glob("*.png"):
        picture_.rename(tmp_path / "pictures" / picture_.name)

    assert len(good(path, media_root=tmp_path / "pictures")) == 3


def test_rows_travel_to_workers(tmp_path: Path) -> None:
    """Rows of every kind, with errors too, survive pickling and load to the same sample."""
    (tmp_path / "x.jsonl").write_text('{"question": "q", "answer": 1.0}\noops\n')
    for row in [*open_source(tmp_path / "x.jsonl"), *open_source(as_parquet(ROWS, tmp_path))]:
        there = pickle.loads(pickle.dumps(row))
        assert there == row
        assert (there.error and there.error.cause) == (row.error and row.error.cause)
        if row.error is None:
            assert load(there, _Nowhere()) == load(row, _Nowhere())


class _Nowhere:
    def put(self, data: bytes) -> str:
        return ""


@pytest.fixture
def dataset() -> Dataset:
    """Make a dataset with a picture and a class label."""
    rows = {
        "image": [{"bytes": picture(i), "path": f"{i}.png"} for i in range(40)],
        "question": ["q?"] * 40,
        "label": [1] * 40,
    }
    return Dataset.from_dict(
        rows,
        features=Features({"image": Image(), "question": Value("string"), "label": ClassLabel(names=["no", "yes"])}),
    )


def test_saved_datasets(dataset: Dataset, tmp_path: Path) -> None:
    """What `save_to_disk` wrote loads with its original bytes; of several splits one must be named."""
    dataset.save_to_disk(tmp_path / "one")
    DatasetDict({"train": dataset}).save_to_disk(tmp_path / "single")
    DatasetDict({"train": dataset, "test": dataset}).save_to_disk(tmp_path / "many")
    loaded = good(tmp_path / "one")

    assert len(loaded) == 40
    assert loaded[7].media[0].bytes == len(picture(7))
    assert loaded[7].answer is not None
    assert loaded[7].answer.text == "yes"
    assert loaded[7].source == "one"
    assert [s.id for s in good(tmp_path / "single")] == [s.id for s in loaded]
    assert [s.id for s in good(tmp_path / "many" / "test")] == [s.id for s in loaded]
    assert "many/train" in refused(tmp_path / "many")


def test_datasets_by_name(dataset: Dataset, tmp_path: Path) -> None:
    """What `datasets` loads by a name streams with its original bytes; splits are named where there are several."""
    (tmp_path / "set").mkdir()
    dataset.to_parquet(tmp_path / "set" / "train.parquet")
    dataset.select(range(2)).to_parquet(tmp_path / "set" / "test.parquet")
    loaded = good(f"hf:{tmp_path}/set:test")

    assert [s.media[0].bytes for s in loaded] == [len(picture(i)) for i in range(2)]
    assert [s.answer.text for s in loaded if s.answer] == ["yes", "yes"]
    assert {s.source for s in loaded} == {"set"}
    assert "train" in refused(f"hf:{tmp_path}/set")
    assert "nosplit" in refused(f"hf:{tmp_path}/set:nosplit")


def test_a_name_that_is_no_dataset() -> None:
    """Without a network, a name that is neither a path nor known is one clear line."""
    code = """
from curate.sources import open_source
try:
    list(open_source("nobody/nothing"))
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.startswith("ConfigError cannot read nobody/nothing: no such file, and no dataset")
    assert done.stdout.count("\n") == 1


def test_importing_sources_is_cheap() -> None:
    """No library of weight is loaded before a row is."""
    code = (
        "import curate.sources, sys; print(*{'numpy', 'PIL', 'pyarrow', 'datasets', 'http.client'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""
