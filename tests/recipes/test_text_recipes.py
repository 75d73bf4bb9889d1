"""Recipes over text and over rollouts against a loopback endpoint: end to end, and killed and resumed."""

from __future__ import annotations

import inspect
import json
import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fakes.judges import opinion, shown
from fakes.killed import CURATE, killed_and_resumed, version_of
from fakes.programs import failed, play
from fakes.runs import played
from fakes.server import Answer, serve

from curate.cli._recipe import read
from curate.store import Store
from generators._answer_line import answer_line
from schemas.answer import Answer as KnownAnswer
from schemas.request import Request
from schemas.sample import Message, Sample
from scorers.verify_answer import VerifyAnswer

ROOT = Path(__file__).resolve().parents[2]


class Case(NamedTuple):
    """A recipe with its options, and what its traces say of themselves."""

    options: tuple[str, ...]
    methods: frozenset[str]
    origin: str = "teacher"
    language: str = "en"


CASES = {
    "preference_pairs": Case(("--tries", "4", "--seed", "1"), frozenset({"think_then_answer"})),
    "think_direct": Case((), frozenset({"think_direct/think", "think_direct/direct"})),
    "step_values": Case(
        ("--tries", "2", "--continuations", "2", "--seed", "2", "--max-traces", "2"),
        frozenset({"think_then_answer", "step_values/repaired"}),
    ),
    "text_maths": Case(("--rollouts", "2", "--max-rate", "1"), frozenset({"think_then_answer"})),
    "chinese_maths": Case((), frozenset({"think_then_answer"}), language="zh"),
    "self_decompress": Case(("--widths", "3", "--texts", "3"), frozenset({"self_decompress"}), "self"),
}
NAMES = {"preference_pairs": "pairs", "self_decompress": "replay"}


def _say(body: Mapping[str, Any], before: int) -> Answer:
    """Add two numbers: with a seed divisible by 3 wrongly, in the words that were asked for; or list what is wanted.

    A text to embed means something of its own.
    """
    if "input" in body:
        draw = random.Random(body["input"])
        return Answer(raw=json.dumps({"data": [{"embedding": [draw.gauss(0, 1) for _ in range(32)]}]}).encode())
    turns = [turn["content"] for turn in body["messages"]]
    text = turns[-1] if isinstance(turns[-1], str) else "\n".join(part.get("text", "") for part in turns[-1])
    topic = re.search(r"topic: (.*)", text)
    if topic and "topics that belong" in text:
        said = "\n".join(f"{i}. {word} of {topic[1].split()[0]}" for i, word in enumerate(("Birth", "Growth", "Decay")))
    elif topic:
        said = "\n".join(f"{word} does {topic[1][-30:]} {topic[1][-30::-1]}?" for word in ("Why", "How come", "Whom"))
    else:
        said = _sum(turns[0], text, seed=body.get("seed", 1))
    return Answer(said, hang=0.03)


def _sum(instruction: str, text: str, *, seed: int) -> str:
    found = re.search(r"(\d+) (?:and|\u52a0) (\d+)", text)
    if found is None:
        return "It depends on many things, and people see it differently."
    total = int(found[1]) + int(found[2]) + (seed % 3 == 0)
    if "Reply with the final answer alone" in instruction:
        return f"Answer: {total}"
    if "\u52a0" in text:
        steps = "\u628a\u4e24\u4e2a\u6570\u76f8\u52a0\uff0c\u5148\u770b\u4e2a\u4f4d\uff0c\u518d\u770b\u5341\u4f4d\uff0c\u5f97\u5230\u4e86\u6700\u540e\u7684\u7ed3\u679c\u3002"  # noqa: E501
        return f"{steps}\n\n\u7b54\u6848\uff1a{total}"
    return f"I take the first number.\n\nThen I count on by the second one.\n\nThat makes {total}.\n\nAnswer: {total}"


def _command(recipe: str, source: Path, workspace: Path, url: str) -> list[str]:
    own = recipe == "self_decompress"
    given = ["--teacher", f"embedder={url}#e5"] if own else ["--source", str(source)]
    given += ["--workspace", str(workspace), "--teacher", f"{url}#mock", "--json", "--quiet", *CASES[recipe].options]
    return [*CURATE, "run", str(ROOT / "recipes" / f"{recipe}.py"), *given]


