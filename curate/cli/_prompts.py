"""What `curate show NAME --prompts` prints: the prompts behind a version's traces, and what became of those."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.canonical import plain
from schemas.wording import wordings

if TYPE_CHECKING:
    from curate.store import Store
    from schemas.version import Version

__all__ = ["prompts"]

_COUNTS = """
SELECT prompt, count(*) FILTER (kept) AS kept, count(*) FILTER (NOT kept) AS rejected,
    count(*) FILTER (verdict = 'right') AS "right"
FROM (
    SELECT unnest(prompts) AS prompt, verdict.value AS verdict, true AS kept FROM traces
    UNION ALL SELECT unnest(prompts), verdict.value, false FROM rejected)
GROUP BY prompt ORDER BY count(*) DESC, prompt
"""


def prompts(store: Store, version: Version) -> list[dict[str, Any]]:
    """Return `{prompt, kept, rejected, right, text}` of every prompt, most used first.

    The text is that of the step that wrote the traces, here or in a version above; None where none has it.

    Raises:
        ConfigError: the version was written before traces named their prompts.

    """
    from curate.cli._lookup import lineage
    from curate.query import asking
    from schemas.errors import ConfigError

    with asking(store, version) as ask:
        held = {row["column_name"] for table in ("traces", "rejected") for row in ask(f"DESCRIBE {table}")}
        if "prompts" not in held:
            raise ConfigError(
                f"the traces of {version.ref} were written by an earlier curate, before traces named their prompts: "
                "run the recipe under another --name, and the ledger answers"
            )
        rows = ask(_COUNTS)
    specs = (plain(above.manifest.step.params) for above in lineage(store, version))
    texts = {one.ref: one.text for spec in specs for one in wordings(spec)}
    return [{**row, "text": texts.get(row["prompt"])} for row in rows]
