"""From array files to array files, batch by batch: memory does not grow with the samples."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from speccompiler.arrays.array_input import ArrayInput
from speccompiler.compiled import CompiledModel
from speccompiler.diagnostics.core import Problem, SpecError
from speccompiler.frozen import dataclass
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

    samples: int = 0
    seconds: float = 0.0
    """Time inside kernels."""
    step_seconds: list[float] = field(default_factory=list)
    activity: dict[str, float] = field(default_factory=dict)
    non_finite: int = 0
    """Values of the model's outputs that are NaN or infinite."""

    def penalties(self, compiled: CompiledModel) -> tuple[Penalty, ...]:
        """The weights' penalties and, after the run, the activities'."""
        found = (Penalty(layer, "activity", value) for layer, value in self.activity.items())
        return (*compiled.penalties, *found)


def _batches(source: ArrayInput, batch_size: int) -> Iterator[Array]:
    """Its batches. A problem with reading them is a finding about this input."""
    try:
        yield from source.batches(batch_size)
    except Problem as problem:
        raise SpecError([problem.at(file=source.name)]) from None


def run_stream(
    compiled: CompiledModel,
    sources: Sequence[ArrayInput],
    sinks: Iterable[tuple[str, Sink]],
    *,
    activity: Mapping[str, L1L2] | None = None,
    profile: bool = False,
    progress: Callable[[int], object] = lambda samples: None,
) -> RunResult:
    """Run every sample of the sources, one for each input; a sink takes the output beside it.

    The output buffers are allocated once. Raises ``Problem`` from writing, and ``SpecError``
    from reading.
    """
    sinks = tuple(sinks)
    result = RunResult(step_seconds=[0.0] * len(compiled.plan.steps))
    result.activity = dict.fromkeys(activity or {}, 0.0)
    buffers = [np.empty(shape, np.float32) for shape in compiled.output_shapes(compiled.batch_size)]
    own = len(compiled.model.output_names)
    read = [_batches(source, compiled.batch_size) for source in sources]
    for batches in zip(*read, strict=True):
        count = len(batches[0])
        outputs = [buffer[:count] for buffer in buffers]
        started = time.perf_counter()
        compiled.run_batch(batches, outputs, result.step_seconds if profile else None)
        result.seconds += time.perf_counter() - started
        for y in outputs[:own]:
            result.non_finite += y.size - int(np.isfinite(y).sum())
        by_name = dict(zip(compiled.output_names, outputs, strict=True))
        for name, sink in sinks:
            sink.write(by_name[name])
        for layer, term in (activity or {}).items():
            result.activity[layer] = term.accumulate(result.activity[layer], by_name[layer])
        result.samples += count
        progress(count)
    return result
