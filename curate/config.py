"""Which models there are: `curate.toml` and the `--teacher` options, turned into endpoints bound to roles.

[teachers.qwen]
base_url = "https://host/v1"
model = "qwen3-vl-235b-a22b-thinking"
key_env = "QWEN_KEY"          # the key itself is only ever in the environment
api = "chat"                  # "sdk": the openai package's own client, slower; "batch": Files and Batch API, half price
                              # "embeddings": for the role embedder, which writes nothing
input_price = 0.4             # per million tokens; where missing, genai-prices is asked
output_price = 4.0
cached_price = 0.1            # of prompt tokens from the provider's cache
max_cost = 20.0               # caps of one run at this endpoint; also max_tokens, max_requests
max_concurrency = 64
rpm = 500                     # requests and tokens a minute that the provider allows
tpm = 200000
timeout = 900                 # seconds a request may take
rename = { max_tokens = "max_completion_tokens" }
fallback_multiple = 2.0       # batch only: the price of the chat endpoint over those above (docs/batch.md)
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from curate.teacher.budget import Caps, Price
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import ValidationError

    from curate.teacher.driver import Endpoint
    from schemas.protocols import Engine

__all__ = ["EMBEDDER", "FILE", "Models", "bind", "load"]

FILE = "curate.toml"
EMBEDDER = "embedder"
"""The role that is asked for embeddings."""
_FREE = Price(0.0, 0.0)
_CHAT, _BATCH = 32, 10_000
"""Requests at once where nothing is said."""
_WORD = 12
"""Letters of a text that may be shown: no key is as short."""


@dataclass(frozen=True, slots=True)
class Models:
    """What the command line says about models beyond the names of roles."""

    concurrency: int | None = None
    """Most requests at once, for every endpoint; None leaves it to the configuration."""
    model_file: str = ""
    """GGUF file for `embedded`; empty for the default model."""
    mmproj: str = ""
    """The GGUF's picture projector."""
    workspace: Path = Path(".curate")
    """Where an engine that has to may keep its state."""
    config: Path = Path(FILE)


