"""A small workspace with two versions: six rows read, and what became of them when traces were written."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from curate.store import Store, Writer
from schemas.answer import Answer
from schemas.request import Sampling, Usage
from schemas.sample import Media, Message, Sample
from schemas.score import RIGHT, WRONG, Score, Verdict
from schemas.trace import Trace
from schemas.version import Dropped, Failed, Step, Version

FIELDS = {"samples": {"clarity": {"sharpness": "float"}}, "traces": {}}


def png(shade: int) -> bytes:
    """Return a small picture."""
    data = io.BytesIO()
    Image.new("RGB", (32, 24), (shade, 0, 0)).save(data, "PNG")
    return data.getvalue()


def media(store: Store, shade: int) -> Media:
    """Keep a small picture and describe it."""
    data = png(shade)
    return Media(store.blobs.put(data), "image/png", 32, 24, len(data), f"images/{shade}.png")


def question(store: Store, number: int) -> Sample:
    """Return a scored question about a picture."""
    sample = Sample.of(
        [Message.of("user", media(store, number), f"How red is picture {number}?")],
        answer=Answer.of("B", ["dark", "light"]),
        choices=["dark", "light"],
        source="reds",
        row=number,
        meta={"grade": number},
    )
    return sample.with_score("clarity", Score(number / 10, number > 2, "plain", {"sharpness": 0.5}))


def trace(sample: Sample, *, right: bool = True, reasoning: str = "It is light.", answer: str = "Answer: B") -> Trace:
    """Return a judged trace of a sample."""
    verdict = Verdict(RIGHT if right else WRONG, "choice_letter", "B" if right else "A", "", "verify_choice")
    ident = f"{int(sample.id, 16) ^ (1 if right else 2):024x}"
    made = Trace(ident, sample.id, "by_hand", "mock", reasoning, answer, "stop", Usage(3, 5), ("k",), Sampling())
    return made.with_verdict(verdict)


def fill(root: Path) -> tuple[Version, Version]:
    """Make `reds-scored@v1` (4 kept, 1 duplicate, 1 failed) and `reds@v1` (2 kept of it) in a workspace."""
    store = Store(root)
    samples = [question(store, number) for number in range(4)]

    def read(writer: Writer) -> int:
        for sample in samples:
            writer.sample(sample)
        writer.dropped(Dropped(samples[0].id, "read", "duplicate", source="reds", row=4))
        writer.failed(Failed("reds", 5, None, "read", "decode", "the file is cut"))
        return 6

    scored = store.derive("reds-scored", Step("read", {"score": {}}), write=read, score_fields=FIELDS)

    def distil(writer: Writer) -> int:
        writer.inherit(scored, ("dropped", "failed"))
        for sample in samples[:2]:
            writer.sample(sample)
            writer.trace(trace(sample))
        wrong = trace(samples[2], right=False)
        writer.rejected(wrong)
        writer.dropped(Dropped(samples[2].id, "generate", "verdict.choice_letter", "wrong", RIGHT, wrong.id, "reds", 2))
        writer.dropped(Dropped(samples[2].id, "generate", "no_right_trace", "1 wrong", "1 right", None, "reds", 2))
        writer.failed(Failed("reds", 3, samples[3].id, "generate", "refused", "not this one"))
        return 6

    generator = {"name": "by_hand", "type": "ByHand", "version": 1, "params": {"tries": 2, "prompt": "Think. " * 50}}
    step = Step("distil", {"generator": generator})
    return scored, store.derive("reds", step, write=distil, parents=[scored], score_fields=FIELDS)
