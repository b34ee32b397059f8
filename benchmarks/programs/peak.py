"""Runs a program, then prints the most memory that this process held, in bytes.

PROGRAM.py ARGUMENT...

Asked from inside: what a parent is told (``ru_maxrss``) counts its own memory before the
new program began.
"""

import runpy
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_bytes() -> int:
    """Linux's high-water mark; elsewhere what the process itself is told."""
    if STATUS.exists():
        for line in STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held if sys.platform == "darwin" else held * 1024


if __name__ == "__main__":
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
    print(peak_bytes())
