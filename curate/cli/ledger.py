"""What models were asked and what they answered: counts, explanations, an export, and a clean-up.

Examples:
  curate ledger stats
  curate ledger why 3fa94c07
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from curate.cli._options import Csv, Json, Limit, Workspace

__all__ = ["app"]

app = typer.Typer()

Model = Annotated[str | None, typer.Option("--model", help="Only requests to this model.")]
Purpose = Annotated[str | None, typer.Option("--purpose", help="Only requests for this purpose.")]
Ended = Annotated[
    str | None, typer.Option("--cause", help="Only replies that are ok, truncated, refused or bad_request.")
]

_GROUPS = (
    "model", "role", "purpose", "cause", "replies", "prompt_tokens", "completion_tokens", "reasoning_tokens",
    "cached_tokens", "cost", "latency", "latency_p95",
)  # fmt: skip
_ATTEMPTS = ("model", "cause", "attempts", "cost")
_KINDS = ("role", "purpose", "model", "cause", "replies", "linked", "unlinked", "cost", "bytes", "goes")
_MIB = 2**20


@app.command()
def stats(*, workspace: Workspace = Path(".curate"), as_json: Json = False, as_csv: Csv = False) -> None:
    """Count replies, tokens, money and waiting by model, role, purpose and cause; and attempts by cause.

    Latencies are in seconds: the median and the 95th percentile. CSV has the replies only.

    Examples:
      curate ledger stats
      curate ledger stats --json
    """
    from curate.cli._output import Form, form, print_json, print_rows, safe
    from curate.teacher.ledger_report import stats as count

    how = form(as_json=as_json, as_csv=as_csv)
    found = count(workspace / "ledger.sqlite")
    total = found.total
    if how is Form.JSON:
        size = {"file": found.file, "bytes": found.bytes}
        print_json({**size, "total": total, "groups": found.groups, "attempts": found.attempts})
        return
    if how is Form.CSV:
        print_rows(_GROUPS, found.groups, how)
        return
    unpriced = any(row["cost"] is None for row in found.groups)
    cost = f"cost {total['cost']:.4g}" + (", and what has no known price" if unpriced else "")
    print(safe(f"{found.file}: {found.bytes / _MIB:.1f} MiB, {total['replies']} replies, {cost}\n"))
    print_rows(_GROUPS, map(_rounded, found.groups), how)
    print()
    print_rows(_ATTEMPTS, map(_rounded, found.attempts), how)


@app.command()
def why(
    ident: Annotated[
        str | None,
        typer.Argument(metavar="[KEY-OR-SAMPLE]", help="A request's key or a sample's id, or how it begins."),
    ] = None,
    *,
    request: Annotated[
        str | None,
        typer.Option("--request", metavar="FILE", help="A request as JSON, `-` for stdin, instead of a key."),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="REF", help="The version of the sample; the newest by default.")
    ] = None,
    workspace: Workspace = Path(".curate"),
    as_json: Json = False,
) -> None:
    """Explain why a request was bought: what differs, field by field, from the nearest stored one.

    For a sample, all requests about it are listed, each with what changed since the one before. A request file holds
    what a key is the hash of, {"model", "messages", "sampling", "try"}, or a line of `curate ledger export`.

    Examples:
      curate ledger why 3fa94c07
      curate ledger why --request planned.json --json
    """
    from curate.cli._output import print_json, safe
    from curate.cli._why import of_ident, of_request, told
    from curate.store import Store
    from curate.teacher.explain import body_of

    ledger = workspace / "ledger.sqlite"
    if (ident is None) == (request is None):
        raise typer.BadParameter("give a key, a sample's id, or --request FILE")
    if request is not None:
        found = of_request(ledger, body_of(_text(request), request))
    else:
        found = of_ident(Store(workspace), ledger, str(ident), at)
    if as_json:
        print_json(found)
    else:
        print(safe("\n".join(told(found))))


@app.command()
def export(
    *,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write to this file, not to stdout.")
    ] = None,
    chat: Annotated[
        bool, typer.Option("--chat", help="Write conversations for training: key, model and messages of whole replies.")
    ] = False,
    model: Model = None,
    purpose: Purpose = None,
    cause: Ended = None,
    workspace: Workspace = Path(".curate"),
) -> None:
    """Write requests with their replies as JSON lines, all or the chosen ones.

    Pictures stand as their SHA-256: the bytes are in the workspace's blobs. Keys of endpoints are never stored.

    Examples:
      curate ledger export --cause truncated | head -1
      curate ledger export --chat --model qwen3-vl --out replies.jsonl
    """
    from curate.cli._output import say
    from curate.teacher.ledger_report import Choice, exported, write_lines

    lines = exported(workspace / "ledger.sqlite", Choice(model, purpose, cause), as_chat=chat)
    if out is not None:
        say(f"{write_lines(lines, out)} requests written to {out}")
        return
    for line in lines:
        sys.stdout.write(f"{line}\n")


@app.command()
def gc(
    *,
    older_than: Annotated[
        float, typer.Option("--older-than", metavar="DAYS", min=0, help="Only replies stored longer ago than this.")
    ] = 30.0,
    scores: Annotated[
        bool, typer.Option("--scores", help="Also kinds of requests that no trace names: ratings, verdicts, ...")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete; without it nothing is changed.")] = False,
    model: Model = None,
    purpose: Purpose = None,
    cause: Ended = None,
    limit: Limit = 100,
    workspace: Workspace = Path(".curate"),
    as_json: Json = False,
) -> None:
    """Show which replies no version refers to; with --yes delete them and shrink the file.

    Versions know the replies of their traces, kept or rejected. They do not know those of scores and verdicts, nor
    those of a run that has not made its version yet. What is deleted is bought again where a recipe asks for it again.
    The record of attempts, and so of what was paid, stays.

    Examples:
      curate ledger gc
      curate ledger gc --older-than 90 --model old-model --yes
    """
    from curate.cli._output import Form, print_json, print_rows, say
    from curate.store import Store
    from curate.teacher.forget import forget
    from curate.teacher.ledger_report import Choice

    choice = Choice(model, purpose, cause)
    ledger = workspace / "ledger.sqlite"
    found = forget(Store(workspace), ledger, choice, older_than=older_than, scores=scores, delete=yes)
    if as_json:
        told = {"deleted": found.deleted, "replies": found.replies, "cost": found.cost, "unknown": found.unknown}
        print_json({**told, "size_before": found.size_before, "size_after": found.size_after, "kinds": found.kinds})
        return
    print_rows(_KINDS, map(_rounded, found.kinds), Form.TABLE, limit=limit)
    if found.unknown:
        say(f"{found.unknown} replies stay: no version says whether their kind is still used; --scores takes them too")
    if found.deleted:
        saved = (found.size_before - found.size_after) / _MIB
        say(f"{found.replies} replies deleted, bought for {found.cost:.4g}; the file is {saved:.1f} MiB smaller")
    else:
        say(f"{found.replies} replies would go, bought for {found.cost:.4g}; nothing was changed: --yes deletes them")


def _rounded(row: dict[str, object]) -> dict[str, object]:
    return {name: float(f"{value:.4g}") if isinstance(value, float) else value for name, value in row.items()}


def _text(request: str) -> str:
    """Read a request file or stdin."""
    from schemas.errors import ConfigError

    try:
        return sys.stdin.read() if request == "-" else Path(request).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the request {request}: {error}") from error
