"""Whether a file is still what it was: what is made of its content is kept by its state."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path


def file_state(path: Path) -> str | None:
    """A text that changes whenever a file's content does; None where that is not certain.

    It is not while the next change could still get the same time: file systems count time
    in steps of up to 10 ms, and some in steps of two seconds.
    """
    try:
        place, status = os.path.realpath(path), os.stat(path)
    except (OSError, ValueError):
        return None
    changed = max(status.st_mtime_ns, status.st_ctime_ns)
    step = 2_000_000_000 if changed % 1_000_000_000 == 0 else 50_000_000
    if time.time_ns() - changed <= step:
        return None
    times = f"{status.st_mtime_ns} {status.st_ctime_ns}"
    return f"{place!r} {status.st_dev} {status.st_ino} {status.st_size} {times}"


def joined_state(paths: Sequence[Path]) -> str | None:
    """The state of several files; None where that of one is not certain."""
    states = [file_state(path) for path in paths]
    return None if None in states else " ".join(filter(None, states))
