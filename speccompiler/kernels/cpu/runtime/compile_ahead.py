"""Several kernels compiled at once, in processes of their own.

numba compiles one kernel at a time, for a second or more, and a network that runs for the
first time has a dozen or two. Helpers leave what they compile in the cache, where this process
then finds it. Nothing depends on them: what is missing is compiled when it is loaded.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable
from contextlib import suppress

from speccompiler.kernels.cpu.runtime.kernel_cache import load_kernel
from speccompiler.system.cache import keeps
from speccompiler.system.subprocesses import requests, serving

Wanted = tuple[str, str]
"""A kernel's name and text."""
MOST_PROCESSES = 8
"""Each takes some 250 MB."""


def compile_ahead(wanted: Iterable[Wanted], threads: int) -> None:
    """Put these into the cache, on as many processors as there are ``threads``.

    ``CONVSPEC_COMPILE_PROCESSES`` says how many instead.
    """
    missing = deque(wanted)
    # A helper for a single kernel would need as long to import numba.
    processes = min(_most_processes(threads), (len(missing) + 1) // 2)
    if processes < 2 or not sys.executable or not keeps("kernels"):
        return
    helpers = [_Helper(missing) for _ in range(processes - 1)]
    try:
        while missing:
            with suppress(IndexError):
                load_kernel(*missing.popleft())
        for helper in helpers:
            helper.join()
    finally:
        # Helpers must not outlive an interrupt.
        for helper in helpers:
            helper.stop()


def _most_processes(threads: int) -> int:
    try:
        return int(os.environ["CONVSPEC_COMPILE_PROCESSES"])
    except (KeyError, ValueError):
        return min(threads, MOST_PROCESSES)


class _Helper(threading.Thread):
    """Hands one kernel after the other to a child process, until none is left or it has gone."""

    def __init__(self, missing: deque[Wanted]) -> None:
        super().__init__(daemon=True)
        self._missing = missing
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
