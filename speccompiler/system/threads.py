"""How many threads a run has where nobody says it."""

from __future__ import annotations

import os
from math import ceil

from speccompiler.system import facilities
from speccompiler.system.cgroups import cpu_limit


def default_threads() -> int:
    """The processors that this process may use, and that its control group may keep busy.

    More threads than that would use up the group's time early in each period, and then all
    stand still until the next: a team that waits for its slowest thread waits longest.
    """
    usable = usable_processors()
    limit = cpu_limit()
    return usable if limit is None else max(1, min(usable, ceil(limit.processors)))


def usable_processors() -> int:
    """The processors that this process may run on."""
    if facilities.AFFINITY.here:
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
