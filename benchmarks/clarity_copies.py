"""Damaged and clean copies of a picture, made in memory, for calibrating and judging the clarity scorer.

A copy of a JPEG keeps the original's tables, so that only jpegN changes them; jpegNsaved is a PNG made from a bad JPEG,
as charts on the web often are: its tables are gone.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Pixels = NDArray[np.uint8]
Change = Callable[[Pixels, np.random.Generator], Pixels]
LONGEST, SHORTEST = 1024, 128
"""Pixels: pictures are shrunk to the first, and skipped where their shorter side is under the second."""


def blur(sigma: float, pixels: Pixels, _: np.random.Generator) -> Pixels:
    """Blur as a lens out of focus does, nearly."""
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(sigma)))


def shake(length: int, pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Average along a line of `length` pixels in a random direction."""
    angle, half = rng.uniform(0, np.pi), length // 2
    padded = np.pad(pixels.astype(np.float32), ((half, half), (half, half), (0, 0)), mode="reflect")
    height, width = pixels.shape[:2]
    total = np.zeros(pixels.shape, np.float32)
    for offset in range(-half, half + 1):
        y, x = half + round(offset * np.sin(angle)), half + round(offset * np.cos(angle))
        total += padded[y : y + height, x : x + width]
    return (total / (2 * half + 1) + 0.5).astype(np.uint8)


def resize(factor: float, back: float, pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Scale by `factor` and then by `back`, with one of two good filters."""
    way = (Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)[int(rng.integers(2))]
    image = Image.fromarray(pixels)
    for scale in (factor, back):
        image = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), way)
    return np.asarray(image)


def grain(sigma: float, pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Add Gaussian noise to every channel."""
    noisy: Pixels = (pixels + rng.normal(0, sigma, pixels.shape)).clip(0, 255).astype(np.uint8)
    return noisy


def darken(gain: float, pixels: Pixels, _: np.random.Generator) -> Pixels:
    """Underexpose."""
    return (pixels * gain).astype(np.uint8)


def fade(gain: float, pixels: Pixels, _: np.random.Generator) -> Pixels:
    """Take contrast away around the mean."""
    mean = float(pixels.mean())
    faded: Pixels = ((pixels - mean) * gain + mean).clip(0, 255).astype(np.uint8)
    return faded


CLEAN: dict[str, tuple[float, Change | int]] = {
    "original": (1.0, lambda pixels, _: pixels),
    "doubled": (2.4, partial(resize, 2.0, 1.0)),
    "shrunk": (0.5, partial(resize, 0.67, 1.0)),
    "jpeg85": (0.5, 85),
}
"""Copies that count as clean, with their weight in a fit; a whole number is a JPEG quality."""

DAMAGED: dict[str, dict[str, Change | int]] = {
    "sharpness": {
        **{f"blur{sigma:g}": partial(blur, sigma) for sigma in (1.0, 1.5, 2.0, 3.0, 4.0)},
        **{f"motion{length}": partial(shake, length) for length in (7, 11, 15)},
        **{f"down{by}up": partial(resize, 1 / by, by) for by in (3, 4)},
    },
    "noise": {f"noise{sigma}": partial(grain, sigma) for sigma in (10, 15, 30)},
    "compression": {f"jpeg{quality}{saved}": quality for quality in (5, 10, 20, 30) for saved in ("", "saved")},
    "exposure": {
        **{f"dark{gain}": partial(darken, gain) for gain in (0.15, 0.25, 0.35)},
        **{f"contrast{gain}": partial(fade, gain) for gain in (0.15, 0.25, 0.35)},
    },
}
"""Copies that are damaged in one part."""


def copies(data: bytes, rng: np.random.Generator, wanted: tuple[str, ...] | None) -> Iterator[tuple[str, bytes]]:
    """Yield each wanted copy by name as the bytes of its file; nothing for a picture that is too small."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        tables = getattr(image, "quantization", None) if image.mode == "RGB" else None
        rgba = image.convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    flat.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    if min(flat.size) < SHORTEST:
        return
    pixels = np.asarray(flat)
    changes = {name: change for name, (_, change) in CLEAN.items()} | {
        k: v for d in DAMAGED.values() for k, v in d.items()
    }
    for name, change in changes.items():
        if wanted is not None and name not in wanted:
            continue
        if callable(change):
            yield name, encoded(Image.fromarray(change(pixels, rng)), tables)
        else:
            bad = encoded(flat, None, quality=change)
            yield name, encoded(Image.open(io.BytesIO(bad)), None) if name.endswith("saved") else bad


def encoded(image: Image.Image, tables: dict[int, list[int]] | None, quality: int | None = None) -> bytes:
    """Encode as JPEG with the given tables or quality, else as PNG."""
    out = io.BytesIO()
    if tables:
        image.save(out, "JPEG", qtables=tables)
    elif quality:
        image.save(out, "JPEG", quality=quality, subsampling=0)
    else:
        image.save(out, "PNG", compress_level=1)
    return out.getvalue()
