"""`curate verify`: judge predictions against known answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from curate.cli._options import Csv, Json, Workspace

__all__ = ["command"]

_COLUMNS = ("id", "verdict", "rule", "extracted", "reason")


def command(
    file: Annotated[
        Path | None,
        typer.Argument(help="jsonl rows: {id?, gold, prediction, question?, choices? or options?, answer_type?}."),
    ] = None,
    *,
    gold: Annotated[str | None, typer.Option(help="The known answer, instead of a file.")] = None,
    prediction: Annotated[str | None, typer.Option(help="What the model wrote, as it is.")] = None,
    question: Annotated[str, typer.Option(help="The question, where it decides what counts.")] = "",
    choices: Annotated[str, typer.Option(help="The options in order, separated by |.")] = "",
    workspace: Workspace = Path(".curate"),  # noqa: ARG001 - every command takes it
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Say right, wrong or undecided for each prediction, with the rule that decided.

    A file gives a table by verdict and rule; --json one line a row: {id, verdict, rule, extracted, reason}.

    Examples:
      curate verify predictions.jsonl --json
      curate verify --gold 1/2 --prediction 'so it is 0.5'
    """
    from curate.cli._output import Form, form, print_lines, print_rows
    from curate.verify import verify_rows

    how = form(as_json=as_json, as_csv=as_csv)
    rows = verify_rows(_rows(file, gold, prediction, {"question": question, "choices": _split(choices)}))
    if how is Form.TABLE and file is not None:
        print_rows(("verdict", "rule", "rows", "share"), _summary(rows), how)
    else:
        print_lines(_COLUMNS, rows, how)


def _rows(file: Path | None, gold: str | None, prediction: str | None, more: dict[str, Any]) -> Iterable[object]:
    """Return the rows of the file, or the one row of the options.

    Raises:
        BadParameter: neither a file nor both options, or both ways at once.

    """
    from curate.verify import read_rows

    if file is not None and gold is None and prediction is None:
        return read_rows(file)
    if file is None and gold is not None and prediction is not None:
        return [{"gold": gold, "prediction": prediction, **more}]
    raise typer.BadParameter("give a file of predictions, or both --gold and --prediction")


def _split(choices: str) -> list[str]:
    return [choice.strip() for choice in choices.split("|")] if choices else []


def _summary(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Count by verdict and rule, the commonest first, with a line for each verdict."""
    counts = Counter((row["verdict"], row["rule"]) for row in rows)
    total = sum(counts.values())
    for verdict in ("right", "wrong", "undecided"):
        rules = Counter({rule: n for (one, rule), n in counts.items() if one == verdict})
        yield _line(verdict, "all", sum(rules.values()), total)
        yield from (_line(verdict, rule, n, total) for rule, n in rules.most_common())


def _line(verdict: str, rule: str, rows: int, total: int) -> dict[str, Any]:
    return {"verdict": verdict, "rule": rule, "rows": rows, "share": f"{rows / total:.1%}" if total else ""}
