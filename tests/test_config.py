"""Teachers by name, URL or kind, bound to roles."""

from __future__ import annotations

from pathlib import Path

import pytest

from curate.config import Models, bind
from curate.teacher.budget import Price
from generators.engines.chat_http import ChatHttp
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
        ('[teachers.x]\nbase_url = "http://h"\nmodel = "m"\nkey = "secret"', "key: Extra inputs are not permitted"),
    ],
)
def test_wrong_file(tmp_path: Path, toml: str, message: str) -> None:
    """A mistake in curate.toml names the table and the field."""
    with pytest.raises(ConfigError, match=message):
        bind(["x"], _models(tmp_path, toml))
