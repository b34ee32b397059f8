"""A command run to its end, or until it is killed, and the memory that it holds meanwhile.

Counted is memory of its own, and of all that it starts (``RssAnon`` and ``RssShmem``). Pages of
files are not: the system takes them back when it wants to. Linux only.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .processes import Failed

EVERY_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Watched:
    """How a command went."""

    seconds: float
    peak_bytes: int
    killed: bool
    out: str
    err: str


def watched(
    command: Sequence[str],
    folder: Path,
    *,
    kill_after: float | None = None,
    environment: Mapping[str, str] | None = None,
) -> Watched:
    """Run a command; after ``kill_after`` seconds it is killed. Raises ``Failed``."""
    started, peak, killed = time.perf_counter(), 0, False
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                peak = max(peak, held_bytes(process.pid))
                if kill_after is not None and time.perf_counter() - started > kill_after:
                    killed = True
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                time.sleep(EVERY_SECONDS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        seconds = time.perf_counter() - started
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read())
    if process.returncode and not killed:
        raise Failed(f"{' '.join(command)}\n{texts[1].strip()}")
    return Watched(seconds, peak, killed, *texts)


def held_bytes(process: int) -> int:
    """What a process holds now, with all that it started."""
    total = 0
    waiting = [process]
    while waiting:
        one = waiting.pop()
        with suppress(OSError, ValueError):
            for line in Path(f"/proc/{one}/status").read_text(encoding="ascii").splitlines():
                if line.startswith(("RssAnon:", "RssShmem:")):
                    total += int(line.split()[1]) * 1024
            for task in os.listdir(f"/proc/{one}/task"):
                children = Path(f"/proc/{one}/task/{task}/children").read_text(encoding="ascii")
                waiting += map(int, children.split())
    return total
