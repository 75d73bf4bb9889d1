"""Clarity ranks damaged copies under clean ones for photographs and graphics alike, and never breaks on odd files."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from schemas.canonical import plain
from schemas.errors import SourceError
from schemas.sample import Media, Message, Sample
from scorers._clarity import PARTS, measure
from scorers._clarity_statistics import NAMES, statistics
from scorers._clarity_table import TABLE
from scorers._pixels import WORKING_SIDE, luma, tiles, working
from scorers.clarity import Clarity

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """Return the picture as the bytes of a file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@cache
def chart(width: int = 640, height: int = 420) -> Image.Image:
    """Draw a bar chart with axes, ticks and a caption."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    for i, colour in enumerate(("steelblue", "orange", "seagreen", "firebrick", "purple")):
        left, top = 70 + 105 * i, 300 - 45 * ((i * 3) % 5)
        draw.rectangle((left, top, left + 60, 360), fill=colour, outline="black")
        draw.text((left + 10, 370), f"group {i}", fill="black")
        draw.text((left + 15, top - 14), f"{(i * 37) % 90}.5", fill="black")
    draw.line((50, 20, 50, 360, 620, 360), fill="black", width=2)
    for y in range(40, 360, 40):
        draw.line((44, y, 620, y), fill=(200, 200, 200))
        draw.text((15, y - 6), str(400 - y), fill="black")
    return image


@cache
def photograph(width: int = 640, height: int = 480) -> Image.Image:
    """Make a scene: smooth light, textured ground at several scales, and things with sharp outlines."""
    rng = np.random.default_rng(5)
    light = np.linspace(60, 200, height)[:, None] + np.linspace(-30, 30, width)[None]
    scene = np.repeat(light[..., None], 3, axis=2)
    for cells, strength in ((8, 30.0), (32, 22.0), (128, 16.0)):
        rough = Image.fromarray(rng.integers(0, 255, (cells, cells, 3), dtype=np.uint8))
        scene += (np.asarray(rough.resize((width, height), Image.Resampling.BICUBIC), float) - 127) / 127 * strength
    image = Image.fromarray(scene.clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(60):
        x, y, size = rng.integers(0, width), rng.integers(0, height), rng.integers(8, 70)
        draw.ellipse((x, y, x + size, y + size), fill=tuple(int(c) for c in rng.integers(20, 235, 3)))
    return image


def grain(image: Image.Image) -> Image.Image:
    """Add noise of 20 grey levels."""
    pixels = np.asarray(image) + np.random.default_rng(1).normal(0, 20, (image.height, image.width, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def scaled(image: Image.Image, by: float) -> Image.Image:
    """Return the picture enlarged or shrunk with a good filter."""
    return image.resize((round(image.width * by), round(image.height * by)), Image.Resampling.BICUBIC)


def faded(image: Image.Image) -> Image.Image:
    """Leave a fifth of the contrast around mid grey."""
    return image.point(lambda value: value * 0.2 + 100)


DAMAGE: dict[str, tuple[str, Callable[[Image.Image], bytes]]] = {
    "blurred": ("sharpness", lambda image: encoded(image.filter(ImageFilter.GaussianBlur(2)))),
    "shrunk and enlarged": ("sharpness", lambda image: encoded(scaled(scaled(image, 0.25), 4))),
    "grain": ("noise", lambda image: encoded(grain(image))),
    "bad jpeg": ("compression", lambda image: encoded(image, "JPEG", quality=8)),
    "png of a bad jpeg": (
        "compression",
        lambda image: encoded(Image.open(io.BytesIO(encoded(image, "JPEG", quality=8)))),
    ),
    "dark": ("exposure", lambda image: encoded(image.point(lambda value: value * 0.2))),
    "pale": ("exposure", lambda image: encoded(faded(image))),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("draw", [chart, photograph])
def test_damage_is_seen_and_named(draw: Callable[[], Image.Image], damage: str) -> None:
    """Each damage brings a clean picture under one half, by the part it belongs to."""
    part, spoil = DAMAGE[damage]
    clean, spoilt = measure(encoded(draw())), measure(spoil(draw()))
    assert clean.value > 0.5, clean
    assert spoilt.value < 0.5, spoilt
    assert spoilt.worst == part
    assert spoilt.reason.startswith(f"{part} {spoilt.value:.2f}: ")
    assert spoilt.value < clean.value - 0.2


@pytest.mark.parametrize("draw", [chart, photograph])
@pytest.mark.parametrize("change", ["doubled", "jpeg", "half size", "mirrored"])
def test_harmless_changes_pass(draw: Callable[[], Image.Image], change: str) -> None:
    """A clean enlargement or reduction, a good JPEG and a mirror image stay above the default threshold."""
    image = draw()
    data = {
        "doubled": lambda: encoded(scaled(image, 2)),
        "jpeg": lambda: encoded(image, "JPEG", quality=90),
        "half size": lambda: encoded(image.reduce(2)),
        "mirrored": lambda: encoded(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
    }[change]()
    assert measure(data).value >= Clarity().threshold


@pytest.mark.parametrize(("draw", "kind"), [(chart, "graphic"), (photograph, "photo")])
@pytest.mark.parametrize("damage", ["none", *DAMAGE])
def test_kind_survives_damage(draw: Callable[[], Image.Image], kind: str, damage: str) -> None:
    """A damaged photograph is still read as a photograph, a damaged chart as a graphic."""
    data = encoded(draw()) if damage == "none" else DAMAGE[damage][1](draw())
    assert measure(data).kind == kind


@pytest.mark.parametrize(
    ("image", "worst", "word"),
    [
        (Image.new("RGB", (300, 200), "white"), "exposure", "blank"),
        (Image.new("L", (300, 200), 0), "exposure", "blank"),
        (Image.new("RGB", (300, 200), (9, 99, 199)), "exposure", "blank"),
        (Image.effect_noise((300, 200), 90), "noise", "grain"),
        (chart().resize((900, 9)), "resolution", "900x9"),
        (chart().resize((2000, 3)), "resolution", "2000x3"),
        (chart().resize((4, 4)), "resolution", "4x4"),
        (chart().resize((20, 16)), "resolution", "20x16"),
    ],
)
def test_pictures_that_show_nothing(image: Image.Image, worst: str, word: str) -> None:
    """Blank, pure noise, strips and tiny pictures score near zero and say why."""
    seen = measure(encoded(image))
    assert seen.value < 0.1
    assert seen.worst == worst
    assert word in seen.reason


@pytest.mark.parametrize("kind", ["RGBA", "P", "CMYK", "I;16", "LA", "webp", "gif", "rotated"])
def test_other_forms_of_the_same_picture(kind: str) -> None:
    """Alpha, palettes, CMYK, 16 bits, WebP and EXIF rotation hardly move the score."""
    image, expected = chart(), measure(encoded(chart())).value
    transparent = image.convert("RGBA")
    white = image.convert("L").point(lambda value: 255 if value == 255 else 0)
    transparent.paste((0, 0, 0, 0), mask=white)
    exif = Image.Exif()
    exif[0x0112] = 6
    data = {
        "RGBA": lambda: encoded(transparent),
        "P": lambda: encoded(image.quantize(256, dither=Image.Dither.NONE)),
        "CMYK": lambda: encoded(image.convert("CMYK"), "JPEG", quality=95),
        "I;16": lambda: encoded(Image.fromarray(np.asarray(image.convert("L"), np.uint16) * 257)),
        "LA": lambda: encoded(image.convert("LA")),
        "webp": lambda: encoded(image, "WEBP", lossless=True),
        "gif": lambda: encoded(image.quantize(256, dither=Image.Dither.NONE), "GIF"),
        "rotated": lambda: encoded(image, "JPEG", quality=95, exif=exif),
    }[kind]()
    seen = measure(data)
    assert abs(seen.value - expected) < 0.25
    assert (seen.width, seen.height) == ((420, 640) if kind == "rotated" else (640, 420))


def test_the_quick_way_agrees_with_the_careful_one() -> None:
    """A JPEG decoded to luma alone gives what its full decode gives."""
    data = encoded(photograph(), "JPEG", quality=90)
    quick = np.asarray(luma(data).image, np.int16)
    with Image.open(io.BytesIO(data)) as image:
        careful = np.asarray(image.convert("RGB").convert("L"), np.int16)
    assert np.abs(quick - careful).max() <= 3


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", "empty"),
        (b"<html>not found</html>", "not_an_image"),
        (encoded(chart(), "JPEG")[:4000], "truncated"),
        (encoded(chart())[:2000], "truncated"),
        (encoded(Image.new("1", (20000, 20000))), "too_many_pixels"),
    ],
)
def test_files_that_cannot_be_read(data: bytes, cause: str) -> None:
    """Broken files raise the cause that sources use; the scorer leaves them unscored, which is not unclear."""
    with pytest.raises(SourceError) as caught:
        measure(data)
    assert caught.value.cause == cause
    score = Clarity()(sample(1), lambda _: data)
    assert score.value is None
    assert score.passed is None
    assert "cannot be read" in score.reason


def sample(pictures: int) -> Sample:
    """A question about so many pictures."""
    media = [Media(f"{i:064x}", "image/png", 640, 420, 1000) for i in range(pictures)]
    return Sample.of([Message.of("user", *media, "How high is the third bar?")])


def test_the_worst_picture_decides() -> None:
    """Several pictures count as one document: the least clear one gives value, evidence and its place."""
    files = [encoded(chart()), DAMAGE["blurred"][1](photograph()), encoded(photograph())]
    score = Clarity()(sample(3), lambda media: files[int(media.sha256, 16)])
    assert score.value == measure(files[1]).value
    assert score.passed is False
    assert score.reason.startswith("picture 2 of 3: sharpness")
    assert score.detail["pictures"] == 3
    assert score.detail["kind"] == "photo"


def test_score_shape() -> None:
    """Detail holds the declared fields with their types, and nothing that is not JSON."""
    scorer = pickle.loads(pickle.dumps(Clarity()))
    score = scorer(sample(1), lambda _: encoded(chart()))
    assert score == Clarity()(sample(1), lambda _: encoded(chart()))
    assert score.passed is True
    assert score.value is not None
    assert 0 <= score.value <= 1
    assert {name: type(value) for name, value in score.detail.items()} == dict(Clarity.detail_fields)
    assert score.value == min(score.detail[part] for part in PARTS)
    assert plain(score.detail) == score.detail


def test_no_picture() -> None:
    """Text alone has no clarity."""
    assert Clarity()(sample(0), lambda _: b"").reason == "no picture"


def test_threshold_is_a_parameter() -> None:
    """The same picture passes or fails by the threshold alone."""
    strict, lax = (Clarity(threshold=t)(sample(1), lambda _: encoded(chart())) for t in (1.1, 0.0))
    assert strict.value == lax.value
    assert (strict.passed, lax.passed) == (False, True)


@settings(max_examples=60, deadline=None)
@given(st.integers(8, 300), st.integers(8, 300), st.integers(0, 2**32 - 1), st.sampled_from(["L", "RGB"]))
def test_every_size_and_content_gives_a_finite_value(width: int, height: int, seed: int, mode: str) -> None:
    """No size or content breaks the measure or leaves [0, 1]."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(0, 255, (int(rng.integers(1, 9)), int(rng.integers(1, 9)), 3), dtype=np.uint8)
    image = Image.fromarray(cells).convert(mode).resize((width, height), Image.Resampling(int(rng.integers(0, 4))))
    seen = measure(encoded(image))
    assert all(0 <= value <= 1 for value in seen.parts.values())
    assert (seen.width, seen.height) == (width, height)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 3000))
