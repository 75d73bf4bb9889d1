"""`curate show`: a version at a glance, or one of its samples in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curate.cli._options import Csv, Json, Ref, Workspace

if TYPE_CHECKING:
    from curate.store import Store
    from schemas.version import Version

__all__ = ["command"]


def command(
    ref: Ref,
    ident: Annotated[
        str | None, typer.Argument(metavar="ID", help="A sample's or trace's id, or how it begins.")
    ] = None,
    *,
    draw: Annotated[
        Path | None,
        typer.Option(
            "--draw", metavar="DIR", help="Write each trace's boxes on its picture, as DIR/TRACE.png; needs ID."
        ),
    ] = None,
    prompts: Annotated[
        bool, typer.Option("--prompts", help="The words the traces were asked with, and what became of those.")
    ] = False,
    workspace: Workspace = Path(".curate"),
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Print what became of the rows of a version; with ID, one sample with its scores, traces, verdicts and drops.

    A sample that a version dropped is looked up in the versions it comes from.

    Examples:
      curate show mydata@latest
      curate show mydata@v2 3fa94c
      curate show grounded 3fa94c --draw boxes/
      curate show mydata --prompts
    """
    from curate.cli._output import form
    from curate.store import Store

    how = form(as_json=as_json, as_csv=as_csv)
    store = Store(workspace)
    version = store.resolve(ref)
    if prompts:
        if ident is not None:
            raise typer.BadParameter("is about a whole version: leave the ID out", param_hint="--prompts")
        _prompts(store, version, how)
    elif ident is None:
        if draw is not None:
            raise typer.BadParameter("draws the traces of one sample: name it by ID", param_hint="--draw")
        _version(store, version, how)
    else:
        _sample(store, version, ident, how, draw)


def _version(store: Store, version: Version, how: str) -> None:
    from curate.cli._output import Form, print_json, print_rows, safe, show
    from curate.report import funnel, summary, table

    found = funnel(store, version)
    manifest = version.manifest
    scores = {where: sorted(names) for where, names in manifest.score_fields.items() if names}
    if how == Form.JSON:
        rows_in = {"rows_in": manifest.rows_in, "counts": dict(manifest.counts)}
        origin = {"parents": list(manifest.parents), "notes": dict(manifest.notes)}
        print_json(
            {**summary(version), "ref": version.ref, **rows_in, **origin, "scores": scores, "funnel": found.rows()}
        )
    elif how == Form.CSV:
        print_rows(("what", "stage", "reason", "count", "share"), found.rows(), Form.CSV)
    else:
        print(safe(f"{version.ref}  {version.id}\n{manifest.step.kind}, {manifest.created[:19]}"))
        for where, names in scores.items():
            print(safe(f"scores of {where}: {', '.join(names)}"))
        print()
        show(table(found))


def _prompts(store: Store, version: Version, how: str) -> None:
    from curate.cli._output import Form, print_rows, safe, say
    from curate.cli._prompts import prompts

    rows = prompts(store, version)
    if how != Form.TABLE:
        print_rows(("prompt", "kept", "rejected", "right", "text"), rows, Form(how))
        return
    if not rows:
        say(f"{version.ref} has no traces, or none that name a prompt")
    for row in rows:
        words = row["text"] or "(its words are in no step of this workspace)"
        print(safe(f"{row['prompt']}: {row['kept']} kept, {row['rejected']} rejected, {row['right']} right"))
        print(safe(f"    {words}\n".replace("\n", "\n    ").rstrip(" ")))


def _sample(store: Store, version: Version, ident: str, how: str, draw: Path | None) -> None:
    from curate.cli._lookup import one_sample
    from curate.cli._output import Form, print_json, print_rows, safe

    found = one_sample(store, version, ident)
    if draw is not None:
        found["drawn"] = _draw(store, version, found, draw)
    if how == Form.JSON:
        print_json(found)
    elif how == Form.CSV:
        rows = ({"field": name, "value": value} for name, value in _flat("", found))
        print_rows(("field", "value"), rows, Form.CSV)
    else:
        print(safe("\n".join(_lines(found))))


