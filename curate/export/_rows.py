"""What exports of conversations share: turns with picture marks, pictures as files, and where a trace comes from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from schemas.canonical import canonical
from schemas.errors import SourceError
from schemas.marks import neutral
from schemas.picture import wire
from schemas.prompt import question_parts
from schemas.protocols import ReadMedia
from schemas.sample import Media, Message, Sample
from schemas.thinking import join
from schemas.trace import Trace

__all__ = ["Pictures", "UntrainableError", "asked", "card", "line", "provenance", "said", "text", "write_json"]

_FOLDER = "images"
_SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}
_IMAGE = "<image>"


class UntrainableError(Exception):
    """A row has to be left out; its text is the reason, machine-readable."""


@dataclass(slots=True)
class Pictures:
    """The pictures of an export under way, each written once."""

    read: ReadMedia
    out: Path
    files: dict[str, str] = field(default_factory=dict)
    """Picture by hash of its original to its path in the export."""

    def paths(self, media: Sequence[Media]) -> list[str]:
        """Write the pictures of a row that are not there yet, once all of them are known to be readable.

        Raises:
            UntrainableError: one of them cannot be read.

        """
        new = {one.sha256: _sendable(one, self.read) for one in media if one.sha256 not in self.files}
        for sha256, (mime, data) in new.items():
            self.files[sha256] = _save(data, _SUFFIXES[mime], self.out)
        return [self.files[one.sha256] for one in media]

    @property
    def count(self) -> int:
        """Files written."""
        return len(set(self.files.values()))


def asked(sample: Sample) -> list[Message]:
    """Return the conversation up to the question, with the options in the question.

    Raises:
        UntrainableError: there is no question, or its turns do not alternate between user and assistant.

    """
    *earlier, last = sample.messages or [Message.of("user")]
    turns = [*earlier, Message(last.role, question_parts(sample) if last.role == "user" else last.content)]
    _check_roles([*(turn.role for turn in turns), "assistant"])
    if not sample.question.strip() and not sample.media:
        raise UntrainableError("empty_question")
    return turns


def said(trace: Trace) -> tuple[str, int]:
    """Return what the assistant says, thinking in tags, and how many marks in it were made neutral.

    Raises:
        UntrainableError: there is no answer.

    """
    if not trace.answer.strip():
        raise UntrainableError("empty_answer")
    # The tags of the thinking are ours, so they are put on after everything else was made neutral.
    (reasoning, some), (answer, more) = neutral(trace.reasoning), neutral(trace.answer)
    return join(reasoning, answer), some + more


def text(content: Sequence[str | Media]) -> tuple[str, int]:
    """Write a turn as one text with a mark for each picture; parts are kept apart by white space."""
    written, neutralised = "", 0
    for part in content:
        piece, count = (_IMAGE, 0) if isinstance(part, Media) else neutral(part)
        neutralised += count
        apart = not written or not piece or written[-1].isspace() or piece[0].isspace()
        written += piece if apart else f"\n{piece}"
    return written.strip(), neutralised


def provenance(trace: Trace) -> dict[str, Any]:
    """Return how a trace was made, always with the same fields of the same types."""
    verdict = trace.verdict
    return {
        "method": trace.method,
        "teacher": trace.teacher,
        "origin": trace.origin,
        "answer_seen": trace.answer_seen,
        "try_index": trace.try_index,
        "verdict": verdict.value if verdict else "",
        "rule": verdict.rule if verdict else "",
        "sampling": canonical(trace.sampling.to_json()).decode("utf-8", "replace"),
        "requests": list(trace.requests),
        "prompts": list(trace.prompts),
    }


def line(stream: TextIO, row: Mapping[str, Any]) -> None:
    """Write one row of a jsonl file."""
    stream.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")


def write_json(path: Path, value: object) -> None:
    """Write a JSON file for people and programs."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def card(out: Path, name: str, about: str, files: Mapping[str, str], counts: Mapping[str, int]) -> None:
    """Write the dataset card; its header keeps `load_dataset` from taking the files for one table.

    Args:
        out: the export.
        name: the dataset's name.
        about: what its rows are.
        files: the file with the rows of each configuration.
        counts: what was written and left out.

    """
    configs = "\n".join(f"- config_name: {config}\n  data_files: {file}" for config, file in files.items())
    lines = "\n".join(f"- {what}: {count}" for what, count in counts.items())
    text = f"---\nconfigs:\n{configs}\n---\n# {name}\n\n{about}\n\n{lines}\n"
    (out / "README.md").write_text(text, encoding="utf-8")


def _check_roles(roles: Sequence[str]) -> None:
    turns = roles[1:] if roles[0] == "system" else roles
    if len(turns) % 2 or any(role != ("user", "assistant")[i % 2] for i, role in enumerate(turns)):
        raise UntrainableError("roles_do_not_alternate")


def _sendable(media: Media, read: ReadMedia) -> tuple[str, bytes]:
    try:
        return wire(read(media))
    except SourceError as error:
        raise UntrainableError(f"picture_{error.cause}") from error


def _save(data: bytes, suffix: str, out: Path) -> str:
    """Write a picture under the hash of its bytes and return its path relative to the export."""
    digest = hashlib.sha256(data).hexdigest()
    path = f"{_FOLDER}/{digest[:2]}/{digest}{suffix}"
    (out / path).parent.mkdir(parents=True, exist_ok=True)
    (out / path).write_bytes(data)
    return path
