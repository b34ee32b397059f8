"""Several kernels compiled at once, in processes of their own.

numba compiles one kernel at a time, and a network that runs for the first time has a dozen or
two. Helpers leave what they compile in the cache, where this process then finds it. Nothing
depends on them: what is missing is compiled when it is loaded.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress

from speccompiler.kernels.cpu.runtime.compile_memory import processes_beside
from speccompiler.kernels.cpu.runtime.kernel_cache import load_kernel
from speccompiler.system.cache import keeps
from speccompiler.system.subprocesses import requests, serving

Wanted = tuple[str, str]
"""A kernel's name and text."""
_LOG = logging.getLogger(__name__)


def compile_ahead(wanted: Iterable[Wanted], threads: int) -> None:
    """Compile these, on as many processors as there are ``threads``, and say how far it is.

    On no more than this process may use, and in no more processes than memory is free for.

    ``CONVSPEC_COMPILE_PROCESSES`` says how many instead. What is said is a record of the log
    whose ``made`` are two numbers: kernels that are ready, and all.
    """
    missing = deque(sorted(wanted, key=_slowest_first))
    progress = _Progress(len(missing))
    # A helper for a single kernel would need as long to import numba.
    processes = min(_most_processes(threads), (len(missing) + 1) // 2)
    if processes < 2 or not sys.executable or not keeps("kernels"):
        processes = 1
    helpers = [_Helper(missing, progress.one_more) for _ in range(processes - 1)]
    try:
        while missing:
            with suppress(IndexError):
                load_kernel(*missing.popleft())
                progress.one_more()
        for helper in helpers:
            helper.join()
    finally:
        # Helpers must not outlive an interrupt.
        for helper in helpers:
            helper.stop()


def _slowest_first(wanted: Wanted) -> tuple[bool, int]:
    """So that no process is left with a long one at the end. The tile is more than its text."""
    kernel, text = wanted
    return kernel != "tile", -len(text)


def _most_processes(threads: int) -> int:
    try:
        return int(os.environ["CONVSPEC_COMPILE_PROCESSES"])
    except (KeyError, ValueError):
        return 1 + processes_beside(threads)


class _Progress:
    """Counts kernels that are ready."""

    def __init__(self, all_of_them: int) -> None:
        self._ready, self._all = 0, all_of_them
        self._lock = threading.Lock()
        # A minute without a word looks like a hang; the command shows this on a terminal.
        kernels = "kernel" if all_of_them == 1 else "kernels"
        _LOG.info("compiling %d %s", all_of_them, kernels, extra={"made": (0, all_of_them)})

    def one_more(self) -> None:
        """Say that another one is ready."""
        with self._lock:
            self._ready += 1
            made = self._ready, self._all
        _LOG.debug("compiled %d of %d kernels", *made, extra={"made": made})


class _Helper(threading.Thread):
    """Hands one kernel after the other to a child process, until none is left or it has gone."""

    def __init__(self, missing: deque[Wanted], ready: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._missing = missing
        self._ready = ready
        self._child: subprocess.Popen[str] | None = None
        with suppress(OSError):
            self._child = subprocess.Popen(
                **serving(__name__),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
            )
        self.start()

    def run(self) -> None:
        """Hand out kernels, and wait for each."""
        if self._child is None or self._child.stdin is None or self._child.stdout is None:
            return
        with suppress(OSError, IndexError, ValueError):
            while True:
                self._child.stdin.write(json.dumps(self._missing.popleft()) + "\n")
                self._child.stdin.flush()
                if not self._child.stdout.readline():
                    return
                self._ready()

    def stop(self) -> None:
        """End the child process, whatever it is doing."""
        if self._child is None:
            return
        self._child.kill()
        self.join()
        for stream in (self._child.stdin, self._child.stdout):
            with suppress(OSError):
                if stream is not None:
                    stream.close()
        self._child.wait()


def serve() -> None:
    """In the child process: compile what comes, and say when it is in the cache."""
    for line in requests():
        kernel, text = json.loads(line)
        load_kernel(kernel, text)
        sys.stdout.write("done\n")
        sys.stdout.flush()