def _draw(store: Store, version: Version, found: Mapping[str, Any], folder: Path) -> list[str]:
    """Write a PNG for every trace with boxes and return their paths."""
    from curate.cli._lookup import lineage
    from curate.cli._output import say
    from curate.page.boxes import declared, drawn, known_marks, trace_marks
    from schemas.errors import ConfigError
    from schemas.picture import upright
    from schemas.sample import Media

    sample = found["sample"]
    traces = [(trace["id"], trace_marks(trace)) for table in ("traces", "rejected") for trace in found[table]]
    boxed = [(ident, marks) for ident, marks in traces if marks]
    if not boxed or sample is None or len(sample["media"]) != 1:
        say("nothing is drawn: no trace of this sample has boxes in a picture")
        return []
    picture = upright(store.blobs.read(Media(**sample["media"][0])))
    known = known_marks(declared(lineage(store, version)), sample)
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for ident, marks in boxed:
            paths.append(folder / Path(f"{ident}.png").name)
            drawn(picture, [*known, *marks]).save(paths[-1])
    except OSError as error:
        raise ConfigError(
            f"--draw cannot write into {folder}: {error.strerror or error}; name another folder"
        ) from error
    return [str(path) for path in paths]


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every plain value under its dotted name."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{path}.{key}" if path else str(key), inner)
    elif isinstance(value, (list, tuple)):
        for place, inner in enumerate(value):
            yield from _flat(f"{path}.{place}", inner)
    elif value is not None:
        yield path, value


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    sample = found["sample"]
    yield f"{found['ref']}  sample {found['id']}"
    if sample is None:
        yield "its content is in no version of this workspace: the row failed before it was kept"
    else:
        yield from _sample_lines(sample)
    for title, table in (("kept trace", "traces"), ("rejected trace", "rejected")):
        for trace in found[table]:
            yield from _trace_lines(title, trace, found["dropped"])
    for row in found["dropped"]:
        if row["trace_id"] is None:
            yield f"\ndropped in {row['stage']} by {row['rule']}: {row['value']} (wanted {row['threshold']})"
    for row in found["failed"]:
        yield f"\nfailed in {row['stage']}, {row['cause']}: {row['reason']}"
    for path in found.get("drawn", ()):
        yield f"\nboxes drawn: {path}"


def _sample_lines(sample: Mapping[str, Any]) -> Iterator[str]:
    yield f"source {sample['source']}, row {sample['row']}"
    for media in sample["media"]:
        yield f"picture {media['name'] or media['sha256'][:12]}, {media['mime']}, {media['width']}x{media['height']}"
    for message in sample["messages"]:
        said = "".join(part["text"] if part["type"] == "text" else "<image>" for part in message["content"])
        yield f"\n{message['role']}:\n{said}"
    for letter, choice in zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", sample["choices"], strict=False):
        yield f"{letter}. {choice}"
    yield f"\nknown answer: {sample['answer']} ({sample['answer_type']})\n"
    yield from _scores(sample)


def _trace_lines(title: str, trace: Mapping[str, Any], dropped: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    verdict = trace["verdict"] or {"value": "unjudged", "rule": "none", "extracted": "", "reason": ""}
    yield f"\n--- {title} {trace['id']}: {trace['method']} by {trace['teacher']}, {trace['origin']}, {trace['finish']}"
    yield f"verdict {verdict['value']} by {verdict['rule']}: {verdict['extracted']} {verdict['reason']}".rstrip()
    for row in dropped:
        if row["trace_id"] == trace["id"]:
            yield f"dropped by {row['rule']}: {row['value']} (wanted {row['threshold']})"
    yield from _scores(trace)
    yield f"\n<think>\n{trace['reasoning']}\n</think>\n\n{trace['answer']}"


def _scores(row: Mapping[str, Any]) -> Iterator[str]:
    """Describe every column that holds a score."""
    for name, value in row.items():
        if isinstance(value, Mapping) and {"value", "passed", "reason"} <= set(value):
            detail = ", ".join(f"{key} {_number(item)}" for key, item in (value.get("detail") or {}).items())
            shown = "unscored" if value["value"] is None else _number(value["value"])
            yield " ".join(
                part for part in (f"{name}: {shown}", value["reason"], f"({detail})" if detail else "") if part
            )


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
