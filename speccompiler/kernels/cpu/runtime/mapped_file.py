"""A file of the cache as memory: mapped, or copied where it may be cut short meanwhile.

A process that touches a mapped page whose file no longer has it is ended (SIGBUS). Nobody else
can write to a folder of the cache (``cache.is_private``), and what convspec itself replaces or
removes stays whole for those who have it open. That is not so on a network's file system, where
another machine may remove the file: there its content is copied, which takes as much memory.
"""

from __future__ import annotations

import mmap
import os
from contextlib import suppress
from functools import cache
from io import FileIO

from speccompiler.system import facilities
from speccompiler.system.memory import allocate, ask_for_large_pages

_OF_A_NETWORK = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "coda", "gfs2", "glusterfs", "gpfs", "lustre", "nfs"}
    | {"nfs4", "ocfs2", "orangefs", "smb3", "smbfs", "virtiofs"}
)


def file_content(file: FileIO, size: int) -> memoryview:
    """The first ``size`` bytes, a multiple of 4, which stay what they are. Raises ``OSError``."""
    if not may_be_cut(os.fstat(file.fileno()).st_dev):
        mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
        ask_for_large_pages(mapped)
        return memoryview(mapped)
    copy = allocate(size // 4).data.cast("B")
    file.seek(0)
    done = 0
    while done < size:
        count = file.readinto(copy[done:])
        if not count:
            raise OSError("the file ends early")
        done += count
    return copy.toreadonly()


@cache
def may_be_cut(device: int) -> bool:
    """Whether other machines may change files there. Where the system does not say: no."""
    if not facilities.MOUNTS.here:
        return False
    with suppress(OSError), open("/proc/self/mountinfo", "rb") as mounts:
        kind = file_system(mounts.read().decode(errors="replace"), device)
        return kind in _OF_A_NETWORK or kind.startswith("fuse")
    return False


def file_system(mounts: str, device: int) -> str:
    """The type of a device's file system; empty where the list of mounts lacks it.

    A line has two numbers, the device, .. " - ", the type and more (proc(5)).
    """
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        if before.split()[2:3] == [number]:
            return after.partition(" ")[0]
    return ""
