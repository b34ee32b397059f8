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
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from .modules import load_kernel
from .object_code import Arguments, Kernel

# As in teamwork, whose module is read and compiled but never imported: it would import numba.
_PROGRAM, _FAILED, _YIELD, _OFFERS, _OFFERED = 24, 25, 26, 27, 32
_RUN, _HELP, _OFFER, _DISMISS = range(4)
_ASLEEP = 1


@dataclass(frozen=True, slots=True)
class Work:
    """A step: a kernel, its tasks, and where its arguments lie for each thread it may have.

    ``sharing`` neighbouring tasks prepare the same input: they stay together if there are
    enough others.
    """

    kernel: Kernel
    tasks: int
    arguments: Sequence[Arguments]
    sharing: int = 1


@cache
def _teamwork() -> Kernel:
    text = (resources.files(__package__) / "teamwork.py").read_text(encoding="utf-8")
    return load_kernel("teamwork", text)


def load_team() -> None:
    """Have the machine code of the team, before the first job."""
    _teamwork()


def _call(arguments: Arguments, lo: int = 0, hi: int = 0) -> None:
    kernel = _teamwork()
    kernel.function(kernel.unread, kernel.unread, lo, hi, ctypes.addressof(arguments))


class _Shared:
    """int64 values on cache lines of their own."""

    def __init__(self, count: int) -> None:
        raw = np.zeros(count + 16, np.int64)
        start = -raw.ctypes.data % 64 // 8
        self.values = raw[start : start + count]
        self.address = self.values.ctypes.data

    def for_role(self, role: int) -> Arguments:
        """Arguments of the team's kernel."""
        return Arguments(role, 0, 0, 0, 0, self.address, 0)


class _Helper:
    """A daemon thread that serves jobs, and sleeps when none has come for a while."""

    def __init__(self, name: str) -> None:
        self.mailbox = _Shared(8)
        self.mailbox.values[0] = _ASLEEP
        self.wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    def _serve(self) -> None:
        arguments = self.mailbox.for_role(_HELP)
        while True:
            self.wake.get()
            _call(arguments)


class _Team:
    """Helpers of this process; grown on demand, never shrunk."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.helpers: list[_Helper] = []

    def at_least(self, count: int) -> list[_Helper]:
        """So many helpers, or as many as the system grants, and all there are."""
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


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@cache
def _yield_address() -> int:
    """A C function that lets other threads run; 0 where there is none of that kind."""
    try:
        found = ctypes.cast(ctypes.CDLL(None).sched_yield, ctypes.c_void_p).value
    except (AttributeError, OSError, TypeError):
        return 0
    return found or 0


def chunk_size(tasks: int, threads: int, sharing: int) -> int:
    """Tasks handed out at a time: several chunks a thread even out what one of them loses."""
    whole = tasks // (threads * 8 * sharing) * sharing
    return whole or max(1, -(-tasks // (threads * (2 if tasks >= threads * sharing else 1))))


class Job:
    """The steps of a plan, bound to memory: may be run again and again, by one at a time."""

    def __init__(self, steps: Sequence[Work]) -> None:
        self.steps = steps
        self._threads = max((len(step.arguments) for step in steps), default=1)
        tables = [[ctypes.addressof(a) for a in step.arguments] for step in steps]
        self._tables = [np.array(table, np.int64) for table in tables]
        records = [
            (
                ctypes.cast(step.kernel.function, ctypes.c_void_p).value,  # type: ignore[arg-type]
                step.tasks,
                chunk_size(step.tasks, len(table), step.sharing),
                len(table),
                table.ctypes.data,
            )
            for step, table in zip(steps, self._tables, strict=True)
        ]
        self._program = np.array(records, np.int64).reshape(-1)
        self._block = _Shared(_OFFERED + 2 * self._threads)
        self._block.values[_PROGRAM] = self._program.ctypes.data
        self._block.values[_YIELD] = _yield_address()
        self._run = self._block.for_role(_RUN)
        self._offer = self._block.for_role(_OFFER)
        self._dismiss = self._block.for_role(_DISMISS)

    def run(self, parts: Sequence[tuple[int, int]]) -> None:
        """Run the steps ``lo`` to ``hi`` of each part; between parts an interrupt is heard."""
        if self._threads == 1:
            for lo, hi in parts:
                _call(self._run, lo, hi)
        else:
            self._with_helpers(parts)
        if self._block.values[_FAILED]:
            raise RuntimeError("a kernel failed, which none should")

    def _with_helpers(self, parts: Sequence[tuple[int, int]]) -> None:
        interrupt: KeyboardInterrupt | None = None
        _held.add(self)
        try:
            self._recruit()
            for lo, hi in parts:
                _call(self._run, lo, hi)
        finally:
            while True:
                try:
                    _call(self._dismiss, self._block.address)
                    break
                except KeyboardInterrupt as again:
                    interrupt = again
            _held.discard(self)
        if interrupt is not None:
            raise interrupt

    def _recruit(self) -> None:
        """Ask as many helpers as there are places; wake those that sleep."""
        values = self._block.values
        wanted = self._threads - 1
        helpers = _team.at_least(wanted)[:wanted]
        for index, helper in enumerate(helpers):
            values[_OFFERED + 2 * index] = helper.mailbox.address
        values[_OFFERS] = len(helpers)
        _call(self._offer, self._block.address)
        for index, helper in enumerate(helpers):
            if values[_OFFERED + 2 * index] and values[_OFFERED + 2 * index + 1]:
                helper.wake.put(None)


_held: set[Job] = set()
"""Jobs whose memory helpers may be using."""
