"""Self-decompression replay: a student's own texts against forgetting, mixed in at a ratio (TG-SFT, arXiv 2406.11354).

    curate run recipes/self_decompress.py --teacher https://host/v1#student --into virgo@latest --share 0.1
    curate run recipes/self_decompress.py --teacher https://host/v1#student --teacher embedder=https://host/v1#bge-m3

1. Decompress. From every root topic the student names topics, topics of those, and so on (`--widths 6 --widths 4`),
   then questions at the leaves, and answers each with nothing but the question before it. Near duplicates are dropped:
   by the words they share, and with a model of embeddings in the role `embedder` by their meaning too.
2. Mix. With `--into`, the version `NAME-mixed` holds that version with `share` of its samples from the student's texts.

Roles: `student` is the language model whose skills are to be kept, before it is trained; `embedder` if you like.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from curate.mixing import Part, mix
from curate.replay import decompress
from curate.run import Run
from generators.self_decompress import SelfDecompress
from schemas.errors import ConfigError
from schemas.request import Sampling

if TYPE_CHECKING:
    from schemas.version import Version

TOPICS = (
    "mathematics",
    "physics and chemistry",
    "biology and medicine",
    "computers and programming",
    "engineering and everyday technology",
    "history",
    "geography and travel",
    "languages and literature",
    "art, music and film",
    "philosophy and religion",
    "law, politics and society",
    "economy and work",
    "home, food and health",
    "sports and games",
)


def build(
    run: Run,
    *,
    name: str = "replay",
    topics: tuple[str, ...] = TOPICS,
    tree: Literal["own", "wide", "balanced"] = "own",
    widths: tuple[int, ...] = (6, 4),
    texts: int = 4,
    similarity: float = 0.7,
    meaning: float = 0.93,
    into: str = "",
    share: float = 0.1,
    temperature: float = 0.7,
    longest: int = 4096,
) -> Version:
    """Build the version `NAME`, and with `into` the version `NAME-mixed`.

    Args:
        run: the workspace and the models.
        name: name of the version of texts.
        topics: the roots; give the option several times.
        tree: shape of the tree: that of `widths`, or one of the paper's with numbers of ours: wide is one level of 24
            topics, balanced three levels of 3.
        widths: topics under each topic, level by level; give the option several times.
        texts: questions at each leaf.
        similarity: a question at least so near to an earlier one is dropped (Jaccard similarity of trigrams).
        meaning: a question with such a cosine to an earlier one is dropped, where the role `embedder` is bound.
        into: a version to mix the texts into.
        share: share of the mixture's samples that are texts of the student.
        temperature: of the answers.
        longest: token limit of an answer.

    """
    if not 0 < share < 1:
        raise ConfigError(f"--share {share}: use a share between 0 and 1")
    # A plan or pilot works in a store of its own, without the version to mix into.
    planned = run.tap is not None or run.most_rows is not None
    target = run.store.resolve(into) if into and not planned else None
    shapes = {"own": widths, "wide": SelfDecompress.wide, "balanced": SelfDecompress.balanced}
    near = {"embedder": "embedder" if "embedder" in run.roles else "", "meaning_similarity": meaning}
    generator = SelfDecompress(
        widths=shapes[tree],
        texts=texts,
        text_similarity=similarity,
        **near,
        answer_sampling=Sampling(temperature=temperature, top_p=0.95, max_tokens=longest),
    )
    version = decompress(run, generator, topics, name=name, similarity=similarity, **near)
    run.funnel(version)
    if target is None:
        return version
    have, kept = version.manifest.counts["kept"], target.manifest.counts["kept"]
    need = math.ceil(kept * share / (1 - share))
    if have < need:
        raise ConfigError(
            f"{share:.0%} beside the {kept} samples of {target.ref} are {need} texts, and {version.ref} has {have}: "
            "raise --widths or --texts, add --topics, or lower --share"
        )
    mixed = mix(run, [Part(target, 1 - share), Part(version, share)], name=f"{name}-mixed")
    run.funnel(mixed)
    return mixed
