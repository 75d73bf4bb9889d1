"""Self-decompression: a student's own knowledge written out along a tree of topics (TG-SFT, arXiv 2406.11354).

Mixed into the training of a vision-language model, such texts keep the language model's skills from being overwritten.
The sample's question is the root topic. What was taken from where, and what is done differently: docs/methods.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from generators._chain import undecided
from generators._meaning import Meanings, Vector, embedded
from generators._similar import Seen
from generators._stage_writing import cut
from generators._topic_tree import Leaf, listed, written_leaf
from schemas import prompt as prompts
from schemas.errors import ConfigError
from schemas.request import Outcome, Program, Request, Sampling
from schemas.sample import Sample
from schemas.thinking import split
from schemas.trace import Trace

__all__ = ["SelfDecompress"]

_LONGEST_TOPIC, _LONGEST_QUESTION = 100, 600
_MOST_NODES = 100_000
_SPARE = 4
"""Lines of a list that are looked at, for each that is wanted."""


@dataclass(frozen=True, slots=True)
class SelfDecompress:
    """Grow a tree of topics from a root, ask questions at its leaves, and have the student answer them plainly.

    A trace's `reasoning` begins with the topics and the question; `curate.replay` makes samples of it.
    """

    version: ClassVar[int] = 2
    wide: ClassVar[tuple[int, ...]] = (24,)
    balanced: ClassVar[tuple[int, ...]] = (3, 3, 3)
    """Widths of the paper's two shapes, a wide tree and a balanced one; the numbers are ours, for about as many leaves
    as the default has."""
    widths: tuple[int, ...] = (6, 4)
    """Topics under each topic, level by level; as many levels as there are numbers."""
    texts: int = 4
    """Questions at each leaf."""
    topic_similarity: float = 0.6
    """A topic at least so near to an earlier one of the tree is left out (Jaccard similarity of trigrams)."""
    text_similarity: float = 0.7
    """The same for questions."""
    embedder: str = ""
    """Role of a model of embeddings: what is near an earlier one in meaning is left out too. Empty asks for none."""
    meaning_similarity: float = 0.93
    """Cosine from which on two topics or two questions are near in meaning; what it says depends on the model."""
    topic_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "topic_tree"))
    question_prompt: str = field(default_factory=lambda: prompts.load("generators.prompts", "topic_questions"))
    """Their fields are `$count` and `$topic`. Answers are asked for with the question alone."""
    list_sampling: Sampling = field(default_factory=lambda: Sampling(temperature=1.0, top_p=0.95, max_tokens=1024))
    answer_sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0.7, top_p=0.95, max_tokens=4096))
    role: str = "student"

    def __post_init__(self) -> None:
        """Refuse parameters that mean nothing, and trees that nobody can pay for."""
        size = self.texts
        for width in self.widths:
            size *= width
        if not self.widths or min(self.widths) < 1 or self.texts < 1 or size > _MOST_NODES:
            raise ConfigError(
                f"self_decompress: widths={self.widths} and texts={self.texts} make {size} texts a root topic: "
                f"use whole numbers from 1 on, for at most {_MOST_NODES}"
            )
        for share in (self.topic_similarity, self.text_similarity, self.meaning_similarity):
            if not 0 < share <= 1:
                raise ConfigError(f"self_decompress: similarity {share}: use a share above 0, at most 1")

    def __call__(self, sample: Sample, /) -> Program[list[Trace]]:
        """Return a trace for every answered question, undecided by the rule `unverified`: nobody knows it is right."""
        root = " ".join(sample.question.split())[:_LONGEST_TOPIC]
        if not root:
            return []
        seen = _Told()
        yield from self._fresh([([root], 1)], seen, similarity=1.0)
        leaves = [_Node((root,), ())]
        for width in self.widths:
            leaves = yield from self._grown(leaves, width, seen)
        asked = yield from self._questions(leaves)
        requests = [Request(self.role, prompts.user(one.question), self.answer_sampling, 0, _ANSWER) for one in asked]
        outcomes = (yield requests) if requests else []
        return [
            _trace(sample, one, request, outcome)
            for one, request, outcome in zip(asked, requests, outcomes, strict=True)
            if outcome.reply is not None
        ]

    def _grown(self, nodes: Sequence[_Node], width: int, seen: _Told) -> Program[list[_Node]]:
        """Return the topics one level down; a topic that has no new ones under it stays."""
        listing = yield from self._listing(nodes, self.topic_prompt, width, "self_decompress.topics")
        lists = [(_lines(outcome, width, longest=_LONGEST_TOPIC, words=1), width) for _, outcome in listing]
        found: list[_Node] = []
        fresh = yield from self._fresh(lists, seen, similarity=self.topic_similarity)
        for (node, outcome), names in zip(listing, fresh, strict=True):
            found += [_Node((*node.topics, name), (*node.keys, outcome.key)) for name in names] or [node]
        return found

    def _questions(self, leaves: Sequence[_Node]) -> Program[list[_Node]]:
        """Return the leaves again, one for each new question."""
        listing = yield from self._listing(leaves, self.question_prompt, self.texts, "self_decompress.questions")
        lists = [
            (_lines(outcome, self.texts, longest=_LONGEST_QUESTION, words=3), self.texts) for _, outcome in listing
        ]
        fresh = yield from self._fresh(lists, _Told(), similarity=self.text_similarity)
        return [
            _Node(leaf.topics, (*leaf.keys, outcome.key), question)
            for (leaf, outcome), questions in zip(listing, fresh, strict=True)
            for question in questions
        ]

    def _fresh(
        self, lists: Sequence[tuple[Sequence[str], int]], seen: _Told, *, similarity: float
    ) -> Program[list[list[str]]]:
        """Return of each list the first lines, at most so many, that are not near anything taken, and take them."""
        known: dict[str, Vector | None] = {}
        if self.embedder:
            lines = list(dict.fromkeys(line for lines, _ in lists for line in lines))
            vectors = yield from embedded(lines, self.embedder, "self_decompress.embedding")
            known = dict(zip(lines, vectors, strict=True))
        found: list[list[str]] = []
        for several, most in lists:
            fresh: list[str] = []
            for line in several:
                if len(fresh) < most and seen.is_new(line, known.get(line), similarity, self.meaning_similarity):
                    seen.take(line, known.get(line))
                    fresh.append(line)
            found.append(fresh)
        return found

    def _listing(
        self, nodes: Sequence[_Node], prompt: str, count: int, purpose: str
    ) -> Program[list[tuple[_Node, Outcome]]]:
        requests = [
            Request(
                self.role,
                prompts.user(prompts.fill(prompt, count=count, topic=" > ".join(node.topics))),
                self.list_sampling,
                purpose=purpose,
            )
            for node in nodes
        ]
        return list(zip(nodes, (yield requests), strict=True))


_ANSWER = "self_decompress.answer"


class _Node(NamedTuple):
    """A place in the tree."""

    topics: tuple[str, ...]
    keys: tuple[str, ...]
    """Requests that led here."""
    question: str = ""


@dataclass(frozen=True, slots=True)
class _Told:
    """What was taken, by its words and by its meaning."""

    words: Seen = field(default_factory=Seen)
    meanings: Meanings = field(default_factory=Meanings)

    def is_new(self, text: str, vector: Vector | None, by_words: float, by_meaning: float) -> bool:
        """Whether nothing near was taken; a meaning that nobody could give is near nothing."""
        return self.words.nearest(text) < by_words and self.meanings.nearest(vector) < by_meaning

    def take(self, text: str, vector: Vector | None) -> None:
        """Remember a text."""
        self.words.take(text)
        self.meanings.take(vector)


def _lines(outcome: Outcome, count: int, *, longest: int, words: int) -> list[str]:
    """Return what was listed, at most a few times as much as was asked for."""
    if outcome.reply is None:
        return []
    text = split(outcome.reply.text).answer
    return listed(text, most=_SPARE * count, longest=longest, words=words, cut=cut(outcome))


def _trace(sample: Sample, node: _Node, request: Request, outcome: Outcome) -> Trace:
    assert outcome.reply is not None
    inline = split(outcome.reply.text)
    thinking = outcome.reply.reasoning or inline.reasoning
    trace = Trace.of(
        sample,
        request,
        outcome,
        method="self_decompress",
        origin="self",
        earlier=node.keys,
        reasoning=written_leaf(Leaf(node.topics, node.question, thinking)),
        answer=inline.answer,
    )
    if cut(outcome):
        return undecided(trace, "truncated", "the reply was cut at the token limit")
    if not trace.answer.strip():
        return undecided(trace, "no_answer_found", "the reply has no text after its thinking")
    return undecided(trace, "unverified", "a text of the student's own, which nobody checked")
