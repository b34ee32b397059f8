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

    def ensure(self, threads: int) -> int:
        """Have at least this many helpers, or as many as the system grants; how many."""
        with self.lock:
            while self.threads < threads:
                name = f"convspec-{self.threads + 1}"
                try:
                    threading.Thread(target=self._serve, name=name, daemon=True).start()
                except RuntimeError:
                    break
                self.threads += 1
            return min(self.threads, threads)

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
        self.joined = 0
        self.working = 0
        self.closed = False

    def join(self) -> int:
        """A helper starts: its number from 1 on, or 0 when all tasks are taken."""
        with self.lock:
            if self.closed:
                return 0
            self.working += 1
            self.joined += 1
            return self.joined

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


def _chunk(tasks: int, threads: int, sharing: int) -> int:
    """Tasks handed out at a time: a few chunks a thread even out what one of them loses."""
    whole = tasks // (threads * 4 * sharing) * sharing
    return whole or max(1, -(-tasks // (threads * (2 if tasks >= threads * sharing else 1))))


def run_tasks(
    call: Callable[[int, int, int], None], tasks: int, threads: int, sharing: int = 1
) -> None:
    """``call(lo, hi, slot)`` over all of ``range(tasks)``, on up to ``threads`` threads.

    ``slot`` is below ``threads`` and no two threads have the same one. Chunks are handed
    out in order to whoever is free; where ``sharing`` neighbouring tasks prepare the same
    input, they stay together if there are enough others. The caller takes part; an exception
    of any thread, Ctrl-C included, is raised here, and only once all have stopped.
    """
    threads = min(threads, tasks)
    if threads <= 1:
        call(0, tasks, 0)
        return
    chunk = _chunk(tasks, threads, sharing)
    chunks = -(-tasks // chunk)
    turn = count()
    failures: list[BaseException] = []
    crew = _Crew()

    def take(slot: int) -> None:
        try:
            while (i := next(turn)) < chunks and not failures:
                call(i * chunk, min(tasks, (i + 1) * chunk), slot)
        except BaseException as error:
            failures.append(error)

    def help_out() -> None:
        if slot := crew.join():
            take(slot)
            crew.leave()

    for _ in range(_helpers.ensure(threads - 1)):
        _helpers.work.put(help_out)
    take(0)
    while True:
        try:
            crew.close()
            break
        except KeyboardInterrupt as interrupt:
            failures.append(interrupt)
    if failures:
        raise failures[0]
