"""A model ready to run: weights loaded, kernels bound, arrays checked."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import prod
from typing import Any, Protocol, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from speccompiler.arrays.input_checks import (
    by_input,
    check_array,
    check_numbers,
    check_samples,
    looked_up,
)
from speccompiler.arrays.npy_input import from_array
from speccompiler.diagnostics.core import Diagnostic, Problem, Severity, SpecError, has_errors
from speccompiler.graph.ir import BatchNormalize, Graph, Weight
from speccompiler.graph.shapes import format_shape
from speccompiler.kernels.cpu import table as cpu_kernels
from speccompiler.kernels.cpu.runtime.tuning import Tuned
from speccompiler.kernels.cpu.runtime.tuning import tune as measure_cuts
from speccompiler.kernels.cuda import choices as cuda_kernels
from speccompiler.kernels.cuda.runtime.devices import is_cuda, open_devices
from speccompiler.model import InputShapes, Model
from speccompiler.passes import optimize
from speccompiler.planning.plan import Plan, make_plan
from speccompiler.system import facilities
from speccompiler.weights.loaded_weights import LoadedWeights
from speccompiler.weights.negative_variances import negative_variances
from speccompiler.weights.penalties import (
    Penalty,
    only_of_matrices,
    project,
    unknown_effects,
    violations,
    weight_penalties,
)

Array: TypeAlias = npt.NDArray[np.float32]
Inputs: TypeAlias = npt.ArrayLike | Mapping[str, npt.ArrayLike]
"""The array of the only input; of several a mapping by name, or a list in the model's order."""
FLOAT32 = np.dtype(np.float32)
_EXACT_DTYPES = frozenset({None, "float32", "float64"})
"""Declared types that leave a float32 value as it is."""
TARGETS = ("cpu", "cuda", "cuda:N", "reference")
BATCH_BYTES = 64 << 20
"""What a batch may take when nobody says its size."""
CUDA_BATCH_BYTES = 512 << 20
"""The same of a batch's input and outputs, where a GPU holds the rest."""
LARGEST_BATCH = 256
_OF_THE_GPU = ("CS133", "CS134", "CS135")
"""What goes wrong beside any file of weights."""
KERAS_BATCH = 32
"""What Keras's ``predict`` took, where the numbers depend on it."""


class Executor(Protocol):
    """What a target provides."""

    @property
    def kernel_seconds(self) -> float:
        """Time that compiling kernels, or loading them from the cache, took."""

    def run_batch(
        self,
        inputs: Sequence[Array],
        outputs: Sequence[Array],
        profile: list[float] | None = None,
    ) -> None:
        """Fill each output for one batch of samples of each input."""


class ReferenceExecutor:
    """Runs the lowered graph, before any pass, in float64."""

    kernel_seconds = 0.0

    def __init__(self, graph: Graph, weights: Mapping[Weight, npt.NDArray[Any]]) -> None:
        from speccompiler.weights.operands import resolve

        self._graph = graph
        self._weights = {
            operand: resolve(operand, lambda weight: np.asarray(weights[weight], np.float64))
            for operand in graph.operands()
        }

    def run_batch(
        self,
        inputs: Sequence[Array],
        outputs: Sequence[Array],
        profile: list[float] | None = None,
    ) -> None:
        """Outputs are rounded to float32 at the very end. There are no steps to profile."""
        from speccompiler.kernels.reference.evaluate import run_reference

        values = run_reference(self._graph, self._weights, *inputs)
        # What float32 cannot hold is infinite there, as in a kernel; who asks for it is told.
        with np.errstate(all="ignore"):
            for y, name in zip(outputs, self._graph.outputs, strict=True):
                y[...] = values[name]


@dataclass(frozen=True)
class CompileOptions:
    """What :meth:`Model.compile` was asked for; None where it decides itself."""

    target: str = "cpu"
    batch_size: int | None = None
    threads: int | None = None
    input_shape: InputShapes | None = None
    layers: tuple[str, ...] = ()
    apply_constraints: bool = False
    fast: bool = True
    samples: int | None = None
    tune: bool = False


