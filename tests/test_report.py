"""The funnel says what became of every row."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.workspace import fill

from curate import report
from curate.store import Store


def test_funnel_accounts_for_every_row(tmp_path: Path) -> None:
    """Rows in are kept, dropped by a rule or failed for a cause; traces are kept or rejected."""
    _, version = fill(tmp_path)
    found = report.funnel(Store(tmp_path), version)

    assert found.rows_in == found.kept + sum(x.count for x in found.dropped) + sum(x.count for x in found.failed) == 6
    assert {(x.stage, x.reason, x.count) for x in found.dropped} == {
        ("read", "duplicate", 1),
        ("generate", "no_right_trace", 1),
    }
    assert {(x.stage, x.reason) for x in found.failed} == {("read", "decode"), ("generate", "refused")}
    assert [(x.reason, x.count) for x in found.rejected] == [("verdict.choice_letter", 1)]
    assert [row["what"] for row in found.rows()] == [
        "in",
        "dropped",
        "dropped",
        "failed",
        "failed",
        "kept",
        "trace rejected",
        "trace kept",
    ]


def test_shares_are_of_rows_and_of_traces(tmp_path: Path) -> None:
    """Losses of rows are shares of the rows, losses of traces of the traces written."""
    _, version = fill(tmp_path)
    shares = {(row["what"], row["reason"]): row["share"] for row in report.funnel(Store(tmp_path), version).rows()}
    assert shares["kept", ""] == pytest.approx(2 / 6)
    assert shares["trace kept", ""] == pytest.approx(2 / 3)


def test_funnel_without_traces_speaks_of_rows_only(tmp_path: Path) -> None:
    """A version of samples has no lines about traces."""
    version, _ = fill(tmp_path)
    assert {row["what"] for row in report.funnel(Store(tmp_path), version).rows()} == {
        "in",
        "dropped",
        "failed",
        "kept",
    }


def test_table_is_printed_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Talk leaves stdout to data."""
    _, version = fill(tmp_path)
    report.print_funnel(Store(tmp_path), version)
    out, err = capsys.readouterr()
    assert out == ""
    assert "reds@v1" in err
    assert "no_right_trace" in err


def test_summary_is_the_row_of_a_list(tmp_path: Path) -> None:
    """The row counts kept samples."""
    _, version = fill(tmp_path)
    row = report.summary(version)
    assert list(row) == ["name", "version", "id", "rows", "step", "created"]
    assert (row["name"], row["version"], row["rows"], row["step"]) == ("reds", 1, 2, "distil")
