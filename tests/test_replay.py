"""Texts of a topic tree as a version: all accounted for, near duplicates between topics out, mixed at a ratio."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes.versions import made_version

from curate.cli._recipe import read
from curate.plan import make
from curate.replay import decompress
from curate.run import Run, open_run
from curate.teacher.driver import Endpoint
from generators._meaning import pack
from generators.engines.scripted import Scripted
from generators.self_decompress import SelfDecompress
from schemas.errors import ConfigError
from schemas.request import Reply, Request

RECIPE = Path(__file__).parents[1] / "recipes" / "self_decompress.py"
TREE = SelfDecompress(widths=(2,), texts=2)


def student(request: Request) -> str:
    """Name two topics, ask one question that all topics share and one that is the topic's own, and answer."""
    text = request.messages[-1].text
    if request.purpose.endswith("topics"):
        name = text.partition("topic: ")[2].partition("\n")[0]
        return f"{name} alpha quick\n{name} omega slow"
    if request.purpose.endswith("questions"):
        name = text.partition("topic: ")[2].partition("\n")[0].rpartition("> ")[2]
        return f"How much does everything weigh?\nWhy would {name} {name[::-1]} be so?"
    return "<think>Hm.</think>It depends."


@contextmanager
def running(root: Path) -> Iterator[Run]:
    """Open a run with the student for all roles."""
    with open_run(root, roles={"": Endpoint("m", Scripted(student))}, quiet=True) as run:
        yield run


def test_texts_become_samples_and_all_are_accounted_for(tmp_path: Path) -> None:
    """The shared question is kept once; the other topic's copy is a duplicate; thinking goes into the reasoning."""
    with running(tmp_path / "w") as run:
        version = decompress(run, TREE, ["birds and bees", "stones and sand"], name="own")
        assert run.store.check(version, deep=True).problems == ()
        samples = {sample.question: sample for sample in run.store.samples(version)}
        traces = list(run.store.traces(version))
        report = run.store.check(version)
        rules = [lost.rule for lost in run.store.dropped(version) if lost.trace_id is None]
    assert len(samples) == 5
    assert (report.rows_in, report.kept, report.dropped) == (6, 5, 1)
    assert rules == ["duplicate"]
    assert samples["How much does everything weigh?"].meta["topics"][0] == "birds and bees"
    for trace in traces:
        assert (trace.reasoning, trace.answer) == ("Hm.", "It depends.")
        assert (trace.origin, trace.method, trace.verdict.rule) == ("self", "self_decompress", "unverified")
        assert len(trace.requests) == 3


def test_near_duplicates_between_topics_are_dropped_with_their_value(tmp_path: Path) -> None:
    """And nothing is asked twice for another similarity."""
    with running(tmp_path / "w") as run:
        version = decompress(run, TREE, ["birds and bees", "birds with bees"], name="own", similarity=0.5)
        lost = [lost for lost in run.store.dropped(version) if lost.trace_id is None]
        assert {one.rule for one in lost} == {"duplicate", "near_duplicate"}
        assert all(float(one.value) >= 0.5 for one in lost if one.rule == "near_duplicate")
        before = run.ledger.count()
        decompress(run, TREE, ["birds and bees", "birds with bees"], name="own", similarity=0.9)
        assert run.ledger.count() == before


def test_the_recipe_compares_meanings_where_an_embedder_is_bound(tmp_path: Path) -> None:
    """Two questions without a common word are one where their vectors are; every text is asked about once, ever."""
    recipe = read(RECIPE)
    asked: list[str] = []

    def embed(request: Request) -> Reply:
        text = request.messages[-1].text
        asked.append(text)
        # "So it would be why ..." means the same of every topic; all other texts mean something of their own.
        draw = random.Random("one" if text.startswith("Why would") else text)
        return Reply(pack([draw.gauss(0, 1) for _ in range(64)]))

    ends = {"": Endpoint("m", Scripted(student)), "embedder": Endpoint("e", Scripted(embed, "embeddings:e"))}
    with open_run(tmp_path / "w", roles=ends, quiet=True) as run:
        options = {"topics": ("birds and bees", "stones and sand"), "widths": (2,), "texts": 2}
        version = recipe.build(run, **options)
        lost = [one for one in run.store.dropped(version) if one.trace_id is None]
        assert run.store.check(version, deep=True).problems == ()
        questions = {sample.question.partition(" ")[0] for sample in run.store.samples(version)}
        assert recipe.build(run, **options).id == version.id
        assert recipe.build(run, meaning=0.5, **options).id != version.id
    assert (version.manifest.counts["kept"], questions) == (2, {"How", "Why"})
    assert {(one.rule, one.value, one.threshold) for one in lost} == {
        ("duplicate", "", ""),
        ("near_meaning", "1.000", "< 0.93"),
    }
    assert version.manifest.step.params["embedder"] == "embedder"
    assert version.manifest.step.params["models"]["embedder"] == "embeddings:e"
    assert len(asked) == len(set(asked))


def test_the_shapes_of_the_paper_are_presets(tmp_path: Path) -> None:
    """A wide tree is one level, a balanced one has as many topics on each; both hold about as many leaves."""
    recipe = read(RECIPE)
    with running(tmp_path / "w") as run:
        for tree, widths in (("wide", [24]), ("balanced", [3, 3, 3])):
            version = recipe.build(run, topics=("birds and bees",), tree=tree, texts=1)
            assert version.manifest.step.params["generator"]["params"]["widths"] == widths


def test_the_recipe_mixes_at_a_ratio_or_says_what_is_missing(tmp_path: Path) -> None:
    """All of the target stands in the mixture, with the share of texts that was asked for."""
    recipe = read(RECIPE)
    topics = ("birds and bees", "stones and sand", "maths", "old ships", "music")
    with running(tmp_path / "w") as run:
        made_version(run.store, 18)
        mixed = recipe.build(run, topics=topics, widths=(2,), texts=2, into="made", share=0.1)
        sources = [sample.source for sample in run.store.samples(mixed)]
        assert run.store.check(mixed).problems == ()
        with pytest.raises(ConfigError, match="raise --widths or --texts"):
            recipe.build(run, topics=topics, widths=(2,), texts=2, into="made", share=0.9)
        with pytest.raises(ConfigError, match="--share"):
            recipe.build(run, share=1.0)
        planned = make(run, lambda dry: recipe.build(dry, topics=topics, widths=(2,), texts=2, into="made"))
        assert set(planned.planned) == {"self_decompress.topics", "self_decompress.questions", "self_decompress.answer"}
    assert (sources.count("made"), sources.count("self_decompress")) == (18, 2)
