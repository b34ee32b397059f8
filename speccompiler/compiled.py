"""A model ready to run: weights loaded, kernels bound, arrays checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from speccompiler.arrays.caller_arrays import (
    EXACT_DTYPES,
    FLOAT32,
    as_declared,
    can_be_written,
    check_output,
    outputs_for,
)
from speccompiler.compiling import (
    about_weights,
    checked_target,
    checked_weights,
    non_finite,
    planned,
)
from speccompiler.diagnostics.core import Diagnostic, Problem, SpecError, about, has_errors
from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Graph
from speccompiler.kernels.executor import Array, Executor, Request
from speccompiler.loading.argument_checks import check_counts, checked_tile
from speccompiler.options import CompileOptions, InputShapes
from speccompiler.planning.kernel_table import KernelTable
from speccompiler.planning.plan import Plan
from speccompiler.system.cached_value import cached_value
from speccompiler.tiling.tile_sizes import TileSizes
from speccompiler.validation.given_arrays import called, given_arrays
from speccompiler.validation.input_checks import (
    by_input,
    check_numbers,
    check_samples,
    looked_up,
)
from speccompiler.validation.validated import ValidatedModel
from speccompiler.weights import penalties as penalty

if TYPE_CHECKING:
    from speccompiler.carrying import Carrying
    from speccompiler.tiling.tiled_model import TiledModel

KEPT_TILINGS = 8
"""Sizes of tiles whose plans a model keeps."""

Inputs: TypeAlias = npt.ArrayLike | Mapping[str, npt.ArrayLike]
"""The array of the only input; of several a mapping by name, or a list in the model's order."""


