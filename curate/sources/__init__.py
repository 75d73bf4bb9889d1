"""Raw collections to samples, one file a format: `open_source` yields rows, `load` makes a sample of one."""

from __future__ import annotations

from curate.sources._load import load
from curate.sources._open import open_source
from curate.sources._row import RawRow

__all__ = ["RawRow", "load", "open_source"]
