"""Which cut of a step's tasks is fastest on this machine: measured once, then remembered.

A cut says which tiles and filters a task does. It changes no bits, so that it may be chosen by
the clock. Steps are measured in runs of the whole plan, because what other steps leave in the
caches decides as much as the step itself. All steps change their cut from run to run together.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Node
from speccompiler.kernels.cpu.table import candidates
from speccompiler.planning.candidate import Candidate, KnownShape
from speccompiler.system.cache import PREFIX, cache_folder, cache_root, read_entry, write_entry

if TYPE_CHECKING:
    from speccompiler.kernels.cpu.runtime.executor import CpuExecutor
    from speccompiler.planning.plan import Step

WORTH_MEASURING = 1.6
"""Cuts whose estimate is within this factor of the best one's."""
WARM_SECONDS, MEASURED_SECONDS = 0.1, 0.2
FEWEST_RUNS = 5
_DECIDING = ("kernel", "stride", "padding", "repeats")
"""What decides how long a convolution takes, beside its shapes."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """What was measured here for runs of ``batch`` samples on ``threads`` threads."""

    batch: int
    threads: int

    def choice(
        self, node: Node, shape: KnownShape, pool: Node | None, best: Candidate
    ) -> Candidate:
        """The cut that was fastest; ``best``, the cheapest by estimate, where none is known."""
        if best.schedule is None:
            return best
        folder = cache_folder("tuning")
        stored = None
        if folder is not None:
            stored = read_entry(folder / self._name(node, shape, pool, best))
        for candidate in _cuts(node, shape, pool, best, self):
            if stored is not None and _text(candidate) == stored.decode(errors="replace"):
                return candidate
        return best

    def remember(self, step: Step, source: KnownShape) -> None:
        """Keep a step's candidate as the fastest."""
        folder = cache_folder("tuning")
        if folder is not None and step.candidate is not None:
            name = self._name(step.node, source, step.pool, step.candidate)
            write_entry(folder / name, [_text(step.candidate).encode()])

    def _name(self, node: Node, shape: KnownShape, pool: Node | None, best: Candidate) -> str:
        from speccompiler.system.processor import host_description

        parts = [
            host_description(), best.kernel, self.batch, self.threads, shape, node.shape,
            *(getattr(node.op, name) for name in _DECIDING), None if pool is None else pool.op,
        ]  # fmt: skip
        key = "\n".join(map(repr, parts))
        return f"{PREFIX}{hashlib.sha256(key.encode()).hexdigest()[:24]}.cut"


def anything_measured() -> bool:
    """Most machines were never tuned, and need not find out which processor they have."""
    with contextlib.suppress(OSError):
        return any((cache_root() / "tuning").iterdir())
    return False


def _text(candidate: Candidate) -> str:
    assert candidate.schedule is not None, "only a cut is remembered"
    return f"{candidate.schedule}\n"


def _cuts(
    node: Node, shape: KnownShape, pool: Node | None, like: Candidate, runs: Tuned
) -> list[Candidate]:
    """Every cut of the same kernel that reads the same weights."""
    offered = candidates(
        node, shape, fast=not like.precise, batch=runs.batch, threads=runs.threads, pool=pool
    )
    return [c for c in offered if c.schedule is not None and c.layout == like.layout]


def tune(executor: CpuExecutor) -> int:
    """Measure the cuts of every step that has several, and remember the fastest; how many."""
    plan, tuned = executor.plan, Tuned(executor.batch_size, executor.threads)
    options = [_worth_measuring(step, tuned) for step in plan.steps]
    seconds: list[dict[int, float]] = [{} for _ in options]
    for turn in range(max(map(len, options), default=0)):
        chosen = [cuts[turn % len(cuts)] if cuts else None for cuts in options]
        steps = [
            step if cut is None else replace(step, candidate=cut)
            for step, cut in zip(plan.steps, chosen, strict=True)
        ]
        changed = replace(plan, steps=tuple(steps))
        measured = _step_seconds(executor.for_plan(plan.graph, changed, executor.batch_size))
        for index, (cuts, taken) in enumerate(zip(options, measured, strict=True)):
            if cuts:
                known = seconds[index].get(turn % len(cuts), float("inf"))
                seconds[index][turn % len(cuts)] = min(known, taken)
    for step, cuts, found in zip(plan.steps, options, seconds, strict=True):
        if cuts:
            best = cuts[min(found, key=lambda index: found[index])]
            tuned.remember(replace(step, candidate=best), step.source_shape)
    return sum(1 for cuts in options if cuts)


def _worth_measuring(step: Step, runs: Tuned) -> list[Candidate]:
    if step.candidate is None or step.candidate.schedule is None:
        return []
    cuts = _cuts(step.node, step.source_shape, step.pool, step.candidate, runs)
    costs = [cut.nanoseconds(step.node, step.source_shape) for cut in cuts]
    return [
        cut for cut, cost in zip(cuts, costs, strict=True) if cost <= WORTH_MEASURING * min(costs)
    ]


def _step_seconds(executor: CpuExecutor) -> Sequence[float]:
    """Median seconds of each step, over runs of whole batches."""
    import numpy as np

    n, plan = executor.batch_size, executor.plan
    rng = np.random.default_rng(0)
    inputs = [rng.standard_normal((n, *shape), np.float32) for _, shape in plan.inputs]
    outputs = [np.empty((n, *shape), np.float32) for _, shape in plan.outputs]
    for _ in _for(WARM_SECONDS, 1):
        executor.run_batch(inputs, outputs)
    runs: list[list[float]] = []
    for _ in _for(MEASURED_SECONDS, FEWEST_RUNS):
        runs.append([0.0] * len(plan.steps))
        executor.run_batch(inputs, outputs, runs[-1])
    import statistics

    return [statistics.median(times) for times in zip(*runs, strict=True)]


def _for(seconds: float, least: int) -> Iterator[int]:
    """Count up until so many seconds have passed, and at least ``least`` times."""
    until, count = time.perf_counter() + seconds, 0
    while count < least or time.perf_counter() < until:
        yield count
        count += 1
