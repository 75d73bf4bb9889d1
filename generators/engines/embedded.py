"""A small model inside this process: a GGUF file served by llama.cpp on loopback, with no key and no GPU.

llama.cpp speaks the same chat format as any endpoint, so a session is one of `openai_http` at an address that only this
process knows: a free port, and a path with a random part, since every user of the machine can reach a loopback port.
The server is a part of the process and ends with it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import threading
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakValueDictionary

from generators.engines.openai_http import OpenaiHttp
from schemas.errors import ConfigError, PluginError, TeacherError
from schemas.protocols import ReadMedia, Session
from schemas.request import Cause, Reply, Request
from schemas.sample import Message

__all__ = ["Embedded"]

LOG = "CURATE_EMBEDDED_LOG"
"""Environment variable: set to anything, llama.cpp's own log is written to stderr."""

_QUIET, _TALKATIVE = 0, 3
_DIGITS = 12
_MAGIC = b"GGUF"
_CLOSING = 5.0
"""Seconds the server may take to end; measured: 0.1."""
_PROMPT_CACHE_MIB = 256


@dataclass(frozen=True, slots=True)
class Embedded:
    """A GGUF file, served by llama.cpp in this process."""

    version: ClassVar[int] = 1
    model_path: str
    """The GGUF file; for the default model what `curate teacher pull smollm2` prints."""
    mmproj: str = ""
    """The model's picture projector, also a GGUF file; without it requests with pictures are refused."""
    context: int = 4096
    """Tokens of one request, its reply included."""
    slots: int = 4
    """Requests worked on at once."""
    threads: int = 0
    """0 takes every core this process may use."""
    timeout: float = 600.0
    """Seconds one request may take in all."""

    @property
    def identity(self) -> str:
        """The file's name and the first 12 digits of its SHA-256, and the projector's.

        Raises:
            ConfigError: a file is missing or is no GGUF file.

        """
        own = f"{Path(self.model_path).stem}@{_digest(self.model_path)}"
        return f"{own}+{_digest(self.mmproj)}" if self.mmproj else own

    def open(self, read: ReadMedia, /) -> AbstractAsyncContextManager[Session]:
        """Load the model and serve it until the session ends.

        Raises:
            PluginError: the extra is not installed.
            ConfigError: llama.cpp cannot load the file.

        """
        return _session(self, read)


@asynccontextmanager
async def _session(engine: Embedded, read: ReadMedia) -> AsyncIterator[_OpenSession]:
    identity = engine.identity
    path = f"/{secrets.token_urlsafe(16)}"
    server = await asyncio.to_thread(_serve, engine, identity, path)
    try:
        http = OpenaiHttp(
            base_url=f"{server[0].listening_address}{path}/v1",
            model=identity,
            timeout=engine.timeout,
            rename={"repetition_penalty": "repeat_penalty"},
        )
        # The client closes first: llama.cpp drops what it is writing when nobody listens.
        async with http.open(read) as session:
            yield _OpenSession(engine, session, asyncio.Semaphore(engine.slots))
    finally:
        await asyncio.to_thread(_close, server)


@dataclass(frozen=True, slots=True)
class _OpenSession:
    engine: Embedded
    inner: Session
    slots: asyncio.Semaphore
    turns: WeakValueDictionary[tuple[Message, ...], asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def complete(self, request: Request, /) -> Reply:
        if not self.engine.mmproj and any(message.media for message in request.messages):
            name = Path(self.engine.model_path).name
            reason = f"{name} cannot see: give a model that can with --teacher-model FILE.gguf --mmproj FILE.gguf"
            raise TeacherError(Cause.BAD_REQUEST, f"{reason}, or a text in place of the pictures")
        # Tries of one prompt go one after another: llama.cpp then reads the prompt once, which takes longer than to
        # answer it on a CPU. Side by side, every slot would read it.
        turn = self.turns.setdefault(request.messages, asyncio.Lock())
        async with turn, self.slots:
            return await self.inner.complete(request)


def _serve(engine: Embedded, identity: str, path: str) -> list[Any]:
    """Start the server; it lives as long as the one reference to it, which is why it comes in a list."""
    try:
        import xllamacpp
    except ImportError as error:
        raise PluginError(
            f"the embedded teacher needs xllamacpp ({error}): pip install 'curate-cot[embedded]'"
        ) from error
    try:
        return [xllamacpp.Server(_parameters(xllamacpp.CommonParams(), engine, identity, path))]
    except RuntimeError as error:
        raise ConfigError(
            f"llama.cpp cannot serve {engine.model_path}: the file is damaged, of a kind it does not know, or too large"
            f" for the memory; set {LOG}=1 to read what it says"
        ) from error


def _parameters(made: Any, engine: Embedded, identity: str, path: str) -> Any:
    threads = engine.threads or _cores()
    made.model.path = engine.model_path
    made.mmproj.path = engine.mmproj
    made.n_ctx = engine.context * engine.slots
    made.n_parallel = engine.slots
    made.cpuparams.n_threads = made.cpuparams_batch.n_threads = threads
    # Its default is 8 GB.
    made.cache_ram_mib = _PROMPT_CACHE_MIB
    made.hostnames, made.port, made.api_prefix = ["127.0.0.1"], 0, path
    made.cors_origins = ""
    made.ui = made.endpoint_slots = False
    # Else replies name the file with its folder.
    made.model_alias = {identity}
    made.verbosity = _TALKATIVE if os.environ.get(LOG) else _QUIET
    return made


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _close(server: list[Any]) -> None:
    """End the server by dropping it, without waiting for ever."""
    thread = threading.Thread(target=server.clear, name="embedded-close", daemon=True)
    thread.start()
    thread.join(_CLOSING)


def _digest(path: str) -> str:
    """Return the first digits of a GGUF file's SHA-256."""
    try:
        found = os.stat(path)  # noqa: PTH116 - the path may be empty, which Path would turn into the current folder
        return _hashed(path, found.st_size, found.st_mtime_ns)
    except OSError as error:
        where = path or "no file given"
        raise ConfigError(
            f"no model file ({where}: {error.strerror}): `curate teacher pull smollm2` fetches one"
        ) from error


@cache
def _hashed(path: str, _size: int, _changed: int) -> str:
    """Hash once per process, and again when the file is another: 0.1 s for 100 MB."""
    with Path(path).open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ConfigError(f"{path} is not a GGUF file: give a model in llama.cpp's format")
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest()[:_DIGITS]
