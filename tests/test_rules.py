"""Rules as SQL, and the limit on failed rows."""

from __future__ import annotations

import pytest

from curate.rules import MaxFailed, Rule
from schemas.errors import ConfigError


@pytest.mark.parametrize(
    ("rule", "sql"),
    [
        (Rule("clarity.value", ">=", 0.3), "coalesce((clarity.value) >= 0.3, true)"),
        (Rule("clarity.passed", "=", True), "coalesce((clarity.passed) = true, true)"),
        (Rule("source", "!=", "it's"), "coalesce((source) != 'it''s', true)"),
    ],
)
def test_sql(rule: Rule, sql: str) -> None:
    """A rule is an SQL predicate in which unscored passes."""
    assert rule.passes == sql


def test_operator_is_checked() -> None:
    """An operator that is none is said before any work."""
    with pytest.raises(ConfigError, match="compares with one of"):
        Rule("a", "~", 1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "failed", "rows", "reached"),
    [
        (None, 10**6, 10**6, False),
        ("0", 1, 1, True),
        ("3", 3, 4, False),
        ("3", 4, 9999, True),
        ("10%", 6, 50, True),
        ("0.1", 5, 50, False),
        ("10%", 30, 40, False),
    ],
)
def test_limit(text: str | None, failed: int, rows: int, reached: bool) -> None:
    """A count is exact; a share needs fifty rows to mean anything."""
    assert MaxFailed.parse(text).reached(failed, rows) is reached


@pytest.mark.parametrize("text", ["many", "-1", "150%", "1.5", ""])
def test_limit_is_checked(text: str) -> None:
    """Nonsense is one clear line."""
    with pytest.raises(ConfigError, match="--max-failed takes"):
        MaxFailed.parse(text)
