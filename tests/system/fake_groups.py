"""Trees of files as Linux's control groups would show them, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

V2 = "cgroup2 cgroup2 rw,nsdelegate"
UNLIMITED = "9223372036854771712\n"
"""What version 1 says where nothing is set: the largest number of whole pages."""


def tree(
    folder: Path, own: str, mounts: Mapping[tuple[str, str], str], files: Mapping[str, str]
) -> str:
    """A root whose ``own`` is ``/proc/self/cgroup``; ``mounts`` from (top, folder) to file system.

    ``files`` are texts by their paths below the root.
    """
    lines = ["21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw"]
    lines += [
        f"{30 + i} 21 0:{30 + i} {top} {point} rw,relatime shared:9 master:1 - {kind}"
        for i, ((top, point), kind) in enumerate(mounts.items())
    ]
    process = {"proc/self/cgroup": own, "proc/self/mountinfo": "\n".join(lines) + "\n"}
    for name, text in {**process, **files}.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return str(folder)


def v2_group(path: str, **limits: str) -> dict[str, str]:
    """The files of a group of version 2: ``memory_max="1024"`` is ``memory.max``."""
    return {f"{path}/{name.replace('_', '.', 1)}": f"{text}\n" for name, text in limits.items()}


def stat(prefix: str = "", *, inactive: int = 0, active: int = 0, mapped: int = 0) -> str:
    """A ``memory.stat``; version 1 has all numbers twice, and those of the tree have a prefix."""
    name = f"{prefix}mapped_file" if prefix else "file_mapped"
    lines = ["anon 1", f"{prefix}inactive_file {inactive}", f"{prefix}active_file {active}"]
    return "\n".join([*lines, f"{name} {mapped}", ""])
