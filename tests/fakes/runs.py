"""A run whose models are played, and versions of questions with rollouts of known number and length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from curate.run import Run, open_run
from curate.store import Writer
from curate.teacher.driver import Endpoint
from generators.engines.scripted import Scripted
from schemas.answer import Answer
from schemas.request import Request, Sampling, Usage
from schemas.sample import Message, Sample
from schemas.score import RIGHT, WRONG, Score, Verdict
from schemas.trace import Trace
from schemas.version import Step, Version

Rollout = tuple[bool, int]
"""Whether it is right, and its tokens of thought; 0 where nobody counted."""


@contextmanager
def played(workspace: Path, say: Callable[[Request], str], *, identity: str = "m") -> Iterator[Run]:
    """Open a run in which one function answers for every role."""
    with open_run(workspace, roles={"": Endpoint(identity, Scripted(say, identity))}, quiet=True) as run:
        yield run


def asked(number: int) -> Sample:
    """Return the question of a number; its row's id is `q` and the number."""
    return Sample.of(
        [Message.of("user", f"What is {number} and 2?")],
        answer=Answer.of(str(number + 2)),
        source="made",
        row=number,
        meta={"id": f"q{number}"},
    )


def rollout(sample: Sample, index: int, drawn: Rollout, *, teacher: str = "m") -> Trace:
    """Return one judged rollout of a sample."""
    right, tokens = drawn
    verdict = Verdict(RIGHT if right else WRONG, "number")
    thought = f"Thought {index}{'.' * max(1, tokens)}"
    ident = f"{int(sample.id, 16) ^ (index + 1 + 97 * len(teacher)):024x}"
    made = Trace(
        ident, sample.id, "made", teacher, thought, "Answer: 1", "stop", Usage(9, tokens, tokens), (f"k{index}",),
        Sampling(temperature=0.5), try_index=index,
    )  # fmt: skip
    return made.with_verdict(verdict)


def drawn(
    run: Run,
    rollouts: Mapping[int, Sequence[Rollout]],
    *,
    name: str = "drawn",
    ratings: Mapping[int, int] | None = None,
) -> Version:
    """Derive a version of questions whose right rollouts are kept and whose wrong ones are rejected.

    With `ratings` every sample has the score `reward`, unscored where it has no rating there.
    """
    fields = {"samples": {"reward": {"rating": "float"}} if ratings is not None else {}, "traces": {}}

    def write(writer: Writer) -> int:
        for number, each in rollouts.items():
            sample = asked(number)
            if ratings is not None:
                rating = ratings.get(number)
                told = Score(1.0, detail={"rating": float(rating)}) if rating else Score.unscored("no grade")
                sample = sample.with_score("reward", told)
            writer.sample(sample)
            for index, one in enumerate(each):
                (writer.trace if one[0] else writer.rejected)(rollout(sample, index, one, teacher=name))
        return len(rollouts)

    return run.store.derive(name, Step("made", {"name": name}), write=write, score_fields=fields)


def numbers(run: Run, version: Version) -> list[int]:
    """Return the numbers of a version's questions."""
    return sorted(sample.row for sample in run.store.samples(version))
