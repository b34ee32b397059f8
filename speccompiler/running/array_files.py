"""From array files to array files, batch by batch: memory does not grow with the samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from speccompiler.arrays.array_input import ArrayInput
from speccompiler.arrays.boxes import Box
from speccompiler.compiled import CompiledModel
from speccompiler.frozen import dataclass
from speccompiler.running.batches_in_order import BatchesInOrder, whole_samples
from speccompiler.running.run_tasks import Compute, Destination, Progress, Run, run_tasks
from speccompiler.running.tasks import cut_into_tasks
from speccompiler.weights.penalties import Penalty
from speccompiler.weights.regularizers import L1L2

Array = npt.NDArray[np.float32]


class Sink(Protocol):
    """Takes one output, batch by batch."""

    def write(self, batch: Array, /) -> Any:
        """The next samples."""


@dataclass(slots=True)
class Summary:
    """A sink that keeps what a person asks first: range, mean, values that are not finite."""

    count: int = 0
    total: float = 0.0
    smallest: float = float("inf")
    largest: float = float("-inf")
    non_finite: int = 0

    def write(self, batch: Array) -> None:
        """Account for one more batch."""
        finite = batch[np.isfinite(batch)]
        self.non_finite += batch.size - finite.size
        self.count += finite.size
        if finite.size:
            self.total += float(finite.sum(dtype=np.float64))
            self.smallest = min(self.smallest, float(finite.min()))
            self.largest = max(self.largest, float(finite.max()))

    @property
    def mean(self) -> float:
        """Mean of the finite values."""
        return self.total / self.count if self.count else float("nan")


@dataclass(slots=True)
class RunResult:
    """What is known of a run when it is done, beside its outputs."""

    total: int
    """Samples of the whole, of which an earlier run may have computed some."""
    done: Progress = field(default_factory=Progress)
    step_seconds: list[float] = field(default_factory=list)
    activity: dict[str, float] = field(default_factory=dict)
    terms: Mapping[str, L1L2] = field(default_factory=dict)
    """The regularisers whose sums ``activity`` holds."""
    non_finite: int = 0
    """Values of the model's outputs that are NaN or infinite, over all runs."""

    def penalties(self, compiled: CompiledModel) -> tuple[Penalty, ...]:
        """The weights' penalties and, after the run, the activities'."""
        found = (
            Penalty(layer, "activity", self.terms[layer].of_run(value, self.total))
            for layer, value in self.activity.items()
        )
        return (*compiled.penalties, *found)


@dataclass(frozen=True, slots=True)
class InOrder:
    """A sink as a destination: pieces come in the samples' order."""

    sink: Sink

    def put(self, box: Box, values: Array) -> None:
        """The next samples."""
        self.sink.write(values)

    def sync(self, box: Box) -> None:
        """A sink is safe when it is complete."""


@dataclass(frozen=True, slots=True)
class ActivitySum:
    """A sink that adds up what an activity regulariser costs."""

    layer: str
    term: L1L2
    totals: dict[str, float]

    def write(self, batch: Array) -> None:
        """Account for one more batch."""
        self.totals[self.layer] = self.term.accumulate(self.totals[self.layer], batch)


def run_stream(
    compiled: CompiledModel, sources: Sequence[ArrayInput], sinks: Iterable[tuple[str, Sink]]
) -> Progress:
    """Run every sample of the sources, one for each input; a sink takes the output beside it.

    Raises ``SpecError``, and ``Problem`` from computing.
    """
    samples, names = sources[0].samples, compiled.output_names
    runner = whole_samples(compiled, samples)
    fixed = isinstance(runner, BatchesInOrder)
    grid = cut_into_tasks(runner, samples, [None] * len(names), fixed_batches=fixed)
    places = [Destination(names.index(name), name, InOrder(sink)) for name, sink in sinks]
    return run_tasks(Run(runner, grid, sources, places), grid)


def profiling(compiled: CompiledModel, step_seconds: list[float]) -> Compute:
    """Adds up the time of each step."""

    def compute(tile: int, batches: Sequence[Array], outputs: Sequence[Array]) -> None:
        compiled.run_batch(batches, outputs, step_seconds)

    return compute
