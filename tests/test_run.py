"""A run from rows to versions: nothing lost, nothing asked twice, the same id whatever the order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from fakes.programs import AfterAnswer
from PIL import Image

from curate.rules import MaxFailed
from curate.run import Keep, Rule, Run, open_run
from curate.teacher.driver import Endpoint
from generators.engines.replay import Replay
from generators.engines.scripted import Scripted
from generators.think_then_answer import ThinkThenAnswer
from schemas.errors import ConfigError, CurateError, TeacherError
from schemas.protocols import Engine, ReadMedia
from schemas.request import Cause, Program, Request, Sampling
from schemas.sample import Sample
from schemas.score import Score


@dataclass(frozen=True)
class Words:
    """A local scorer: the number of words."""

    version: ClassVar[int] = 1
    on: ClassVar[str] = "sample"
    detail_fields: ClassVar[Mapping[str, type]] = {"words": int}

    def __call__(self, sample: Sample, read: ReadMedia, /) -> Score:
        words = len(sample.question.split())
        return Score(min(1.0, words / 20), True, "", {"words": words})


@dataclass(frozen=True)
class Rated:
    """An asked scorer: what the judge says."""

    version: ClassVar[int] = 1
    on: ClassVar[str] = "asked"
    detail_fields: ClassVar[Mapping[str, type]] = {}

    def __call__(self, sample: Sample, /) -> Program[Score]:
        [outcome] = yield [Request("judge", sample.messages)]
        return Score(0.5) if outcome.ok else Score.unscored(outcome.reason)


def _say(request: Request) -> str:
    """Solve `a+b` for small numbers, get large ones wrong, refuse one."""
    text = request.messages[-1].text.split("\n")[0]
    numbers = [int(word) for word in text.replace("+", " ").replace("?", " ").split() if word.isdigit()]
    if sum(numbers) == 13:
        raise TeacherError(Cause.REFUSED, "not thirteen")
    return f"I add them up.\nAnswer: {sum(numbers) if sum(numbers) < 20 else 'many'}"


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Write 24 sums, a repeated one, a broken line, and one whose picture is missing."""
    Image.new("RGB", (64, 48), "red").save(tmp_path / "red.png")
    lines = [json.dumps({"image": "red.png", "question": f"{i} + 2?", "answer": str(i + 2)}) for i in range(24)]
    lines += [lines[0], '{"question": "cut', json.dumps({"image": "no.png", "question": "1 + 1?", "answer": "2"})]
    path = tmp_path / "sums.jsonl"
    path.write_text("\n".join(lines))
    return path


@contextmanager
def _run(workspace: Path, engine: Engine | None = None, **more: MaxFailed) -> Iterator[Run]:
    roles = {"": Endpoint("m", engine or Scripted(_say, model="m"))}
    with open_run(workspace, roles=roles, quiet=True, **more) as run:
        yield run


def _generator() -> ThinkThenAnswer:
    return ThinkThenAnswer(AfterAnswer(), tries=2, revise=False)


def test_every_row_comes_out(tmp_path: Path, rows: Path) -> None:
    """Kept, dropped and failed rows add up to the source, in both versions."""
    with _run(tmp_path / "w") as run:
        read = run.read(rows, name="sums-scored", score={"words": Words(), "rated": Rated()})
        made = run.distil(read, _generator(), name="sums")
        dropped = list(run.store.dropped(made))
        failed = {f.cause for f in run.store.failed(made)}
        reports = [run.store.check(v) for v in (read, made)]
        samples = list(run.store.samples(made))

    assert [(r.rows_in, r.kept, r.dropped, r.failed) for r in reports] == [(27, 24, 1, 2), (27, 17, 7, 3)]
    assert all(not r.problems for r in reports)
    assert {d.rule for d in dropped if d.trace_id is None} == {"duplicate", "no_right_trace"}
    assert "refused" in failed
    assert len({s.id for s in samples}) == 17


def test_second_run_asks_nothing_and_makes_nothing(tmp_path: Path, rows: Path) -> None:
    """The same recipe again gives the same versions from the ledger alone."""
    versions = []
    for engine in (Scripted(_say, model="m"), Replay("m")):
        with _run(tmp_path / "w", engine) as run:
            read = run.read(rows, name="a-scored", score={"words": Words(), "rated": Rated()})
            versions.append((read.id, read.number, *_ref(run, read)))
    assert versions[0] == versions[1]


def _ref(run: Run, read: object) -> tuple[str, int]:
    made = run.distil(read, _generator(), name="a")
    return made.id, made.number


def test_lost_versions_are_rebuilt_from_the_ledger(tmp_path: Path, rows: Path) -> None:
    """In another workspace with the same ledger the same versions come out, and nobody is asked."""
    ids = []
    for place, engine in (("one", Scripted(_say, model="m")), ("two", Replay("m"))):
        if place == "two":
            (tmp_path / "two").mkdir()
            (tmp_path / "two" / "ledger.sqlite").write_bytes((tmp_path / "one" / "ledger.sqlite").read_bytes())
        with _run(tmp_path / place, engine) as run:
            read = run.read(rows, name="a-scored", score={"rated": Rated()})
            ids.append((read.id, run.distil(read, _generator(), name="a").id))

    assert ids[0] == ids[1]


def test_order_of_rows_decides_only_where_they_came_from(tmp_path: Path, rows: Path) -> None:
    """The same rows in another order are the same samples."""
    turned = rows.with_name("turned.jsonl")
    turned.write_text("\n".join(reversed(rows.read_text().splitlines())))
    with _run(tmp_path / "w") as run:
        one = {s.id for s in run.store.samples(run.read(rows, name="one"))}
        two = {s.id for s in run.store.samples(run.read(turned, name="two"))}

    assert one == two


