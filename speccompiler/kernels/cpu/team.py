"""Runs a kernel's tasks on several threads.

Ordinary Python threads, because kernels release the GIL. numba's own layers were
no choice for a library: its workqueue aborts the process when two Python threads
enter it at once, and GNU OpenMP does not survive a fork. Here two threads may run
plans at once (each call has its own tasks), and a fork is harmless: the child has
no helpers and starts new ones.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from itertools import count

Work = Callable[[], None]


class _Helpers:
    """Daemon threads that take work from one queue; grown on demand, never shrunk."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.work: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self.threads = 0

    def ensure(self, threads: int) -> None:
        with self.lock:
            while self.threads < threads:
                self.threads += 1
                name = f"convspec-{self.threads}"
                threading.Thread(target=self._serve, name=name, daemon=True).start()

    def _serve(self) -> None:
        work = self.work
        while True:
            work.get()()


_helpers = _Helpers()


def _after_fork() -> None:
    global _helpers
    _helpers = _Helpers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def run_tasks(call: Callable[[int, int], None], tasks: int, threads: int) -> None:
    """``call(lo, hi)`` over all of ``range(tasks)``, on up to ``threads`` threads.

    Chunks are handed out in order to whoever is free. The caller takes part, and an
    exception of any thread is raised here once all have stopped.
    """
    threads = min(threads, tasks)
    if threads <= 1:
        call(0, tasks)
        return
    chunk = max(1, tasks // (threads * 4))
    chunks = -(-tasks // chunk)
    turn = count()
    failures: list[BaseException] = []
    lock = threading.Lock()
    finished = threading.Event()
    working, closed = 0, False

    def take() -> None:
        try:
            while (i := next(turn)) < chunks and not failures:
                call(i * chunk, min(tasks, (i + 1) * chunk))
        except BaseException as error:
            failures.append(error)

    def help_out() -> None:
        # A helper that comes late, because it was busy with another run, finds it closed.
        nonlocal working
        with lock:
            if closed:
                return
            working += 1
        take()
        with lock:
            working -= 1
            if closed and working == 0:
                finished.set()

    _helpers.ensure(threads - 1)
    for _ in range(threads - 1):
        _helpers.work.put(help_out)
    take()
    with lock:
        closed = True
        wait = working > 0
    if wait:
        finished.wait()
    if failures:
        raise failures[0]
