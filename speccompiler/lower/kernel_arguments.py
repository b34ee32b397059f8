"""Arguments that only a tensor's shape can judge: initialisers, regularisers, constraints.

Keras raises for these when it builds the layer; a spec that has them can mean nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from speccompiler.constraint_axes import check_axes
from speccompiler.diagnostics import Problem
from speccompiler.ir import Weight
from speccompiler.schemas.constraint import constraint_object
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.initializer import ScaledInitializer
from speccompiler.schemas.regularizer import EigenvalueRegularizer


def check_kernel_arguments(layer: Layer, tensors: Iterable[Weight]) -> None:
    """CS091 for init, CS092 for a constraint's axis, CS093 for a regulariser."""
    for tensor in tensors:
        about = layer.tensors[tensor.tensor]
        if about.init is not None:
            _check_init(about.init, getattr(layer, about.init), tensor)
        shape = tensor.stored_shape
        if about.regularizer is not None and len(shape) != 2:
            found = f"{tensor.tensor} has shape {shape}"
            found = f"{tensor.tensor} is a vector" if len(shape) == 1 else found
            _check_regularizer(layer, about.regularizer, found)
        if about.constraint is not None:
            _check_constraint(about.constraint, getattr(layer, about.constraint), shape)
    _check_regularizer(layer, "activity_regularizer", "the layer's output is none")


def _check_init(argument: str, init: object, tensor: Weight) -> None:
    name = init.name if isinstance(init, ScaledInitializer) else init
    shape = tensor.stored_shape
    if name == "identity" and (len(shape) != 2 or shape[0] != shape[1]):
        raise Problem(
            "CS091",
            f"'identity' needs a square matrix; {tensor.tensor} has shape {shape}",
            "use 'orthogonal' or 'glorot_uniform'",
            argument=argument,
        )


def _check_regularizer(layer: Layer, argument: str, found: str) -> None:
    if isinstance(getattr(layer, argument, None), EigenvalueRegularizer):
        raise Problem(
            "CS093",
            f"the eigenvalue regulariser needs a matrix; {found}",
            "use an l1 or l2 regulariser",
            argument=argument,
        )


def _check_constraint(argument: str, given: object, shape: tuple[int, ...]) -> None:
    axis = None if given is None else getattr(constraint_object(given), "axis", None)  # type: ignore[arg-type]
    if axis is None:
        return
    try:
        check_axes(axis, shape)
    except Problem as problem:
        raise Problem(problem.code, problem.message, problem.hint, argument=argument) from None
