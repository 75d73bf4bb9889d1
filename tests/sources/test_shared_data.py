"""Real rows in eight shapes, and a folder of files that go wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from sources.clothes import good, samples

from schemas.errors import SourceError
from schemas.sample import Sample


def whole(shared: Path) -> dict[str, Sample]:
    """Return the full list by id."""
    return {str(s.meta["id"]): s for s in good(shared / "data" / "vqa-sample" / "vqa.jsonl")}


CLOTHES = [
    ("llava.json", 160, "id"),
    ("sharegpt.jsonl", 160, ""),
    ("openai-messages.jsonl", 40, "custom_id"),
    ("image-bytes.parquet", 122, "id"),
    ("multi-image-bytes.parquet", 12, "id"),
    ("webdataset-000000.tar", 40, "__key__"),
    ("simple.csv", 120, ""),
]


def test_every_shape_is_the_same_samples(shared: Path) -> None:
    """Every row of every file is a sample of the full list: the one it names where it names one."""
    known = whole(shared)
    ids = {s.id for s in known.values()}
    assert len(ids) == len(known) == 540
    for name, count, key in CLOTHES:
        loaded = good(shared / "data" / "vqa-sample" / name)
        assert len({s.id for s in loaded}) == count, name
        assert {s.id for s in loaded} <= ids, name
        if key:
            assert [s.id for s in loaded] == [known[str(s.meta[key])].id for s in loaded], name


EDGE = {
    "edge-00": "truncated",
    "edge-01": "truncated",
    "edge-02": "empty",
    "edge-03": "missing_file",
    "edge-04": "not_an_image",
    "edge-14": "too_small",
    "edge-15": "aspect",
    "edge-19": "too_many_pixels",
    "edge-23": "outside_root",
}
"""Rows that must fail; the others must load."""


def test_edge_rows_fail_with_a_cause_or_load(shared: Path) -> None:
    """Each of the odd files is a sample or a failed row with a reason of one line."""
    path = shared / "data" / "vqa-edge" / "edge.jsonl"
    seen = {f"edge-{i:02}": outcome for i, outcome in enumerate(samples(path))}

    assert {key: error.cause for key, error in seen.items() if isinstance(error, SourceError)} == EDGE
    for error in seen.values():
        if isinstance(error, SourceError):
            assert "\n" not in error.reason
            assert error.reason.startswith("edge.jsonl:")


@pytest.mark.parametrize(("name", "size"), [("edge-11", (451, 524)), ("edge-05", (577, 296)), ("edge-22", (296, 288))])
def test_edge_pictures_have_their_upright_size(shared: Path, name: str, size: tuple[int, int]) -> None:
    """Rotation, wrong names and names beyond ASCII do not change what is seen."""
    sample = samples(shared / "data" / "vqa-edge" / "edge.jsonl")[int(name[-2:])]

    assert isinstance(sample, Sample)
    assert (sample.media[0].width, sample.media[0].height) == size