def load(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """Read `[teachers.NAME]` tables, checked; no file means no tables.

    Raises:
        ConfigError: not TOML, an unknown field, or a value of the wrong type.

    """
    if not path.exists():
        return {}
    try:
        known = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    tables = known.pop("teachers", {})
    if known or not isinstance(tables, dict):
        odd = next(iter(known), "teachers")
        raise ConfigError(f"{path}: {odd} is nothing curate knows there: models are described in [teachers.NAME]")
    return {name: _checked(path, name, table) for name, table in tables.items()}


def bind(specs: Sequence[str], models: Models) -> dict[str, Endpoint]:
    """Turn `SPEC` and `ROLE=SPEC` into endpoints by role; a bare `SPEC` answers for every role without its own.

    A SPEC is a name from the configuration, `URL#model`, `embedded`, or `replay#model`. For the role `embedder` a URL
    is asked for embeddings.

    Raises:
        ConfigError: a spec that is none of these, a role bound twice, or a model of embeddings in a role that writes.

    """
    known = load(models.config)
    roles: dict[str, Endpoint] = {}
    made: dict[tuple[str, bool], Endpoint] = {}
    for spec in specs:
        role, what = _split(spec)
        if role in roles:
            raise ConfigError(f"--teacher names {f'the role {role}' if role else 'a default'} twice: {spec}")
        embeds = role == EMBEDDER
        if (what, embeds) not in made:
            made[what, embeds] = _endpoint(what, known, models, embeds=embeds)
            _check_kind(what, made[what, embeds], embeds=embeds)
        roles[role] = made[what, embeds]
    return roles


def _check_kind(what: str, end: Endpoint, *, embeds: bool) -> None:
    from generators.engines.embed_http import PREFIX

    identity = end.engine.identity
    if embeds and not identity.startswith(PREFIX):
        raise ConfigError(
            f"--teacher {EMBEDDER}={what} gives no embeddings: use {EMBEDDER}=URL#MODEL, or a model with "
            'api = "embeddings" in curate.toml'
        )
    if not embeds and identity.startswith(PREFIX):
        raise ConfigError(f"{what} gives embeddings and cannot write: bind it as --teacher {EMBEDDER}={what}")


def _split(spec: str) -> tuple[str, str]:
    role, equals, what = spec.partition("=")
    # A URL may hold an equals sign: only a plain word before the first one is a role.
    return (role, what) if equals and role.isidentifier() else ("", spec)


def _endpoint(what: str, known: Mapping[str, Mapping[str, Any]], models: Models, *, embeds: bool) -> Endpoint:
    from curate.teacher.driver import Endpoint
    from generators.engines.chat_http import ChatHttp
    from generators.engines.embed_http import EmbedHttp
    from generators.engines.replay import Replay

    if what in known:
        return _configured(what, known[what], models)
    name, mark, model = what.partition("#")
    if name == "embedded":
        return _embedded(models)
    if name == "replay" and model:
        return Endpoint(what, Replay(model), concurrency=models.concurrency or 64, price=_FREE)
    if name.startswith(("http://", "https://")):
        if not model:
            raise ConfigError(f"--teacher {what} names no model: write {what}#MODEL")
        if not _is_address(name):
            raise ConfigError(f"--teacher {what} is no address: write it like http://127.0.0.1:8000/v1#{model}")
        engine = EmbedHttp(name, model) if embeds else ChatHttp(name, model)
        return Endpoint(what, engine, concurrency=models.concurrency or _CHAT, price=_listed(name, model))
    listed = ", ".join(sorted(known)) or f"none: there is no {models.config}"
    hint = "" if not mark else " (before # there must be a URL or replay)"
    raise ConfigError(
        f"the model {what!r} is not a URL#model, embedded, replay#model or a name in {models.config} ({listed}){hint}"
    )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not close, a port beyond 65,535
        return False


def _embedded(models: Models) -> Endpoint:
    from curate.teacher.driver import Endpoint
    from curate.teacher.models import pull
    from generators.engines.embedded import Embedded

    path = models.model_file or str(pull("smollm2"))
    engine = Embedded(model_path=path, mmproj=models.mmproj)
    # More than it works on at once, so that tries of one prompt find the slot that has read it.
    return Endpoint("embedded", engine, concurrency=models.concurrency or 4 * engine.slots, price=_FREE)


def _configured(name: str, table: Mapping[str, Any], models: Models) -> Endpoint:
    from curate.teacher.driver import Endpoint

    batch = table["api"] == "batch"
    usual = _BATCH if batch else _CHAT
    return Endpoint(
        name,
        _engine(table, models),
        concurrency=models.concurrency or table["max_concurrency"] or usual,
        price=_price(table),
        fallback_price=_fallback_price(table),
        caps=Caps(table["max_cost"], table["max_tokens"], table["max_requests"]),
        rpm=table["rpm"],
        tpm=table["tpm"],
        adaptive=not batch,
    )


def _engine(table: Mapping[str, Any], models: Models) -> Engine:
    from generators.engines.chat_http import ChatHttp
    from generators.engines.embed_http import EmbedHttp
    from generators.engines.openai_batch import OpenaiBatch
    from generators.engines.openai_http import OpenaiHttp

    shared = {name: table[name] for name in ("base_url", "model", "key_env", "timeout", "rename")}
    if table["api"] == "embeddings":
        return EmbedHttp(**{name: value for name, value in shared.items() if name != "rename"})
    if table["api"] == "batch":
        return OpenaiBatch(**shared, state=str(models.workspace / "batches"), fallback=table["fallback"])
    return (OpenaiHttp if table["api"] == "sdk" else ChatHttp)(**shared)


def _price(table: Mapping[str, Any]) -> Price | None:
    if table.get("input_price") is None or table.get("output_price") is None:
        return _listed(table["base_url"], table["model"])
    return Price(table["input_price"], table["output_price"], table.get("cached_price"))


def _fallback_price(table: Mapping[str, Any]) -> Price | None:
    """Return what the chat endpoint takes where a batch has no answer; prices that are looked up are the chat's."""
    if table["api"] != "batch" or not table["fallback"] or table["input_price"] is None:
        return None
    times, cached = table["fallback_multiple"], table["cached_price"]
    return Price(
        table["input_price"] * times, table["output_price"] * times, None if cached is None else cached * times
    )


def _listed(base_url: str, model: str) -> Price | None:
    """Look a price up in `genai-prices`, by the provider's address: a model's name alone may be anyone's server."""
    host = urlsplit(base_url).hostname or ""
    if "." not in host.strip("0123456789."):
        return None  # a number or a name without a domain: no provider
    from genai_prices import Usage, calc_price

    few = 1000
    try:
        found = calc_price(Usage(input_tokens=few, output_tokens=few), model, provider_api_url=base_url)
        cached = calc_price(Usage(input_tokens=few, cache_read_tokens=few), model, provider_api_url=base_url)
    except LookupError:
        return None
    return Price(*(float(price) * 1e6 / few for price in (found.input_price, found.output_price, cached.input_price)))


def _checked(path: Path, name: str, table: object) -> Mapping[str, Any]:
    from pydantic import BaseModel, ConfigDict, Field, ValidationError

    class Teacher(BaseModel):
        # Strict and finite: `true` is no price, and under a cap of `nan` everything fits.
        model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
        base_url: str = Field(pattern=r"^https?://")
        model: str = Field(min_length=1)
        key_env: str = Field("", pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")
        api: Literal["chat", "sdk", "batch", "embeddings"] = "chat"
        fallback: bool = True
        fallback_multiple: float = Field(2.0, ge=1)
        input_price: float | None = Field(None, ge=0)
        output_price: float | None = Field(None, ge=0)
        cached_price: float | None = Field(None, ge=0)
        max_cost: float | None = Field(None, ge=0)
        max_tokens: int | None = Field(None, ge=1)
        max_requests: int | None = Field(None, ge=1)
        max_concurrency: int | None = Field(None, ge=1)
        rpm: float | None = Field(None, gt=0)
        tpm: float | None = Field(None, gt=0)
        timeout: float = Field(600.0, gt=0)
        rename: dict[str, str] = Field(default_factory=dict)

    try:
        found = Teacher.model_validate(table).model_dump()
    except ValidationError as error:
        raise ConfigError(f"{path}: [teachers.{name}] {_trouble(error, list(Teacher.model_fields))}") from error
    _check_sense(f"{path}: [teachers.{name}]", found)
    return found


def _trouble(error: ValidationError, fields: Sequence[str]) -> str:
    """Say what is wrong with a table; what stands there is shown where it can be no secret."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{where}: no such setting; there are {', '.join(fields)}"
    if where == "key_env":
        return "key_env: the name of an environment variable, never the key itself (letters, digits, _)"
    if not where:
        return "is no table: write base_url and model below it"
    given = first["input"]
    plain = isinstance(given, (int, float)) or (where == "api" and len(str(given)) <= _WORD)
    shown = f", found {given!r}" if plain else ""
    return f"{where}: {first['msg']}{shown}"


def _check_sense(where: str, table: Mapping[str, Any]) -> None:
    if not _is_address(table["base_url"]):
        raise ConfigError(f"{where} base_url is no address: write it like https://host/v1")
    own = [name for name in ("input_price", "output_price", "cached_price") if table[name] is not None]
    if own and not {"input_price", "output_price"} <= {*own}:
        raise ConfigError(f"{where} has {' and '.join(own)} alone: a price needs input_price and output_price")
