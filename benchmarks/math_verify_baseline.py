"""math-verify as it is called elsewhere, for comparison: at its defaults, and wrapped the way that suits it best."""

from __future__ import annotations

import logging

logging.disable(logging.CRITICAL)


def default(gold: str, prediction: str) -> bool:
    """Box both sides, the prediction only where it is bare."""
    from math_verify import parse, verify

    bare = not (
        "\\boxed" in prediction or len(prediction) > 140 or "\n" in prediction or "answer" in prediction.lower()
    )
    said = f"\\boxed{{{prediction}}}" if bare else prediction
    gold_parsed, said_parsed = (parse(text, parsing_timeout=None) for text in (f"\\boxed{{{gold}}}", said))
    return bool(verify(gold_parsed, said_parsed, timeout_seconds=None))


def wrapped(gold: str, prediction: str) -> bool:
    """Cut the thinking off, put the known answer between dollar signs and bare predictions too."""
    from math_verify import parse, verify

    said = prediction.rpartition("</think>")[2].strip()
    bare = "\\boxed" not in said and "$" not in said and len(said) <= 60 and "answer" not in said.lower()
    known = gold if "$" in gold or "\\boxed" in gold else f"${gold}$"
    texts = (known, f"${said}$" if bare else said)
    gold_parsed, said_parsed = (parse(text, parsing_timeout=None) for text in texts)
    return bool(verify(gold_parsed, said_parsed, timeout_seconds=None))
