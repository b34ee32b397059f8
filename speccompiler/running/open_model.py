"""A compiled model whose input lengths are open: bound by the arrays of each run.

``compile_model`` decides whether a model is compiled as one.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from speccompiler.compiled import CompiledModel, Inputs, compile_bound, compile_graph
from speccompiler.compiling import checked_target
from speccompiler.diagnostics.core import Diagnostic, Problem, SpecError, has_errors
from speccompiler.graph.ir import Graph
from speccompiler.kernels.executor import Array, Executor
from speccompiler.loading.argument_checks import checked_tile
from speccompiler.options import CompileOptions
from speccompiler.planning.kernel_table import KernelTable
from speccompiler.system.fork_lock import ForkLock
from speccompiler.tiling.tile_sizes import TileSizes
from speccompiler.validation.input_checks import by_input
from speccompiler.validation.validated import ValidatedModel

KEPT_BYTES = 128 << 20
"""Bytes of plans that are kept; those that were not used for longest are dropped."""
TILE_PLANS = 30
"""Plans that a model in tiles is reckoned to have: 27 kinds of tiles in a volume, and its own."""
LEAST_KEPT = 8
"""Plans that are kept whatever they take."""

_Shapes = tuple[tuple[int, ...], ...]
_Key = tuple[_Shapes, bool]
"""Shapes, and whether they are those of what is run in tiles."""


class OpenModel(CompiledModel):
    """Runs arrays of any length: compiled once, planned for each new shape, which takes little.

    Weights, machine code and the memory of runs are those of all shapes together. What only a
    known shape can tell (``plan``, ``executor``, ``batch_size``, ``output_shapes``) raises CS052;
    ``bound_to(x)`` is the compiled model that tells it.
    """

    def __init__(self, model: ValidatedModel, options: CompileOptions) -> None:
        """Raise what no shape would change: target, unknown layers, semantics, weights."""
        checked_target(model, options)
        model.check_layers(options.layers)
        model.check_semantics()
        if has_errors(model.weight_sources.diagnostics):
            raise SpecError(model.weight_sources.diagnostics)
        given = {"model": model, "options": options, "target": options.target}
        given |= {"diagnostics": (), "_kept": _Kept(), "_first": [], "_lock": ForkLock()}
        for name, value in given.items():
            object.__setattr__(self, name, value)

    _kept: _Kept
    _first: list[CompiledModel]
    """The first that was compiled, whose parts all others share."""
    _lock: ForkLock

    def __repr__(self) -> str:
        return f"<OpenModel '{self.model.name}' for {self.target}: {len(self._kept)} shapes so far>"

    def __reduce__(self) -> tuple[Callable[..., CompiledModel], tuple[Any, ...]]:
        return OpenModel, (self.model, replace(self.options, tune=False))

    def __getattr__(self, name: str) -> Any:
        # Only called for attributes that are missing, such as the fields that need a shape.
        if name.startswith("__") or name not in CompiledModel.__dataclass_fields__:
            raise AttributeError(f"'OpenModel' object has no attribute '{name}'")
        raise SpecError([self._open()])

    def _open(self) -> Diagnostic:
        finding = self.model.open_lengths()[0]
        return replace(
            finding, hint=f"compile(input_shape=..) or bound_to(x) give it one; {finding.hint}"
        )

    @property
    def output_names(self) -> tuple[str, ...]:
        """The model's outputs first, then each layer asked for."""
        return tuple(dict.fromkeys((*self.model.output_names, *self.options.layers)))

    def output_shapes(self, samples: int) -> tuple[tuple[int, ...], ...]:
        """Raises CS052: they depend on the lengths."""
        raise SpecError([self._open()])

    def bound_to(self, x: Inputs) -> CompiledModel:
        """The model for arrays of these shapes; planned where they are new."""
        names = self.model.input_names
        try:
            arrays = by_input(x, names, "array")
        except Problem as problem:
            raise SpecError([problem.at(file="the array")]) from None
        shapes = tuple(tuple(np.shape(arrays[name])[1:]) for name in names)
        return self._bound_to(shapes, self.options)

    def _bound_to(self, shapes: _Shapes, options: CompileOptions) -> CompiledModel:
        """The model for these shapes: in tiles too large for memory as a whole, if need be."""
        key = shapes, options.tile is not None
        found = self._kept.find(key)
        if found is None:
            given = dict(zip(self.model.input_names, shapes, strict=True))

            def compiled() -> CompiledModel:
                made = compile_bound(self.model, replace(options, input_shape=given))
                self._kept.keep(key, made)
                return made

            first = self._first_of(compiled)
            found = self._kept.find(key)
            if found is None:
                found = replace(first, options=options).for_shape(given)
                self._kept.keep(key, found)
        return found

    def run_tiled(self, x: Any, tile: TileSizes | None = None, out: Any = None) -> Any:
        """See :meth:`CompiledModel.run_tiled`."""
        names = self.model.input_names
        try:
            arrays = by_input(x, names, "array")
            shapes = tuple(tuple(np.shape(arrays[name])[1:]) for name in names)
            sizes = self.options.tile or "auto" if tile is None else checked_tile(tile)
        except Problem as problem:
            raise SpecError([problem.at(file="the array")]) from None
        # What is kept has the tiles of this model, if it has any: they are those of ``run``.
        options = self.options if self.options.tile else replace(self.options, tile=sizes)
        bound = self._bound_to(shapes, options)
        return bound.run_tiled(x, sizes, out)

    def for_graph(
        self, graph: Graph, batch_size: int, kernels: KernelTable | None = None
    ) -> Executor:
        """See :meth:`CompiledModel.for_graph`."""
        options = replace(self.options, batch_size=batch_size)
        first = self._first_of(lambda: compile_graph(self.model, options, graph, (), kernels))
        return first.for_graph(graph, batch_size, kernels)

    def _first_of(self, make: Callable[[], CompiledModel]) -> CompiledModel:
        """The first compiled model: what ``make`` gives, if there was none yet."""
        if not self._first:
            with self._lock.now:
                if not self._first:
                    made = replace(make(), options=self.options)
                    graphs = (self.model.graph, made.plan.graph)
                    target = checked_target(self.model, self.options)
                    target.prepare_any_length(graphs, self.options, made.threads)
                    self._first.append(made)
        return self._first[0]

    def run(self, x: Any, out: Any = None) -> Any:
        """See :meth:`CompiledModel.run`."""
        return self.bound_to(x).run(x, out)

    def run_stateful(
        self, x: Any, state: Mapping[str, Any] | None = None
    ) -> tuple[Any, dict[str, Array]]:
        """See :meth:`CompiledModel.run_stateful`; the steps of each call may be others."""
        return self.bound_to(x).run_stateful(x, state)

    def run_all(self, x: Any) -> dict[str, Array]:
        """See :meth:`CompiledModel.run_all`."""
        return self.bound_to(x).run_all(x)

    def run_batch(
        self,
        batches: Sequence[Array],
        outputs: Sequence[Array],
        profile: list[float] | None = None,
    ) -> None:
        """See :meth:`CompiledModel.run_batch`."""
        names = self.model.input_names
        bound = self.bound_to(dict(zip(names, batches, strict=True)))
        bound.run_batch(batches, outputs, profile)


