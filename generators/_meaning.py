"""How near two texts are in meaning: embeddings, asked of a role like everything else, and the cosine between them."""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from schemas import prompt as prompts
from schemas.errors import SchemaError
from schemas.request import Program, Request, Sampling

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Meanings", "Vector", "embedded", "pack", "unpack"]

Vector = tuple[float, ...]
"""Of length 1."""

_BYTES = 2


def embedded(texts: Sequence[str], role: str, purpose: str) -> Program[list[Vector | None]]:
    """Return the meaning of each text, None where the call failed.

    Raises:
        SchemaError: the role is bound to a model that answers with text.

    """
    # Nothing is written, but a cap on tokens wants a limit: 1 is the least.
    requests = [Request(role, prompts.user(text), Sampling(max_tokens=1), purpose=purpose) for text in texts]
    outcomes = (yield requests) if requests else []
    return [None if outcome.reply is None else unpack(outcome.reply.text) for outcome in outcomes]


class Meanings:
    """Meanings that were taken; tells how near the next one is to the nearest of them."""

    def __init__(self) -> None:
        self._rows: np.ndarray[Any, Any] | None = None
        self._count = 0

    def nearest(self, vector: Vector | None) -> float:
        """Return the highest cosine to one that was taken, in [0, 1]; 0 where nothing is known of this one."""
        if vector is None or self._rows is None or self._rows.shape[1] != len(vector):
            return 0.0
        import numpy as np

        near = self._rows[: self._count] @ np.asarray(vector, dtype=np.float32)
        return min(1.0, max(0.0, float(near.max())))

    def take(self, vector: Vector | None) -> None:
        """Remember a meaning."""
        if vector is None:
            return
        import numpy as np

        if self._rows is None:
            self._rows = np.zeros((64, len(vector)), dtype=np.float32)
        if self._rows.shape[1] != len(vector):
            return
        if self._count == len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
        self._rows[self._count] = vector
        self._count += 1


def pack(vector: Sequence[float]) -> str:
    """Write a vector as text: scaled to length 1, in half precision, base64.

    Raises:
        ValueError: it has no direction.

    """
    size = math.hypot(*vector)
    if not (math.isfinite(size) and size > 0):
        message = f"a vector of length {size} has no direction"
        raise ValueError(message)
    return base64.b64encode(struct.pack(f"<{len(vector)}e", *(value / size for value in vector))).decode("ascii")


def unpack(text: str) -> Vector:
    """Read what `pack` wrote.

    Raises:
        SchemaError: it is something else.

    """
    try:
        data = base64.b64decode(text, validate=True)
        values: Vector = struct.unpack(f"<{len(data) // _BYTES}e", data)
    except (binascii.Error, struct.error, ValueError) as error:
        raise SchemaError("the model bound to the embedder's role answers with text, not with vectors") from error
    return values
