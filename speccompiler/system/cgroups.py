"""The limits of Linux's control groups: how a container is told what it may take.

A process is in a group of each hierarchy (``/proc/self/cgroup``), whose limits are files of a
folder, and the limits of all groups above bind it too. Version 2 has one hierarchy for everything,
version 1 one for each resource, and a machine may have both. A container often sees its own
group as the root of the hierarchy: its mount (``/proc/self/mountinfo``) says which part of it
is there. Everything is found once; what memory is in use is read anew each time.

What cannot be read, or says "max" or a number beyond all machines, is no limit.
https://docs.kernel.org/admin-guide/cgroup-v2.html and cgroup-v1/memory.html.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache

from speccompiler.frozen import dataclass

NO_LIMIT = 1 << 60
"""Bytes from which a number means that there is none: version 1 writes the largest it can hold."""
_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class CpuLimit:
    """Processors that a group may keep busy, on average over some tens of milliseconds."""

    processors: float
    file: str
    """What says it."""


@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """What a group may hold."""

    most: int
    """Bytes."""
    file: str
    """What says it."""
    usage: str
    """The file that says how much is in use."""
    stat: str
    """The file that says what of it the system would give back."""
    cached: tuple[bytes, bytes, bytes]
    """The names there: inactive and active pages of files, and those that a process has mapped."""

    def left(self) -> int:
        """Bytes that the group may take yet, without swapping.

        Pages of files that nobody has mapped, or has used for long, are dropped when memory is
        wanted, as in the machine's own ``MemAvailable``.
        """
        used = _number(_read(self.usage)) or 0
        lines = (line.split() for line in _read(self.stat).splitlines())
        stat = {line[0]: _number(line[1]) or 0 for line in lines if len(line) == 2}
        inactive, active, mapped = (stat.get(name, 0) for name in self.cached)
        held = used - inactive - max(0, active - mapped)
        return max(0, self.most - max(0, held))


@cache
def cpu_limit(root: str = "") -> CpuLimit | None:
    """The tightest limit of processors; ``root`` stands for ``/``, in tests."""
    found: list[CpuLimit] = []
    for version, folder in _groups(root, b"cpu"):
        if version == 2:
            file = f"{folder}/cpu.max"
            quota, _, period = _read(file).strip().partition(b" ")
        else:
            file = f"{folder}/cpu.cfs_quota_us"
            quota = _read(file)
            period = _read(f"{folder}/cpu.cfs_period_us") if quota else b""
        spent, of = _number(quota), _number(period)
        if spent and of:
            found.append(CpuLimit(spent / of, file))
    return min(found, key=lambda limit: limit.processors, default=None)


@cache
def memory_limits(root: str = "") -> tuple[MemoryLimit, ...]:
    """Every limit of memory, of the own group and of those above.

    Above ``memory.high`` a group is slowed down until nothing moves, so that it is a limit.
    """
    found: list[MemoryLimit] = []
    for version, folder in _groups(root, b"memory"):
        for name in _LIMITS[version]:
            file = f"{folder}/{name}"
            most = _number(_read(file))
            if most is not None and most < NO_LIMIT:
                usage = f"{folder}/{_USAGE[version]}"
                found.append(
                    MemoryLimit(most, file, usage, f"{folder}/memory.stat", _CACHED[version])
                )
    return tuple(found)


_LIMITS = {2: ("memory.max", "memory.high"), 1: ("memory.limit_in_bytes",)}
_USAGE = {2: "memory.current", 1: "memory.usage_in_bytes"}
_CACHED = {
    2: (b"inactive_file", b"active_file", b"file_mapped"),
    1: (b"total_inactive_file", b"total_active_file", b"total_mapped_file"),
}


def _groups(root: str, controller: bytes) -> Iterator[tuple[int, str]]:
    """Version and folder of each group whose limits of a resource bind this process."""
    hierarchies, mounts = _own_groups(root), _mounts(root)
    for version, key in ((1, controller), (2, b"")):
        path = hierarchies.get(key)
        shown = [(top, point) for kind, names, top, point in mounts
                 if kind == version and (version == 2 or controller in names)]  # fmt: skip
        if path is None or not shown:
            continue
        inside = [
            (below, point) for top, point in shown if (below := _below(path, top)) is not None
        ]
        # A mount that does not show the own group shows one above it, or that of the container.
        below, point = inside[0] if inside else ((), shown[0][1])
        folder = root + point
        yield version, folder
        for name in below:
            folder = f"{folder}/{name}"
            yield version, folder


@cache
def _own_groups(root: str) -> dict[bytes, bytes]:
    """The path of the own group by each of its controllers; that of version 2 by no name."""
    found: dict[bytes, bytes] = {}
    for line in _read(f"{root}/proc/self/cgroup").splitlines():
        # The path may have colons.
        parts = line.split(b":", 2)
        if len(parts) == 3:
            found.update(dict.fromkeys(parts[1].split(b","), parts[2]))
    return found


_Mount = tuple[int, frozenset[bytes], bytes, str]
"""Version, controllers, the group that it shows as its top, and the folder where."""


@cache
def _mounts(root: str) -> tuple[_Mount, ...]:
    """``36 25 0:31 /top /folder rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate``."""
    found: list[_Mount] = []
    for line in _read(f"{root}/proc/self/mountinfo").splitlines():
        if b" - cgroup" not in line:
            continue
        before, _, after = line.partition(b" - ")
        place, kind = before.split(), after.split()
        if len(place) > 4 and len(kind) == 3 and kind[0] in (b"cgroup", b"cgroup2"):
            top, point = map(_plain, place[3:5])
            names = frozenset(kind[2].split(b","))
            folder = point.decode(errors="surrogateescape")
            found.append((2 if kind[0] == b"cgroup2" else 1, names, top, folder))
    return tuple(found)


def _plain(text: bytes) -> bytes:
    """A path of ``mountinfo``, where a space is written as ``\\040``."""
    first, *others = text.split(b"\\")
    return b"".join([first, *(bytes([int(part[:3], 8) & 255]) + part[3:] for part in others)])


def _below(path: bytes, top: bytes) -> tuple[str, ...] | None:
    """The groups between a mount's top and a path, the path's own last; None outside of it."""
    parts, start = ([part for part in whole.split(b"/") if part] for whole in (path, top))
    # A group outside of the own namespace begins with "..".
    if b".." in (*parts, *start) or parts[: len(start)] != start:
        return None
    return tuple(part.decode(errors="surrogateescape") for part in parts[len(start) :])


def _number(text: bytes) -> int | None:
    """A whole number that is not negative; None for anything else."""
    digits = text.strip()
    return int(digits) if digits.isdigit() and len(digits) < 30 else None


def _read(file: str) -> bytes:
    """What a file says; nothing where it cannot be read.

    These files are small and there are many: a file object would take half as long again.
    """
    try:
        opened = os.open(file, os.O_RDONLY)
    except OSError:
        return b""
    try:
        found = b""
        # A read of a long one ends with some page of it.
        while more := os.read(opened, _PIECE):
            found += more
        return found
    except OSError:
        return b""
    finally:
        os.close(opened)
