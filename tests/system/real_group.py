"""A control group of this machine, for tests: a child of the own one, with limits of its own.

Root on a machine of version 1, or whoever was given a part of version 2, can make one.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from speccompiler.frozen import dataclass
from speccompiler.system.cgroups import _groups

PERIOD = 100_000


class NoGroup(Exception):
    """This machine lets nobody make one here."""


@dataclass(frozen=True, slots=True)
class RealGroup:
    """Folders that a process joins, and the version of that of memory."""

    version: int
    memory: Path
    folders: tuple[Path, ...]

    def run(
        self, command: Sequence[str], env: Mapping[str, str], cwd: Path
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the group."""

        def join() -> None:
            for folder in self.folders:
                (folder / "cgroup.procs").write_text(str(os.getpid()))

        return subprocess.run(
            command, env=env, cwd=cwd, capture_output=True, text=True, check=False, preexec_fn=join
        )

    def peak(self) -> int:
        """Most bytes that it held."""
        name = "memory.peak" if self.version == 2 else "memory.max_usage_in_bytes"
        return int((self.memory / name).read_text())

    def killed(self) -> int:
        """Processes that the system killed for want of memory."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        lines = dict(line.split() for line in (self.memory / name).read_text().splitlines())
        return int(lines["oom_kill"])


@contextmanager
def real_group(memory: int, processors: float) -> Iterator[RealGroup]:
    """A group of so many bytes and processors. Raises ``NoGroup``."""
    name = f"convspec-test-{os.getpid()}"
    with ExitStack() as made:
        folders: dict[Path, int] = {}
        try:
            for resource in (b"memory", b"cpu"):
                version, own = _own_group(resource)
                if own / name not in folders:
                    (own / name).mkdir()
                    made.callback(_remove, own / name)
                    folders[own / name] = version
                _limit(own / name, version, resource, memory, processors)
        except OSError as error:
            raise NoGroup(str(error)) from error
        first = next(iter(folders))
        yield RealGroup(folders[first], first, tuple(folders))


def _own_group(resource: bytes) -> tuple[int, Path]:
    """Version and folder of the own group that limits a resource."""
    for version, folder in reversed([*_groups("", resource)]):
        controllers = Path(folder, "cgroup.controllers")
        if version == 1 or resource.decode() in controllers.read_text().split():
            return version, Path(folder)
    raise NoGroup(f"nothing limits {resource.decode()}")


def _limit(folder: Path, version: int, resource: bytes, memory: int, processors: float) -> None:
    quota = round(processors * PERIOD)
    texts = {
        (1, b"memory"): {"memory.limit_in_bytes": f"{memory}"},
        (2, b"memory"): {"memory.max": f"{memory}"},
        (1, b"cpu"): {"cpu.cfs_period_us": f"{PERIOD}", "cpu.cfs_quota_us": f"{quota}"},
        (2, b"cpu"): {"cpu.max": f"{quota} {PERIOD}"},
    }
    for name, text in texts[version, resource].items():
        (folder / name).write_text(text)


def _remove(folder: Path) -> None:
    """Once its last process has gone."""
    for _ in range(100):
        with suppress(OSError):
            folder.rmdir()
            return
        time.sleep(0.05)
