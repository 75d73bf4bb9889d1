"""The clients that `throughput.py` compares, each run as a process of its own on the same rows."""

from __future__ import annotations

import json
import os
import random
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

__all__ = ["Found", "Load", "curate", "floor", "openai_loop", "write_rows"]

HERE = Path(__file__).resolve().parent
_WORDS = ("explain", "compare", "derive", "estimate", "market", "river", "protein", "treaty", "orbit", "so", "that")
_TAG = re.compile(r"#id=(\d{6})#")


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked of a server."""

    base_url: str
    n: int
    concurrency: int
    images: Path | None = None
    """Folder of JPEGs, one a row."""
    timeout: float = 120.0
    """Seconds one request may take."""
    model: str = "mock-teacher"


@dataclass(frozen=True, slots=True)
class Found:
    """What one client took, and what it got."""

    wall_s: float
    """From its start to its end."""
    cpu_s: float
    """User and system time of all its processes."""
    rss_mb: float
    """Peak of its largest process."""
    rows: int
    """Rows that came out, each with one answer, to its own question where the server echoes `#id=...#`."""
    busy_s: float | None = None
    """From the first request sent to the last answer received."""
    failures: str = ""
    """Rows that did not come out, by cause, where the client says so."""


def write_rows(folder: Path, load: Load, prompts: Sequence[str] = ()) -> Path:
    """Write the rows of a load as JSON Lines, pictures beside them, and return the file; prompts are made if none."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = sorted(load.images.glob("*.jpg"))[: load.n] if load.images else []
    if load.images and len(pictures) < load.n:
        sys.exit(f"{load.images} holds {len(pictures)} .jpg files, {load.n} are wanted")
    texts = prompts or [_prompt(index) for index in range(load.n)]
    rows: list[dict[str, object]] = [{"id": index, "question": text} for index, text in enumerate(texts)]
    for row, picture in zip(rows, pictures, strict=False):
        row["image"] = picture.name
        (folder / picture.name).unlink(missing_ok=True)
        os.link(picture, folder / picture.name) if _same_disk(picture, folder) else _copy(picture, folder)
    source = folder / "rows.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return source


def curate(load: Load, source: Path, folder: Path, *, name: str = "bench") -> Found:
    """Run the recipe `one_request.py` in a workspace below `folder`, new where the folder is."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "curate.toml").write_text(
        f'[teachers.bench]\nbase_url = "{load.base_url}"\nmodel = "{load.model}"\n'
        f"max_concurrency = {load.concurrency}\ntimeout = {load.timeout}\n",
        encoding="utf-8",
    )
    recipe = [str(HERE / "one_request.py"), "--source", str(source), "--name", name]
    command = [sys.executable, "-m", "curate.cli.main", "run", *recipe, "--teacher", "bench", "--quiet"]
    found = _measured([*command, "--workspace", str(folder / "workspace")], folder)
    rows, failures = _from_store(folder / "workspace", name)
    return replace(found, busy_s=_busy(folder / "workspace" / "ledger.sqlite"), rows=rows, failures=failures)


def openai_loop(load: Load, source: Path, folder: Path) -> Found:
    """Run the hand-written loop over `AsyncOpenAI`."""
    journal = folder / "journal.jsonl"
    script = [sys.executable, str(HERE / "_openai_loop.py")]
    found = _measured([*script, load.base_url, load.model, str(source), str(journal), str(load.concurrency)], folder)
    return replace(found, rows=_from_journal(journal))


def floor(script: Path, load: Load, folder: Path) -> Found:
    """Run a hand-written client that takes the options below and writes `{id, response}` lines."""
    out = folder / "out.jsonl"
    options: dict[str, object] = {
        "--base-url": load.base_url,
        "--n": load.n,
        "--concurrency": load.concurrency,
        "--timeout": load.timeout,
        "--out": out,
        "--workdir": folder,
    }
    if load.images:
        options["--images"] = load.images
    flat = [str(word) for pair in options.items() for word in pair]
    return replace(_measured([sys.executable, str(script), *flat], folder), rows=_from_journal(out))


def _prompt(index: int) -> str:
    draw = random.Random(index)
    words = " ".join(draw.choices(_WORDS, k=140))
    return f"#id={index:06d}# Write a detailed answer. {words}"[:600].strip()


def _same_disk(one: Path, other: Path) -> bool:
    return one.stat().st_dev == other.stat().st_dev


def _copy(picture: Path, folder: Path) -> None:
    (folder / picture.name).write_bytes(picture.read_bytes())


def _measured(command: list[str], folder: Path) -> Found:
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / "measured.json"
    path = os.pathsep.join(filter(None, (str(HERE.parent), os.environ.get("PYTHONPATH", ""))))
    done = subprocess.run(
        [sys.executable, str(HERE / "_measure.py"), str(out), *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(
            f"{' '.join(command[:4])} ... ended with {done.returncode}:\n{done.stdout[-1000:]}{done.stderr[-2000:]}"
        )
    found = json.loads(out.read_text(encoding="utf-8"))
    return Found(found["wall_s"], found["cpu_s"], found["rss_mb"], 0)


def _busy(ledger: Path) -> float | None:
    """Return the seconds between the first request and the last answer."""
    with closing(sqlite3.connect(ledger)) as found:
        busy: float | None = found.execute("SELECT max(created) - min(created - latency) FROM attempts").fetchone()[0]
    return busy


def _from_store(workspace: Path, name: str) -> tuple[int, str]:
    """Return the rows that hold their own answer, and the failed ones by cause."""
    from curate.store import Store

    store = Store(workspace)
    version = store.resolve(name)
    pairs = store.pairs(version)
    right = sum(len(traces) == 1 and _own(sample.messages[-1].text, traces[0].answer) for sample, traces in pairs)
    counts: dict[str, int] = {}
    for failed in store.failed(version):
        counts[failed.cause] = counts.get(failed.cause, 0) + 1
    return right, ", ".join(f"{count} {cause}" for cause, count in sorted(counts.items()))


def _from_journal(path: Path) -> int:
    return sum(_own(f"#id={row['id']:06d}#", row["response"] or "") for row in _lines(path))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _own(asked: str, answer: str) -> bool:
    """Whether there is an answer and it echoes the tag of its question; one without any tag is taken on trust."""
    echoed = _TAG.search(answer)
    tag = _TAG.search(asked)
    return bool(answer) and (echoed is None or (tag is not None and echoed.group(1) == tag.group(1)))
