"""Runs a plan on the CPU: binds buffers and weights to kernels, then only starts them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Graph, MapWith, Weight
from speccompiler.kernels.cpu.kernel import Array, Wanted
from speccompiler.kernels.cpu.runtime.background import compile_the_rest
from speccompiler.kernels.cpu.runtime.kernel_cache import is_kept, is_loaded, load_kernel
from speccompiler.kernels.cpu.runtime.object_code import LoadedKernel
from speccompiler.kernels.cpu.runtime.packings import Packing, Packings
from speccompiler.kernels.cpu.runtime.run_blocks import Block, RunBlocks
from speccompiler.kernels.cpu.runtime.run_memory import BoundStep, RunMemory, address
from speccompiler.kernels.cpu.runtime.step_functions import StepFunctions, Text, texts_of
from speccompiler.kernels.cpu.runtime.team import teamwork_text
from speccompiler.kernels.cpu.table import kernel_of
from speccompiler.planning.plan import Plan, Step, end_number
from speccompiler.system.processor import host_lanes

BYTES_A_STEP = 6000
"""What a plan and what is bound of it take in Python's memory: up to 5,000 were measured."""


class CpuExecutor:
    """A plan with its weights packed and its kernels loaded; safe to call from any thread."""

    def __init__(
        self,
        plan: Plan,
        weights: Mapping[Weight, npt.NDArray[Any]],
        batch_size: int,
        threads: int,
        shared: Shared | None = None,
    ) -> None:
        self.plan = plan
        self.batch_size = batch_size
        self.threads = threads
        self._shared = shared or Shared(Packings(weights, host_lanes()), RunBlocks(threads))
        # Weights first: what is wrong with them is said before anything is compiled.
        packed = [self._shared.packings.of(step) for step in plan.steps]
        started = time.perf_counter()
        kernels = load_kernels(plan, threads, batch_size)
        self.kernel_seconds = time.perf_counter() - started
        self._steps = [
            _bound(step, code, packing)
            for step, code, packing in zip(plan.steps, kernels, packed, strict=True)
        ]
        self._sizes = [prod(shape) for _, shape in (*plan.inputs, *plan.outputs)]
        _check_places(plan)
        self._number = next(_numbers)
        self._room = plan.arena_elements * batch_size, plan.scratch_elements

    @property
    def own_bytes(self) -> int:
        """An estimate: objects of the plan, and parameters repeated to fill values of its size."""
        repeated = [
            bound.packing for bound in self._steps if isinstance(bound.step.node.op, MapWith)
        ]
        return BYTES_A_STEP * len(self._steps) + sum(one.w.nbytes for one in repeated)

    def for_plan(self, graph: Graph, plan: Plan, batch_size: int) -> CpuExecutor:
        """Another plan of the same model: weights, machine code and memory are shared."""
        return CpuExecutor(plan, {}, batch_size, self.threads, self._shared)

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
        # Kernels check no bounds: this and _check_places stand between a bug and other memory.
        assert n <= self.batch_size, "a batch larger than the plan's"
        ends = []
        for array, size in zip((*inputs, *outputs), self._sizes, strict=True):
            assert array.size == n * size, "an array of another size"
            ends.append(address(array))
        block = self._shared.blocks.take(*self._room)
        memory = self._memory(block, n)
        memory.set_ends(ends)
        if profile is None:
            memory.job.run(memory.parts)
        else:
            for index, pieces in enumerate(memory.steps):
                started = time.perf_counter()
                memory.job.run(pieces)
                profile[index] += time.perf_counter() - started
        # The memory of a run that failed is not used again.
        self._shared.blocks.give_back(block)

    def _memory(self, block: Block[RunMemory], n: int) -> RunMemory:
        """The calls for ``n`` samples, bound to a block."""
        memory = block.bound((self._number, n))
        if memory is None:
            memory = RunMemory(self.plan, self.batch_size, block)
            memory.bind(self._steps, n)
            block.keep((self._number, n), memory, memory.calls)
        return memory


_numbers = itertools.count()
"""One for each executor of this process."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What the executors of one model have in common."""

    packings: Packings
    blocks: RunBlocks[RunMemory]


def _bound(step: Step, code: LoadedKernel, packing: Packing) -> BoundStep:
    kernel = kernel_of(step.candidate)
    geometry = kernel.geometry(step.node, step.source_shape)
    geometry = kernel.with_sources(geometry, step.source_shapes)
    if step.writes.pitch:
        geometry = kernel.with_pitch(geometry, step.writes.pitch)
    assert step.added is None or not step.writes_planes, "planes are written, not added to"
    geometry = kernel.with_planes(geometry, step.reads_planes, step.writes_planes)
    functions = StepFunctions(kernel.functions(_wanted(step)), host_lanes())
    return BoundStep(step, kernel, code, packing, np.array(geometry, np.int64), functions)


def _check_places(plan: Plan) -> None:
    """Every place that a step reads or writes is as large as the step believes."""
    for step in plan.steps:
        read = zip(step.reads, step.source_shapes, strict=True)
        for place, shape in (*read, (step.writes, step.target_shape)):
            if place.kind == "buffer":
                size = prod(plan.buffers[place.index].shape)
            else:
                _, end = (*plan.inputs, *plan.outputs)[end_number(len(plan.inputs), place)]
                size = prod(end)
            if place.pitch:
                assert place.at + shape[-1] <= place.pitch, f"{step.target}: beside its place"
                shape = (*shape[:-1], place.pitch)
            assert size == prod(shape), f"{step.target}: a place of another size"


def load_kernels(plan: Plan, threads: int, batch_size: int = 0) -> list[LoadedKernel]:
    """The machine code of each step, found or compiled; that of the team is made ready too.

    ``batch_size`` is that of a run that follows. Raises ``Problem``: CS130.
    """
    wanted = [*map(_text, plan.steps), teamwork_text()]
    called = (one for step in plan.steps for one in _called(step))
    # Weights are packed by now.
    held = plan.peak_bytes(batch_size, threads) - plan.weight_bytes
    new = compile_missing((*wanted, *called), threads, held)
    loaded = [load_kernel(*one) for one in wanted][: len(plan.steps)]
    if new:
        compile_the_rest()
    return loaded


def compile_missing(wanted: Iterable[Text], threads: int, held: int = 0) -> bool:
    """Compile what neither this process nor the cache has; whether any is new to this process.

    ``held`` are bytes that a run takes afterwards. Raises ``Problem``: CS130.
    """
    new = [one for one in dict.fromkeys(wanted) if not is_loaded(*one)]
    missing = [one for one in new if not is_kept(*one)]
    if missing:
        from speccompiler.kernels.cpu.runtime.compile_ahead import compile_ahead
        from speccompiler.kernels.cpu.runtime.compile_memory import check_room_to_compile

        check_room_to_compile(len(missing), held)
        compile_ahead(missing, threads)
    return bool(new)


def _text(step: Step) -> tuple[str, str]:
    """The name of a step's kernel, and its module."""
    kernel = kernel_of(step.candidate)
    return kernel.name, kernel.text(_wanted(step))


def _called(step: Step) -> Iterator[tuple[str, str]]:
    """The texts of what it calls."""
    return texts_of(kernel_of(step.candidate).functions(_wanted(step)), host_lanes())


def _wanted(step: Step) -> Wanted:
    added = None if step.candidate is None else step.candidate.added
    return Wanted(step.node, step.source_shape, host_lanes(), added)
