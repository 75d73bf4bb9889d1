"""Teachers by name, URL or kind, bound to roles."""

from __future__ import annotations

from pathlib import Path

import pytest

from curate.config import Models, bind
from curate.teacher.budget import Caps, Price
from generators.engines.chat_http import ChatHttp
from generators.engines.embed_http import EmbedHttp
from generators.engines.openai_batch import OpenaiBatch
from generators.engines.replay import Replay
from schemas.errors import ConfigError

TOML = """
[teachers.qwen]
base_url = "https://host/v1"
model = "qwen3"
key_env = "QWEN_KEY"
input_price = 0.4
output_price = 4.0
max_concurrency = 7
rename = { max_tokens = "max_completion_tokens" }
"""


def _models(folder: Path, toml: str = TOML) -> Models:
    path = folder / "curate.toml"
    path.write_text(toml)
    return Models(config=path)


def test_named_teacher(tmp_path: Path) -> None:
    """A table of curate.toml becomes an endpoint with its prices."""
    end = bind(["qwen"], _models(tmp_path))[""]

    assert end.engine == ChatHttp(
        "https://host/v1", "qwen3", "QWEN_KEY", rename={"max_tokens": "max_completion_tokens"}
    )
    assert (end.concurrency, end.price) == (7, Price(0.4, 4.0))


def test_roles_and_default(tmp_path: Path) -> None:
    """A bare spec answers for all roles, `role=spec` for one; one spec is one endpoint."""
    ends = bind(["http://127.0.0.1:1/v1#m", "judge=qwen", "student=qwen"], _models(tmp_path))

    assert ends[""].engine == ChatHttp("http://127.0.0.1:1/v1", "m")
    assert ends["judge"] is ends["student"]


def test_replay(tmp_path: Path) -> None:
    """`replay#model` is the ledger alone."""
    assert bind(["replay#m"], _models(tmp_path))[""].engine == Replay("m")


def test_the_embedder_gives_embeddings(tmp_path: Path) -> None:
    """A URL bound to that role is asked for them, beside the chat model of the same address; a table says so itself."""
    toml = f'{TOML}\n[teachers.e5]\nbase_url = "https://host/v1"\nmodel = "e5"\napi = "embeddings"\n'
    ends = bind(["http://h/v1#m", "embedder=http://h/v1#m"], _models(tmp_path))
    assert (ends[""].engine, ends["embedder"].engine) == (ChatHttp("http://h/v1", "m"), EmbedHttp("http://h/v1", "m"))
    assert bind(["embedder=e5"], _models(tmp_path, toml))["embedder"].engine == EmbedHttp("https://host/v1", "e5")
    assert bind(["embedder=replay#embeddings:m"], _models(tmp_path))["embedder"].engine == Replay("embeddings:m")
    for specs in (["e5"], ["judge=e5"], ["replay#embeddings:m"]):
        with pytest.raises(ConfigError, match="bind it as --teacher embedder="):
            bind(specs, _models(tmp_path, toml))
    for specs in (["embedder=qwen"], ["embedder=replay#m"]):
        with pytest.raises(ConfigError, match="gives no embeddings"):
            bind(specs, _models(tmp_path, toml))