@dataclass(frozen=True)
class CompiledModel:
    """Made by :meth:`Model.compile`. Safe to call from several threads.

    It pickles by its sources: the model and the options are compiled again where it is
    unpickled, and no weights travel.
    """

    model: ValidatedModel
    options: CompileOptions
    plan: Plan
    executor: Executor
    target: str
    batch_size: int
    threads: int
    diagnostics: tuple[Diagnostic, ...]
    """Constraint violations and other findings about the weights; no errors."""
    _penalties: Callable[[], tuple[penalty.Penalty, ...]]
    _of_weights: tuple[Diagnostic, ...]
    """The diagnostics that no input's shape changes."""

    def __repr__(self) -> str:
        return (
            f"<CompiledModel '{self.model.name}' for {self.target}: batches of "
            f"{self.batch_size}, {self.threads} threads>"
        )

    def __reduce__(self) -> tuple[Callable[..., CompiledModel], tuple[Any, ...]]:
        # Not tuned again there: what was measured is in the cache of this machine.
        return compile_bound, (self.model, replace(self.options, tune=False))

    @property
    def penalties(self) -> tuple[penalty.Penalty, ...]:
        """What the weights' regularisers add, after any projection; reads them when first asked.

        Raises ``SpecError``: CS075 for a regulariser that means nothing here.
        """
        self.model.refuse(penalty.unknown_effects(self.model.spec, "penalty"))
        return self._known_penalties

    @cached_value
    def _known_penalties(self) -> tuple[penalty.Penalty, ...]:
        try:
            return self._penalties()
        except Problem as problem:
            file = self.model.weights_file or self.model.file
            raise self.model.refused(problem, file) from None

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

        >>> plan = speccompiler.load("examples/specs/lenet.yaml").compile()
        >>> x = np.zeros((2, 28, 28, 1), np.float32)
        >>> y = plan.run(x)
        >>> y.shape, plan.run(x, out=y) is y
        ((2, 10), True)
        """
        if self.options.tile is not None:
            return self.run_tiled(x, out=out)
        count = self._own_outputs
        if count == 1:
            given = None if out is None else (out,)
            return self._run(x, given)[0]  # type: ignore[arg-type]  # checked there
        if out is not None and not (isinstance(out, list | tuple) and len(out) == count):
            message = f"'out' must be a list of {count} arrays"
            problem = Problem("CS117", message, "give one for each output, in their order")
            raise SpecError([problem.at(file="the array")])
        return self._run(x, out)[:count]

    def tiled(self, tile: TileSizes | None = None) -> TiledModel:
        """This model as a runner of tiles; ``tile`` as :meth:`run_tiled` takes it.

        Raises ``SpecError``: CS130 where there is too little memory, CS180 for a layer that no
        tile can compute, CS181 and CS182 for sizes that mean nothing.
        """
        from speccompiler.lowering.states import check_any_order
        from speccompiler.tiling.tiled_model import tiled_model

        options = self.options
        try:
            check_any_order(self.model.spec, "a run in tiles")
            sizes = checked_tile(tile) if tile is not None else options.tile or "auto"
            found = self._tilings.get(sizes)
            if found is None:
                lowered, _ = self.model.tapped(options.input_shape, options.layers)
                found = self._tilings[sizes] = tiled_model(self, lowered, sizes)  # pyright: ignore[reportArgumentType]
        except Problem as problem:
            raise self.model.refused(problem) from None
        made: list[TileSizes] = list(self._tilings)
        for old in made[:-KEPT_TILINGS]:
            self._tilings.pop(old, None)
        return found

    @cached_value
    def _tilings(self) -> dict[TileSizes, TiledModel]:
        """Runners of tiles by what was asked for, those that were made last."""
        return {}

    def run_tiled(self, x: Any, tile: TileSizes | None = None, out: Any = None) -> Any:
        """The model's output, computed tile by tile: the same bits as ``run``, in less memory.

        ``x`` is anything with a ``shape`` and slices, such as a Zarr or an HDF5 array, a memmap
        or a Dask array, of which a tile's part is read at a time; of several inputs a mapping or
        a list. ``tile`` counts positions of the first input along its spatial axes: one size for
        each, one for all, or ``"auto"`` for the largest tiles that fit into memory; by default
        what the model was compiled with, else ``"auto"``. ``out`` is an array, or a list of
        several, that parts can be written to. Raises ``SpecError``; see :meth:`tiled`.

        >>> model = speccompiler.load("examples/specs/fcn_upsampling.yaml")
        >>> plan = model.compile(input_shape=(96, 64, 3))
        >>> x = np.random.default_rng(0).random((1, 96, 64, 3), np.float32)
        >>> np.array_equal(plan.run_tiled(x, tile=(64, 32)), plan.run(x))
        True
        """
        found = self._run_tiled(x, tile, out, self._own_outputs)
        return found[0] if self._own_outputs == 1 else found

    def _run_tiled(self, x: Any, tile: TileSizes | None, out: Any, count: int | None) -> list[Any]:
        """The first ``count`` outputs, or all."""
        return self.tiled(tile).run(self._arrays(x), out, count)

    def run_all(self, x: Inputs) -> dict[str, Array]:
        """Every output by its layer's name.

        >>> plan = speccompiler.load("examples/specs/lenet.yaml").compile(layers=["s4"])
        >>> {name: y.shape for name, y in plan.run_all(np.zeros((2, 28, 28, 1))).items()}
        {'digit': (2, 10), 's4': (2, 5, 5, 16)}
        """
        tiled = self.options.tile is not None
        outputs = self._run_tiled(x, None, None, None) if tiled else self._run(x, None)
        return dict(zip(self.output_names, outputs, strict=True))

    def run_stateful(
        self, x: Inputs, state: Mapping[str, npt.ArrayLike] | None = None
    ) -> tuple[Any, dict[str, Array]]:
        """The output of a stateful model, as ``run`` gives it, and the state behind it.

        ``state`` is what an earlier call returned; without one every layer begins with zeros, as
        after ``reset_states`` of Keras. It maps ``layer/h``, and ``layer/c`` of an LSTM, to arrays
        of shape (samples, units): row n belongs to sample n. More samples than a batch has are
        batches in order, each of which goes on with the state of the one before. Raises
        ``SpecError``: CS212 for samples that make no whole batches, CS213 for a model without a
        state to carry, CS214 for a state of another model.

        >>> text = '''{"convspec": 1, "input_shape": [2, 3], "seed": 0, "layers": [
        ...     {"type": "GRU", "name": "gru", "output_dim": 4, "stateful": true}]}'''
        >>> plan = speccompiler.loads(text).compile()
        >>> x = np.ones((5, 2, 3), np.float32)
        >>> y, state = plan.run_stateful(x)
        >>> {name: array.shape for name, array in state.items()}
        {'gru/h': (5, 4)}
        >>> y, state = plan.run_stateful(x, state)
        """
        from speccompiler.carrying import run_carried

        made = self.carrying
        outputs, kept = run_carried(made, self._arrays(x), state)
        own = outputs[: self._own_outputs]
        return own[0] if len(own) == 1 else own, kept

    @cached_value
    def carrying(self) -> Carrying:
        """The plan whose states are given and returned. Raises ``SpecError``: CS213."""
        from speccompiler.carrying import carrying

        return carrying(self)

    @cached_value
    def _fixed_batch(self) -> int | None:
        """The samples of a batch, where states are carried from one to the next."""
        from speccompiler.lowering.states import fixed_batch

        return fixed_batch(self.model.spec)

    def _run(self, x: Any, out: Sequence[Array] | None) -> list[Array]:
        given = (x,) if type(x) is np.ndarray and len(self._wanted) == 1 else self._arrays(x)
        if self._fixed_batch is not None and np.shape(given[0])[:1] > (self._fixed_batch,):
            from speccompiler.carrying import run_carried

            return run_carried(self.carrying, given, None, out)[0]
        if self._run_as_they_are(given):
            shapes = self.output_shapes(given[0].shape[0])
            if out is None or can_be_written(out, shapes, given):
                outputs = outputs_for(shapes, out)
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

    @cached_value
    def looked_up(self) -> Mapping[str, tuple[str, int]]:
        """Inputs that hold numbers of rows of an embedding; see ``input_checks.looked_up``."""
        return looked_up(self.plan.graph)

    @cached_value
    def _own_outputs(self) -> int:
        """How many of the outputs are the model's; the rest are layers asked for."""
        return len(self.model.output_names)

    @cached_value
    def _wanted(self) -> tuple[tuple[tuple[int, ...], bool], ...]:
        """For each input a sample's shape, and whether any float32 may go in as it is."""
        entries = self.model.spec.inputs
        return tuple(
            (shape, entry.dtype in EXACT_DTYPES and not self.looked_up)
            for (_, shape), entry in zip(self.plan.inputs, entries, strict=True)
        )

    def _run_as_they_are(self, given: Sequence[Any]) -> bool:
        """Whether the arrays can go in unchanged. Small models take less time than full checks."""
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
        """Check the arrays, convert them, and run them batch by batch."""
        names = called(self.input_names)
        sources = given_arrays(given, names, self.plan.graph.inputs, out)
        with about(names[0]):
            samples = [source.samples for source in sources]
            check_samples(dict(zip(self.input_names, samples, strict=True)))
            shapes = self.output_shapes(sources[0].samples)
            for y, shape in zip(out or (), shapes, strict=False):
                check_output(y, shape)
            outputs = outputs_for(shapes, out)
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
        """Run a batch of each input, as ``ArrayInput.batches`` yields it, into ``outputs``."""
        self.executor.run_batch(self.converted(batches), outputs, profile)

    def converted(self, batches: Sequence[Array]) -> list[Array]:
        """The batches as their inputs declare them. CS126 for numbers of no row."""
        entries = self.model.spec.inputs
        converted = [as_declared(b, e.dtype) for b, e in zip(batches, entries, strict=True)]
        for batch, name in zip(converted, self.input_names, strict=True):
            if name in self.looked_up:
                check_numbers(batch, *self.looked_up[name])
        return converted

    def for_graph(
        self, graph: Graph, batch_size: int, kernels: KernelTable | None = None
    ) -> Executor:
        """Runs another graph of this model: one with other lengths, or of a part of its values.

        ``graph`` is lowered, with what is wanted as its outputs; every length is known. Weights,
        machine code and memory are shared, and target, threads and math mode are the same.
        ``kernels`` chooses the kernels of its steps, where the target's own choice is not wanted.
        Raises ``SpecError``: CS130 where there is too little memory.
        """
        options = replace(self.options, batch_size=batch_size)
        return _another(self, graph, options, kernels)

    def for_shape(self, input_shape: InputShapes) -> CompiledModel:
        """This model for inputs of another shape, with everything shared that ``for_graph`` shares.

        Its outputs have the bits of a model that was compiled for that shape alone. Raises
        ``SpecError``.
        """
        options = replace(self.options, input_shape=input_shape)
        graph, warnings = self.model.tapped(input_shape, options.layers)
        executor = _another(self, graph, options)
        return replace(
            self,
            options=options,
            plan=executor.plan,
            executor=executor,
            batch_size=executor.batch_size,
            diagnostics=(*warnings, *self._of_weights),
        )


