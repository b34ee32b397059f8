"""Runs a plan on the CPU: binds buffers and weights to kernels, batch by batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.ir import Conv, Weight
from speccompiler.plan import Plan, Step, output_targets

from ..reference import operand
from .modules import load_kernel
from .simd import host_lanes
from .sources import kernel_text, pack_weights
from .team import run_tasks

Array = npt.NDArray[np.float32]
EMPTY = np.zeros(0, np.float32)


class CpuExecutor:
    """A plan with its weights packed and its kernels loaded; safe to call from any thread."""

    def __init__(
        self, plan: Plan, weights: Mapping[Weight, npt.NDArray[Any]], batch_size: int, threads: int
    ) -> None:
        self.plan = plan
        self.batch_size = batch_size
        self.threads = threads
        self._targets = output_targets(plan)
        self._places = {b.name: b for b in plan.buffers}
        self._calls = [self._bind(step, weights) for step in plan.steps]
        self._arenas: list[Array] = []

    def _bind(self, step: Step, weights: Mapping[Weight, npt.NDArray[Any]]) -> Callable[..., None]:
        if step.candidate is None:
            return _copy
        candidate, node, threads = step.candidate, step.node, self.threads
        lanes = host_lanes()
        text = kernel_text(candidate.kernel, node, step.source_shape, lanes)
        kernel = load_kernel(candidate.kernel, text)
        geometry = np.array(candidate.geometry(node, step.source_shape), np.int64)
        w = b = EMPTY
        if isinstance(node.op, Conv):
            bias = node.op.bias
            w, b = pack_weights(
                operand(node.op.weight, weights[node.op.weight]),
                None if bias is None else weights[bias],
                lanes,
            )
        # No samples, no tasks: compiles the kernel, or loads it from the cache, before the run.
        kernel(0, 0, 0, EMPTY, EMPTY, w, b, geometry)

        def call(n: int, x: Array, y: Array) -> None:
            def part(lo: int, hi: int) -> None:
                kernel(lo, hi, n, x, y, w, b, geometry)

            run_tasks(part, candidate.tasks(node, step.source_shape, n), threads)

        return call

    def run_batch(
        self, x: Array, outputs: Sequence[Array], profile: list[float] | None = None
    ) -> None:
        """One batch of at most ``batch_size`` samples; ``profile`` adds seconds by step.

        ``x`` and ``outputs`` are C-contiguous and writeable float32, samples first.
        """
        n = len(x)
        assert n <= self.batch_size, "a batch larger than the plan's"
        arena = self._take_arena()
        try:
            flat_outputs = [y.reshape(-1) for y in outputs]
            for index, (step, call) in enumerate(zip(self.plan.steps, self._calls, strict=True)):
                started = time.perf_counter()
                source = self._view(step.source, n, arena, x, flat_outputs)
                call(n, source, self._view(step.target, n, arena, x, flat_outputs))
                if profile is not None:
                    profile[index] += time.perf_counter() - started
        finally:
            self._arenas.append(arena)

    def _view(self, name: str, n: int, arena: Array, x: Array, outputs: Sequence[Array]) -> Array:
        target = self._targets.get(name)
        if target is not None:
            return outputs[target]
        buffer = self._places.get(name)
        if buffer is None:
            return x.reshape(-1)
        start = buffer.offset * self.batch_size
        return arena[start : start + n * buffer.elements]

    def _take_arena(self) -> Array:
        """An arena nobody uses: kept from an earlier run, or a new one.

        No lock: a list's own methods are atomic, and a child that is forked while
        another thread held a lock would wait for it for ever.
        """
        try:
            return self._arenas.pop()
        except IndexError:
            return _aligned(self.plan.arena_elements * self.batch_size)


def _copy(n: int, x: Array, y: Array) -> None:
    y[:] = x[: y.size]


def _aligned(elements: int) -> Array:
    """Uninitialised float32 values that start on a cache line."""
    raw = np.empty(elements + 16, np.float32)
    start = (-raw.ctypes.data % 64) // 4
    return raw[start : start + elements]


def work_of(step: Step) -> int:
    """Floating-point operations of one sample: two for each multiply-add."""
    op = step.node.op
    if not isinstance(op, Conv):
        return 0
    return 2 * prod(step.target_shape) * prod(op.kernel) * op.weight.shape[-2]
