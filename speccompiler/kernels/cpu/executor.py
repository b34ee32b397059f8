"""Runs a plan on the CPU: binds buffers and weights to kernels, then only calls them.

A small network's kernels take microseconds, and so must what surrounds them. Addresses,
task counts and numbers of threads are therefore worked out once for each memory and number
of samples; a run sets the addresses of its input and outputs and makes the calls.
"""

from __future__ import annotations

import contextlib
import ctypes
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.ir import Conv, Weight
from speccompiler.plan import Place, Plan, Step

from .host import host_lanes
from .memory import allocate
from .modules import load_kernel
from .object_code import Arguments, Kernel
from .packed_weights import packed_weights
from .sources import kernel_text
from .team import run_tasks

Array = npt.NDArray[np.float32]
EMPTY = np.zeros(0, np.float32)
WORTH_A_THREAD = 20_000
"""Nanoseconds of work below which waking another thread costs more than it brings."""


@dataclass(frozen=True, slots=True)
class BoundStep:
    """A step with what never changes: kernel (None for a plain copy), weights, geometry."""

    step: Step
    kernel: Kernel | None
    w: Array
    b: Array
    geometry: npt.NDArray[np.int64]

    def tasks(self, n: int) -> int:
        """Independent tasks for ``n`` samples."""
        step = self.step
        return (
            1 if step.candidate is None else step.candidate.tasks(step.node, step.source_shape, n)
        )

    @property
    def sharing(self) -> int:
        """Neighbouring tasks that prepare the same input."""
        step = self.step
        if step.candidate is None:
            return 1
        return step.candidate.sharing(step.node, step.source_shape)

    def threads(self, n: int, most: int) -> int:
        """How many threads pay for ``n`` samples."""
        step = self.step
        if step.candidate is None:
            return 1
        cost = step.candidate.nanoseconds(step.node, step.source_shape)
        return max(1, min(most, 1 + int(n * cost / WORTH_A_THREAD), self.tasks(n)))


Part = Callable[[int, int, int], None]
"""Does tasks ``lo`` to ``hi`` of a step, in the scratch of a slot."""
Call = tuple[Part, int, int, int]
"""A step that is ready to run: with its tasks, its threads, and how many tasks share input."""


class Memory:
    """What one run in progress uses: buffers, scratch for each thread, and calls bound to them."""

    def __init__(self, plan: Plan, batch_size: int, threads: int) -> None:
        self._arena = allocate(plan.arena_elements * batch_size)
        self._scratch = [allocate(plan.scratch_elements) for _ in range(threads)]
        self._plan = plan
        self._batch_size = batch_size
        self._kept: list[Arguments] = []  # kernels know their addresses alone
        self._ends: list[tuple[Arguments, str, int]] = []
        self.samples = -1
        self.calls: list[Call] = []

    def bind(self, steps: Sequence[BoundStep], n: int) -> None:
        """Make the calls for ``n`` samples; where the input and the outputs lie is still open."""
        self.samples, self.calls, self._ends, self._kept = n, [], [], []
        for bound in steps:
            threads = bound.threads(n, len(self._scratch))
            arguments = [self._arguments(bound, n, scratch) for scratch in self._scratch[:threads]]
            self._kept += arguments
            self.calls.append((_part(bound, arguments), bound.tasks(n), threads, bound.sharing))

    def _arguments(self, bound: BoundStep, n: int, scratch: Array) -> Arguments:
        step = bound.step
        arguments = Arguments(
            n,
            0,
            0,
            address(bound.w),
            address(bound.b),
            address(bound.geometry),
            address(scratch),
        )
        for name, place in (("x", step.reads), ("y", step.writes)):
            if place.kind == "buffer":
                buffer = self._plan.buffers[place.index]
                start = 4 * buffer.offset * self._batch_size
                setattr(arguments, name, address(self._arena) + start)
            else:
                self._ends.append((arguments, name, _end(place)))
        return arguments

    def set_ends(self, ends: Sequence[int]) -> None:
        """Addresses of the input and of each output."""
        for arguments, name, end in self._ends:
            setattr(arguments, name, ends[end])


def _end(place: Place) -> int:
    """Number of an array of the caller's: the input, then the outputs."""
    return 0 if place.kind == "input" else 1 + place.index


