"""The rows that the page shows: their words, shortened, and thumbnails of their pictures."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

from curate.page._sql import Ask, listed
from curate.page.boxes import Known, Mark, declared, drawn, known_marks, trace_marks
from curate.query import asking
from schemas.errors import ConfigError, SourceError, StoreError
from schemas.sample import Media
from schemas.version import Version

if TYPE_CHECKING:
    from curate.store import Store

__all__ = ["ShownSample", "ShownTrace", "Thumbnails", "shown_samples", "shown_traces", "with_boxes"]

_SIDE = 256
"""Pixels of a thumbnail's longer side."""
_QUALITY = 72
_PICTURES = 2
"""Thumbnails of one sample."""
_MOST_BYTES = 6_000_000
"""Of all thumbnails of a page."""
_MOST_READ = 64_000_000
"""Bytes of a picture that is opened for a thumbnail."""
_TEXT = 2_000
"""Characters that are fetched of a text."""
_STEPS = 20_000
"""Characters that are fetched of steps with boxes, to draw all of them."""


@dataclass(frozen=True, slots=True)
class ShownSample:
    """A sample as an example shows it."""

    id: str
    question: str
    answer: str | None
    choices: tuple[str, ...]
    source: str
    row: int
    pictures: tuple[str, ...]
    """Thumbnails as data URIs."""
    media: int
    """Pictures it has."""
    only: Media | None = None
    """Its picture, where it has just one."""
    known: tuple[Mark, ...] = ()
    """Boxes that its traces are compared with."""


@dataclass(frozen=True, slots=True)
class ShownTrace:
    """A trace as an example shows it: the beginning of its thoughts, the end of its answer."""

    id: str
    reasoning: str
    answer: str
    finish: str
    extracted: str
    """The answer as the verifier found it."""
    method: str = ""
    boxed: str = ""
    """Thumbnail of the picture with the boxes of its steps, as a data URI; empty where it has none."""


@dataclass(slots=True)
class Thumbnails:
    """Makes small JPEGs of a store's pictures until they take six megabytes together."""

    store: Store
    spent: int = 0
    _made: dict[str, str | None] = field(default_factory=dict)

    def of(self, media: Media) -> str | None:
        """Return a thumbnail as a data URI; None where the picture cannot be shown or the page is full of them."""
        if media.sha256 not in self._made:
            self._made[media.sha256] = self._make(media)
        uri = self._made[media.sha256]
        if uri is None or self.spent + len(uri) > _MOST_BYTES:
            return None
        self.spent += len(uri)
        return uri

    def boxed(self, media: Media, marks: Sequence[Mark]) -> str | None:
        """Return a thumbnail with boxes on it, as `of` does."""
        uri = self._make(media, marks)
        if uri is None or self.spent + len(uri) > _MOST_BYTES:
            return None
        self.spent += len(uri)
        return uri

    def _make(self, media: Media, marks: Sequence[Mark] = ()) -> str | None:
        """Draw it; every picture of a store was opened once in a worker that could be killed, so none hangs here."""
        from schemas.picture import upright

        with suppress(StoreError, SourceError, OSError):
            if self.store.blobs.path(media.sha256).stat().st_size <= _MOST_READ:
                image = upright(self.store.blobs.read(media))
                if marks:
                    image = drawn(image, marks, side=_SIDE)
                image.thumbnail((_SIDE, _SIDE))
                small = BytesIO()
                image.save(small, "JPEG", quality=_QUALITY, optimize=True)
                return "data:image/jpeg;base64," + base64.b64encode(small.getvalue()).decode("ascii")
        return None


def shown_samples(
    store: Store, versions: Iterable[Version], wanted: Iterable[str], thumbnails: Thumbnails | None
) -> dict[str, ShownSample]:
    """Look samples up in a version and then in those it comes from, nearest first; what is nowhere is left out.

    Without `thumbnails` there are none.
    """
    missing, found = set(wanted), dict[str, ShownSample]()
    versions = list(versions)
    boxes = declared(versions)
    with suppress(ConfigError, StoreError):  # a version above that is gone or damaged costs its examples, not the page
        for version in versions:
            if not missing:
                break
            with asking(store, version) as ask:
                rows = _sample_rows(ask, missing)
            found |= {row["id"]: _sample(row, thumbnails, boxes) for row in rows}
            missing -= set(found)
    return found


def shown_traces(ask: Ask, wanted: Iterable[str]) -> dict[str, ShownTrace]:
    """Look traces up among the kept and the rejected ones."""
    chosen = sorted(set(wanted))
    if not chosen:
        return {}
    columns = (
        f"id, left(reasoning, CASE WHEN contains(method, 'grounded_cot') THEN {_STEPS} ELSE {_TEXT} END) AS reasoning, "
        f"right(answer, {_TEXT}) AS answer, finish, "
        "verdict.extracted AS extracted, method"
    )
    both = (f"SELECT {columns} FROM {table} WHERE id IN {listed(chosen)}" for table in ("traces", "rejected"))  # noqa: S608 - quoted
    rows = ask(" UNION ALL ".join(both))
    return {row["id"]: ShownTrace(**{**row, "extracted": row["extracted"] or ""}) for row in rows}


def with_boxes(
    traces: Mapping[str, ShownTrace],
    samples: Mapping[str, ShownSample],
    sample_of: Mapping[str, str],
    thumbnails: Thumbnails | None,
) -> dict[str, ShownTrace]:
    """Give traces with boxes a thumbnail that shows them and known ones; `sample_of` has the sample of each trace."""
    found = {ident: replace(trace, reasoning=trace.reasoning[:_TEXT]) for ident, trace in traces.items()}
    for ident, of in sample_of.items():
        trace, sample = traces.get(ident), samples.get(of)
        if thumbnails is None or trace is None or sample is None or sample.only is None:
            continue
        marks = trace_marks({"method": trace.method, "reasoning": trace.reasoning, "answer": trace.answer})
        uri = thumbnails.boxed(sample.only, [*sample.known, *marks]) if marks else None
        found[ident] = replace(found[ident], boxed=uri or "")
    return found


def _sample_rows(ask: Ask, wanted: Iterable[str]) -> Sequence[Mapping[str, Any]]:
    return ask(
        f'SELECT id, left(question, {_TEXT}) AS question, answer, answer_type, choices, source, "row", media, meta '  # noqa: S608 - quoted
        f"FROM samples WHERE id IN {listed(sorted(wanted))}"
    )


def _sample(row: Mapping[str, Any], thumbnails: Thumbnails | None, boxes: Known | None) -> ShownSample:
    media = [Media(**each) for each in row["media"]]
    pictures = tuple(_drawn(media[:_PICTURES], thumbnails)) if thumbnails else ()
    plain = {name: row[name] for name in ("id", "question", "answer", "source", "row")}
    only = media[0] if len(media) == 1 else None
    known = tuple(known_marks(boxes, {**row, "meta": json.loads(row["meta"] or "{}")})) if boxes else ()
    return ShownSample(
        **plain, choices=tuple(row["choices"]), pictures=pictures, media=len(media), only=only, known=known
    )


def _drawn(media: Iterable[Media], thumbnails: Thumbnails) -> Iterator[str]:
    for each in media:
        uri = thumbnails.of(each)
        if uri is not None:
            yield uri