def test_more_rows_ask_only_for_the_new_ones(tmp_path: Path, rows: Path) -> None:
    """Ten rows more cost ten rows more."""
    asked: list[str] = []

    def say(request: Request) -> str:
        asked.append(request.messages[-1].text)
        return "Answer: 1"

    more = rows.with_name("more.jsonl")
    more.write_text(
        rows.read_text() + "\n" + "\n".join(json.dumps({"question": f"{i} + 100?", "answer": "1"}) for i in range(10))
    )
    counts = []
    for source in (rows, more):
        asked.clear()
        with _run(tmp_path / "w", Scripted(say, model="m")) as run:
            run.read(source, name="a", score={"rated": Rated()})
        counts.append(len(asked))

    assert counts == [24, 10]


def test_rules_drop_with_value_and_threshold(tmp_path: Path, rows: Path) -> None:
    """What a rule takes out is asked nothing and says why; unscored samples pass."""
    with _run(tmp_path / "w") as run:
        read = run.read(rows, name="a-scored", score={"words": Words()})
        made = run.distil(read, _generator(), name="a", rules=[Rule("CAST(answer AS INT)", "<", 10)])
        ruled = [d for d in run.store.dropped(made) if d.stage == "select"]

    assert len(ruled) == 16
    assert {(d.rule, d.threshold) for d in ruled} == {("CAST(answer AS INT)", "< 10")}
    assert {int(d.value) for d in ruled} == set(range(10, 26))


def test_keep_decides_how_many_traces(tmp_path: Path, rows: Path) -> None:
    """Two right tries are one kept trace or two."""
    with _run(tmp_path / "w") as run:
        read = run.read(rows, name="r")
        one = run.distil(read, _generator(), name="one", keep=Keep(1))
        two = run.distil(read, _generator(), name="two", keep=Keep(2))
        counts = [len(list(run.store.traces(v))) for v in (one, two)]

    assert counts == [17, 34]


def test_failures_that_pass_are_tried_again_by_the_next_run(tmp_path: Path, rows: Path) -> None:
    """A version with rows that failed for a passing cause is not taken for finished."""

    def down(request: Request) -> str:
        if request.messages[-1].text.startswith("5 + 2"):
            raise TeacherError(Cause.TIMEOUT, "too slow")
        return _say(request)

    numbers = []
    for say in (down, _say):
        with _run(tmp_path / "w", Scripted(say, model="m")) as run:
            made = run.distil(run.read(rows, name="r"), _generator(), name="a")
            numbers.append((made.number, made.manifest.counts["kept"]))

    assert numbers == [(1, 16), (2, 17)]


def test_max_failed_ends_the_run_with_the_first_causes(tmp_path: Path, rows: Path) -> None:
    """Past the limit the run stops, names the first failures, and leaves no version behind."""
    with (
        pytest.raises(CurateError, match=r"stopped by --max-failed: 2 of .*First: row 25 \("),
        _run(tmp_path / "w", max_failed=MaxFailed(count=1)) as run,
    ):
        run.read(rows, name="r")
    with _run(tmp_path / "w") as run:
        assert run.store.versions() == []


def test_scorer_defined_in_a_recipe_runs(tmp_path: Path, rows: Path) -> None:
    """A scorer that cannot travel to a worker process is run here."""

    @dataclass(frozen=True)
    class Local(Words):
        pass

    with _run(tmp_path / "w") as run:
        read = run.read(rows, name="r", score={"words": Local()})
        scores = [s.scores["words"].detail["words"] for s in run.store.samples(read)]

    assert scores == [3] * 24


def test_second_run_on_a_busy_workspace_is_told(tmp_path: Path) -> None:
    """One run at a time holds a workspace."""
    with _run(tmp_path / "w"), pytest.raises(CurateError, match="curate run"), _run(tmp_path / "w"):
        pass


def test_what_would_keep_or_ask_for_nothing_is_told_first(tmp_path: Path, rows: Path) -> None:
    """No rows, no traces to keep, and settings that every server turns away: nobody is asked."""
    cold = ThinkThenAnswer(AfterAnswer(), sampling=Sampling(temperature=-1))
    with _run(tmp_path / "w", Replay("m")) as run:
        for limit in (0, -3):
            with pytest.raises(ConfigError, match="1 or more"):
                run.read(rows, name="none", limit=limit)
        read = run.read(rows, name="sums")
        with pytest.raises(ConfigError, match="temperature of -1"):
            run.distil(read, cold, name="cold")
        with pytest.raises(ConfigError, match="at least 1 trace"):
            Keep(0)
        assert {version.name for version in run.store.versions()} == {"sums"}


def test_a_role_without_a_model_is_told_before_anything_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where roles were named one by one; what is there already asks nobody and says nothing."""
    source = tmp_path / "rows.jsonl"
    source.write_text('{"question": "1+1?", "answer": "2"}\n')
    teacher = Endpoint("m", Scripted(_say, "m"))

    def distilled(roles: Mapping[str, Endpoint]) -> str:
        with open_run(tmp_path / "w", roles=roles) as run:
            samples = run.read(source, name="samples")
            run.distil(samples, ThinkThenAnswer(AfterAnswer(), tries=1), name="kept")
        return capsys.readouterr().err

    assert "no model is bound to reviser" in distilled({"teacher": teacher})
    assert "no model" not in distilled({"teacher": teacher})
    assert "no model" not in distilled({"": teacher})
