"""Arguments that only the shapes of W and b can judge: init, regularisers, constraints.

Keras raises for these when it builds the layer; a spec that has them can mean nothing.
"""

from __future__ import annotations

from speccompiler.constraint_axes import check_axes
from speccompiler.diagnostics import Problem
from speccompiler.ir import Weight
from speccompiler.schemas.constraint import constraint_object
from speccompiler.schemas.initializer import ScaledInitializer
from speccompiler.schemas.kernel import KernelLayer
from speccompiler.schemas.regularizer import EigenvalueRegularizer


def check_kernel_arguments(layer: KernelLayer, weight: Weight, bias: Weight | None) -> None:
    """CS091 for init, CS092 for a constraint's axis, CS093 for a regulariser."""
    shape = weight.stored_shape
    init = layer.init.name if isinstance(layer.init, ScaledInitializer) else layer.init
    if init == "identity" and (len(shape) != 2 or shape[0] != shape[1]):
        raise Problem(
            "CS091",
            f"'identity' needs a square matrix; W has shape {shape}",
            "use 'orthogonal' or 'glorot_uniform'",
            argument="init",
        )
    not_matrices = {
        "W_regularizer": f"W has shape {shape}" if len(shape) != 2 else None,
        "b_regularizer": "b is a vector",
        "activity_regularizer": "the layer's output is none",
    }
    for argument, found in not_matrices.items():
        if found and isinstance(getattr(layer, argument), EigenvalueRegularizer):
            raise Problem(
                "CS093",
                f"the eigenvalue regulariser needs a matrix; {found}",
                "use an l1 or l2 regulariser",
                argument=argument,
            )
    constrained = {"W_constraint": weight, "b_constraint": bias}
    for argument, tensor in constrained.items():
        given = getattr(layer, argument)
        axis = None if given is None else getattr(constraint_object(given), "axis", None)
        if axis is None or tensor is None:
            continue
        try:
            check_axes(axis, tensor.stored_shape)
        except Problem as problem:
            raise Problem(problem.code, problem.message, problem.hint, argument=argument) from None
