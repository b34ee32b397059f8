"""A model ready to run: weights loaded, kernels bound, arrays checked."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from math import prod
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .arrays import from_array
from .diagnostics import Diagnostic, Problem, Severity, SpecError, has_errors
from .input_checks import check_array
from .ir import Graph, Weight
from .kernels.cpu.tuning import Tuned
from .kernels.cpu.tuning import tune as measure_cuts
from .loaded_weights import LoadedWeights
from .model import Model
from .passes import optimize
from .penalties import Penalty, only_of_matrices, project, violations, weight_penalties
from .plan import Plan, make_plan

Array = npt.NDArray[np.float32]
FLOAT32 = np.dtype(np.float32)
_EXACT_DTYPES = frozenset({None, "float32", "float64"})
"""Declared types that leave a float32 value as it is."""
TARGETS = ("cpu", "reference")
BATCH_BYTES = 64 << 20
"""What a batch may take when nobody says its size."""
LARGEST_BATCH = 256


class Executor(Protocol):
    """What a target provides."""

    @property
    def kernel_seconds(self) -> float:
        """Time that compiling kernels, or loading them from the cache, took."""

    def run_batch(
        self, x: Array, outputs: Sequence[Array], profile: list[float] | None = None
    ) -> None:
        """Fill each output for one batch of samples."""


class ReferenceExecutor:
    """Runs the lowered graph, before any pass, in float64."""

    kernel_seconds = 0.0

    def __init__(self, graph: Graph, weights: Mapping[Weight, npt.NDArray[Any]]) -> None:
        from .kernels.reference import resolve

        self._graph = graph
        self._weights = {
            operand: resolve(operand, lambda weight: np.asarray(weights[weight], np.float64))
            for operand in graph.operands()
        }

    def run_batch(
        self, x: Array, outputs: Sequence[Array], profile: list[float] | None = None
    ) -> None:
        """Outputs are rounded to float32 at the very end. There are no steps to profile."""
        from .kernels.reference import run_reference

        values = run_reference(self._graph, self._weights, x)
        for y, name in zip(outputs, self._graph.outputs, strict=True):
            y[...] = values[name]


@dataclass(frozen=True)
class CompiledModel:
    """Made by :meth:`Model.compile`. Safe to call from several threads."""

    model: Model
    plan: Plan
    executor: Executor
    target: str
    batch_size: int
    threads: int
    diagnostics: tuple[Diagnostic, ...]
    """Constraint violations and other findings about the weights; no errors."""
    _penalties: Callable[[], tuple[Penalty, ...]]

    @cached_property
    def penalties(self) -> tuple[Penalty, ...]:
        """What the weights' regularisers add, after any projection; reads them when first asked."""
        try:
            return self._penalties()
        except Problem as problem:
            file = str(self.model.weights_file or self.model.loaded.document.file)
            raise SpecError([self.model.loaded.locate(problem.at(file=file))]) from None

    @property
    def output_names(self) -> tuple[str, ...]:
        """The model's output first, then each layer asked for."""
        return tuple(name for name, _ in self.plan.outputs)

    def output_shapes(self, samples: int) -> tuple[tuple[int, ...], ...]:
        """Shape of every output for this many samples."""
        return tuple([(samples, *shape) for _, shape in self.plan.outputs])

    def run(self, x: npt.NDArray[Any], out: Array | None = None) -> Array:
        """The model's output for ``x`` of shape (samples, ...). Raises ``SpecError``.

        With a C-contiguous float32 ``x`` and ``out`` nothing is allocated after the
        first call.
        """
        return self._run(x, out)[0]

    def run_all(self, x: npt.NDArray[Any]) -> dict[str, Array]:
        """Every output by its layer's name."""
        return dict(zip(self.output_names, self._run(x, None), strict=True))

    def _run(self, x: npt.NDArray[Any], out: Array | None) -> list[Array]:
        if self._runs_as_it_is(x):
            shapes = self.output_shapes(x.shape[0])
            if out is None or (_is_output(out, shapes[0]) and not np.may_share_memory(x, out)):
                outputs = _outputs(shapes, out)
                self.executor.run_batch(x, outputs)
                return outputs
        return self._run_checked(x, out)

    def _runs_as_it_is(self, x: npt.NDArray[Any]) -> bool:
        """Whether nothing is to be said of an array or done to it: what small models live by."""
        return (
            type(x) is np.ndarray
            and x.dtype == FLOAT32
            and x.shape[1:] == self.plan.input_shape
            and 0 < x.shape[0] <= self.batch_size
            and x.size > 0
            and x.flags.c_contiguous
            and self.model.spec.input_dtype in _EXACT_DTYPES
        )

    def _run_checked(self, x: npt.NDArray[Any], out: Array | None) -> list[Array]:
        try:
            source = from_array(_as_array(x), "the array")
            check_array(self.plan.graph.nodes[0].shape, source.shape)
            shapes = self.output_shapes(source.samples)
            if out is not None:
                _check_out(out, shapes[0])
                if np.may_share_memory(x, out):
                    source = from_array(np.array(x), "the array")
            outputs = _outputs(shapes, out)
            start = 0
            for batch in source.batches(self.batch_size):
                stop = start + len(batch)
                self.run_batch(batch, [y[start:stop] for y in outputs])
                start = stop
        except Problem as problem:
            raise SpecError([problem.at(file="the array")]) from None
        return outputs

    def run_batch(
        self, batch: Array, outputs: Sequence[Array], profile: list[float] | None = None
    ) -> None:
        """One batch, as ``ArrayInput.batches`` yields it, into parts of the outputs."""
        batch = as_declared(batch, self.model.spec.input_dtype)
        self.executor.run_batch(batch, outputs, profile)


