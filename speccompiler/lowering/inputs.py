"""The shapes of the inputs that a spec declares, with a named symbol for each open length."""

from __future__ import annotations

from collections.abc import Sequence

from speccompiler.graph.dims import symbol
from speccompiler.graph.ir import Shape
from speccompiler.loading.dim_orderings import ordering_of
from speccompiler.schemas.model import ModelSpec

SYMBOLS = {1: ("T",), 2: ("H", "W"), 3: ("D", "H", "W")}
"""What open lengths are called, by the number of spatial axes."""


def declared_inputs(spec: ModelSpec) -> tuple[Shape, ...]:
    """The shape of one sample of each input."""
    if spec.onnx is not None:
        from speccompiler.lowering.onnx.lower import input_shapes

        return input_shapes(spec)
    ordering = _first_ordering(spec)
    several = sum(None in given.shape for given in spec.inputs) > 1
    over_steps = {layer.name for layer in spec.layers if layer.class_name == "TimeDistributed"}
    by_step = {call.name for call in spec.calls if call.layer in over_steps}
    by_step |= {name for call in spec.calls if call.layer in over_steps for name in call.inputs}
    shapes = []
    for number, given in enumerate(spec.inputs, start=1):
        count = number if several else None
        if given.name in by_step and len(given.shape) > 2:
            # Where a step has steps of its own, T is their number, and S that of the outer ones.
            name = "S" if len(given.shape) == 3 else "T"
            steps = _named((name,), given.shape[:1], count)
            shapes.append((*steps, *input_dims(given.shape[1:], ordering, count)))
        else:
            shapes.append(input_dims(given.shape, ordering, count))
    return tuple(shapes)


def input_dims(shape: tuple[int | None, ...], ordering: str, number: int | None = None) -> Shape:
    """The shape of one input. ``number`` tells its symbols from those of other inputs."""
    rank = len(shape) - 1
    names = SYMBOLS.get(rank, tuple(f"N{i + 1}" for i in range(rank)))
    order = ("C", *names) if ordering == "th" and rank > 1 else (*names, "C")
    return _named(order, shape, number)


def _named(names: Sequence[str], shape: Sequence[int | None], number: int | None) -> Shape:
    suffix = "" if number is None else f"_{number}"
    return tuple(
        symbol(name + suffix) if length is None else length
        for name, length in zip(names, shape, strict=True)
    )


def _first_ordering(spec: ModelSpec) -> str:
    """The ordering by which open axes are named: the first layer's that has one, or the model's."""
    said = (ordering_of(layer) for layer in spec.layers)
    return next((o for o in said if o is not None), spec.dim_ordering or "tf")
