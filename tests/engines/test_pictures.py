"""Pictures are encoded once while they are in use, within a budget."""

from __future__ import annotations

import hashlib
from io import BytesIO

from PIL import Image

from generators.engines._pictures import Pictures
from schemas.sample import Media


def _picture(shade: int) -> tuple[Media, bytes]:
    out = BytesIO()
    Image.new("RGB", (32, 32), (shade, 0, 0)).save(out, "PNG")
    data = out.getvalue()
    return Media(hashlib.sha256(data).hexdigest(), "image/png", 32, 32, len(data)), data


def test_read_once_while_held() -> None:
    """A picture that is asked for again is not read again; past the budget the least recently used one goes."""
    made = [_picture(shade) for shade in (1, 2, 3)]
    blobs = {media.sha256: data for media, data in made}
    reads: list[str] = []

    def read(media: Media) -> bytes:
        reads.append(media.sha256)
        return blobs[media.sha256]

    one, two, three = (media for media, _ in made)
    pictures = Pictures(read, budget=2 * len(made[0][1]))
    for media in (one, two, one, three, one, two):
        assert pictures(media) == ("image/png", blobs[media.sha256])

    assert reads == [m.sha256 for m in (one, two, three, two)]
