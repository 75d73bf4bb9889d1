"""Run the command line in this process."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.command_line import Cli, Ended
from fakes.workspace import fill

from curate.cli.main import main


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Return a function that runs `curate` with arguments."""

    def run(*arguments: str | Path) -> Ended:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Ended(int(ended.value.code or 0), out, err)

    return run


@pytest.fixture
def reds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a small workspace and point commands at it."""
    root = tmp_path / "w"
    fill(root)
    monkeypatch.setenv("CURATE_WORKSPACE", str(root))
    return root
