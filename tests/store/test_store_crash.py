"""A killed process costs nothing that was done, and leaves nothing half done."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fakes.versions import made_version

from curate.store import Store
from schemas.errors import StoreError

_ENV = {**os.environ, "PYTHONPATH": os.pathsep.join(str(Path(__file__).resolve().parents[n]) for n in (1, 2))}

_KILLED = """
import os, signal, sys
from pathlib import Path
from fakes.versions import FIELDS, STEP, made_rows, writing
from curate.store import Store

root, wanted, times = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
seen = []

def watch(stage):
    seen.append(stage)
    if seen.count(wanted) == times:
        os.kill(os.getpid(), signal.SIGKILL)

def write(writer):
    for method, row in made_rows(20):
        getattr(writer, method)(row)
        watch("row")
    return 24

Store(root).derive("made", STEP, write=write, score_fields=FIELDS, watch=watch)
"""

_STAGES = [
    *(("staged", 1), ("row", 30), ("written", 1), ("shard", 1), ("shard", 4), ("shard", 5)),
    *(("linked", 1), ("manifest", 1), ("published", 1), ("ref", 1)),
]


@pytest.mark.parametrize(("stage", "times"), _STAGES)
def test_killed_at_a_stage(tmp_path: Path, stage: str, times: int) -> None:
    """Whatever the stage, the workspace opens clean and the same derivation gives the undisturbed version."""
    wanted = made_version(Store(tmp_path / "undisturbed"))
    root = tmp_path / "killed"
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(root), stage, str(times)], env=_ENV, check=False)
    assert killed.returncode == -signal.SIGKILL
    store = Store(root)
    assert [problem for report in store.check_all() for problem in report.problems] == []
    assert [version.id for version in store.versions()] == ([wanted.id] if stage == "ref" else [])
    again = made_version(store)
    assert (again.id, again.ref) == (wanted.id, "made@v1")
    assert store.check(again, deep=True).problems == ()
    assert list((root / "staging").iterdir()) == []


_BUSY = """
import sys
from pathlib import Path
from fakes.versions import made_version
from curate.store import Store
store = Store(Path(sys.argv[1]))
print("go", flush=True)
for count in range(1, 500):
    made_version(store, count)
"""


def test_killed_at_any_moment(tmp_path: Path) -> None:
    """A process that derives one version after another is killed again and again; every version it named is whole."""
    store = Store(tmp_path)
    for round_ in range(3):
        with subprocess.Popen([sys.executable, "-c", _BUSY, str(tmp_path)], env=_ENV, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(random.Random(round_).uniform(0.1, 0.6))
            child.kill()
        assert [problem for report in store.check_all() for problem in report.problems] == []
    done = store.versions()
    assert [version.number for version in done] == list(range(1, len(done) + 1))


_HOLDER = """
import sys, time
from pathlib import Path
from curate.store import Store
with Store(Path(sys.argv[1])).lock("a long run"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_writer(tmp_path: Path) -> None:
    """A second writer is told who holds the workspace; readers are not stopped; the lock dies with its process."""
    store = Store(tmp_path)
    made_version(store)
    with subprocess.Popen([sys.executable, "-c", _HOLDER, str(tmp_path)], env=_ENV, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with pytest.raises(StoreError, match=rf"process {child.pid} on \S+ \(a long run, since "):
            made_version(store)
        assert len(store.versions()) == 1
        child.kill()
    assert made_version(store, 21).number == 2


def test_the_holder_may_derive(tmp_path: Path) -> None:
    """A run that holds the lock derives under it, and another store of the same process is refused."""
    store = Store(tmp_path)
    with store.lock("run"), store.lock("again"):
        made_version(store)
        with pytest.raises(StoreError, match=r"\(run, since"), Store(tmp_path).lock("other"):
            pass
    with Store(tmp_path).lock("other"):
        pass
