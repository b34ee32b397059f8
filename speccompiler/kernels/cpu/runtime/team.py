"""Runs the steps of a plan on several threads.

Ordinary Python threads, because machine code releases the GIL; what they do together is in
``teamwork``. numba's own layers were no choice for a library: its workqueue aborts the
process when two Python threads enter it at once, and GNU OpenMP does not survive a fork.
Here two threads may run plans at once (a helper serves one job at a time, and a job does
without those that are busy), and a fork is harmless: the child has no helpers and starts new
ones.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Sequence
from functools import cache
from importlib import resources

import numpy as np

from speccompiler.frozen import dataclass
from speccompiler.kernels.cpu.runtime.kernel_cache import load_kernel
from speccompiler.kernels.cpu.runtime.object_code import Arguments, LoadedKernel
from speccompiler.system import facilities

# These numbers are those of teamwork, which is read and compiled but never imported: it would
# import numba.
_PROGRAM, _FAILED, _YIELD, _OFFERS, _TICKETS, _OFFERED = 24, 25, 26, 27, 28, 32
_MUTEX, _CONDITION, _FUNCTIONS = 8, 16, 32
_RUN, _HELP = 0, 1
_IDLE, _ASLEEP = 0, 1
_LINE = 8


@dataclass(frozen=True, slots=True)
class Work:
    """Tasks of a step: a kernel, and its arguments for each thread that may take part.

    ``sharing`` neighbouring tasks prepare the same input: they stay together if there are
    enough others.
    """

    kernel: LoadedKernel
    tasks: range
    arguments: Sequence[Arguments]
    sharing: int = 1


@cache
def load_teamwork() -> LoadedKernel:
    """The team's machine code."""
    return load_kernel(*teamwork_text())


@cache
def teamwork_text() -> tuple[str, str]:
    """The name and the module of the team's kernel."""
    text = (resources.files(__package__ or "") / "teamwork.py").read_text(encoding="utf-8")
    return "teamwork", text


def _call(arguments: Arguments, lo: int = 0, hi: int = 0) -> None:
    """Call the team's kernel."""
    kernel = load_teamwork()
    kernel.function(kernel.unread, kernel.unread, lo, hi, ctypes.addressof(arguments))


class _CacheLines:
    """int64 values that begin on a cache line of their own: memory of the team's machine code."""

    def __init__(self, count: int) -> None:
        with_room = np.zeros(count + 16, np.int64)
        start = -with_room.ctypes.data % 64 // 8
        self.values = with_room[start : start + count]
        self.address = self.values.ctypes.data

    def arguments(self, role: int) -> Arguments:
        """What the team's kernel is called with to run a job, or to help, at this memory."""
        return Arguments(samples=role, g=self.address)


class _System:
    """Functions of the system's C library that let threads wait for each other."""

    def __init__(self) -> None:
        self.start_mutex = self.start_condition = None
        if sys.platform == "win32":
            library = ctypes.WinDLL("kernel32")
            names = "AcquireSRWLockExclusive ReleaseSRWLockExclusive SleepConditionVariableSRW"
            names += " WakeConditionVariable SwitchToThread"
        else:
            library = ctypes.CDLL(None)
            names = "pthread_mutex_lock pthread_mutex_unlock pthread_cond_wait"
            names += " pthread_cond_signal sched_yield"
            # On Windows, both are ready when they are zeros.
            self.start_mutex = library.pthread_mutex_init
            self.start_condition = library.pthread_cond_init
        *self.functions, self.let_others_run = [_address(library[name]) for name in names.split()]


_system = cache(_System)


class _Helper:
    """A daemon thread that serves jobs, and sleeps when none has come for a while."""

    def __init__(self, name: str) -> None:
        self.mailbox = _CacheLines(40)
        system = _system()
        if system.start_mutex is not None and system.start_condition is not None:
            system.start_mutex(ctypes.c_void_p(self.mailbox.address + 8 * _MUTEX), None)
            system.start_condition(ctypes.c_void_p(self.mailbox.address + 8 * _CONDITION), None)
        self.mailbox.values[_FUNCTIONS : _FUNCTIONS + 4] = system.functions
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    def _serve(self) -> None:
        _call(self.mailbox.arguments(_HELP))

    def is_free(self) -> bool:
        """Whether it serves no job now."""
        return self.mailbox.values.item(0) in (_IDLE, _ASLEEP)


class _Team:
    """The helpers of this process: more are started on demand, and none ends."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.helpers: list[_Helper] = []

    def at_least(self, count: int) -> list[_Helper]:
        """All helpers: ``count`` or more, unless the system grants no more threads."""
        if len(self.helpers) < count:
            with self.lock:
                while len(self.helpers) < count:
                    try:
                        self.helpers.append(_Helper(f"convspec-{len(self.helpers) + 1}"))
                    except RuntimeError:
                        break
        return self.helpers


_team = _Team()


def _after_fork() -> None:
    global _team
    _team = _Team()


if facilities.FORK.here:
    os.register_at_fork(after_in_child=_after_fork)


def _address(function: object) -> int:
    found = ctypes.cast(function, ctypes.c_void_p).value  # type: ignore[arg-type]
    assert found, "a C function lies somewhere"
    return found


def chunk_size(tasks: int, threads: int, sharing: int) -> int:
    """Tasks handed out at a time: several chunks a thread, so that a slow thread takes fewer.

    Where tasks are few, one or two chunks a thread, whichever leaves no thread with much more.
    """
    whole = tasks // (threads * 16 * sharing) * sharing
    if whole:
        return whole
    twice, once = (max(1, -(-tasks // (threads * chunks))) for chunks in (2, 1))
    chunks = -(-tasks // twice)
    most = -(-chunks // threads) * twice
    return once if tasks < threads * sharing or once < most else twice


class Job:
    """The steps of a plan, bound to memory. It may be run again, but not by two at once."""

    def __init__(self, steps: Sequence[Work]) -> None:
        self.steps = steps
        self._helpers = max((len(step.arguments) for step in steps), default=1) - 1
        tables = [[ctypes.addressof(a) for a in step.arguments] for step in steps]
        self._tables = [np.array(table, np.int64) for table in tables]
        records = [
            (
                step.kernel.address,
                step.tasks.start,
                step.tasks.stop,
                chunk_size(len(step.tasks), len(table), step.sharing),
                len(table),
                table.ctypes.data,
            )
            for step, table in zip(steps, self._tables, strict=True)
        ]
        self._program = np.array(records, np.int64).reshape(-1)
        self._block = _CacheLines(_OFFERED + self._helpers)
        self._tickets = _CacheLines(_LINE * (1 + self._helpers))
        self._block.values[_PROGRAM] = self._program.ctypes.data
        self._block.values[_YIELD] = _system().let_others_run
        self._block.values[_TICKETS] = self._tickets.address
        self._run = self._block.arguments(_RUN)

    def run(self, parts: Sequence[tuple[int, int]]) -> None:
        """Run the steps ``lo`` to ``hi`` of each part; Ctrl-C is heard between the parts."""
        for lo, hi in parts:
            if self._helpers:
                self._list_helpers()
            _call(self._run, lo, hi)
            if self._block.values.item(_FAILED):
                raise RuntimeError("a kernel failed, which none should")

    def _list_helpers(self) -> None:
        """Write down whom to ask: free helpers, as many as there are places."""
        values, count = self._block.values, 0
        for helper in _team.at_least(self._helpers):
            if count < self._helpers and helper.is_free():
                values[_OFFERED + count] = helper.mailbox.address
                count += 1
        values[_OFFERS] = count