def test_url_with_an_equals_sign_is_not_a_role(tmp_path: Path) -> None:
    """Only a plain word before the first equals sign is a role."""
    assert bind(["https://h/v1?a=b#m"], _models(tmp_path))[""].engine == ChatHttp("https://h/v1?a=b", "m")


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        (["http://h/v1"], "names no model: write http://h/v1#MODEL"),
        (["gpt"], "is not a URL#model"),
        (["a", "b"], "is not a URL#model"),
        (["http://h/v1#m", "http://h/v1#n"], "a default twice"),
        (["judge=qwen", "judge=qwen"], "the role judge twice"),
    ],
)
def test_wrong_specs(tmp_path: Path, specs: list[str], message: str) -> None:
    """Each wrong spec says what would be right."""
    with pytest.raises(ConfigError, match=message):
        bind(specs, _models(tmp_path))


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[teachers.x", "cannot read"),
        ('[teachers.x]\nmodel = "m"', "teachers.x. base_url: Field required"),
        ('[teachers.x]\nbase_url = "ftp://h"\nmodel = "m"', "base_url: String should match"),
        (
            '[teachers.x]\nbase_url = "http://h"\nmodel = "m"\nkey = "secret"',
            "key: no such setting; there are base_url, model",
        ),
        ("[teacher.x]\n", r"teacher is nothing curate knows there: .*\[teachers.NAME\]"),
        ("teachers = 3", "teachers is nothing curate knows there"),
        ("[teachers]\nx = 3", "teachers.x. is no table"),
    ],
)
def test_wrong_file(tmp_path: Path, toml: str, message: str) -> None:
    """A mistake in curate.toml names the table and the field."""
    with pytest.raises(ConfigError, match=message):
        bind(["x"], _models(tmp_path, toml))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('api = "x"', "api: .*'chat', 'sdk', 'batch' or 'embeddings', found 'x'"),
        ("max_cost = nan", "max_cost: .*finite number, found nan"),
        ("max_cost = inf", "max_cost: .*finite number, found inf"),
        ("max_cost = -1", "max_cost: .*greater than or equal to 0, found -1"),
        ("max_cost = true", "max_cost: .*valid number, found True"),
        ("max_tokens = 1.5", "max_tokens: .*valid integer, found 1.5"),
        ("max_requests = 0", "max_requests: .*greater than or equal to 1, found 0"),
        ("input_price = nan\noutput_price = 1", "input_price: .*finite number, found nan"),
        ("input_price = 1\noutput_price = inf", "output_price: .*finite number, found inf"),
        ("input_price = -1\noutput_price = 1", "input_price: .*found -1"),
        ("input_price = 1", "input_price alone: a price needs input_price and output_price"),
        ("cached_price = 1", "cached_price alone"),
        ("rpm = 0", "rpm: .*greater than 0, found 0"),
        ("tpm = nan", "tpm: .*finite number, found nan"),
        ("timeout = inf", "timeout: .*finite number, found inf"),
        ("frobnicate = 1", "frobnicate: no such setting; there are base_url, model"),
    ],
)
def test_wrong_values(tmp_path: Path, line: str, message: str) -> None:
    """A value that would lift a cap, or mean nothing, is named with what was found."""
    toml = f'[teachers.x]\nbase_url = "http://h/v1"\nmodel = "m"\n{line}\n'
    with pytest.raises(ConfigError, match=rf"\[teachers.x\] .*{message}"):
        bind(["x"], _models(tmp_path, toml))


@pytest.mark.parametrize("url", ["http://[::1/v1", "http://h:99999/v1", "http:///v1"])
def test_addresses_that_are_none(tmp_path: Path, url: str) -> None:
    """Told before anything is asked, from the command line and from the file."""
    with pytest.raises(ConfigError, match="is no address: write it like"):
        bind([f"{url}#m"], _models(tmp_path))
    with pytest.raises(ConfigError, match="base_url is no address"):
        bind(["x"], _models(tmp_path, f'[teachers.x]\nbase_url = "{url}"\nmodel = "m"'))


def test_a_key_in_the_wrong_place_is_not_repeated(tmp_path: Path) -> None:
    """Where the key itself stands for its variable's name, or in a field that is none, no message shows it."""
    for line in ('key_env = "sk-canary-1"', 'key = "sk-canary-1"', 'api = ["sk-canary-1"]'):
        toml = f'[teachers.x]\nbase_url = "http://h/v1"\nmodel = "m"\n{line}\n'
        with pytest.raises(ConfigError) as told:
            bind(["x"], _models(tmp_path, toml))
        assert "canary" not in str(told.value)


def test_a_batch_endpoint(tmp_path: Path) -> None:
    """Its state lives in the workspace, many requests wait at once, and their number is left alone."""
    (tmp_path / "curate.toml").write_text('[teachers.b]\nbase_url = "https://h/v1"\nmodel = "m"\napi = "batch"\n')
    end = bind(["b"], Models(workspace=tmp_path / "w", config=tmp_path / "curate.toml"))[""]
    assert end.engine == OpenaiBatch("https://h/v1", "m", str(tmp_path / "w" / "batches"))
    assert (end.concurrency, end.adaptive) == (10_000, False)


def test_limits_and_caps_of_an_endpoint(tmp_path: Path) -> None:
    """Rates a minute and the most that a run may spend there."""
    limits = "rpm = 60\ntpm = 9000\nmax_cost = 2.5\nmax_requests = 9\n"
    (tmp_path / "curate.toml").write_text(f'[teachers.a]\nbase_url = "https://h/v1"\nmodel = "m"\n{limits}')
    end = bind(["a"], Models(config=tmp_path / "curate.toml"))[""]
    assert (end.rpm, end.tpm, end.caps, end.concurrency) == (60, 9000, Caps(2.5, None, 9), 32)


def test_prices_of_known_providers(tmp_path: Path) -> None:
    """Looked up by the provider's address; a name alone may be anyone's server."""
    known = bind(["https://api.openai.com/v1#gpt-4o-mini"], _models(tmp_path))[""].price
    assert known is not None
    assert (known.input, known.output, known.cached) == pytest.approx((0.15, 0.6, 0.075))
    for unknown in (
        "http://127.0.0.1:1/v1#gpt-4o-mini",
        "http://gpu-box:8000/v1#gpt-4o-mini",
        "https://h.example/v1#x",
    ):
        assert bind([unknown], _models(tmp_path))[""].price is None
