"""The calls of a plan's kernels, bound to the addresses of the memory that a run uses.

A small network's kernels take microseconds, and so must what surrounds them. Addresses,
task counts and numbers of threads are therefore worked out once for each memory and number
of samples; a run then only sets the addresses of its inputs and outputs.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.frozen import dataclass
from speccompiler.kernels.cpu.kernel import CpuKernel
from speccompiler.kernels.cpu.runtime.object_code import Arguments, LoadedKernel
from speccompiler.kernels.cpu.runtime.packings import Packing
from speccompiler.kernels.cpu.runtime.run_blocks import Block
from speccompiler.kernels.cpu.runtime.step_functions import StepFunctions
from speccompiler.kernels.cpu.runtime.team import Job, Work
from speccompiler.planning.plan import Place, Plan, Step, end_number

WORTH_A_THREAD = 10_000
"""Nanoseconds of work below which another thread costs more than it brings."""
LONGEST_PART = 0.5
"""Estimated seconds of one core between two looks at Python, which is when Ctrl-C is heard.

A longer step is cut between its tasks.
"""
_Addresses = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BoundStep:
    """A step with what never changes: its kernel, machine code, weights, geometry, functions."""

    step: Step
    kernel: CpuKernel
    code: LoadedKernel
    packing: Packing
    geometry: npt.NDArray[np.int64]
    functions: StepFunctions

    def tasks(self, n: int) -> int:
        """Tasks for ``n`` samples, of which those of one round are independent."""
        return self.kernel.tasks(self.step.node, self.step.source_shape, n)

    @property
    def rounds(self) -> int:
        """Runs of tasks, each of which waits for the one before."""
        return self.kernel.rounds(self.step.node, self.step.source_shape)

    @property
    def sharing(self) -> int:
        """Neighbouring tasks that prepare the same input."""
        return self.kernel.sharing(self.step.node, self.step.source_shape)

    def nanoseconds(self, n: int) -> float:
        """Estimated time on one core."""
        return n * self.kernel.nanoseconds(self.step.node, self.step.source_shape)

    def threads(self, n: int, most: int) -> int:
        """How many threads pay for ``n`` samples."""
        cost, tasks = self.nanoseconds(n) / self.rounds, self.tasks(n) // self.rounds
        return max(1, min(most, 1 + int(cost / WORTH_A_THREAD), tasks))


class RunMemory:
    """The calls of a plan's kernels, bound to a block of memory.

    ``job`` has a plan's steps, some of them in several pieces. ``parts`` are the pieces that are
    run without a look at Python, ``steps`` the pieces of each step; both as (first, past last).
    """

    def __init__(self, plan: Plan, batch_size: int, block: Block[RunMemory]) -> None:
        self._arena = address(block.arena)
        self._scratch = [address(scratch) for scratch in block.scratch]
        # Not the plan: calls that stay bound may outlive it.
        self._buffers, self._inputs = plan.buffers, len(plan.inputs)
        self._batch_size = batch_size
        self._open_arguments: list[tuple[Arguments, str, int, int]] = []
        self._open_entries: list[tuple[_Addresses, int, int]] = []
        self._tables: list[_Addresses] = []
        self.samples = -1
        self.calls = 0
        """Calls that are bound: each step's for each of its threads."""
        self.job = Job([])
        self.parts: list[tuple[int, int]] = []
        self.steps: list[list[tuple[int, int]]] = []

    def bind(self, steps: Sequence[BoundStep], n: int) -> None:
        """Make the calls for ``n`` samples; where the inputs and the outputs lie is still open."""
        self._open_arguments, self._open_entries, self._tables = [], [], []
        self.steps = []
        work: list[Work] = []
        seconds: list[float] = []
        for bound in steps:
            threads = bound.threads(n, len(self._scratch))
            w = self._weights_or_table(bound)
            arguments = [
                self._arguments(bound, n, w, scratch) for scratch in self._scratch[:threads]
            ]
            self.calls += len(arguments)
            cost = bound.nanoseconds(n) / 1e9
            # Each piece has several chunks for every thread.
            pieces = _cut(bound.tasks(n), 8 * threads * bound.sharing, cost, bound.rounds)
            self.steps.append([(len(work) + i, len(work) + i + 1) for i in range(len(pieces))])
            work += [Work(bound.code, tasks, arguments, bound.sharing) for tasks in pieces]
            seconds += [cost / len(pieces)] * len(pieces)
        self.job = Job(work)
        self.parts = _parts(seconds)
        self.samples = n

    def set_ends(self, ends: Sequence[int]) -> None:
        """Say where the inputs and then the outputs lie, by their addresses."""
        for arguments, name, end, further in self._open_arguments:
            setattr(arguments, name, ends[end] + further)
        for table, index, end in self._open_entries:
            table[index] = ends[end]

    def _weights_or_table(self, bound: BoundStep) -> int:
        """Address of the weights; for a step that reads several values, of a table of theirs.

        What its tasks leave for one another counts as one.
        """
        held = bound.step.held
        reads = bound.step.reads if held is None else (*bound.step.reads, held)
        if len(reads) == 1:
            return address(bound.packing.w)
        assert not bound.packing.w.size, f"{bound.step.target}: several values to read, and weights"
        table = np.zeros(len(reads), np.int64)
        for index, place in enumerate(reads):
            if place.kind == "buffer":
                table[index] = self._buffer(place)
            else:
                self._open_entries.append((table, index, end_number(self._inputs, place)))
        self._tables.append(table)
        return address(table)

    def _arguments(self, bound: BoundStep, n: int, w: int, scratch: int) -> Arguments:
        b, g = address(bound.packing.b), address(bound.geometry)
        f = address(bound.functions.values)
        arguments = Arguments(n, 0, 0, w, b, g, scratch, f)
        for name, place in (("x", bound.step.reads[0]), ("y", bound.step.writes)):
            if place.kind == "buffer":
                setattr(arguments, name, self._buffer(place))
            else:
                end = end_number(self._inputs, place)
                self._open_arguments.append((arguments, name, end, 4 * place.at))
        return arguments

    def _buffer(self, place: Place) -> int:
        buffer = self._buffers[place.index]
        return self._arena + 4 * (buffer.offset * self._batch_size + place.at)


def _cut(tasks: int, together: int, seconds: float, rounds: int) -> list[range]:
    """A step's tasks: by rounds; else one that takes long in pieces of ``LONGEST_PART``.

    These are of whole groups of tasks.
    """
    if rounds > 1:
        size = tasks // rounds
        return [range(lo, lo + size) for lo in range(0, tasks, size)]
    if seconds <= LONGEST_PART:
        return [range(tasks)]
    size = max(1, int(tasks * LONGEST_PART / seconds) // together) * together
    return [range(lo, min(lo + size, tasks)) for lo in range(0, tasks, size)]


def _parts(seconds: Sequence[float]) -> list[tuple[int, int]]:
    """Pieces run without a look at Python: about ``LONGEST_PART`` seconds of one core."""
    parts, lo, total = [], 0, 0.0
    for index, cost in enumerate(seconds, start=1):
        total += cost
        if total > LONGEST_PART or index == len(seconds):
            parts.append((lo, index))
            lo, total = index, 0.0
    return parts


def address(array: npt.NDArray[Any]) -> int:
    """Where an array's first element lies."""
    if array.size and array.flags.writeable and array.flags.c_contiguous:
        # This takes a third of the time that array.ctypes takes.
        return ctypes.addressof(ctypes.c_char.from_buffer(array))  # type: ignore[arg-type]
    return array.ctypes.data
