"""What a layer that does not fit its input is told, beyond what its own rule says.

A layer may declare its input again, and not as it is (CS037). A shape that does not fit is told
with the shape that came in, and where the other dim_ordering or the other order of two axes would
fit, that is the hint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import shape_as_written as format_declared
from speccompiler.graph.ir import Input, Node
from speccompiler.graph.shapes import format_shape
from speccompiler.loading.inputs import agree, declared_shapes
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.input_axes import swapped
from speccompiler.schemas.fields import Layer

if TYPE_CHECKING:
    from speccompiler.diagnostics.remedies import Remedy

_OF_VECTORS = {"Dense", "Highway", "MaxoutDense"}
"""Layers whose ``input_dim`` is the length of the last axis."""


def contradiction(layer: Layer, x: Node) -> Problem | None:
    """CS037 for a layer that declares its input, as nested models do, and not as it is."""
    for argument, shape in declared_shapes(layer).items():
        if not agree(shape, _known(x)):
            return Problem(
                "CS037",
                f"'{argument}' says {format_declared(shape)}, but the input has shape "
                f"{format_shape(x.shape)}",
                "drop it: only the first layer needs it",
                argument=argument,
                remedy=_taken_out(),
            )
    said = getattr(layer, "input_dim", None) if layer.class_name in _OF_VECTORS else None
    if said is not None and (known := _known(x))[-1] and said != known[-1]:
        return Problem(
            "CS037",
            f"'input_dim' says {said}, but the last axis of the input "
            f"{format_shape(x.shape)} is {known[-1]} long",
            "drop it: the shape of the input is known without it",
            argument="input_dim",
            remedy=_taken_out(),
        )
    return None


def _taken_out() -> Remedy:
    from speccompiler.diagnostics.remedies import Remedy, Remove

    return Remedy(Remove(), safe=False)


def _known(x: Node) -> tuple[int | None, ...]:
    """The shape of a value, None for what is open."""
    return tuple(d if isinstance(d, int) else None for d in x.shape)


def explained(b: Builder, problem: Problem, layer: Layer, x: Node) -> Problem:
    """CS044 and CS045 with the shape that came in, and with a better hint where there is one."""
    if problem.code == "CS045":
        hint = _reordered(b, layer, x) or problem.hint
        return Problem(problem.code, problem.message, hint, argument=problem.argument)
    if problem.code != "CS044":
        return problem
    message = f"{problem.message}; the layer's input is {format_shape(x.shape)}"
    hint = _reordered(b, layer, x)
    if hint is None and getattr(layer, "dim_ordering", None) is None:
        hint = _turned(b, layer, x)
    if hint is None:
        hint = problem.hint or "use a smaller window, border_mode 'same', or a larger input"
    return Problem(problem.code, message, hint)


def _reordered(b: Builder, layer: Layer, x: Node) -> str | None:
    """The hint that a layer would fit in the other ordering; None where it would not.

    It tells the output's shape, unless lengths are open, whose names belong to this ordering.
    """
    ordering = getattr(layer, "dim_ordering", None)
    if ordering not in {"th", "tf"}:
        return None
    other = swapped(ordering)
    trial = Builder(b.semantics, b.rules, nodes=[x])
    try:
        fits = trial.lower(layer.model_copy(update={"dim_ordering": other}), x)
    except Problem:
        return None
    known = all(isinstance(d, int) for d in fits.shape)
    giving = f" and give {format_shape(fits.shape)}" if known else ""
    return f"dim_ordering is '{ordering}'; with '{other}' it would fit{giving}"


def _turned(b: Builder, layer: Layer, x: Node) -> str | None:
    """The hint that a layer over steps would fit if its input's two axes were exchanged."""
    if len(x.shape) != 2 or layer.class_name == "TimeDistributed":
        return None
    turned = Node(x.name, Input(x.shape[::-1]), (), x.shape[::-1], x.layer)
    try:
        fits = Builder(b.semantics, b.rules, nodes=[turned]).lower(layer, turned)
    except Problem:
        return None
    sizes = ", ".join("null" if not isinstance(d, int) else str(d) for d in turned.shape)
    way = f"write input_shape: [{sizes}]"
    if not isinstance(x.op, Input) and x.inputs:
        way = "a Permute with dims [2, 1] before it turns them"
    return f"steps come first, then channels: {way}, which would give {format_shape(fits.shape)}"
