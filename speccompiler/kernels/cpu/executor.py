"""Runs a plan on the CPU: binds buffers and weights to kernels, batch by batch."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.ir import Conv, Weight
from speccompiler.plan import Place, Plan, Step

from ..reference import operand
from .memory import allocate
from .modules import load_kernel
from .simd import host_lanes
from .sources import kernel_text, pack_weights
from .team import run_tasks

Array = npt.NDArray[np.float32]
EMPTY = np.zeros(0, np.float32)


Call = Callable[[int, Array, Array, Sequence[Array]], None]
WORTH_A_THREAD = 20_000
"""Nanoseconds of work below which waking another thread costs more than it brings."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What one run in progress uses: buffers, and scratch for each thread."""

    arena: Array
    scratch: tuple[Array, ...]


class CpuExecutor:
    """A plan with its weights packed and its kernels loaded; safe to call from any thread."""

    def __init__(
        self, plan: Plan, weights: Mapping[Weight, npt.NDArray[Any]], batch_size: int, threads: int
    ) -> None:
        self.plan = plan
        self.batch_size = batch_size
        self.threads = threads
        self.kernel_seconds = 0.0
        self._calls = [self._bind(step, weights) for step in plan.steps]
        self._idle: list[Memory] = []

    def _bind(self, step: Step, weights: Mapping[Weight, npt.NDArray[Any]]) -> Call:
        if step.candidate is None:
            return _copy
        candidate, node, shape = step.candidate, step.node, step.source_shape
        lanes = host_lanes()
        started = time.perf_counter()
        kernel = load_kernel(candidate.kernel, kernel_text(candidate, node, shape, lanes))
        self.kernel_seconds += time.perf_counter() - started
        geometry = np.array(candidate.geometry(node, shape), np.int64)
        w = b = EMPTY
        if isinstance(node.op, Conv):
            bias = node.op.bias
            w, b = pack_weights(
                candidate,
                operand(node.op.weight, weights[node.op.weight]),
                None if bias is None else weights[bias],
                lanes,
            )
        cost, most = candidate.nanoseconds(node, shape), self.threads
        sharing = candidate.sharing(node, shape)

        def call(n: int, x: Array, y: Array, scratch: Sequence[Array]) -> None:
            def part(lo: int, hi: int, slot: int) -> None:
                kernel(lo, hi, n, x, y, w, b, geometry, scratch[slot])

            threads = min(most, 1 + int(n * cost / WORTH_A_THREAD))
            run_tasks(part, candidate.tasks(node, shape, n), threads, sharing)

        return call

    def run_batch(
        self, x: Array, outputs: Sequence[Array], profile: list[float] | None = None
    ) -> None:
        """One batch of at most ``batch_size`` samples; ``profile`` adds seconds by step.

        ``x`` and ``outputs`` are C-contiguous and writeable float32, samples first.
        """
        n = len(x)
        assert n <= self.batch_size, "a batch larger than the plan's"
        memory = self._take_memory()
        flat = [y.reshape(-1) for y in outputs]
        for index, (step, call) in enumerate(zip(self.plan.steps, self._calls, strict=True)):
            started = time.perf_counter()
            source = self._view(step.reads, n, memory, x, flat)
            target = self._view(step.writes, n, memory, x, flat)
            # Kernels check no bounds: this is what stands between a bug and other memory.
            assert source.size == n * prod(step.source_shape), f"{step.target}: wrong input"
            assert target.size == n * prod(step.target_shape), f"{step.target}: wrong output"
            call(n, source, target, memory.scratch)
            if profile is not None:
                profile[index] += time.perf_counter() - started
        # Only after a run that ended well: an interrupted one may still be written to.
        self._idle.append(memory)

    def _view(
        self, place: Place, n: int, memory: Memory, x: Array, outputs: Sequence[Array]
    ) -> Array:
        if place.kind == "input":
            return x.reshape(-1)
        if place.kind == "output":
            return outputs[place.index]
        buffer = self.plan.buffers[place.index]
        start = buffer.offset * self.batch_size
        return memory.arena[start : start + n * buffer.elements]

    def _take_memory(self) -> Memory:
        """Memory that nobody uses: kept from an earlier run, or new."""
        # No lock: list.pop is atomic, and a lock held while another thread forks stays held.
        with contextlib.suppress(IndexError):
            return self._idle.pop()
        scratch = self.plan.scratch_elements
        return Memory(
            allocate(self.plan.arena_elements * self.batch_size),
            tuple(allocate(scratch) for _ in range(self.threads)),
        )


def _copy(n: int, x: Array, y: Array, scratch: Sequence[Array]) -> None:
    y[:] = x
