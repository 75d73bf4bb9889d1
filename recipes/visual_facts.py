"""Visual facts: chains that are right, true to the picture, and say what is in it (Perception-R1, arXiv 2506.07218).

    curate run recipes/visual_facts.py --source data/vqa.jsonl --teacher https://host/v1#vlm

1. Read. Rows of any source become samples; those without a known answer are dropped.
2. Write. The teacher thinks and answers `tries` times; every answer is verified.
3. Facts. Single visual facts are taken out of right chains, and each is checked in the picture by itself. A right chain
   with a false fact is undecided.
4. Coverage. Every chain, right or wrong, is scored by the share of the facts that it states: those of the sample's
   right chains that hold, or those of `--given FIELD`.

    curate sql "SELECT visual_facts.value, visual_facts.detail.facts FROM traces ORDER BY 1" --at facts

Roles: `teacher` writes, `checker` sees picture and fact, `extractor` reads chains. One `--teacher SPEC` plays them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from curate.query import query
from curate.run import Keep, Rule, Run
from generators.think_then_answer import ThinkThenAnswer
from generators.visual_facts import VisualFacts
from schemas.errors import ConfigError
from schemas.request import Sampling
from scorers.verify_answer import VerifyAnswer

if TYPE_CHECKING:
    from schemas.version import Version


def build(
    run: Run,
    *,
    source: str,
    name: str = "facts",
    limit: int | None = None,
    tries: int = 2,
    most_facts: int = 12,
    given: str = "",
    reject_false: bool = True,
    least: float = 0.0,
    temperature: float = 0.6,
    top_p: float = 0.95,
    longest: int = 8192,
    max_traces: int = 1,
) -> Version:
    """Build the versions `NAME-samples` and `NAME`.

    Args:
        run: the workspace and the models.
        source: a file, a folder or a dataset's name (docs/sources.md).
        name: name of the final version.
        limit: read only so many rows.
        tries: chains per question.
        most_facts: facts taken of one chain; each is one request.
        given: field of the rows with reference facts; without it those of right chains are the reference.
        reject_false: withdraw the verdict of a right chain that states a false fact.
        least: coverage below which a right chain is not kept.
        temperature: of the teacher.
        top_p: of the teacher.
        longest: token limit of a chain.
        max_traces: most traces kept per question.

    """
    verifier = VerifyAnswer()
    sampling = Sampling(temperature=temperature, top_p=top_p, max_tokens=longest)
    generator = VisualFacts(
        verifier,
        writer=ThinkThenAnswer(verifier, tries=tries, revise=False, sampling=sampling),
        most=most_facts,
        given=given,
        reject_false=reject_false,
        least=least,
    )
    samples = run.read(source, name=f"{name}-samples", limit=limit)
    if given:
        check(run, samples, given)
    answered = Rule("answer IS NOT NULL", "=", threshold=True)  # without one no chain can be right
    version = run.distil(samples, generator, name=name, rules=[answered], keep=Keep(most=max_traces))
    run.funnel(version)
    return version


def check(run: Run, version: Version, given: str) -> None:
    """Say how many rows have reference facts; those without are unscored.

    Raises:
        ConfigError: no row has any.

    """
    kind = "json_type(meta -> '" + given.replace("'", "''") + "')"
    counts = f"SELECT count(*) FILTER ({kind} IN ('ARRAY', 'VARCHAR')), count(*) FROM samples"  # noqa: S608 - quoted
    [(have, rows)] = query(run.store, counts, at=version.id).rows
    if rows and not have:
        raise ConfigError(f"--given {given}: none of {rows} rows has reference facts there; name another field")
    run.say(f"{have} of {rows} rows have reference facts in {given!r}")
