"""Plug-ins are found as files, by entry points and by path, and built from text."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import scorers
from curate import plugins
from schemas.errors import PluginError
from schemas.sample import Message, Sample

SCORER = '''"""A scorer of its own."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from schemas.request import Sampling
from schemas.score import Score

__all__ = ["Steady"]


@dataclass(frozen=True, slots=True)
class Steady:
    """Give every sample the same value."""

    version: ClassVar[int] = 3
    on: ClassVar[Literal["sample"]] = "sample"
    detail_fields: ClassVar[Mapping[str, type]] = {}
    value: float
    names: tuple[str, ...] = ()
    label: str = "x"
    strict: bool = False
    sampling: Sampling = Sampling()

    def __call__(self, sample, read, /):
        return Score(self.value)
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write a scorer's file outside every package."""
    path = tmp_path / "steady.py"
    path.write_text(SCORER)
    return path


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Path]:
    """Install a distribution whose entry point offers a scorer."""
    (tmp_path / "acme_scores.py").write_text(SCORER)
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[curate.scorers]\nacme = acme_scores:Steady\nacme_module = acme_scores\nacme_wrong = acme_scores:SCORER\n"
    )
    sys.path.insert(0, str(tmp_path))
    yield tmp_path
    sys.path.remove(str(tmp_path))
    sys.modules.pop("acme_scores", None)


@pytest.mark.parametrize("kind", sorted(plugins.KINDS))
def test_every_listed_plugin_loads(kind: str) -> None:
    """A name that is listed is a class with a version."""
    for name in plugins.names(kind):
        assert isinstance(plugins.load(kind, name).version, int), name


def test_listing_imports_nothing(tmp_path: Path) -> None:
    """A file that cannot even be parsed is listed, and says why only when it is loaded."""
    (tmp_path / "half_written.py").write_text("def (")
    (tmp_path / "_private.py").write_text("")
    (tmp_path / "verify_later.py").write_text("raise OSError")
    scorers.__path__.append(str(tmp_path))
    try:
        assert "half_written" in plugins.names("scorer")
        assert "_private" not in plugins.names("scorer")
        assert "verify_later" in plugins.names("verifier")
        assert "verify_later" not in plugins.names("scorer")
        with pytest.raises(PluginError, match=r"scorer 'half_written' cannot be imported: SyntaxError"):
            plugins.load("scorer", "half_written")
    finally:
        scorers.__path__.remove(str(tmp_path))


def test_folders_that_are_kinds_are_no_plugins() -> None:
    """`scorers/length` and `generators/engines` hold plug-ins of other kinds."""
    assert "length" not in plugins.names("scorer")
    assert not {"engines", "prompts"} & set(plugins.names("generator"))


def test_entry_points_are_found(installed: Path) -> None:
    """An installed package offers a class, or a module with one class."""
    assert {"acme", "acme_module"} <= set(plugins.names("scorer"))
    assert plugins.load("scorer", "acme") is plugins.load("scorer", "acme_module")
    assert plugins.where("scorer", "acme") == "acme_scores:Steady"
    with pytest.raises(PluginError, match="is not a class"):
        plugins.load("scorer", "acme_wrong")


def test_a_file_is_loaded_once_and_keeps_off_the_path(file: Path) -> None:
    """A path is a name too; the plug-in is named after the file, whose folder stays out of `sys.path`."""
    cls = plugins.load("scorer", str(file))
    assert cls is plugins.load("scorer", str(file))
    assert cls.__module__.rpartition(".")[2] == "steady"
    assert str(file.parent) not in sys.path


def test_a_plugin_from_a_file_travels(file: Path) -> None:
    """A worker process that never saw the file's module can unpickle it."""
    made = plugins.make("scorer", str(file), value=0.5, names=("a",))
    packed = pickle.dumps(made)
    module = sys.modules.pop(type(made).__module__)
    again = pickle.loads(packed)
    assert type(again) is not type(made)
    assert (again.value, again.names) == (0.5, ("a",))
    sys.modules[type(made).__module__] = module


