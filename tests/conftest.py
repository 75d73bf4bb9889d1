"""Fixtures shared by the suite."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_configure() -> None:
    """Take Ctrl-C as usual: in the background of a shell it is ignored, and children would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def shared() -> Path:
    """Return the folder of real data beside the checkout; tests that need it skip where it is absent."""
    if not (SHARED / "data").is_dir():
        pytest.skip("needs the data folder ../shared/data beside the checkout")
    return SHARED


@pytest.fixture(autouse=True)
def _clean_environment() -> Iterator[None]:
    """Keep a developer's settings out of the tests."""
    kept = dict(os.environ)
    for name in [n for n in os.environ if n.startswith("CURATE_") and n != "CURATE_CACHE"]:
        del os.environ[name]
    yield
    os.environ.clear()
    os.environ.update(kept)
