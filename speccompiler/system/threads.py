"""How many threads a run has where nobody says it."""

from __future__ import annotations

import os

from speccompiler.system import facilities


def default_threads() -> int:
    """The processors that this process may use."""
    if facilities.AFFINITY.here:
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
