"""Grounded chains of thought: every step says where in the picture it looks (MM-GCoT, arXiv 2503.12799).

    curate run recipes/grounded_cot.py --source data/mmgcot.jsonl --boxes coordinate --teacher https://host/v1#model

1. Read. Rows of any source become samples; those without exactly one picture or without a known answer are dropped,
   with `--qualified FIELD` also those whose field is false: 69 rows of the published test set.
2. Check. Known boxes, of `--boxes FIELD` and of answers that are boxes, are counted by every convention, and a declared
   one by which fewer of them can be boxes is told before anything is asked.
3. Write. The teacher writes lines `Step k: … is at [box] …` in the convention it is told (`--form`, `--unit`), and an
   answer. A trace has boxes as `[x, y, w, h]` in shares, whatever the teacher's are.
4. Judge. Form and convention, the answer, the overlap with known boxes, and a judge that looks into every box.

`curate show NAME ID --draw DIR` draws the boxes of a trace on its picture. Roles: `teacher` writes, `judge` judges.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

from curate.query import query
from curate.run import Keep, Rule, Run
from generators.grounded_cot import GroundedCot
from schemas.boxes import Convention, Form, Unit, boxed_answer, quads
from schemas.errors import ConfigError
from schemas.request import Sampling
from scorers.grounding import Grounding
from scorers.verify_answer import VerifyAnswer

if TYPE_CHECKING:
    from schemas.version import Version

CONSISTENCY = """
SELECT count(*) FILTER (d.consistent), count(*) FILTER (d.either), count(*) FILTER (d.consistent IS NULL)
FROM (SELECT grounding.detail AS d, try_index FROM traces
      UNION ALL SELECT grounding.detail, try_index FROM rejected) WHERE try_index = 0
"""


def build(
    run: Run,
    *,
    source: str,
    name: str = "grounded",
    limit: int | None = None,
    tries: int = 2,
    form: Form = "xyxy",
    unit: Unit = "thousand",
    boxes: str = "",
    qualified: str = "",
    known_form: Form = "xywh",
    known_unit: Unit = "share",
    iou: float = 0.5,
    against: Literal["all", "last"] = "all",
    judge: bool = True,
    control: bool = True,
    temperature: float = 0.6,
    top_p: float = 0.95,
    longest: int = 4096,
    max_traces: int = 1,
) -> Version:
    """Build the versions `NAME-samples` and `NAME`.

    Args:
        run: the workspace and the models.
        source: a file, a folder or a dataset's name (docs/sources.md).
        name: name of the final version.
        limit: read only so many rows.
        tries: draws at most, one after another until one is right.
        form: what the teacher's four numbers are: a corner and sizes, or two corners.
        unit: of the teacher's numbers.
        boxes: field of the rows with known boxes; none are checked without.
        qualified: field of the rows that is false where one is not to be used.
        known_form: what the four numbers of known boxes are.
        known_unit: of known boxes.
        iou: overlap that a known box and a step have to exceed.
        against: whether all known boxes have to be met, or one by the last step.
        judge: have a judge look into the boxes of right chains.
        control: have it also refuse another answer; one more request.
        temperature: of the teacher.
        top_p: of the teacher.
        longest: token limit of a reply.
        max_traces: most traces kept per question.

    """
    generator = GroundedCot(
        VerifyAnswer(),
        tries=tries,
        form=form,
        unit=unit,
        boxes=boxes,
        known_form=known_form,
        known_unit=known_unit,
        iou=iou,
        against=against,
        judge_reasoning=judge,
        judge_control=control,
        sampling=Sampling(temperature=temperature, top_p=top_p, max_tokens=longest),
    )
    samples = run.read(source, name=f"{name}-samples", limit=limit)
    check(run, samples, boxes, Convention(known_form, known_unit))
    rules = [Rule("len(media)", "=", 1), Rule("answer IS NOT NULL", "=", threshold=True)]
    if qualified:
        rules.append(says_false(run, samples, qualified))
    grounding = Grounding(boxes, known_form=known_form, known_unit=known_unit, iou=iou, against=against)
    version = run.distil(
        samples,
        generator,
        name=name,
        rules=rules,
        score=[grounding] if boxes else [],
        keep=Keep(most=max_traces),
    )
    run.funnel(version)
    if boxes:
        say_consistency(run, version)
    return version


def check(run: Run, version: Version, boxes: str, declared: Convention) -> None:
    """Say how many known boxes are boxes by each convention.

    Raises:
        ConfigError: by the declared one fewer are than by another, or no row has any in the field that is named.

    """
    fits: Counter[str] = Counter()
    asked = count = named = 0
    for sample in run.store.samples(version):
        if len(sample.media) != 1:
            continue
        asked += 1
        found = quads(sample.meta.get(boxes)) if boxes else []
        named += len(found)
        media = sample.media[0]
        for quad in (*found, *(boxed_answer(sample.answer) or ())):
            count += 1
            fits.update(str(one) for one in Convention.every() if one.box(quad, media.width, media.height))
    if boxes and asked and not named:
        raise ConfigError(f"--boxes {boxes}: none of {asked} rows with one picture has a box there; name another field")
    if count:
        run.say(f"known boxes: {count}; as {', '.join(f'{one} {n}' for one, n in fits.most_common()) or 'nothing'}")
    best = max(fits.values(), default=0)
    if fits[str(declared)] < best:
        others = " or ".join(one for one, n in fits.items() if n == best)
        raise ConfigError(
            f"{fits[str(declared)]} of {count} known boxes can be boxes as {declared}, {best} as {others}: "
            "set --known-form and --known-unit to what the source has"
        )


def says_false(run: Run, version: Version, field: str) -> Rule:
    """Return the rule that drops rows whose field is false; those without the field stay.

    Raises:
        ConfigError: no row has the field.

    """
    column = "lower(meta ->> '" + field.replace("'", "''") + "')"
    [(have, rows)] = query(run.store, f"SELECT count({column}), count(*) FROM samples", at=version.id).rows  # noqa: S608 - quoted
    if rows and not have:
        raise ConfigError(f"--qualified {field}: none of {rows} rows has it; name another field")
    return Rule(column, "!=", "false")


def say_consistency(run: Run, version: Version) -> None:
    """Say how many first draws have both answer and boxes right, of those with either: the published measure."""
    [(both, either, unknown)] = query(run.store, CONSISTENCY, at=version.id).rows
    if either:
        run.say(
            f"answer and boxes right in {both} of {either} first draws with either right: consistency "
            f"{both / either:.3f} ({unknown} not measured)"
        )
