"""Run a command and write what it took to a file: `python benchmarks/_measure.py OUT.json COMMAND...` (Linux).

CPU seconds are those of every process that the command started, worker processes that outlive it included: this
process adopts them. So it is a process of its own, and a small one, for the peak memory of a parent counts in a child.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

_ADOPT = 36
"""PR_SET_CHILD_SUBREAPER of prctl(2)."""


def main() -> int:
    """Run, wait for all, write, and end with the command's own code."""
    out, *command = sys.argv[1:]
    ctypes.CDLL(None).prctl(_ADOPT, 1, 0, 0, 0)
    begun = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, _ = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begun
    while True:
        try:
            os.wait()
        except ChildProcessError:
            break
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = os.waitstatus_to_exitcode(status)
    found = {
        "wall_s": wall,
        "cpu_s": used.ru_utime + used.ru_stime,
        "rss_mb": used.ru_maxrss / 1024,
        "code": code,
    }
    Path(out).write_text(json.dumps(found), encoding="utf-8")
    return abs(code)


if __name__ == "__main__":
    sys.exit(main())
