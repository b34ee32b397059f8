"""BatchNormalization in its three modes (Keras 1.2.2 layers/normalization.py)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Problem
from speccompiler.expressions.nodes import Binary, Call, Expression, Number, Parameter, Variable
from speccompiler.graph.dims import is_known, known_shape
from speccompiler.graph.ir import BatchNormalize, MapWith, Node, Normalize, Transpose, Weight
from speccompiler.graph.shapes import format_shape
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.input_axes import known_channels, open_channels
from speccompiler.schemas.model import RunningStd
from speccompiler.schemas.normalization import BatchNormalization

if TYPE_CHECKING:
    from speccompiler.schemas.normalizing import Scaled

    _Scaling = BatchNormalization | Scaled

STATISTICS = ("running_mean", "running_std")


def lower_batch_normalization(b: Builder, layer: BatchNormalization, x: Node) -> Node:
    """The normalised axis goes last, is normalised and scaled, and goes back.

    Mode 1 scales along the last axis, whichever it normalises. CS056, CS057.
    """
    if layer.axis is None and len(x.shape) > 1:
        return _by_value(b, layer, x)
    axis = _channel_axis(-1 if layer.axis is None else layer.axis, x)
    channels = known_channels(b, layer, x, axis)
    ones = (1,) * (len(x.shape) - 1)
    scaling, running = (
        tuple(Weight(b.layer, name, (channels,), (0,), (*ones, channels)) for name in names)
        for names in (scaling_of(layer), STATISTICS)
    )
    rest = [i for i in range(len(x.shape)) if i != axis]
    last = (*rest, axis)
    back = tuple(map(last.index, range(len(last))))
    if layer.mode == 1:
        length = x.shape[-1]  # pyright: ignore
        if length != channels:
            raise Problem(
                "CS057",
                f"mode 1 scales the last axis, of length {length}, with the {channels} values "
                "of its axis",
                "Keras 1.x fails here too; normalise along the last axis",
                argument="axis",
            )
        op = Normalize(layer.epsilon, layer.epsilon, running)
        return scaled(b, layer, _transposed(b, back, b.add(op, _transposed(b, last, x))), scaling)
    y = _transposed(b, last, x)
    if layer.mode == 0:
        y = _by_running(b, layer, y, scaling, running)
    else:
        b.warn(
            "CS056",
            "mode 2 normalises by the mean and variance of the batch it is given, so that its "
            "numbers depend on how samples are split into batches",
            "a batch has 32 samples, as Keras's predict takes them, unless --batch-size says more",
        )
        y = b.add(BatchNormalize(layer.epsilon, running), y)
        y = scaled(b, layer, y, scaling)
    return _transposed(b, back, y)


def _transposed(b: Builder, axes: tuple[int, ...], x: Node) -> Node:
    """``x`` itself where its axes stay where they are."""
    return x if axes == tuple(range(len(axes))) else b.add(Transpose(axes), x)


def _by_value(b: Builder, layer: BatchNormalization, x: Node) -> Node:
    """Without an axis gamma, beta and the statistics have a sample's shape (Keras 0.1 to 0.3.1).

    Mode 1 takes the mean along the last axis, and adds epsilon to the deviation only.
    """
    if layer.mode == 2:
        raise Problem(
            "CS057",
            "mode 2 normalises by channels, and needs their axis",
            "say axis: -1 or 1",
            argument="axis",
        )
    for length in x.shape:
        if not is_known(length):
            raise open_channels(layer, length)
    shape = known_shape(x.shape)
    axes = tuple(range(len(shape)))
    scaling, running = (
        tuple(Weight(b.layer, name, shape, axes, shape) for name in names)
        for names in (scaling_of(layer), STATISTICS)
    )
    if layer.mode == 0:
        return _by_running(b, layer, x, scaling, running)
    return scaled(b, layer, b.add(Normalize(0.0, layer.epsilon, running), x), scaling)


def _channel_axis(given: int, x: Node) -> int:
    """The axis of a sample that the argument ``axis`` names, counting the batch axis. CS057."""
    rank = len(x.shape) + 1
    axis = given + rank if given < 0 else given
    if not 0 < axis < rank:
        raise Problem(
            "CS057",
            f"axis {given} is none of a sample of shape {format_shape(x.shape)}",
            f"axes are 1 to {rank - 1}, or -1 for the last; 0 is the batch",
            argument="axis",
        )
    return axis - 1


def scaling_of(layer: _Scaling) -> tuple[str, ...]:
    """The names of the tensors that scale and shift: gamma and beta, if the layer has them."""
    return (*(["gamma"] if layer.scale else []), *(["beta"] if layer.center else []))


def scaled(b: Builder, layer: _Scaling, y: Node, scaling: tuple[Weight, ...]) -> Node:
    """``y * gamma + beta``, of which the layer may have either or none."""
    return (
        b.add(MapWith(_scaled(Variable(), layer.scale, layer.center), scaling), y) if scaling else y
    )


def _scaled(x: Expression, scale: bool, center: bool) -> Expression:
    if scale:
        x = Binary("*", x, Parameter(0))
    return Binary("+", x, Parameter(int(scale))) if center else x


def _by_running(
    b: Builder,
    layer: BatchNormalization,
    x: Node,
    scaling: tuple[Weight, ...],
    running: tuple[Weight, ...],
) -> Node:
    formula = _formula(b.semantics.running_std, layer.epsilon, layer.scale, layer.center)
    return b.add(MapWith(formula, (*scaling, *running)), x)


@cache
def _formula(stored: RunningStd, epsilon: float, scale: bool, center: bool) -> Expression:
    """``(x - mean) / deviation * gamma + beta``, where ``stored`` says what running_std holds."""
    mean, std = Parameter(scale + center), Parameter(scale + center + 1)
    added = Number(epsilon)
    deviation: Expression
    match stored:
        case "variance":
            deviation = Call("sqrt", (Binary("+", std, added),))
        case "root_variance":
            deviation = Binary("+", Call("sqrt", (std,)), added)
        case "deviation":
            deviation = Binary("+", std, added)
    return _scaled(Binary("/", Binary("-", Variable(), mean), deviation), scale, center)