def test_damaged_bytes_are_named_or_measured(patch: bytes, place: int) -> None:
    """A JPEG with bytes overwritten is measured or refused with a cause, never anything else."""
    data = bytearray(encoded(chart(200, 150), "JPEG"))
    data[place : place + len(patch)] = patch
    with suppress(SourceError):
        assert 0 <= measure(bytes(data)).value <= 1


@pytest.mark.parametrize("size", [(40, 30), (512, 300), (513, 20), (1023, 800), (1024, 50), (4000, 3000)])
def test_working_size_and_tiles(size: tuple[int, int]) -> None:
    """The working picture keeps its shape within the limit; tiles lie on JPEG's grid inside the picture."""
    image = Image.linear_gradient("L").resize(size)
    small = working(image)
    assert max(small.size) == min(max(size), WORKING_SIDE)
    assert abs(small.width / small.height - size[0] / size[1]) < 0.1 * size[0] / size[1]
    count, height, width = tiles(image).shape
    assert 1 <= count <= 9
    assert height <= min(128, size[1])
    assert width <= min(128, size[0])


def test_table_fits_the_statistics() -> None:
    """Every row of the frozen table has a weight and a range for each statistic of its part."""
    assert set(TABLE) == set(NAMES)
    found = statistics(luma(encoded(chart())))
    for part, rows in TABLE.items():
        assert len(found[part]) == len(NAMES[part])
        for row in rows.values():
            assert len(row.weights) == len(row.low) == len(row.high) == len(NAMES[part])
            assert all(low <= high for low, high in zip(row.low, row.high, strict=True))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared sample data is not beside the repository")
def test_odd_files_of_real_folders() -> None:
    """Each odd file is refused with a cause, scored low, or measured, as its description expects."""
    folder = SHARED / "vqa-edge"
    for row in map(json.loads, (folder / "edge.jsonl").read_text("utf-8").splitlines()):
        path = folder / row["images"][0]
        if not path.is_file() or path.parent != folder:
            continue
        try:
            value = measure(path.read_bytes()).value
        except SourceError:
            assert "reject" in row["expect"], row
        else:
            low = "low" in row["expect"] or "too small" in row["expect"]
            assert (value < 0.1) == low, row
