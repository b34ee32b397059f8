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


class _Crew:
    """Who works on one call. A helper that comes late, busy with another run, is let go."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.finished = threading.Event()
        self.working = 0
        self.closed = False

    def join(self) -> bool:
        """A helper starts, unless all tasks are taken."""
        with self.lock:
            if not self.closed:
                self.working += 1
            return not self.closed

    def leave(self) -> None:
        """A helper has run out of tasks."""
        with self.lock:
            self.working -= 1
            if self.working == 0:
                self.finished.set()

    def close(self) -> None:
        """The caller has run out of tasks: wait for helpers that still have one."""
        with self.lock:
            self.closed = True
            if self.working == 0:
                return
            self.finished.clear()
        self.finished.wait()


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
    crew = _Crew()

    def take() -> None:
        try:
            while (i := next(turn)) < chunks and not failures:
                call(i * chunk, min(tasks, (i + 1) * chunk))
        except BaseException as error:
            failures.append(error)

    def help_out() -> None:
        if crew.join():
            take()
            crew.leave()

    _helpers.ensure(threads - 1)
    for _ in range(threads - 1):
        _helpers.work.put(help_out)
    take()
    crew.close()
    if failures:
        raise failures[0]
