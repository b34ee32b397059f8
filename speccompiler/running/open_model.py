"""A compiled model whose input lengths are open: bound by the arrays of each run.

``compile_model`` decides whether a model is compiled as one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from speccompiler.compiled import CompiledModel, checked_target, compile_bound
from speccompiler.diagnostics.core import Diagnostic, Problem, SpecError, has_errors
from speccompiler.kernels.executor import Array
from speccompiler.options import CompileOptions
from speccompiler.validation.input_checks import by_input
from speccompiler.validation.validated import ValidatedModel

MOST_KEPT = 8
"""Shapes whose plans are kept; the one that was not used for longest is dropped."""

_Shapes = tuple[tuple[int, ...], ...]


class OpenModel(CompiledModel):
    """Compiles for the shapes of the arrays that come, and keeps what it compiled.

    What only a known shape can tell (``plan``, ``executor``, ``batch_size``,
    ``output_shapes``) raises CS052; ``bound_to(x)`` is the compiled model that tells it.
    """

    def __init__(self, model: ValidatedModel, options: CompileOptions) -> None:
        """Raise what no shape would change: target, unknown layers, semantics, weights."""
        checked_target(model, options)
        model.check_layers(options.layers)
        model.check_semantics()
        if has_errors(model.weight_sources.diagnostics):
            raise SpecError(model.weight_sources.diagnostics)
        given = {"model": model, "options": options, "target": options.target}
        given |= {"diagnostics": (), "_kept": OrderedDict(), "_lock": threading.Lock()}
        for name, value in given.items():
            object.__setattr__(self, name, value)

    _kept: OrderedDict[_Shapes, CompiledModel]
    _lock: threading.Lock

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

    def bound_to(self, x: Any) -> CompiledModel:
        """The model compiled for arrays of these shapes; compiles it where it is new."""
        names = self.model.input_names
        try:
            arrays = by_input(x, names, "array")
        except Problem as problem:
            raise SpecError([problem.at(file="the array")]) from None
        shapes = tuple(tuple(np.shape(arrays[name])[1:]) for name in names)
        with self._lock:
            found = self._kept.get(shapes)
            if found is None:
                options = replace(self.options, input_shape=dict(zip(names, shapes, strict=True)))
                found = self._kept[shapes] = compile_bound(self.model, options)
                if len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(shapes)
        return found

    def run(self, x: Any, out: Any = None) -> Any:
        """See :meth:`CompiledModel.run`."""
        return self.bound_to(x).run(x, out)

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


def compile_model(model: ValidatedModel, options: CompileOptions) -> CompiledModel:
    """Compile now, or for the arrays of each run where neither says every length."""
    if options.input_shape is None and model.has_open_lengths:
        return OpenModel(model, options)
    return compile_bound(model, options)
