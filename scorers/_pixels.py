"""Pixels as the local scorers need them: a picture's luma at native size, at a fixed working size, and in tiles."""

from __future__ import annotations

import struct
import warnings
import zlib
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from schemas.picture import MAX_ASPECT, MAX_PIXELS, MIN_SIDE, upright

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

__all__ = ["WORKING_SIDE", "Luma", "luma", "tiles", "working"]

WORKING_SIDE = 512
"""Longest side in pixels at which pictures of any size are compared."""

_TILE = 128
_TILES_PER_SIDE = 3
_GRID = 8  # JPEG codes blocks of 8x8 pixels, laid from the top left corner
_ORIENTATION = 0x0112
_SWAPS_SIDES = (5, 6, 7, 8)
_STANDARD_TABLE_SUM = 3688  # luma quantisation table of the JPEG standard (annex K), which is quality 50
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)


class Luma(NamedTuple):
    """Brightness of a picture, 8 bits a pixel."""

    image: Image.Image
    """Mode L, native size. A JPEG is not turned by its EXIF mark: no measure here depends on up and down."""
    width: int
    """Pixels, upright."""
    height: int
    quantisation: float
    """Coarseness of a JPEG's luma table: 1 is quality 50 of the standard, 5 is quality 10; 0 for other files."""


def luma(data: bytes) -> Luma:
    """Decode a picture to luma.

    Plain JPEGs skip the colour channels, which takes a quarter of a full decode; whatever is not a plain 8-bit JPEG or
    PNG (alpha, 16 bits, CMYK, animation) comes from `schemas.picture.upright`.

    Raises:
        SourceError: as `schemas.picture.facts`.

    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = _plain(data)
    if plain is not None:
        return plain
    image = upright(data).convert("L")
    return Luma(image, image.width, image.height, 0.0)


def working(image: Image.Image) -> Image.Image:
    """Return the picture scaled down, by averaging, to at most `WORKING_SIDE` pixels; never enlarged."""
    from PIL import Image

    side = max(image.size)
    if side >= 2 * WORKING_SIDE:
        image = image.reduce(side // WORKING_SIDE)
        side = max(image.size)
    if side <= WORKING_SIDE:
        return image
    size = tuple(max(1, round(length * WORKING_SIDE / side)) for length in image.size)
    return image.resize((size[0], size[1]), Image.Resampling.BOX)


def tiles(image: Image.Image) -> NDArray[np.uint8]:
    """Return up to 9 native tiles of at most 128x128 pixels, spread evenly on JPEG's grid; shape (n, height, width)."""
    import numpy as np

    pixels = np.asarray(image)
    high, down = _spread(pixels.shape[0])
    wide, across = _spread(pixels.shape[1])
    return np.stack([pixels[y : y + high, x : x + wide] for y in down for x in across])


def _spread(length: int) -> tuple[int, list[int]]:
    """Return the tile's side and the places where tiles start along a side of `length` pixels."""
    side = min(_TILE, length // _GRID * _GRID) or length
    count = min(_TILES_PER_SIDE, length // side)
    if count == 1:
        return side, [(length - side) // 2 // _GRID * _GRID]
    return side, [(length - side) * i // (count - 1) // _GRID * _GRID for i in range(count)]


def _plain(data: bytes) -> Luma | None:
    """Decode a plain JPEG or PNG; None where the careful way must look at the bytes, or say what is wrong with them."""
    from PIL import Image

    try:
        image = Image.open(BytesIO(data), formats=("JPEG", "PNG"))
        if not _simple(image):
            return None
        width, height = image.size
        tables = getattr(image, "quantization", None)
        if tables is not None:
            if image.getexif().get(_ORIENTATION) in _SWAPS_SIDES:
                width, height = height, width
            image.draft("L", image.size)
        grey = image.convert("L")
    except (*_DAMAGED, Image.DecompressionBombError):
        return None
    return Luma(grey, width, height, sum(tables[0]) / _STANDARD_TABLE_SUM if tables else 0.0)


def _simple(image: Image.Image) -> bool:
    short, long = sorted(image.size)
    sized = short >= MIN_SIDE and long <= MAX_ASPECT * short and short * long <= MAX_PIXELS
    return (
        sized and image.mode in ("L", "RGB") and not image.has_transparency_data and getattr(image, "n_frames", 1) == 1
    )