@dataclass(frozen=True)
class CompiledModel:
    """Made by :meth:`Model.compile`. Safe to call from several threads.

    It pickles by its sources: the model and the options are compiled again where it is
    unpickled, and no weights travel.
    """

    model: Model
    options: CompileOptions
    plan: Plan
    executor: Executor
    target: str
    batch_size: int
    threads: int
    diagnostics: tuple[Diagnostic, ...]
    """Constraint violations and other findings about the weights; no errors."""
    _penalties: Callable[[], tuple[Penalty, ...]]

    def __repr__(self) -> str:
        return (
            f"<CompiledModel '{self.model.name}' for {self.target}: batches of "
            f"{self.batch_size}, {self.threads} threads>"
        )

    def __reduce__(self) -> tuple[Callable[..., CompiledModel], tuple[Model, CompileOptions]]:
        # Measured cuts are in the cache of the machine that they were measured on.
        return compile_model, (self.model, replace(self.options, tune=False))

    @cached_property
    def penalties(self) -> tuple[Penalty, ...]:
        """What the weights' regularisers add, after any projection; reads them when first asked.

        Raises ``SpecError``: CS075 for a regulariser that means nothing here.
        """
        _refuse(self.model, unknown_effects(self.model.spec, "penalty"))
        try:
            return self._penalties()
        except Problem as problem:
            file = str(self.model.weights_file or self.model.loaded.document.file)
            raise SpecError([self.model.loaded.locate(problem.at(file=file))]) from None

    @property
    def input_names(self) -> tuple[str, ...]:
        """The inputs, in the order that a run takes them."""
        return self.model.input_names

    @property
    def output_names(self) -> tuple[str, ...]:
        """The model's outputs first, then each layer asked for."""
        return tuple(name for name, _ in self.plan.outputs)

    def output_shapes(self, samples: int) -> tuple[tuple[int, ...], ...]:
        """Shape of every output for this many samples."""
        return tuple([(samples, *shape) for _, shape in self.plan.outputs])

    @overload
    def run(self, x: Inputs, out: Array) -> Array: ...
    @overload
    def run(self, x: Inputs, out: Sequence[Array]) -> list[Array]: ...
    @overload
    def run(self, x: Inputs, out: None = None) -> Array | Any: ...
    def run(self, x: Inputs, out: Array | Sequence[Array] | None = None) -> Any:
        """The model's output for ``x`` of shape (samples, ...). Raises ``SpecError``.

        With several inputs ``x`` is a mapping from their names to arrays, or a list of arrays
        in the model's order. With several outputs they come as a list in the model's order,
        and ``out``, where it is given, is such a list. With C-contiguous float32 ``x`` and
        ``out`` nothing is allocated after the first call.
        """
        count = self._own_outputs
        if count == 1:
            given = None if out is None else (out,)
            return self._run(x, given)[0]  # type: ignore[arg-type]  # checked there
        if out is not None and not (isinstance(out, list | tuple) and len(out) == count):
            problem = Problem("CS117", f"'out' must be a list of {count} arrays")
            raise SpecError([problem.at(file="the array")])
        return self._run(x, out)[:count]

    def run_all(self, x: Inputs) -> dict[str, Array]:
        """Every output by its layer's name."""
        return dict(zip(self.output_names, self._run(x, None), strict=True))

    def _run(self, x: Any, out: Sequence[Array] | None) -> list[Array]:
        given = (x,) if type(x) is np.ndarray and len(self._wanted) == 1 else self._arrays(x)
        if self._run_as_they_are(given):
            shapes = self.output_shapes(given[0].shape[0])
            if out is None or _are_outputs(out, shapes, given):
                outputs = _outputs(shapes, out)
                self.executor.run_batch(given, outputs)
                return outputs
        return self._run_checked(given, out)

    def _arrays(self, x: Any) -> Sequence[Any]:
        """What is given for each input, in order."""
        names = self.input_names
        try:
            arrays = by_input(x, names, "array")
        except Problem as problem:
            raise SpecError([problem.at(file="the array")]) from None
        return [arrays[name] for name in names]

    @cached_property
    def _looked_up(self) -> Mapping[str, tuple[str, int]]:
        """Inputs that hold numbers of rows."""
        return looked_up(self.plan.graph)

    @cached_property
    def _own_outputs(self) -> int:
        """How many of the outputs are the model's; the rest are layers asked for."""
        return len(self.model.output_names)

    @cached_property
    def _wanted(self) -> tuple[tuple[tuple[int, ...], bool], ...]:
        """For each input a sample's shape, and whether any float32 may go in as it is."""
        entries = self.model.spec.inputs
        return tuple(
            (shape, entry.dtype in _EXACT_DTYPES and not self._looked_up)
            for (_, shape), entry in zip(self.plan.inputs, entries, strict=True)
        )

    def _run_as_they_are(self, given: Sequence[Any]) -> bool:
        """Whether nothing is to be said of arrays or done to them: what small models live by."""
        samples = 0
        for x, (shape, exact) in zip(given, self._wanted, strict=True):
            if not (
                type(x) is np.ndarray
                and x.dtype == FLOAT32
                and x.shape[1:] == shape
                and 0 < x.shape[0] <= self.batch_size
                and (samples == 0 or x.shape[0] == samples)
                and x.size > 0
                and x.flags.c_contiguous
                and exact
            ):
                return False
            samples = x.shape[0]
        return True

    def _run_checked(self, given: Sequence[Any], out: Sequence[Array] | None) -> list[Array]:
        names = self.input_names
        called = ["the array"] if len(names) == 1 else [f"input '{name}'" for name in names]
        sources = []
        for x, name, node in zip(given, called, self.plan.graph.inputs, strict=True):
            with _about(name):
                source = from_array(_as_array(x), name)
                check_array(node.shape, source.shape)
                if out is not None and any(np.may_share_memory(x, y) for y in out):
                    source = from_array(np.array(x), name)
                sources.append(source)
        with _about(called[0]):
            check_samples(dict(zip(names, [s.samples for s in sources], strict=True)))
            shapes = self.output_shapes(sources[0].samples)
            for y, shape in zip(out or (), shapes, strict=False):
                _check_out(y, shape)
            outputs = _outputs(shapes, out)
            start = 0
            read = [source.batches(self.batch_size) for source in sources]
            for batches in zip(*read, strict=True):
                stop = start + len(batches[0])
                self.run_batch(batches, [y[start:stop] for y in outputs])
                start = stop
        return outputs

    def run_batch(
        self,
        batches: Sequence[Array],
        outputs: Sequence[Array],
        profile: list[float] | None = None,
    ) -> None:
        """A batch of each input, as ``ArrayInput.batches`` yields it, into parts of the outputs."""
        entries = self.model.spec.inputs
        converted = [as_declared(b, e.dtype) for b, e in zip(batches, entries, strict=True)]
        for batch, name in zip(converted, self.input_names, strict=True):
            if name in self._looked_up:
                check_numbers(batch, *self._looked_up[name])
        self.executor.run_batch(converted, outputs, profile)


