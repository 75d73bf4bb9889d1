"""Where pictures may come from."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sources.clothes import Memory, cause, picture, raw, sample

from curate.sources import _media, load
from curate.sources._media import Picture, read_picture
from schemas.errors import SourceError

PNG = picture(5)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a media root with a picture, links and things that are no files, beside a picture outside."""
    home = tmp_path / "root"
    (home / "sub").mkdir(parents=True)
    (home / "a.png").write_bytes(PNG)
    (home / "sub" / "name with spaces é中.png").write_bytes(PNG)
    (tmp_path / "outside.png").write_bytes(PNG)
    (home / "inner").symlink_to("a.png")
    (home / "leak.png").symlink_to(tmp_path / "outside.png")
    (home / "up").symlink_to(tmp_path)
    (home / "loop").symlink_to("loop")
    os.mkfifo(home / "pipe.png")
    return home


def test_ways_to_name_a_picture(root: Path) -> None:
    """Paths, file URLs, data URLs, base64, bytes and structs of these give the same bytes."""
    text = base64.b64encode(PNG).decode()
    url = f"data:image/png;base64,{text}"
    ways: list[Any] = [
        "a.png",
        "./sub/../a.png",
        "sub\\..\\a.png",
        "inner",
        str(root / "a.png"),
        f"file://{root}/a.png",
        f"file://{quote(str(root / 'sub' / 'name with spaces é中.png'))}",
        "sub/name with spaces é中.png",
        url,
        {"url": url},
        {"image_url": {"url": url}},
        text,
        {"bytes": text, "path": "x"},
        {"bytes": PNG},
        {"bytes": None, "path": "a.png"},
        {"path": "a.png"},
        PNG,
        ["a.png"],
        '["a.png"]',
        '{"path": "a.png"}',
        "data:," + quote(PNG),
    ]
    wanted = sample({"question": "q", "image": "a.png"}, root)
    for way in ways:
        assert sample({"question": "q", "image": way}, root).id == wanted.id, way
    assert wanted.media[0].name == "a.png"
    assert wanted.media[0].bytes == len(PNG)


REFUSED = [
    ("../outside.png", "outside_root"),
    ("sub/../../outside.png", "outside_root"),
    ("leak.png", "outside_root"),
    ("up/outside.png", "outside_root"),
    ("/etc/hostname", "outside_root"),
    ("file:///etc/hostname", "outside_root"),
    ("file://host/../etc/hostname", "outside_root"),
    ("..\\outside.png", "outside_root"),
    ("missing.png", "missing_file"),
    ("a.png/b.png", "missing_file"),
    ("sub", "missing_file"),
    ("pipe.png", "missing_file"),
    ("nul\0.png", "unreadable"),
    ("x" * 5000, "unreadable"),
    ("loop", "unreadable"),
    ("data:image/png;base64,!!!!", "base64"),
    ("data:nonsense", "base64"),
    ("http://127.0.0.1/a.png", "url_not_allowed"),
    ("HTTPS://example.org/a.png", "url_not_allowed"),
]


@pytest.mark.parametrize(("name", "why"), REFUSED)
def test_refused(name: str, why: str, root: Path) -> None:
    """What leaves the root, is no file or cannot be read fails its row, and no row hangs."""
    assert cause({"question": "q", "image": name}, root) == why


def test_reasons_say_what_to_do_and_not_where_the_data_lies(root: Path) -> None:
    """The option that helps is named; the folder is not, because reasons are part of a version."""
    for name, option in (("../outside.png", "--media-root"), ("http://10.0.0.1/a?token=s", "--allow-urls")):
        with pytest.raises(SourceError) as caught:
            load(raw({"question": "q", "image": name}, root), Memory())
        assert option in caught.value.reason
        assert str(root) not in caught.value.reason
        assert "token" not in caught.value.reason


def test_a_wider_root_allows_what_a_narrow_one_refuses(root: Path) -> None:
    """With the folder above as root its files are inside."""
    assert cause({"question": "q", "image": "outside.png"}, root.parent) == "none"
    assert cause({"question": "q", "image": "root/leak.png"}, root.parent) == "none"


def test_no_root_means_no_files() -> None:
    """A row of a dataset by name reads no local file."""
    assert cause({"question": "q", "image": "/etc/hostname"}) == "outside_root"


def test_too_large(root: Path) -> None:
    """A file, base64 or bytes beyond the limit are refused; the file before it is read."""
    with (root / "big.png").open("wb") as file:
        file.truncate(_media.MAX_PICTURE_BYTES + 1)
    body = bytes(_media.MAX_PICTURE_BYTES + 1)
    for picture_ in (Picture(None, "big.png"), Picture(body, ""), Picture(None, "data:," + "x" * len(body))):
        with pytest.raises(SourceError) as caught:
            read_picture(picture_, root, allow_urls=False)
        assert caught.value.cause == "too_large"


def test_original_bytes_are_kept_and_none_of_a_failed_row(root: Path) -> None:
    """Blobs get the file as it is, once; a row with one bad picture leaves nothing behind."""
    kept = Memory()
    load(raw({"question": "q", "images": ["a.png", "inner", PNG]}, root), kept)
    assert list(kept.kept.values()) == [PNG]
    empty = Memory()
    with pytest.raises(SourceError):
        load(raw({"question": "q", "images": ["a.png", "missing.png"]}, root), empty)
    assert empty.kept == {}


def test_allowed_urls_still_reach_no_private_address() -> None:
    """With fetching allowed, loopback is refused before anything is sent."""
    for host in ("127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433"):
        with pytest.raises(SourceError) as caught:
            load(raw({"question": "q", "image": f"http://{host}:9/a.png"}), Memory(), allow_urls=True)
        assert caught.value.cause == "private_address", host