def _source(recipe: str, folder: Path) -> Path:
    """Write 16 sums in the recipe's language."""
    path = folder / "rows.jsonl"
    word = "{} \u52a0 {} \u7b49\u4e8e\u591a\u5c11\uff1f\u8bf7\u7b97\u51fa\u7ed3\u679c\u3002"
    asked = word if CASES[recipe].language == "zh" else "What do {} and {} make together?"
    rows = [{"question": asked.format(n, 10 * n + 40), "answer": str(11 * n + 40)} for n in range(1, 17)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("recipe", CASES)
def test_runs_end_to_end_and_asks_for_nothing_that_was_answered(recipe: str, tmp_path: Path) -> None:
    """Killed with -9 and resumed, run again, and run undisturbed: one version, and every answer was paid once."""
    source, name = _source(recipe, tmp_path), NAMES.get(recipe, recipe.replace("_", "-"))
    with serve(_say) as server:
        command = _command(recipe, source, tmp_path / "w", server.url)
        torn = killed_and_resumed(server, command, tmp_path / "w", options=["--concurrency", "2"])
        asked = len(server.bodies)
        assert version_of(_command(recipe, source, tmp_path / "w", server.url))["id"] == torn["id"]
        assert len(server.bodies) == asked
        assert version_of(_command(recipe, source, tmp_path / "whole", server.url))["id"] == torn["id"]
    _check(tmp_path / "w", name, CASES[recipe])


def _check(workspace: Path, name: str, case: Case) -> None:
    """Traces are kept that say how they were made, and every row is accounted for."""
    store = Store(workspace)
    version = store.resolve(name)
    assert store.check(version, deep=True).problems == ()
    traces = list(store.traces(version))
    assert len(traces) >= 16
    assert {trace.method for trace in traces} == case.methods
    assert {(trace.origin, trace.answer_seen) for trace in traces} == {(case.origin, False)}
    assert all(trace.prompts for trace in traces)
    assert all(trace.requests and trace.sampling.temperature is not None for trace in traces)


def test_known_answers_of_real_rows_are_right_behind_the_answer_line(shared: Path) -> None:
    """In both languages: what the instructions ask for is found, told from the steps, and never wrong."""
    rows = [json.loads(row) for row in (shared / "data" / "text-math-sample.jsonl").read_text().splitlines()[::5]]
    verdicts = []
    for row in rows:
        choices = tuple(row.get("options") or ())
        known = KnownAnswer.of(row["answer"], choices)
        asked = Sample.of([Message.of("user", row["question"])], answer=known, choices=choices)
        line = "\u7b54\u6848\uff1a" if row.get("language") == "zh" else "Answer: "
        parts = answer_line(f"Some steps.\n\n{line}{row['answer']}")
        assert parts.reasoning == "Some steps."
        verdicts.append(play(VerifyAnswer()(asked, parts.answer), failed).result.value)
    assert "wrong" not in verdicts
    assert verdicts.count("right") >= 0.98 * len(rows)


ZH = (
    "答案\uff1a{}",
    "答案\uff1a{}只",
    "答\uff1a{}只。",
    "最终答案\uff1a{}元",
    "**【答案】** {}",
    "### 答案\uff1a\n\n{}千克",
    "所以\uff0c答案是 {}",
    "答案\uff1a$\\boxed{{{}}}$人",
    "答案\uff1ax = {}",
)
"""How models write an answer in Chinese."""


def test_chinese_answers_are_found_however_they_are_written(shared: Path) -> None:
    """With a unit behind them, in full-width digits, boxed, under a heading; another row's answer is never right."""
    rows = [json.loads(row) for row in (shared / "data" / "text-math-sample.jsonl").read_text().splitlines()]
    golds = [row["answer"] for row in rows if row["source"] == "cmath" and row["answer"].isdigit()][:20]
    wide = str.maketrans("0123456789", "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19")
    for index, (gold, other) in enumerate(zip(golds, golds[1:] + golds[:1], strict=True)):
        asked = Sample.of([Message.of("user", "一共有多少\uff1f")], answer=KnownAnswer.of(gold))
        form = ZH[index % len(ZH)]
        for text, value in ((gold, "right"), (gold.translate(wide), "right"), (other, "wrong")):
            reasoning, answer = answer_line(f"先看题目\uff0c共有3步。\n\n{form.format(text)}")
            assert reasoning == "先看题目\uff0c共有3步。"
            found = play(VerifyAnswer()(asked, answer), failed).result.value
            assert found == ("right" if other == gold else value), (gold, form)


@pytest.mark.parametrize("name", ["virgo", "text_maths", "chinese_maths", "escalate"])
def test_rows_without_a_known_answer_ask_nobody(name: str, tmp_path: Path) -> None:
    """Nothing could be right: they are dropped with the reason before a request is paid."""
    source = tmp_path / "rows.jsonl"
    source.write_text('{"question": "What is 1 + 1?"}\n{"question": "What is 2 + 2?", "answer": ""}\n')
    recipe, asked = read(ROOT / "recipes" / f"{name}.py"), []
    with played(tmp_path / "w", lambda request: asked.append(request) or "Answer: 2") as run:
        version = recipe.build(run, **{"text" if name == "virgo" else "source": str(source)})
        assert {(d.rule, d.value) for d in run.store.dropped(version)} == {("answer IS NOT NULL", "False")}
        assert run.store.check(version).problems == ()
        assert version.name == inspect.signature(recipe.build).parameters["name"].default
    assert asked == []


def test_a_chinese_question_of_few_letters_is_held_to_chinese(tmp_path: Path) -> None:
    """English thoughts are right and not kept, Chinese ones are, whatever script the question is in."""
    source = tmp_path / "rows.jsonl"
    questions = ("3 + 5 = ?", "\u4e09\u52a0\u4e94\u662f\u591a\u5c11\uff1f", "What is three and five?")
    source.write_text("".join(json.dumps({"question": asked, "answer": "8"}) + "\n" for asked in questions))
    chinese = "\u4e09\u52a0\u4e94\u7b49\u4e8e\u516b\u4e2a\uff0c\u5148\u6570\u4e09\u4e2a\uff0c\u518d\u6570\u4e94\u4e2a\uff0c\u4e00\u5171\u662f\u516b\u4e2a\u3002"  # noqa: E501
    english = "We take three and count on by five, which makes eight in all, and that is what was asked."

    def say(request: Request) -> str:
        return f"{english if request.try_index % 2 else chinese}\n\n\u7b54\u6848\uff1a\uff18\u4e2a"

    with played(tmp_path / "w", say) as run:
        version = read(ROOT / "recipes" / "chinese_maths.py").build(run, source=str(source), tries=2, max_traces=2)
        assert {trace.reasoning for trace in run.store.traces(version)} == {chinese}
        assert version.manifest.counts["traces"] == len(questions)
        screened = {trace.verdict.rule for trace in run.store.rejected(version) if trace.verdict}
        assert screened == {"screen.language"}


@pytest.mark.parametrize("judge", [False, True])
def test_an_answer_that_rules_cannot_compare_is_escalated_unless_a_judge_tells(tmp_path: Path, *, judge: bool) -> None:
    """Without a judge the dear teacher is asked, and cannot do better; with one the short chain is kept."""
    source, roles = tmp_path / "rows.jsonl", set()
    source.write_text(json.dumps({"question": "What stands in the yard?", "answer": "a red bus"}) + "\n")

    def say(request: Request) -> str:
        roles.add(request.role)
        if request.role != "judge":
            return "I look at the yard and see it.\n\nAnswer: one bus, painted red"
        case = shown(request.messages[-1].text)
        return opinion("yes" if case.known == "a red bus" else "no", case.answer)

    with played(tmp_path / "w", say) as run:
        version = read(ROOT / "recipes" / "escalate.py").build(run, source=str(source), judge=judge)
        kept = [trace.scores["escalation"].detail["stage"] for trace in run.store.traces(version)]
    assert (kept, roles) == ((["short"], {"teacher", "judge"}) if judge else ([], {"teacher", "strong"}))
