"""Rescaling and Normalization (Keras 3.15 layers/preprocessing)."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Problem
from speccompiler.expressions.grammar import parse
from speccompiler.expressions.nodes import Binary, Call, Number, Parameter, Variable
from speccompiler.graph.dims import is_known
from speccompiler.graph.ir import Constant, Map, MapWith, Node, Operand
from speccompiler.graph.shapes import format_shape
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.input_axes import open_channels
from speccompiler.lowering.normalizing import beside
from speccompiler.lowering.sample_axes import sample_axes

if TYPE_CHECKING:
    from speccompiler.schemas.scaling import Normalization, Rescaling

ONE, OTHER = Parameter(0), Parameter(1)
SCALED = Binary("+", Binary("*", Variable(), ONE), OTHER)
DEVIATION = Call("max", (Call("sqrt", (OTHER,)), Number(1e-7)))
"""Keras's smallest divisor is its fuzz factor, 1e-7 unless keras.json has another."""
NORMALISED = Binary("/", Binary("-", Variable(), ONE), DEVIATION)
INVERTED = Binary("+", Binary("*", Variable(), DEVIATION), ONE)


def lower_rescaling(b: Builder, layer: Rescaling, x: Node) -> Node:
    """One factor and one number that is added, or one for each place of the last axis. CS237."""
    if len(layer.scale) == len(layer.offset) == 1:
        (scale,), (offset,) = layer.scale, layer.offset
        return b.add(Map(parse(f"x * ({scale!r}) + ({offset!r})")), x)
    last = (len(x.shape) - 1,)
    numbers = tuple(_given(b, x, last, n, name) for n, name in (
        (layer.scale, "scale"), (layer.offset, "offset"),
    ))  # fmt: skip
    return b.add(MapWith(SCALED, numbers), x)


def lower_normalization(b: Builder, layer: Normalization, x: Node) -> Node:
    """A mean and a variance of each place along the axes, given or stored. CS068, CS237."""
    named = () if layer.axis is None else sample_axes(layer.axis, x)
    axes = tuple(sorted(named))
    if (layer.mean is None) != (layer.variance is None):
        raise Problem(
            "CS237",
            "mean and variance are given both or neither",
            "without them both are stored as weights",
            argument="mean" if layer.mean is not None else "variance",
        )
    statistics: tuple[Operand, ...]
    if layer.mean is not None and layer.variance is not None:
        statistics = (
            _given(b, x, axes, layer.mean, "mean"),
            _given(b, x, axes, layer.variance, "variance"),
        )
    else:
        shape = _parameter_shape(layer, x, axes)
        stored = tuple(shape[axis] for axis in axes)
        statistics = tuple(beside(b, name, stored, shape) for name in ("mean", "variance"))
    return b.add(MapWith(INVERTED if layer.invert else NORMALISED, statistics), x)


def _parameter_shape(layer: Normalization, x: Node, axes: tuple[int, ...]) -> tuple[int, ...]:
    shape = []
    for axis, length in enumerate(x.shape):
        if axis in axes and not is_known(length):
            raise open_channels(layer, length)
        shape.append(length if axis in axes and is_known(length) else 1)
    return tuple(shape)


def _given(
    b: Builder, x: Node, axes: tuple[int, ...], numbers: tuple[float, ...], argument: str
) -> Constant:
    """Numbers for the places of some axes, or one for all; CS237 where there are others."""
    rank = len(x.shape)
    if len(numbers) == 1:
        return Constant(b.layer, numbers, (1,) * rank)
    lengths = [x.shape[axis] for axis in axes]
    known = [n for n in lengths if is_known(n)]
    if len(known) < len(lengths) or prod(known) != len(numbers):
        raise Problem(
            "CS237",
            f"'{argument}' has {len(numbers)} numbers, and the axes that it stands beside have "
            f"lengths {format_shape(tuple(lengths))}",
            "give one number for all, or one for each place",
            argument=argument,
        )
    at = dict(zip(axes, known, strict=True))
    return Constant(b.layer, numbers, tuple(at.get(axis, 1) for axis in range(rank)))
