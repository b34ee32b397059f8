"""Arguments that have to suit the shape of a tensor: initialisers, regularisers, constraints.

A native spec with one that does not is refused. In a Keras file it is passed over with a note,
because only training would have used it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.ir import Weight
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.constraint_axes import check_axes
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.initializer import ScaledInitializer
from speccompiler.schemas.training import Unknown

if TYPE_CHECKING:
    from speccompiler.schemas.constraint import ConstraintObject


def check_kernel_arguments(b: Builder, layer: Layer, *tensors: Weight | None) -> None:
    """CS091 for init, CS092 for a constraint's axis, CS093 for a regulariser.

    Those of a Keras file are kept in ``b.unknown``. None stands for a bias that there is not.
    """
    for problem in _misfits(layer, filter(None, tensors)):
        if b.unknown is None:
            raise problem
        argument = str(problem.argument)
        found = f"'{argument}': {problem.message}"
        b.unknown.setdefault((b.layer, argument), Unknown(found, found))


def _misfits(layer: Layer, tensors: Iterable[Weight]) -> Iterator[Problem]:
    for tensor in tensors:
        about = layer.stored[tensor.tensor]
        shape = tensor.stored_shape
        if about.init is not None:
            yield from _init(about.init, getattr(layer.inner, about.init), tensor)
        if about.regularizer is not None and len(shape) != 2:
            found = f"{tensor.tensor} has shape {shape}"
            found = f"{tensor.tensor} is a vector" if len(shape) == 1 else found
            yield from _regularizer(layer, about.regularizer, found)
        if about.constraint is not None:
            given = getattr(layer.inner, about.constraint)
            yield from _constraint(about.constraint, given, shape)
    yield from _regularizer(layer, "activity_regularizer", "the layer's output is none")


def _init(argument: str, init: object, tensor: Weight) -> Iterator[Problem]:
    name = init.name if isinstance(init, ScaledInitializer) else init
    shape = tensor.stored_shape
    if name == "identity" and (len(shape) != 2 or shape[0] != shape[1]):
        yield Problem(
            "CS091",
            f"'identity' needs a square matrix; {tensor.tensor} has shape {shape}",
            "use 'orthogonal' or 'glorot_uniform'",
            argument=argument,
        )


def _regularizer(layer: Layer, argument: str, found: str) -> Iterator[Problem]:
    given = getattr(layer.inner, argument, None)
    if given is None:
        return
    from speccompiler.schemas.regularizer import EigenvalueRegularizer

    if isinstance(given, EigenvalueRegularizer):
        yield Problem(
            "CS093",
            f"the eigenvalue regulariser needs a matrix; {found}",
            "use an l1 or l2 regulariser",
            argument=argument,
        )


def _constraint(
    argument: str, given: ConstraintObject | str | None, shape: tuple[int, ...]
) -> Iterator[Problem]:
    if given is None:
        return
    from speccompiler.schemas.constraint import constraint_object

    axis = getattr(constraint_object(given), "axis", None)
    if axis is None:
        return
    try:
        check_axes(axis, shape)
    except Problem as problem:
        yield Problem(problem.code, problem.message, problem.hint, argument=argument)