def _part(bound: BoundStep, arguments: Sequence[Arguments]) -> Part:
    kernel = bound.kernel
    if kernel is None:
        return partial(_copy, arguments[0], 4 * prod(bound.step.target_shape))
    addresses = [ctypes.addressof(a) for a in arguments]
    function, unread = kernel.function, kernel.unread

    def part(lo: int, hi: int, slot: int) -> None:
        if function(unread, unread, lo, hi, addresses[slot]):
            kernel.failed()

    return part


def _copy(arguments: Arguments, size: int, lo: int, hi: int, slot: int) -> None:
    ctypes.memmove(arguments.y, arguments.x, arguments.samples * size)


class CpuExecutor:
    """A plan with its weights packed and its kernels loaded; safe to call from any thread."""

    def __init__(
        self, plan: Plan, weights: Mapping[Weight, npt.NDArray[Any]], batch_size: int, threads: int
    ) -> None:
        self.plan = plan
        self.batch_size = batch_size
        self.threads = threads
        self.kernel_seconds = 0.0
        self._steps = [self._bind(step, weights) for step in plan.steps]
        # Kernels check no bounds: this and run_batch stand between a bug and other memory.
        sizes = [prod(buffer.shape) for buffer in plan.buffers]
        self._sizes = [prod(plan.input_shape), *(prod(shape) for _, shape in plan.outputs)]
        for step in plan.steps:
            for place, shape in ((step.reads, step.source_shape), (step.writes, step.target_shape)):
                size = sizes[place.index] if place.kind == "buffer" else self._sizes[_end(place)]
                assert size == prod(shape), f"{step.target}: a place of another size"
        self._idle: list[Memory] = []

    def _bind(self, step: Step, weights: Mapping[Weight, npt.NDArray[Any]]) -> BoundStep:
        if step.candidate is None:
            return BoundStep(step, None, EMPTY, EMPTY, np.zeros(0, np.int64))
        candidate, node, shape = step.candidate, step.node, step.source_shape
        lanes = host_lanes()
        # Before any kernel is compiled: what is wrong with weights is said at once.
        w = b = EMPTY
        if isinstance(node.op, Conv):
            w, b = packed_weights(candidate, node.op, weights, lanes)
        started = time.perf_counter()
        kernel = step_kernel(step)
        self.kernel_seconds += time.perf_counter() - started
        geometry = np.array(candidate.geometry(node, shape), np.int64)
        return BoundStep(step, kernel, w, b, geometry)

    def run_batch(
        self, x: Array, outputs: Sequence[Array], profile: list[float] | None = None
    ) -> None:
        """One batch of at most ``batch_size`` samples; ``profile`` adds seconds by step.

        ``x`` and ``outputs`` are C-contiguous float32, samples first.
        """
        n = x.shape[0]
        assert n <= self.batch_size, "a batch larger than the plan's"
        ends = [address(x)]
        assert x.size == n * self._sizes[0], "an input of another size"
        for index, y in enumerate(outputs, start=1):
            assert y.size == n * self._sizes[index], "an output of another size"
            ends.append(address(y))
        memory = self._take_memory()
        if memory.samples != n:
            memory.bind(self._steps, n)
        memory.set_ends(ends)
        if profile is None:
            for call in memory.calls:
                _run(*call)
        else:
            for index, call in enumerate(memory.calls):
                started = time.perf_counter()
                _run(*call)
                profile[index] += time.perf_counter() - started
        # Only after a run that ended well: an interrupted one may still be written to.
        self._idle.append(memory)

    def _take_memory(self) -> Memory:
        """Memory that nobody uses: kept from an earlier run, or new."""
        # No lock: list.pop is atomic, and a lock held while another thread forks stays held.
        with contextlib.suppress(IndexError):
            return self._idle.pop()
        return Memory(self.plan, self.batch_size, self.threads)


def step_kernel(step: Step) -> Kernel | None:
    """The kernel of a step, loaded or compiled; None for a plain copy."""
    candidate = step.candidate
    if candidate is None:
        return None
    text = kernel_text(candidate, step.node, step.source_shape, host_lanes())
    return load_kernel(candidate.kernel, text)


def _run(part: Part, tasks: int, threads: int, sharing: int) -> None:
    if threads == 1:
        part(0, tasks, 0)
    else:
        run_tasks(part, tasks, threads, sharing)


def address(array: npt.NDArray[Any]) -> int:
    """Where an array's first element lies."""
    if array.size and array.flags.writeable and array.flags.c_contiguous:
        # A third of the time that array.ctypes takes.
        return ctypes.addressof(ctypes.c_char.from_buffer(array))  # type: ignore[arg-type]
    return array.ctypes.data