def _another(
    compiled: CompiledModel,
    graph: Graph,
    options: CompileOptions,
    kernels: KernelTable | None = None,
) -> Executor:
    """The executor of another graph of a model that is compiled."""
    one = planned(compiled.model, replace(options, threads=compiled.threads), graph, kernels)
    try:
        return one.tuned(compiled.executor.for_plan(graph, one.plan, one.batch_size))
    except Problem as problem:
        raise about_weights(compiled.model, problem) from None


def compile_bound(model: ValidatedModel, options: CompileOptions) -> CompiledModel:
    """Compile a model whose lengths are all known, by itself or by ``options.input_shape``."""
    checked_target(model, options)
    graph, warnings = model.tapped(options.input_shape, options.layers)
    compiled = compile_graph(model, options, graph, warnings)
    if options.tile is not None:
        # What cannot be run in tiles is said now.
        compiled.tiled()
    return compiled


def compile_graph(
    model: ValidatedModel,
    options: CompileOptions,
    graph: Graph,
    warnings: tuple[Diagnostic, ...] = (),
    kernels: KernelTable | None = None,
) -> CompiledModel:
    """Compile a graph of a model, as ``CompiledModel.for_graph`` takes it, with the weights.

    ``warnings`` are what is known of the graph.
    """
    try:
        check_counts(batch_size=options.batch_size, threads=options.threads)
    except Problem as problem:
        raise model.refused(problem) from None
    one = planned(model, options, graph, kernels)
    if has_errors(model.weight_sources.diagnostics):
        raise SpecError(model.weight_sources.diagnostics)
    try:
        checked = checked_weights(model, options)
        request = Request(
            options.target, graph, one.plan, checked.weights, one.batch_size, one.threads
        )
        executor = one.tuned(one.target.executor(request))
        found = (*checked.findings, *non_finite(model, checked.weights))
        checked.weights.release()
    except Problem as problem:
        raise about_weights(model, problem) from None
    return CompiledModel(
        model,
        options,
        executor.plan,
        executor,
        options.target,
        one.batch_size,
        one.threads,
        (*warnings, *found),
        checked.penalties,
        found,
    )
