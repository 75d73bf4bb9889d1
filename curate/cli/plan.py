"""`curate plan`: what a recipe would ask and what it would take, before it is paid for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curate.cli._execute import CONTEXT, Bound, Setup, bound
from curate.cli._options import (
    AllowUrls,
    Concurrency,
    Json,
    MaxCost,
    MaxRequests,
    MaxTokens,
    MediaRoot,
    Mmproj,
    RecipeRef,
    TeacherModel,
    Teachers,
    Workspace,
)

if TYPE_CHECKING:
    from curate.plan import Forecast, Plan, Range

__all__ = ["CONTEXT", "command", "print_plan"]


def command(
    context: typer.Context,
    recipe: RecipeRef,
    *,
    workspace: Workspace = Path(".curate"),
    teacher: Teachers = None,
    teacher_model: TeacherModel = None,
    mmproj: Mmproj = None,
    concurrency: Concurrency = None,
    allow_urls: AllowUrls = False,
    media_root: MediaRoot = None,
    max_cost: MaxCost = None,
    max_tokens: MaxTokens = None,
    max_requests: MaxRequests = None,
    rows: Annotated[
        int, typer.Option("--rows", metavar="N", min=0, help="Look at so many rows of the source; 0 for all.")
    ] = 200,
    pilot: Annotated[
        int, typer.Option("--pilot", metavar="K", min=0, help="Ask for real about so many rows first.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Say what a recipe would ask: how many requests, how many of them are in the ledger, the first prompts in full.

    With --pilot K the recipe is run for K rows, which is paid for once and forecasts the rest. Caps hold for the pilot.

    Examples:
      curate plan vqa_long_cot --source rows.jsonl --teacher qwen
      curate plan vqa_long_cot --source rows.jsonl --teacher qwen --pilot 20 --max-cost 1
    """
    ready = bound(context, recipe)
    if ready is None:
        return
    setup = Setup(
        workspace, teacher, teacher_model, mmproj, concurrency, allow_urls, media_root, max_cost, max_tokens,
        max_requests, quiet=as_json,
    )  # fmt: skip
    print_plan(setup, ready, rows=rows or None, pilot=pilot, as_json=as_json)


def print_plan(setup: Setup, ready: Bound, *, rows: int | None, pilot: int, as_json: bool) -> None:
    """Make a plan and print it."""
    from curate.cli._output import print_json
    from curate.plan import make

    with setup.open() as run:
        plan = make(run, ready.build, rows=rows, pilot=pilot)
    if as_json:
        print_json(_json(plan))
    else:
        _print(plan)


def _json(plan: Plan) -> dict[str, Any]:
    from curate.plan import shown

    fields = ("role", "endpoint", "model", "requests", "known", "worst_prompt_tokens", "worst_completion_tokens",
              "unlimited", "worst_cost")  # fmt: skip
    planned = {
        purpose: {
            **{name: getattr(entry, name) for name in fields},
            "first": shown(entry.first) if entry.first else None,
        }
        for purpose, entry in plan.planned.items()
    }
    seen = {"rows": plan.rows, "all_rows": plan.all_of_them, "programs": dict(plan.programs), "pilot": plan.piloted}
    return {**seen, "requests": planned, "forecast": _forecast_json(plan.forecast)}


def _forecast_json(forecast: Forecast | None) -> dict[str, Any] | None:
    if forecast is None:
        return None
    sums = ("requests", "tokens", "cost", "seconds")
    found = {name: getattr(forecast, name) for name in sums}
    return {
        "rows": forecast.rows,
        "rests_on": forecast.rests_on,
        **{name: value._asdict() if value else None for name, value in found.items()},
    }


def _print(plan: Plan) -> None:
    from curate.cli._output import Form, print_rows, safe
    from curate.plan import shown

    rows = [
        {
            "purpose": purpose, "role": entry.role, "model": entry.model, "requests": entry.requests,
            "known": entry.known, "to ask": entry.requests - entry.known,
            "prompt tokens <=": entry.worst_prompt_tokens,
            "written tokens <=": "no limit" if entry.unlimited else entry.worst_completion_tokens,
            "cost <=": "unknown" if entry.worst_cost is None else round(entry.worst_cost, 4),
        }
        for purpose, entry in plan.planned.items()
    ]  # fmt: skip
    for purpose, entry in plan.planned.items():
        if entry.first is not None:
            print(safe(f"--- first request of {purpose} to {entry.model}\n{shown(entry.first)}\n"))
    if rows:
        print_rows(list(rows[0]), rows, Form.TABLE)
    print("\n".join(_words(plan)))


def _words(plan: Plan) -> list[str]:
    passes = ", ".join(f"{what} {count:,}" for what, count in plan.programs.items()) or "none"
    whole = "the whole source" if plan.all_of_them else "the first of the source; --rows 0 looks at all"
    said = [f"\nLooked at {plan.rows:,} rows ({whole}); programs: {passes}."]
    open_ = sum(entry.requests - entry.known for entry in plan.planned.values())
    if not plan.planned:
        return [*said, "Nothing is asked of a model."]
    if not open_:
        return [*said, "Every request is in the ledger: a run asks for nothing."]
    said.append("Bounds are worst cases of the requests that can be told now; answers may lead to further ones.")
    forecast = plan.forecast
    if forecast is None:
        return [
            *said,
            "No forecast: no row is known in full yet. --pilot 20 asks about 20 rows and learns from them.",
        ]
    said.append(f"Forecast for {forecast.rows:,} rows, resting on {forecast.rests_on:,} that are known in full:")
    said.append(f"  requests {_range(forecast.requests)}, tokens {_range(forecast.tokens)}")
    said.append(f"  cost {_range(forecast.cost, '.4f') if forecast.cost else 'unknown: no price'}")
    return [*said, f"  time {_range(forecast.seconds, ',.0f')} s at full concurrency, start-up apart"]


def _range(found: Range, form: str = ",.0f") -> str:
    if found.low is None or found.high is None:
        return f"{found.mean:{form}} (too few rows for an interval)"
    return f"{found.mean:{form}} ({found.low:{form}} to {found.high:{form}})"
