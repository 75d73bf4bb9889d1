"""Versions on disk: the only place that opens the files of the store."""

from __future__ import annotations

from curate.store.audit import Report
from curate.store.blobs import Blobs
from curate.store.store import Store
from curate.store.writer import ScoreFields, Writer

__all__ = ["Blobs", "Report", "ScoreFields", "Store", "Writer"]
