"""Runs a plan on the CPU: binds buffers and weights to kernels, then only starts them.

A small network's kernels take microseconds, and so must what surrounds them. Addresses,
task counts and numbers of threads are therefore worked out once for each memory and number
of samples; a run sets the addresses of its inputs and outputs and hands over to the team.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.graph.ir import MapWith, Weight, operands
from speccompiler.kernels.cpu import plain_copy
from speccompiler.kernels.cpu.runtime.kernel_cache import is_kept, load_kernel
from speccompiler.kernels.cpu.runtime.object_code import Arguments, Kernel
from speccompiler.kernels.cpu.runtime.packed_weights import packed_weights
from speccompiler.kernels.cpu.runtime.team import Job, Work, teamwork_text
from speccompiler.kernels.cpu.sources import kernel_text
from speccompiler.planning.plan import Place, Plan, Step, end_number
from speccompiler.system.memory import allocate
from speccompiler.system.processor import host_lanes

_LOG = logging.getLogger(__name__)

Array = npt.NDArray[np.float32]
Addresses = npt.NDArray[np.int64]
EMPTY = np.zeros(0, np.float32)
WORTH_A_THREAD = 10_000
"""Nanoseconds of work below which another thread costs more than it brings."""
LONGEST_PART = 0.5
"""Estimated seconds of one core between two looks at Python, which is when Ctrl-C is heard.

A longer step is cut between its tasks.
"""


@dataclass(frozen=True, slots=True)
class BoundStep:
    """A step with what never changes: kernel, weights, geometry."""

    step: Step
    kernel: Kernel
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

    def nanoseconds(self, n: int) -> float:
        """Estimated time on one core."""
        step = self.step
        if step.candidate is None:
            return n * prod(step.target_shape) / 4
        return n * step.candidate.nanoseconds(step.node, step.source_shape)

    def threads(self, n: int, most: int) -> int:
        """How many threads pay for ``n`` samples."""
        return max(1, min(most, 1 + int(self.nanoseconds(n) / WORTH_A_THREAD), self.tasks(n)))


class Memory:
    """What one run in progress uses: buffers, scratch for each thread, and calls bound to them."""

    def __init__(self, plan: Plan, batch_size: int, threads: int) -> None:
        self._arena = allocate(plan.arena_elements * batch_size)
        self._scratch = [allocate(plan.scratch_elements) for _ in range(threads)]
        self._plan = plan
        self._batch_size = batch_size
        self._ends: list[tuple[Arguments, str, int, int]] = []
        self._tables: list[tuple[Addresses, int, int]] = []
        self._kept: list[Addresses] = []
        self.samples = -1
        self.job = Job([])
        self.parts: list[tuple[int, int]] = []
        self.steps: list[list[tuple[int, int]]] = []

    def bind(self, steps: Sequence[BoundStep], n: int) -> None:
        """Make the calls for ``n`` samples; where the inputs and the outputs lie is still open."""
        self._ends, self._tables, self._kept = [], [], []
        self.steps = []
        work: list[Work] = []
        seconds: list[float] = []
        for bound in steps:
            threads = bound.threads(n, len(self._scratch))
            w = self._weights_or_reads(bound)
            arguments = [
                self._arguments(bound, n, w, scratch) for scratch in self._scratch[:threads]
            ]
            cost = bound.nanoseconds(n) / 1e9
            # A piece has chunks for all threads, several for each.
            cut = _cut(bound.tasks(n), 8 * threads * bound.sharing, cost)
            self.steps.append([(len(work) + i, len(work) + i + 1) for i in range(len(cut))])
            work += [Work(bound.kernel, tasks, arguments, bound.sharing) for tasks in cut]
            seconds += [cost / len(cut)] * len(cut)
        self.job = Job(work)
        self.parts = _parts(seconds)
        self.samples = n

    def _weights_or_reads(self, bound: BoundStep) -> int:
        """Address of the weights; for a step that reads several values, of their addresses."""
        reads = bound.step.reads
        if len(reads) == 1:
            return address(bound.w)
        assert not bound.w.size, f"{bound.step.target}: several values to read, and weights"
        table = np.zeros(len(reads), np.int64)
        for index, place in enumerate(reads):
            if place.kind == "buffer":
                table[index] = self._buffer(place)
            else:
                self._tables.append((table, index, end_number(self._plan, place)))
        self._kept.append(table)
        return address(table)

    def _buffer(self, place: Place) -> int:
        buffer = self._plan.buffers[place.index]
        return address(self._arena) + 4 * (buffer.offset * self._batch_size + place.at)

    def _arguments(self, bound: BoundStep, n: int, w: int, scratch: Array) -> Arguments:
        step = bound.step
        arguments = Arguments(
            n,
            0,
            0,
            w,
            address(bound.b),
            address(bound.geometry),
            address(scratch),
        )
        for name, place in (("x", step.reads[0]), ("y", step.writes)):
            if place.kind == "buffer":
                setattr(arguments, name, self._buffer(place))
            else:
                end = end_number(self._plan, place)
                self._ends.append((arguments, name, end, 4 * place.at))
        return arguments

    def set_ends(self, ends: Sequence[int]) -> None:
        """Addresses of each input and of each output."""
        for arguments, name, end, further in self._ends:
            setattr(arguments, name, ends[end] + further)
        for table, index, end in self._tables:
            table[index] = ends[end]


def _cut(tasks: int, together: int, seconds: float) -> list[range]:
    """A step's tasks, in pieces of ``LONGEST_PART`` and of whole groups where it is longer."""
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