def as_declared(batch: Array, dtype: str | None) -> Array:
    """The batch rounded to the declared ``input_dtype``, as a Keras placeholder would be."""
    if dtype in _EXACT_DTYPES:
        return batch
    with np.errstate(all="ignore"):
        return batch.astype(dtype).astype(np.float32)


def _as_array(x: object) -> npt.NDArray[Any]:
    try:
        return np.asarray(x)
    except ValueError:
        raise Problem("CS113", "the lists are ragged and make no array") from None


def _outputs(shapes: Sequence[tuple[int, ...]], out: Array | None) -> list[Array]:
    """An array for every output; ``out`` is the first, where it is given."""
    first = np.empty(shapes[0], FLOAT32) if out is None else out
    return [first, *(np.empty(shape, FLOAT32) for shape in shapes[1:])]


def _is_output(out: object, shape: tuple[int, ...]) -> bool:
    return (
        isinstance(out, np.ndarray)
        and out.dtype == FLOAT32
        and out.flags.c_contiguous
        and out.flags.writeable
        and out.shape == shape
    )


def _check_out(out: object, shape: tuple[int, ...]) -> None:
    if not _is_output(out, shape):
        raise Problem(
            "CS117",
            f"'out' must be a writeable C-contiguous float32 array of shape {shape}",
            f"for example np.empty({shape}, np.float32)",
        )


