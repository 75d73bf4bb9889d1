"""Screens behind a generator: a right trace that fails a check of its text is not right enough to keep.

The checks are trace scorers (language, repetition, reasoning_agrees, ...), handed in by the recipe; what they find
stands on every trace as their score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from generators._chain import is_right, withdrawn
from generators.think_then_answer import ThinkThenAnswer
from schemas.protocols import Generator, TraceScorer, Verifier
from schemas.request import Program
from schemas.sample import Sample
from schemas.trace import Trace

__all__ = ["Screened"]


@dataclass(frozen=True, slots=True)
class Screened:
    """Hand on the traces of a generator; right ones that a screen does not pass are undecided by `screen.NAME`."""

    version: ClassVar[int] = 1
    verifier: Verifier
    """For the writer that is used where none is given."""
    writer: Generator | None = None
    """Writes the traces; without one, think-then-answer with its defaults."""
    screens: Mapping[str, TraceScorer] = field(default_factory=dict)
    """By the name of their score column. What a screen cannot score passes: unscored is not low."""

    def __post_init__(self) -> None:
        """Use think-then-answer where no writer is given."""
        if self.writer is None:
            # the class is frozen, and what writes belongs to its spec
            object.__setattr__(self, "writer", ThinkThenAnswer(self.verifier))

    @property
    def trace_fields(self) -> Mapping[str, Mapping[str, type]]:
        """Score columns of its traces: the writer's and the screens'."""
        own = {name: dict(screen.detail_fields) for name, screen in self.screens.items()}
        return {**getattr(self.writer, "trace_fields", {}), **own}

    def __call__(self, sample: Sample, /) -> Program[list[Trace]]:
        """Return every trace of the writer with its scores."""
        assert self.writer is not None
        return [self._screened(sample, trace) for trace in (yield from self.writer(sample))]

    def _screened(self, sample: Sample, trace: Trace) -> Trace:
        failed = ""
        for name, screen in self.screens.items():
            score = screen(sample, trace)
            trace = trace.with_score(name, score)
            if score.passed is False and not failed:
                failed = name
        if not failed or not is_right(trace):
            return trace
        return withdrawn(trace, f"screen.{failed}", trace.scores[failed].reason or f"{failed} does not pass")