class CpuExecutor:
    """A plan with its weights packed and its kernels loaded; safe to call from any thread."""

    def __init__(
        self,
        plan: Plan,
        weights: Mapping[Weight, npt.NDArray[Any]],
        batch_size: int,
        threads: int,
        packed: Sequence[tuple[Array, Array]] | None = None,
    ) -> None:
        self.plan = plan
        self.batch_size = batch_size
        self.threads = threads
        # Weights first: what is wrong with them is said before anything is compiled.
        packed = packed or _packed(plan.steps, weights)
        started = time.perf_counter()
        kernels = load_kernels(plan, threads)
        self.kernel_seconds = time.perf_counter() - started
        self._steps = [
            _bound(step, kernel, *w)
            for step, kernel, w in zip(plan.steps, kernels, packed, strict=True)
        ]
        # Kernels check no bounds: this and run_batch stand between a bug and other memory.
        sizes = [prod(buffer.shape) for buffer in plan.buffers]
        self._sizes = [prod(shape) for _, shape in (*plan.inputs, *plan.outputs)]
        for step in plan.steps:
            read = zip(step.reads, step.source_shapes, strict=True)
            for place, shape in (*read, (step.writes, step.target_shape)):
                if place.kind == "buffer":
                    size = sizes[place.index]
                else:
                    size = self._sizes[end_number(plan, place)]
                if place.pitch:
                    assert place.at + shape[-1] <= place.pitch, f"{step.target}: beside its place"
                    shape = (*shape[:-1], place.pitch)
                assert size == prod(shape), f"{step.target}: a place of another size"
        self._idle: list[Memory] = []

    def with_plan(self, plan: Plan) -> CpuExecutor:
        """The same weights for a plan of the same kernels that cuts their tasks in another way."""
        packed = [(bound.w, bound.b) for bound in self._steps]
        return CpuExecutor(plan, {}, self.batch_size, self.threads, packed)

    def run_batch(
        self,
        inputs: Sequence[Array],
        outputs: Sequence[Array],
        profile: list[float] | None = None,
    ) -> None:
        """One batch of at most ``batch_size`` samples; ``profile`` adds seconds by step.

        ``inputs`` and ``outputs`` are C-contiguous float32, samples first.
        """
        n = inputs[0].shape[0]
        assert n <= self.batch_size, "a batch larger than the plan's"
        ends = []
        for array, size in zip((*inputs, *outputs), self._sizes, strict=True):
            assert array.size == n * size, "an array of another size"
            ends.append(address(array))
        memory = self._take_memory()
        if memory.samples != n:
            memory.bind(self._steps, n)
        memory.set_ends(ends)
        if profile is None:
            memory.job.run(memory.parts)
        else:
            for index, parts in enumerate(memory.steps):
                started = time.perf_counter()
                memory.job.run(parts)
                profile[index] += time.perf_counter() - started
        self._idle.append(memory)

    def _take_memory(self) -> Memory:
        """Memory that nobody uses: kept from an earlier run, or new."""
        # No lock: list.pop is atomic, and a lock held while another thread forks stays held.
        with contextlib.suppress(IndexError):
            return self._idle.pop()
        return Memory(self.plan, self.batch_size, self.threads)


def _packed(
    steps: Sequence[Step], weights: Mapping[Weight, npt.NDArray[Any]]
) -> list[tuple[Array, Array]]:
    """Weights and bias of each step; those of a shared layer once for each order."""
    made: dict[object, tuple[Array, Array]] = {}
    found = []
    for step in steps:
        node, candidate = step.node, step.candidate
        if candidate is None:
            found.append((EMPTY, EMPTY))
            continue
        beside = operands(node.op) or node.op
        shape = node.shape if isinstance(node.op, MapWith) else None
        key = candidate.layout, beside, shape
        if key not in made:
            made[key] = packed_weights(candidate, node, weights, host_lanes())
        found.append(made[key])
    return found


def _bound(step: Step, kernel: Kernel, w: Array, b: Array) -> BoundStep:
    values: Sequence[int] = [prod(step.target_shape)]
    if step.candidate is not None:
        values = step.candidate.geometry(step.node, step.source_shape)
        if step.writes.pitch:
            assert step.candidate.strided, f"{step.target}: a kernel that writes without gaps"
            values = (*values[:-1], step.writes.pitch)
    return BoundStep(step, kernel, w, b, np.array(values, np.int64))


def load_kernels(plan: Plan, threads: int) -> list[Kernel]:
    """Each step's kernel, and the team's ready too; compiled now where they are not kept."""
    wanted = [*map(_text, plan.steps), teamwork_text()]
    missing = [one for one in dict.fromkeys(wanted) if not is_kept(*one)]
    if missing:
        # A minute without a word looks like a hang; the command shows this on a terminal.
        _LOG.info("compiling %d %s", len(missing), "kernel" if len(missing) == 1 else "kernels")
    if len(missing) > 1:
        from speccompiler.kernels.cpu.runtime.compile_ahead import compile_ahead

        compile_ahead(missing, threads)
    return [load_kernel(*one) for one in wanted][: len(plan.steps)]


def _text(step: Step) -> tuple[str, str]:
    """The name of a step's kernel, and its module."""
    lanes = host_lanes()
    if step.candidate is None:
        return "copy", plain_copy.source(lanes)
    text = kernel_text(step.candidate, step.node, step.source_shape, lanes)
    return step.candidate.kernel, text


def address(array: npt.NDArray[Any]) -> int:
    """Where an array's first element lies."""
    if array.size and array.flags.writeable and array.flags.c_contiguous:
        # A third of the time that array.ctypes takes.
        return ctypes.addressof(ctypes.c_char.from_buffer(array))  # type: ignore[arg-type]
    return array.ctypes.data
