"""Pictures: what is refused and why, what is accepted, and how a reader sees it."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from schemas.errors import SourceError
from schemas.picture import MAX_ASPECT, MAX_PIXELS, MIN_SIDE, facts, upright, wire

WIDE = np.full((24, 48, 3), 255, np.uint8)
WIDE[:8, :16] = (255, 0, 0)
WIDE[16:, 32:] = (0, 0, 255)
CORNERS = Image.fromarray(WIDE)
"""Red top left, blue bottom right, white else."""

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8))


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Return the bytes of a picture file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def png(width: int, height: int) -> bytes:
    """Return a one-bit PNG whose header claims any size."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width + 7) // 8 + 1) * min(height, 10))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def near(image: Image.Image, expected: np.ndarray) -> bool:
    """Whether two pictures look the same up to what a lossy encoder does."""
    seen = np.asarray(image.convert("RGB")).astype(int)
    return seen.shape == expected.shape and float(np.abs(seen - expected).mean()) < 6


REFUSED = [
    ("empty", b""),
    ("not_an_image", b"<html><body>404"),
    ("not_an_image", b"<!DOCTYPE html><p>gone"),
    ("not_an_image", b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
    ("not_an_image", b"%PDF-1.7\n"),
    ("not_an_image", b"version https://git-lfs.github.com/spec/v1\noid sha256:0"),
    ("not_an_image", bytes(100)),
    ("not_an_image", encoded(CORNERS, "PPM")),
    ("not_an_image", encoded(CORNERS, "ICO")),
    ("too_small", encoded(Image.new("RGB", (1, 1)), "PNG")),
    ("too_small", encoded(Image.new("RGB", (MIN_SIDE - 1, 300)), "PNG")),
    ("aspect", encoded(Image.new("RGB", (2000, 3)), "PNG")),
    ("aspect", encoded(Image.new("L", (1, 500)), "PNG")),
    ("aspect", encoded(Image.new("L", (MIN_SIDE, MIN_SIDE * MAX_ASPECT + 1)), "PNG")),
    ("too_many_pixels", png(30_000, 30_000)),
    ("too_many_pixels", png(MAX_PIXELS // 10_000 + 1, 10_000)),
    ("truncated", encoded(NOISE, "JPEG")[:900]),
    ("truncated", encoded(NOISE, "JPEG")[:-40]),
    ("truncated", encoded(NOISE, "JPEG", progressive=True)[:-200]),
    ("truncated", encoded(NOISE, "PNG")[:4000]),
    ("truncated", encoded(NOISE, "GIF")[:2000]),
    ("truncated", encoded(NOISE, "WEBP")[:2000]),
    ("truncated", encoded(NOISE, "BMP")[:2000]),
    ("truncated", encoded(NOISE, "JPEG")[:3]),
    ("decode", encoded(NOISE, "PNG")[:200] + bytes(50) + encoded(NOISE, "PNG")[250:]),
]


@pytest.mark.parametrize(("cause", "data"), REFUSED, ids=[f"{i}-{cause}" for i, (cause, _) in enumerate(REFUSED)])
def test_refused_with_a_cause(cause: str, data: bytes) -> None:
    """A file that is no usable picture is refused by `facts`, `upright` and `wire` alike, in one line."""
    for look in (facts, upright, wire):
        with pytest.raises(SourceError) as caught:
            look(data)
        assert caught.value.cause == cause
        assert "\n" not in caught.value.reason


ACCEPTED = [
    ("jpeg", encoded(CORNERS, "JPEG", quality=95), "image/jpeg", True),
    ("grey jpeg", encoded(CORNERS.convert("L"), "JPEG"), "image/jpeg", True),
    ("progressive", encoded(CORNERS, "JPEG", progressive=True), "image/jpeg", True),
    ("cmyk", encoded(CORNERS.convert("CMYK"), "JPEG"), "image/jpeg", False),
    ("png", encoded(CORNERS, "PNG"), "image/png", True),
    ("palette", encoded(CORNERS.convert("P"), "PNG"), "image/png", False),
    ("one bit", encoded(CORNERS.convert("1"), "PNG"), "image/png", False),
    ("alpha", encoded(Image.new("RGBA", (48, 24), (0, 0, 0, 254)), "PNG"), "image/png", False),
    ("grey alpha", encoded(Image.new("LA", (48, 24), (0, 0)), "PNG"), "image/png", False),
    ("alpha that hides nothing", encoded(CORNERS.convert("RGBA"), "PNG"), "image/png", True),
    ("grey alpha that hides nothing", encoded(CORNERS.convert("LA"), "PNG"), "image/png", True),
    ("key colour", encoded(CORNERS, "PNG", transparency=(0, 0, 255)), "image/png", False),
    ("webp", encoded(CORNERS, "WEBP", lossless=True), "image/webp", True),
    ("gif", encoded(CORNERS, "GIF"), "image/gif", False),
    ("bmp", encoded(CORNERS, "BMP"), "image/bmp", False),
    ("tiff", encoded(CORNERS, "TIFF"), "image/tiff", False),
]


@pytest.mark.parametrize(("data", "mime", "plain"), [row[1:] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_accepted_by_content(data: bytes, mime: str, plain: bool) -> None:
    """Each usual encoding gives its type and size, an 8-bit upright picture, and something that can be sent."""
    seen = facts(data)
    sent = facts(wire(data)[1])

    assert (seen.mime, seen.width, seen.height, seen.plain, seen.frames) == (mime, 48, 24, plain, 1)
    assert upright(data).mode in ("RGB", "L")
    assert (wire(data)[1] is data) == plain
    assert (sent.mime, sent.width, sent.height, sent.plain) == (wire(data)[0], 48, 24, True)


BACK = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_stands_upright(kind: str, orientation: int) -> None:
    """Whatever way the camera was held, size and pixels are those a viewer shows; a turned picture is never plain."""
    stored = CORNERS.transpose(BACK[orientation]) if orientation in BACK else CORNERS
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {} if kind == "TIFF" else {"quality": 95}
    data = encoded(stored, kind, exif=exif, **options)

    assert facts(data)[1:3] == (48, 24)
    assert facts(data).plain == (orientation == 1 and kind != "TIFF")
    assert near(upright(data), WIDE)
    assert near(Image.open(io.BytesIO(wire(data)[1])), WIDE)


def test_broken_exif_is_no_rotation() -> None:
    """A damaged EXIF block neither fails the picture nor warns."""
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(CORNERS, "JPEG", exif=exif.tobytes()[:14] + b"\xff" * 20)

    assert facts(data)[1:3] == (48, 24)


def test_transparency_lies_on_white() -> None:
    """Black under full transparency is seen as white, in every way of being transparent."""
    layer = np.zeros((24, 48, 4), np.uint8)
    layer[:8, :16, 3] = 255  # black on transparent black
    alpha = Image.fromarray(layer)
    palette = alpha.quantize(8, method=Image.Quantize.FASTOCTREE)
    for data in (encoded(alpha, "PNG"), encoded(alpha, "WEBP", lossless=True), encoded(palette, "PNG")):
        seen = np.asarray(upright(data).convert("L"))
        assert seen[0, 0] < 20
        assert seen[20, 40] > 235


def test_deep_samples_are_scaled_not_clipped() -> None:
    """16-bit, 32-bit and float grey keep their steps when they come down to 8 bits."""
    ramp = np.linspace(0, 65535, 32 * 64).reshape(32, 64)
    deep = [
        encoded(Image.fromarray(ramp.astype(np.uint16)), "PNG"),
        encoded(Image.fromarray(ramp.astype(np.uint16)), "TIFF"),
        encoded(Image.fromarray((ramp * 30_000).astype(np.int32)), "TIFF"),
        encoded(Image.fromarray((ramp / 65535).astype(np.float32)), "TIFF"),
        encoded(Image.fromarray(ramp.astype(np.float32)), "TIFF"),
    ]
    for data in deep:
        seen = np.asarray(upright(data))
        assert seen.dtype == np.uint8
        assert (seen.min(), seen.max()) == (0, 255)
        assert len(np.unique(seen)) == 256
        assert not facts(data).plain


def test_animation_stands_for_its_first_frame() -> None:
    """Frames are counted, the first one is shown, and a still picture is sent."""
    turned = CORNERS.transpose(Image.Transpose.ROTATE_180)
    for kind, options in (("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {})):
        data = encoded(CORNERS, kind, save_all=True, append_images=[turned], **options)
        assert facts(data).frames == 2
        assert not facts(data).plain
        assert near(upright(data), WIDE)
        assert facts(wire(data)[1]).frames == 1


def test_cmyk_keeps_its_colours() -> None:
    """CMYK, which Adobe's programs store inverted, does not come out as a negative."""
    data = encoded(CORNERS.convert("CMYK"), "JPEG", quality=95)

    assert near(upright(data), WIDE)
    assert wire(data)[0] == "image/jpeg"


def test_deep_png_of_colours_is_not_plain() -> None:
    """A 16-bit RGB PNG, which Pillow opens as 8-bit, is re-encoded before it is sent."""
    rows = b"".join(b"\0" + struct.pack(">48H", *range(0, 48 * 1000, 1000)) for _ in range(16))
    body = bytearray(png(16, 16)[:33])
    body[24], body[25] = 16, 2
    head = bytes(body[:29]) + struct.pack(">I", zlib.crc32(bytes(body[12:29])))
    packed = zlib.compress(rows)
    data = head + struct.pack(">I", len(packed)) + b"IDAT" + packed + struct.pack(">I", zlib.crc32(b"IDAT" + packed))
    data += bytes.fromhex("0000000049454e44ae426082")

    assert not facts(data).plain
    assert facts(wire(data)[1]).plain


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from([data for _, data, _, _ in ACCEPTED]),
    st.integers(0, 4000),
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=6),
)
def test_damage_is_an_error_of_ours_or_a_picture(data: bytes, end: int, changes: list[tuple[int, int]]) -> None:
    """Cut and flipped bytes give facts that hold for the decoded picture, or a SourceError; no warning."""
    broken = bytearray(data[: end or None])
    for place, value in changes:
        if place < len(broken):
            broken[place] = value
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            seen = facts(bytes(broken))
            shown = upright(bytes(broken))
        except SourceError:
            return
    assert shown.size == (seen.width, seen.height)
    assert shown.mode in ("RGB", "L")
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
