"""Select rules: SQL expressions with a threshold, evaluated by DuckDB over a version's samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.errors import ConfigError

__all__ = ["MaxFailed", "Rule"]

_OPS = ("=", "!=", "<", "<=", ">", ">=")


@dataclass(frozen=True, slots=True)
class Rule:
    """Keep samples whose `column` compares so with `threshold`. A NULL passes: unscored is not low.

    `Rule("clarity.value", ">=", 0.3)`, `Rule("length(question)", "<", 4000)`, `Rule("clarity.passed", "=", True)`.
    """

    column: str
    """Any SQL expression over the `samples` table."""
    op: Literal["=", "!=", "<", "<=", ">", ">="]
    threshold: float | bool | str

    def __post_init__(self) -> None:
        """Refuse an operator that is none, before any work is done."""
        if self.op not in _OPS:
            raise ConfigError(f"a rule compares with one of {' '.join(_OPS)}, not {self.op!r}")

    @property
    def passes(self) -> str:
        """SQL that is true where the sample is kept."""
        return f"coalesce(({self.column}) {self.op} {self._literal}, true)"

    @property
    def _literal(self) -> str:
        if isinstance(self.threshold, bool):
            return "true" if self.threshold else "false"
        if isinstance(self.threshold, str):
            return "'" + self.threshold.replace("'", "''") + "'"
        return repr(self.threshold)


@dataclass(frozen=True, slots=True)
class MaxFailed:
    """How many failed rows end a run: a count, or a share of the rows so far once there are 50."""

    count: int | None = None
    share: float | None = None

    @classmethod
    def parse(cls, text: str | None) -> MaxFailed:
        """Read `25` (rows), `0.1` or `10%` (share).

        Raises:
            ConfigError: none of these.

        """
        if text is None:
            return cls()
        try:
            if text.endswith("%") or "." in text:
                share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
                if 0 <= share <= 1:
                    return cls(share=share)
            elif int(text) >= 0:
                return cls(count=int(text))
        except ValueError:
            pass
        raise ConfigError(f"--max-failed takes a number of rows (25) or a share (0.1 or 10%), not {text!r}")

    def reached(self, failed: int, rows: int) -> bool:
        """Return whether `failed` of `rows` rows are too many."""
        if self.count is not None:
            return failed > self.count
        enough = 50
        return self.share is not None and rows >= enough and failed > self.share * rows