class _Kept:
    """Compiled models by the shapes of their inputs, bounded by what they take."""

    def __init__(self) -> None:
        self._models: OrderedDict[_Key, CompiledModel] = OrderedDict()
        self._bytes = 0
        self._lock = ForkLock()

    def __len__(self) -> int:
        return len(self._models)

    def find(self, shapes: _Key) -> CompiledModel | None:
        """The model for these shapes, which is now the last to be dropped."""
        found = self._models.get(shapes)
        if found is not None:
            # Another thread may have dropped it.
            with contextlib.suppress(KeyError):
                self._models.move_to_end(shapes)
        return found

    def keep(self, shapes: _Key, model: CompiledModel) -> None:
        """Keep a model, and drop what was not used for longest where all take too much."""
        with self._lock.now:
            if shapes in self._models:
                return
            self._models[shapes] = model
            self._bytes += _taken(model)
            while self._bytes > KEPT_BYTES and len(self._models) > LEAST_KEPT:
                _, dropped = self._models.popitem(last=False)
                self._bytes -= _taken(dropped)


def _taken(model: CompiledModel) -> int:
    """Bytes that only this model takes; in tiles it has a plan for each kind of tile."""
    return model.executor.own_bytes * (1 if model.options.tile is None else TILE_PLANS)


def compile_model(model: ValidatedModel, options: CompileOptions) -> CompiledModel:
    """Compile now, or for the arrays of each run where neither says every length."""
    if options.input_shape is None and model.has_open_lengths:
        return OpenModel(model, options)
    return compile_bound(model, options)
