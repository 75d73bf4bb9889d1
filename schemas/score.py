"""What a measurement says: a value with its evidence, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

from schemas.canonical import JSON

__all__ = ["RIGHT", "UNDECIDED", "WRONG", "Score", "Verdict", "VerdictValue"]

VerdictValue = Literal["right", "wrong", "undecided"]
RIGHT: VerdictValue = "right"
WRONG: VerdictValue = "wrong"
UNDECIDED: VerdictValue = "undecided"


@dataclass(frozen=True, slots=True)
class Score:
    """A number in [0, 1] with its evidence. No value means *unscored, because `reason`*, never a low score."""

    value: float | None
    passed: bool | None = None
    """Whether the scorer's own default threshold is met; None where it has none or there is no value."""
    reason: str = ""
    detail: Mapping[str, JSON] = field(default_factory=dict)
    """Counts, intervals, sub-scores. Keys and types are the scorer's `detail_fields`."""

    @classmethod
    def unscored(cls, reason: str, **detail: JSON) -> Self:
        """Say why there is no value."""
        return cls(None, None, reason, detail)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an answer agrees with the known one, and which rule decided."""

    value: VerdictValue
    rule: str
    """The rule that decided: `choice_letter`, `number`, `math_verify`, `no_answer_found`, ..."""
    extracted: str = ""
    """The answer as it was found in the prediction."""
    reason: str = ""
    verifier: str = ""
    """Plug-in that ran, e.g. `verify_answer`."""

    @property
    def right(self) -> bool:
        """True only for a decided, right answer."""
        return self.value == RIGHT
