"""How much memory a run may take: what the machine has, and what this process is allowed."""

from __future__ import annotations

from contextlib import suppress

from speccompiler.frozen import dataclass
from speccompiler.system.cgroups import memory_limits
from speccompiler.system.resource_limits import process_limits

MEMINFO = "/proc/meminfo"


@dataclass(frozen=True, slots=True)
class Room:
    """Memory that something leaves to this process."""

    left: int
    """Bytes."""
    limit: int | None = None
    """Bytes of the limit that leaves them; None for the machine itself."""
    source: str | None = None
    """Where the limit is set: a file of a control group, or a command."""


def available_memory() -> int:
    """Bytes that a run can take without swapping, and without being killed for it."""
    return tightest_room().left


def tightest_room() -> Room:
    """What leaves the least: the machine, or one of the limits."""
    return min((Room(machine_memory()), *limited_rooms()), key=lambda room: room.left)


def limited_rooms() -> tuple[Room, ...]:
    """What each limit of this process leaves: of its control groups, and its own."""
    rooms = [Room(limit.left(), limit.most, limit.file) for limit in memory_limits()]
    rooms += [Room(limit.left, limit.most, limit.source) for limit in process_limits()]
    return tuple(rooms)


def machine_memory() -> int:
    """Bytes that this machine can give without swapping, as psutil counts them.

    On Linux that is a line of a file, which is read without importing psutil.
    """
    with suppress(OSError, LookupError, ValueError):
        with open(MEMINFO, encoding="ascii") as file:
            lines = dict(line.split(":") for line in file)
        total, available = (_bytes(lines[name]) for name in ("MemTotal", "MemAvailable"))
        if 0 <= available <= total:  # in some containers it is not
            return available
    import psutil

    return int(psutil.virtual_memory().available)


def _bytes(text: str) -> int:
    """Of ``  1024 kB``."""
    number, unit = text.split()
    if unit != "kB":
        raise ValueError(unit)
    return int(number) * 1024
