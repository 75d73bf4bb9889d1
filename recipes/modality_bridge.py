"""Modality bridging: a model that sees describes, a text-only reasoner thinks (Vision-R1, R1-Onevision).

    curate run recipes/modality_bridge.py --source data/vqa.jsonl \
        --teacher describer=https://host/v1#vlm --teacher judge=https://host/v1#vlm --teacher https://host/v1#reasoner

1. Read. Rows of any source become samples; those without a known answer are dropped.
2. Describe. The model that sees puts the pictures into words without answering; `--pseudo` has it think about the
   question first, as Vision-R1 does (arXiv 2503.06749). `--given FIELD` adds the row's own text, OCR or a table, where
   it has any; `--no-describe` has that alone, and rows without it fail.
3. Reason. A model that reads the text in place of the pictures writes `tries` chains.
4. Check. The answer is verified; a right chain that speaks of a description is written anew, once; and a judge that
   sees the pictures has to find it true to them.

Roles: `describer` and `judge` see, `reasoner` and `reviser` need not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from curate.query import query
from curate.run import Keep, Rule, Run
from generators.modality_bridge import ModalityBridge
from schemas.errors import ConfigError
from schemas.request import Sampling
from scorers.verify_answer import VerifyAnswer

if TYPE_CHECKING:
    from schemas.version import Version


def build(
    run: Run,
    *,
    source: str,
    name: str = "bridge",
    limit: int | None = None,
    tries: int = 2,
    describe: bool = True,
    given: str = "",
    pseudo: bool = False,
    rewrite: bool = True,
    judge: bool = True,
    control: bool = True,
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
        tries: chains of the reasoner per question.
        describe: have the pictures described by a model.
        given: field of the rows with text of the pictures.
        pseudo: have the describer think about the question first.
        rewrite: have a right chain that speaks of a description written anew.
        judge: have a judge that sees the pictures check right chains.
        control: have it also refuse another conclusion; one more request.
        temperature: of the reasoner.
        top_p: of the reasoner.
        longest: token limit of a chain.
        max_traces: most traces kept per question.

    """
    if not describe and not given:
        raise ConfigError("--no-describe needs --given FIELD: without both nothing stands for the pictures")
    generator = ModalityBridge(
        VerifyAnswer(),
        tries=tries,
        describe=describe,
        given=given,
        pseudo=pseudo,
        rewrite=rewrite,
        judge_pictures=judge,
        judge_control=control,
        sampling=Sampling(temperature=temperature, top_p=top_p, max_tokens=longest),
    )
    samples = run.read(source, name=f"{name}-samples", limit=limit)
    if given:
        check(run, samples, given)
    answered = Rule("answer IS NOT NULL", "=", threshold=True)  # without one no chain can be right
    version = run.distil(samples, generator, name=name, rules=[answered], keep=Keep(most=max_traces))
    run.funnel(version)
    return version


def check(run: Run, version: Version, given: str) -> None:
    """Say how many of the rows with pictures have text for them.

    Raises:
        ConfigError: none has.

    """
    column = "meta ->> '" + given.replace("'", "''") + "'"
    counts = f"SELECT count(nullif({column}, '')), count(*) FROM samples WHERE len(media) > 0"  # noqa: S608 - quoted
    [(have, rows)] = query(run.store, counts, at=version.id).rows
    if rows and not have:
        raise ConfigError(f"--given {given}: none of {rows} rows with pictures has it; name another field")
    run.say(f"{have} of {rows} rows with pictures have text for them in {given!r}")