def default_threads() -> int:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_batch_size(plan: Plan) -> int:
    """As many samples as fit into ``BATCH_BYTES``."""
    per_sample = plan.peak_bytes(1) - plan.weight_bytes
    return max(1, min(LARGEST_BATCH, BATCH_BYTES // max(per_sample, 1)))


def check_memory(plan: Plan, batch_size: int, needed: int, file: str) -> None:
    """Refuse, with both figures, what the machine cannot hold (CS130)."""
    import psutil

    available = psutil.virtual_memory().available
    if needed <= available:
        return
    per_batch = needed - plan.weight_bytes
    weights = f" ({gibibytes(plan.weight_bytes)} for weights)"
    if plan.weight_bytes < needed // 100:
        weights = ""
    hint = (
        "use a smaller --batch-size"
        if batch_size > 1 and per_batch > plan.weight_bytes
        else ("the model is too large for this machine")
    )
    raise SpecError(
        [
            Diagnostic(
                "CS130",
                f"a batch of {batch_size} needs {gibibytes(needed)} of memory{weights}; "
                f"{gibibytes(available)} are available",
                file=file,
                hint=hint,
            )
        ]
    )


def gibibytes(count: int) -> str:
    """A memory size for people."""
    return f"{count / 2**30:,.1f} GiB"


def compile_model(
    model: Model,
    target: str,
    *,
    batch_size: int | None,
    threads: int | None,
    input_shape: Sequence[int | None] | None,
    layers: Sequence[str],
    apply_constraints: bool,
    fast: bool,
    samples: int | None,
    tune: bool,
) -> CompiledModel:
    """See :meth:`Model.compile`."""
    file = model.loaded.document.file
    if target not in TARGETS:
        raise SpecError(
            [Diagnostic("CS131", f"no target '{target}'; targets: {', '.join(TARGETS)}", file=file)]
        )
    graph, warnings = model.tapped(input_shape, layers)
    graph_to_run = optimize(graph)
    plan = make_plan(graph_to_run, fast=fast)
    for name, value in (("batch_size", batch_size), ("threads", threads)):
        if value is not None and value < 1:
            message = f"{name} is {value}; it must be 1 or more"
            raise SpecError([Diagnostic("CS025", message, file=file)])
    batch_size = batch_size or min(default_batch_size(plan), samples or LARGEST_BATCH)
    threads = threads or default_threads()
    tuned = Tuned(batch_size, threads)
    plan = make_plan(graph_to_run, fast=fast, batch=batch_size, tuned=tuned)
    # The stored tensors are alive until the last one is packed.
    needed = plan.peak_bytes(batch_size, threads) + plan.weight_bytes
    if target == "reference":
        from .kernels.reference import reference_bytes

        needed = max(needed, reference_bytes(graph, batch_size) + plan.weight_bytes)
    check_memory(plan, batch_size, needed, file)
    sources = model.weight_sources
    if has_errors(sources.diagnostics):
        raise SpecError(sources.diagnostics)
    weights_file = str(model.weights_file or file)
    # Tensors are read as they are needed: those that the cache holds packed are not.
    weights = LoadedWeights(sources.sources)
    try:
        if apply_constraints:
            weights = LoadedWeights.of(project(model.spec, weights), sources.sources)
        found = violations(model.spec, weights.only(sources.given))
        located = [model.loaded.locate(d) for d in found]
        if has_errors(located):
            raise SpecError([*located, *_non_finite(weights, weights_file)])
        penalties = partial(weight_penalties, model.spec, sources.tensors)
        if apply_constraints or only_of_matrices(model.spec):
            penalties = partial(tuple, weight_penalties(model.spec, weights))
        executor = _EXECUTORS[target](graph, plan, weights, batch_size, threads)
        if tune and target == "cpu":
            plan, executor = _tuned(graph_to_run, executor, fast, tuned)
        located += _non_finite(weights, weights_file)
    except Problem as problem:
        raise SpecError([model.loaded.locate(problem.at(file=weights_file))]) from None
    diagnostics = (*warnings, *located)
    return CompiledModel(model, plan, executor, target, batch_size, threads, diagnostics, penalties)


def _tuned(graph: Graph, executor: Executor, fast: bool, tuned: Tuned) -> tuple[Plan, Executor]:
    """The plan after measuring, and what runs it."""
    from .kernels.cpu.executor import CpuExecutor

    assert isinstance(executor, CpuExecutor), "only the CPU has something to measure"
    measure_cuts(executor)
    plan = make_plan(graph, fast=fast, batch=tuned.batch, tuned=tuned)
    return plan, executor.with_plan(plan)


def _non_finite(weights: LoadedWeights, file: str) -> list[Diagnostic]:
    weights.read_rest()
    return [
        Diagnostic(
            "CS097",
            f"{weight.tensor} holds {count} values that are not finite, of "
            f"{prod(weight.stored_shape)}",
            Severity.WARNING,
            file=file,
            layer=weight.layer,
        )
        for weight in weights
        if (count := weights.non_finite[weight])
    ]


def _cpu(
    graph: Graph, plan: Plan, weights: Mapping[Weight, Any], batch_size: int, threads: int
) -> Executor:
    from .kernels.cpu.executor import CpuExecutor

    return CpuExecutor(plan, weights, batch_size, threads)


def _reference(
    graph: Graph, plan: Plan, weights: Mapping[Weight, Any], batch_size: int, threads: int
) -> Executor:
    return ReferenceExecutor(graph, weights)


_EXECUTORS: Mapping[str, Callable[..., Executor]] = {"cpu": _cpu, "reference": _reference}
