"""A student's own texts as a version of questions and answers, to be mixed in against forgetting (arXiv 2406.11354).

The generator `self_decompress` writes texts topic by topic; here they become samples of their own, near duplicates
between topics are taken out, and every text is accounted for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from curate.chain import Distilled, Keep, distil
from curate.settings import check_settings
from curate.teacher.driver import Job
from generators._meaning import Meanings, Vector, embedded
from generators._similar import Seen
from generators._topic_tree import read_leaf
from schemas.canonical import spec
from schemas.protocols import Generator
from schemas.sample import Message, Sample
from schemas.version import Dropped, Step, Version
from schemas.wording import wordings

if TYPE_CHECKING:
    from curate.run import Run
    from curate.store import Writer
    from schemas.trace import Trace

__all__ = ["decompress"]

_STAGE, _SOURCE, _ROOTS = "decompress", "self_decompress", "topics"


def decompress(
    run: Run,
    generator: Generator,
    topics: Sequence[str],
    *,
    name: str,
    similarity: float = 0.7,
    embedder: str = "",
    meaning_similarity: float = 0.93,
) -> Version:
    """Have a tree grown from every topic and derive the version `name`: one sample for each text that is kept.

    Rows in are the texts that were written and the topics that came to none. Texts have no known answer; their traces
    are undecided by the rule `unverified`.

    Args:
        run: the workspace and the models.
        generator: writes traces whose reasoning begins with topics and question (`self_decompress`).
        topics: the roots.
        name: name of the version.
        similarity: a question at least so near to an earlier one of any topic is dropped; 1 drops equal ones.
        embedder: role of a model of embeddings, whose cosines decide too; empty compares words alone.
        meaning_similarity: a question with such a cosine to an earlier one is dropped.

    """
    models = {role or "*": end.engine.identity for role, end in sorted(run.roles.items())}
    params = {
        "generator": spec(generator),
        "topics": list(topics),
        "similarity": similarity,
        "embedder": embedder,
        "meaning_similarity": meaning_similarity if embedder else None,
        "models": models,
    }
    check_settings(params)
    step = Step(_STAGE, params)
    found = run.store.find(name, step)
    unfolding = _Unfolding(run, generator, tuple(topics), similarity, embedder, meaning_similarity)
    return found or run.store.derive(name, step, write=unfolding.write)


@dataclass(slots=True)
class _Unfolding:
    """The writing of a version of texts."""

    run: Run
    generator: Generator
    topics: tuple[str, ...]
    similarity: float
    embedder: str
    meaning_similarity: float
    seen: Seen = field(default_factory=Seen)
    meanings: Meanings = field(default_factory=Meanings)
    vectors: dict[str, Vector | None] = field(default_factory=dict)
    """By question."""
    told: set[str] = field(default_factory=set)
    """Samples that are accounted for."""
    rows: int = 0

    def write(self, writer: Writer) -> int:
        """Write every text and return how many there were, empty topics included."""
        roots = [
            Sample.of([Message.of("user", topic)], source=_ROOTS, row=row)
            for row, topic in enumerate(dict.fromkeys(self.topics))
        ]
        done: dict[str, Distilled] = {}
        known = wordings(spec(self.generator))
        jobs = (Job(root.id, partial(distil, root, {}, self.generator, {}, Keep(), known=known)) for root in roots)
        self.run.drive(jobs, done.__setitem__, what=_STAGE, total=len(roots))
        self._embed(done)
        # In the order of the topics, so that which of two near texts is kept does not depend on who came first.
        for root in roots:
            self._root(writer, root, done[root.id])
        return self.rows

    def _embed(self, done: Mapping[str, Distilled]) -> None:
        """Learn what every question means; the generator asked for the same, so the ledger knows."""
        if not self.embedder:
            return
        asked = {ident: _questions(one) for ident, one in done.items()}
        jobs = (
            Job(ident, partial(embedded, questions, self.embedder, f"{_SOURCE}.embedding"))
            for ident, questions in asked.items()
        )

        def sink(ident: str, vectors: list[Vector | None]) -> None:
            self.vectors.update(zip(asked[ident], vectors, strict=True))

        self.run.drive(jobs, sink, what="embed", total=len(asked))

    def _root(self, writer: Writer, root: Sample, done: Distilled) -> None:
        writer.retryable |= done.retryable
        for trace in (*done.kept, *done.rejected):
            self._text(writer, trace)
        if done.failed is not None:
            writer.failed(done.failed)
            self.rows += 1
        elif not (done.kept or done.rejected):
            writer.dropped(Dropped(root.id, _STAGE, "no_text", "0", "1 text", source=_ROOTS, row=root.row))
            self.rows += 1

    def _text(self, writer: Writer, trace: Trace) -> None:
        leaf = read_leaf(trace.reasoning)
        if leaf is None:
            return
        self.rows += 1
        sample = Sample.of([Message.of("user", leaf.question)], source=_SOURCE, meta={"topics": list(leaf.topics)})
        trace = dataclasses.replace(trace, sample_id=sample.id, reasoning=leaf.thinking)
        rule, value, most = self._rule(sample, trace)
        self.told.add(sample.id)
        if not rule:
            self.seen.take(leaf.question)
            self.meanings.take(self.vectors.get(leaf.question))
            writer.sample(sample)
            writer.trace(trace)
            return
        writer.rejected(trace)
        writer.dropped(Dropped(sample.id, _STAGE, rule, value, most, source=_SOURCE))
        writer.dropped(Dropped(sample.id, _STAGE, rule, value, "", trace.id, _SOURCE))

    def _rule(self, sample: Sample, trace: Trace) -> tuple[str, str, str]:
        """Return the rule that takes a text out, the value that decided and the limit; nothing where it is kept."""
        if sample.id in self.told:
            return "duplicate", "", ""
        if trace.verdict is not None and trace.verdict.rule in ("truncated", "no_answer_found"):
            return f"verdict.{trace.verdict.rule}", trace.verdict.value, ""
        near = self.seen.nearest(sample.question)
        if near >= self.similarity:
            return "near_duplicate", f"{near:.3f}", f"< {self.similarity}"
        near = self.meanings.nearest(self.vectors.get(sample.question))
        if near >= self.meaning_similarity:
            return "near_meaning", f"{near:.3f}", f"< {self.meaning_similarity}"
        return "", "", ""


def _questions(done: Distilled) -> list[str]:
    leaves = (read_leaf(trace.reasoning) for trace in (*done.kept, *done.rejected))
    return [leaf.question for leaf in leaves if leaf is not None]