def test_unknown_names_list_the_known() -> None:
    """The message says what there is."""
    with pytest.raises(PluginError, match=r"no generator is named 'thnik': there are .*think_then_answer"):
        plugins.load("generator", "thnik")
    with pytest.raises(PluginError, match="no kind of plug-in is called 'scorers': there are scorer"):
        plugins.names("scorers")
    with pytest.raises(PluginError, match="there is no such file"):
        plugins.load("scorer", "nowhere/x.py")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x = 1\n", "no __all__"),
        ("__all__ = ['a', 'b']\n", "2 names in __all__"),
        ("__all__ = ['a']\na = 1\n", "not a dataclass"),
        ("__all__ = ['Gone']\n", "not a dataclass"),
        ("import not_installed_here\n", "ModuleNotFoundError: No module named 'not_installed_here'"),
        ("raise ValueError('too bad')\n", "ValueError: too bad"),
    ],
)
def test_a_broken_file_says_what_is_wrong(tmp_path: Path, text: str, problem: str) -> None:
    """Exactly one dataclass must be named, and import errors are told with their reason."""
    (tmp_path / "odd.py").write_text(text)
    with pytest.raises(PluginError, match=problem):
        plugins.load("scorer", str(tmp_path / "odd.py"))


def test_parameters_are_read_by_their_types(file: Path) -> None:
    """Numbers, lists, booleans and nested fields come from JSON; text stays as it is."""
    made = plugins.make(
        "scorer", str(file), value="0.25", names='["a", "b"]', label="007", strict="true", sampling='{"temperature": 1}'
    )
    assert (made.value, made.names, made.label, made.strict) == (0.25, ("a", "b"), "007", True)
    assert made.sampling.temperature == 1


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({}, r"needs the parameter 'value'"),
        ({"value": "high"}, r"value=high does not fit float"),
        ({"value": "1", "colour": "red"}, r"has no parameter 'colour': there are value, names, label, strict"),
        ({"value": "1", "names": "3"}, r"names=3 does not fit tuple"),
    ],
)
def test_wrong_parameters_are_named(file: Path, params: dict[str, str], problem: str) -> None:
    """Missing, unknown and ill-typed parameters each say which and why."""
    with pytest.raises(PluginError, match=problem):
        plugins.make("scorer", str(file), **params)


def test_a_verifier_is_handed_in() -> None:
    """A field `verifier` is `verify_answer` where nothing else is named."""
    made = plugins.make("generator", "think_then_answer", tries="2")
    assert type(made.verifier).__module__ == "scorers.verify_answer"
    assert made.tries == 2
    with pytest.raises(PluginError, match="no verifier is named 'gut_feeling'"):
        plugins.make("generator", "think_then_answer", verifier="gut_feeling")


def test_parameters_are_described(file: Path) -> None:
    """Fields with their types and defaults, class variables not among them."""
    found = {p.name: (p.type, p.default) for p in plugins.parameters(plugins.load("scorer", str(file)))}
    assert found["value"] == ("float", "")
    assert found["label"] == ("str", "'x'")
    assert "version" not in found


def test_the_page_on_plugins_is_true(tmp_path: Path) -> None:
    """The scorer in docs/plugins.md works as it stands, and every kind is named there."""
    page = (Path(__file__).resolve().parents[1] / "docs" / "plugins.md").read_text(encoding="utf-8")
    code = page.partition("```python\n")[2].partition("```")[0]
    (tmp_path / "wordy.py").write_text(code)
    made = plugins.make("scorer", str(tmp_path / "wordy.py"), full="4")
    sample = Sample.of([Message.of("user", "one two")])
    assert made(sample, lambda media: b"").value == 0.5
    assert [kind for kind in plugins.KINDS if f"| {kind} | `" not in page] == []