@contextlib.contextmanager
def _about(name: str) -> Iterator[None]:
    """Problems inside are about this array."""
    try:
        yield
    except Problem as problem:
        raise SpecError([problem.at(file=name)]) from None


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


def _outputs(shapes: Sequence[tuple[int, ...]], out: Sequence[Array] | None) -> list[Array]:
    """An array for every output; ``out`` are the first ones, where they are given."""
    given = [] if out is None else list(out)
    if len(given) == len(shapes):
        return given
    return [*given, *(np.empty(shape, FLOAT32) for shape in shapes[len(given) :])]


def _are_outputs(
    out: Sequence[object], shapes: Sequence[tuple[int, ...]], given: Sequence[Array]
) -> bool:
    """Whether results can be written there, while what was given is read."""
    for index, y in enumerate(out):
        if not _is_output(y, shapes[index]):
            return False
        for x in given:
            if np.may_share_memory(x, y):
                return False
    return True


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
    if facilities.AFFINITY.here:
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_batch_size(plan: Plan, target: str = "cpu") -> int:
    """As many samples as fit into ``BATCH_BYTES``; a GPU gets more, and cuts them itself.

    Where samples see each other it is what Keras took.
    """
    if any(isinstance(node.op, BatchNormalize) for node in plan.graph):
        return KERAS_BATCH
    if is_cuda(target):
        return max(1, min(LARGEST_BATCH, CUDA_BATCH_BYTES // _ends_bytes(plan)))
    per_sample = plan.peak_bytes(1) - plan.weight_bytes
    return max(1, min(LARGEST_BATCH, BATCH_BYTES // max(per_sample, 1)))


def _ends_bytes(plan: Plan) -> int:
    """Of the inputs and the outputs of one sample."""
    return 4 * sum(prod(shape) for _, shape in (*plan.inputs, *plan.outputs))


def _needed(plan: Plan, graph: Graph, target: str, batch_size: int, threads: int) -> int:
    """Bytes of this machine's memory at the start of a run."""
    if is_cuda(target):
        # Input and outputs twice, in page-locked memory too; the rest is the GPU's.
        return 2 * batch_size * _ends_bytes(plan) + plan.stored_bytes + plan.weight_bytes
    # The stored tensors are alive until the last one is packed.
    needed = plan.peak_bytes(batch_size, threads) + plan.stored_bytes
    if target == "reference":
        from speccompiler.kernels.reference.evaluate import reference_bytes

        needed = max(needed, reference_bytes(graph, batch_size) + plan.stored_bytes)
    return needed


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


def compile_model(model: Model, options: CompileOptions) -> CompiledModel:
    """See :meth:`Model.compile`."""
    file = model.loaded.document.file
    target, fast, tune = options.target, options.fast, options.tune
    if target not in _EXECUTORS and not is_cuda(target):
        raise SpecError(
            [Diagnostic("CS131", f"no target '{target}'; targets: {', '.join(TARGETS)}", file=file)]
        )
    if options.apply_constraints:
        _refuse(model, unknown_effects(model.spec, "constraint"))
    if options.input_shape is None and model.has_open_lengths:
        from speccompiler.running.open_model import OpenModel

        return OpenModel(model, options)
    graph, warnings = model.tapped(options.input_shape, options.layers)
    if is_cuda(target):
        _check_not_empty(model, graph)
    graph_to_run = optimize(graph)
    kernels = cuda_kernels if is_cuda(target) else cpu_kernels
    plan = make_plan(graph_to_run, kernels, fast=fast)
    for name in ("batch_size", "threads"):
        value = getattr(options, name)
        if value is not None and value < 1:
            message = f"{name} is {value}; it must be 1 or more"
            raise SpecError([Diagnostic("CS025", message, file=file)])
    if is_cuda(target):
        _check_devices(target, file)
    most = min(default_batch_size(plan, target), options.samples or LARGEST_BATCH)
    batch_size = options.batch_size or most
    threads = options.threads or default_threads()
    tuned = Tuned(batch_size, threads)
    if not is_cuda(target):
        plan = make_plan(
            graph_to_run, kernels, fast=fast, batch=batch_size, threads=threads, tuned=tuned
        )
    check_memory(plan, batch_size, _needed(plan, graph, target, batch_size, threads), file)
    sources = model.weight_sources
    if has_errors(sources.diagnostics):
        raise SpecError(sources.diagnostics)
    weights_file = str(model.weights_file or file)
    # Tensors are read as they are needed: those that the cache holds packed are not.
    weights = LoadedWeights(sources.sources)
    try:
        if options.apply_constraints:
            weights = LoadedWeights.of(project(model.spec, weights), sources.sources)
        given = weights.only(sources.given)
        found = (*violations(model.spec, given), *negative_variances(model.spec, given))
        located = [model.loaded.locate(d) for d in found]
        if has_errors(located):
            raise SpecError([*located, *_non_finite(weights, weights_file)])
        penalties = partial(weight_penalties, model.spec, sources.tensors)
        if options.apply_constraints or only_of_matrices(model.spec):
            penalties = partial(tuple, weight_penalties(model.spec, weights))
        make = _cuda if is_cuda(target) else _EXECUTORS[target]
        executor = make(graph, plan, weights, batch_size, threads, target)
        if tune and target == "cpu":
            plan, executor = _tuned(graph_to_run, executor, fast, tuned)
        elif tune and is_cuda(target):
            _tune_tiles(executor)
        located += _non_finite(weights, weights_file)
    except Problem as problem:
        where = file if problem.code in _OF_THE_GPU else weights_file
        raise SpecError([model.loaded.locate(problem.at(file=where))]) from None
    diagnostics = (*warnings, *located)
    return CompiledModel(
        model, options, plan, executor, target, batch_size, threads, diagnostics, penalties
    )


def _check_not_empty(model: Model, graph: Graph) -> None:
    """CS076 for a value without numbers: no GPU starts a kernel of no threads."""
    for node in graph.nodes:
        if 0 in node.shape:
            message = f"a GPU cannot compute nothing: the output is {format_shape(node.shape)}"
            found = Diagnostic("CS076", message, layer=node.layer, hint="use --target cpu")
            raise SpecError([model.loaded.locate(found)])


def _refuse(model: Model, problems: list[Problem]) -> None:
    if problems:
        raise SpecError(model.loaded.locate(problem.at()) for problem in problems)


def _tuned(graph: Graph, executor: Executor, fast: bool, tuned: Tuned) -> tuple[Plan, Executor]:
    """The plan after measuring, and what runs it."""
    from speccompiler.kernels.cpu.runtime.executor import CpuExecutor

    assert isinstance(executor, CpuExecutor), "only the CPU has something to measure"
    measure_cuts(executor)
    plan = make_plan(
        graph, cpu_kernels, fast=fast, batch=tuned.batch, threads=tuned.threads, tuned=tuned
    )
    return plan, executor.with_plan(plan)


def _check_devices(target: str, file: str) -> None:
    """Say first that there is no GPU: nothing else matters then."""
    try:
        open_devices(target)
    except Problem as problem:
        raise SpecError([problem.at(file=file)]) from None


def _tune_tiles(executor: Executor) -> None:
    from speccompiler.kernels.cuda.runtime.executor import CudaExecutor
    from speccompiler.kernels.cuda.runtime.tuning import tune as measure_tiles

    assert isinstance(executor, CudaExecutor), "only a GPU has tiles to measure"
    measure_tiles(executor)


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
        if (count := weights.non_finite[weight.name])
    ]


def _cpu(
    graph: Graph,
    plan: Plan,
    weights: Mapping[Weight, Any],
    batch_size: int,
    threads: int,
    target: str,
) -> Executor:
    from speccompiler.kernels.cpu.runtime.executor import CpuExecutor

    return CpuExecutor(plan, weights, batch_size, threads)


def _cuda(
    graph: Graph,
    plan: Plan,
    weights: Mapping[Weight, Any],
    batch_size: int,
    threads: int,
    target: str,
) -> Executor:
    from speccompiler.kernels.cuda.runtime.executor import CudaExecutor
    from speccompiler.kernels.cuda.runtime.tuning import remembered

    devices = open_devices(target)
    return CudaExecutor(plan, weights, batch_size, devices, remembered(devices[0]))


def _reference(
    graph: Graph,
    plan: Plan,
    weights: Mapping[Weight, Any],
    batch_size: int,
    threads: int,
    target: str,
) -> Executor:
    return ReferenceExecutor(graph, weights)


_EXECUTORS: Mapping[str, Callable[..., Executor]] = {"cpu": _cpu, "reference": _reference}
"""By target; ``cuda`` and ``cuda:N`` are told apart by ``is_cuda``."""
