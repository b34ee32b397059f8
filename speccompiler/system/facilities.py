"""What a system may offer to Python, and what is done where it does not.

Linux has all of it, macOS most, Windows little. Code that needs one of them asks here, by name
(``facilities.FILE_LOCKS.here``), so that this table is the whole difference between systems.
(Which library a system loads threads or a GPU from stands where it is loaded.)
"""

from __future__ import annotations

import os
from importlib import import_module

from speccompiler.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Facility:
    """Something that not every system has."""

    needs: tuple[str, ...]
    """What Python has where the system offers it: ``module.attribute``, or a path."""
    without: str
    """What is done where it is missing."""

    @property
    def here(self) -> bool:
        """Whether this process has it."""
        return all(map(_exists, self.needs))


def _exists(name: str) -> bool:
    if name.startswith("/"):
        return os.path.exists(name)
    module, _, attribute = name.rpartition(".")
    try:
        return hasattr(import_module(module), attribute)
    except ImportError:
        return False


def open_flags(*names: str) -> int:
    """Those flags of ``os.open`` that the system has, as one number."""
    flags = 0
    for name in names:
        flags |= getattr(os, name, 0)
    return flags


# --- files

FILE_LOCKS = Facility(
    ("fcntl.flock", "os.geteuid", "os.O_NOFOLLOW", "os.O_NONBLOCK"),
    "Windows neither removes nor renames an open file: an unfinished one is held open, and closed "
    "just before it takes its name; a name whose file is open elsewhere cannot be taken",
)
PERMISSIONS = Facility(
    ("os.fchmod",),
    "a file that replaces another has the permissions of a new one",
)
RESERVED_SPACE = Facility(
    ("os.posix_fallocate",),
    "the free space is compared with what is needed, and may be gone later",
)
POSITIONED_WRITES = Facility(
    ("os.pwrite",),
    "threads that write to one file wait for each other",
)
SYNCED_FOLDERS = Facility(
    ("os.O_DIRECTORY",),
    "a new name may be forgotten when the machine stops at once, a written file is not",
)
POSITIONED_READS = Facility(
    ("os.preadv",),
    "the arrays of files are read from their first sample to their last, not box by box",
)
OPENS_WITHOUT_WAITING = Facility(
    ("os.O_NONBLOCK", "os.set_blocking"),
    "a pipe is no file to read, even where something writes to it",
)
OWNERS = Facility(
    ("os.geteuid",),
    "the cache's folder is trusted: it lies in the user's own profile",
)
MOUNTS = Facility(
    ("os.major", "/proc/self/mountinfo"),
    "the cache is taken to be on a disk of this machine, not on a network",
)

# --- memory

MAPPED_MEMORY = Facility(
    ("mmap.MAP_ANONYMOUS", "mmap.MAP_PRIVATE"),
    "NumPy allocates large buffers",
)
LARGE_PAGES = Facility(
    ("mmap.MADV_HUGEPAGE",),
    "large buffers lie in ordinary pages",
)
MEMORY_LIMITS = Facility(
    ("resource.RLIMIT_AS", "/proc/self/statm"),
    "the HDF5 library may take any memory; its time is limited all the same",
)

# --- processes

FORK = Facility(
    ("os.register_at_fork",),
    "no process begins as a copy of another, so that there is nothing to mend in a copy",
)
AFFINITY = Facility(
    ("os.sched_getaffinity",),
    "all processors of the machine count as usable",
)
WAITING_FOR_PIPES = Facility(
    ("select.poll",),
    "a child that crashes is noticed, one that does not answer is waited for",
)
ALARMS = Facility(
    ("signal.alarm",),
    "only the parent limits the time of a child",
)
IDLE_TIME = Facility(
    ("os.SCHED_IDLE",),
    "a process in the background has the lowest priority, and takes a little from all others",
)
BACKGROUND = Facility(
    ("fcntl.flock", "os.nice", "os.setsid"),
    "kernels are compiled by the command that needs them, or by `convspec compile --all`; no "
    "process goes on after a command has ended",
)
KILLING = Facility(
    ("signal.SIGKILL",),
    "SIGTERM, with which Windows ends a process at once",
)
