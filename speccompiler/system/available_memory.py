"""How much memory a run may take."""

from __future__ import annotations

from contextlib import suppress

MEMINFO = "/proc/meminfo"


def available_memory() -> int:
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
