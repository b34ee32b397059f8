"""The limits that a process was started with (``ulimit``), as far as they bound its memory."""

from __future__ import annotations

import os
from contextlib import suppress

from speccompiler.frozen import dataclass

_PAGE_SIZE = "SC_PAGE_SIZE"
_IN_PAGES = {
    "Max address space": ("ulimit -v", 0),
    "Max data size": ("ulimit -d", 5),
}
"""By the name that Linux has for a limit: the command that sets it, and what it bounds, as a
number of ``statm``: all addresses, or memory that is written. proc(5)."""


@dataclass(frozen=True, slots=True)
class ProcessLimit:
    """A limit of this process's memory."""

    most: int
    """Bytes."""
    left: int
    source: str
    """The command that sets it."""


def process_limits(root: str = "") -> tuple[ProcessLimit, ...]:
    """RLIMIT_AS and RLIMIT_DATA, where they are set; ``root`` stands for ``/``, in tests.

    Read from files, because importing ``resource`` would take longer.
    """
    found: list[ProcessLimit] = []
    with suppress(OSError, ValueError, IndexError):
        with open(f"{root}/proc/self/limits", encoding="ascii") as file:
            lines = file.read().splitlines()
        for line in lines:
            for name, (source, number) in _IN_PAGES.items():
                most = line[len(name) :].split()[0] if line.startswith(name) else "unlimited"
                if most != "unlimited":
                    used = _pages(root, number)
                    found.append(ProcessLimit(int(most), max(0, int(most) - used), source))
    return tuple(found)


def _pages(root: str, number: int) -> int:
    """Bytes of one of ``statm``'s numbers."""
    with open(f"{root}/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[number]) * os.sysconf(_PAGE_SIZE)
