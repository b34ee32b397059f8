"""What becomes of each layer in the other dim_ordering: ``RULES``, by the layer's class.

Each value of the model is followed. It is the same as before, or its channel axis has moved, or
it is flat and its entries come in another order, because a Flatten read them from a moved value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from speccompiler.convert.adapters import moved_axes
from speccompiler.convert.changes import Order, Reordered, Transposed
from speccompiler.convert.steps import MOVED, SAME, Rule, Step, Value, moved_axis, moved_under
from speccompiler.diagnostics.core import Problem
from speccompiler.expressions.grammar import Array, parse_with_arrays, with_arrays
from speccompiler.graph.permutations import permuted
from speccompiler.schemas.activation import ExpressionActivation
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.time_distributed import TimeDistributed


def rule_of(layer: Layer) -> Rule:
    """The rule of a layer's class."""
    return RULES.get(layer.class_name, _unknown)


def converted(step: Step) -> tuple[Layer, Value]:
    """By the rule of the layer; flat values of steps go to those alone that work on each. CS151."""
    rule = rule_of(step.layer)
    values = zip(step.inputs, step.shapes, strict=True)
    if any(v.order is not None and len(shape) > 1 for v, shape in values):
        rule = rule if rule in OF_FLAT_STEPS else _unknown
    return rule(step)


def _unknown(step: Step) -> tuple[Layer, Value]:
    """A layer that can only read its inputs as they were."""
    if all(value.same for value in step.inputs):
        return step.layer, SAME
    layer_type = step.layer.class_name
    raise Problem(
        "CS151",
        f"{layer_type} depends on the order of its input's values, and that changes here",
        "keep the dim_ordering, or rebuild this part of the model by hand",
    )


def _elementwise(step: Step) -> tuple[Layer, Value]:
    """A layer that works value by value."""
    return step.layer, step.value


def _activation(step: Step) -> tuple[Layer, Value]:
    """Numbers in the expression that stand beside the channels move with them."""
    activation = step.layer.activation
    if step.value.moved and activation in ALONG_LAST:
        return _softmax_of_image(step)
    if step.value.same or not isinstance(activation, ExpressionActivation):
        return step.layer, step.value
    arrays = parse_with_arrays(activation.expr).arrays
    if not arrays:
        return step.layer, step.value
    rank = len(step.shapes[0])
    text = activation.expr
    if step.value.order is not None:
        order = [int(place) for place in step.value.order]
        moved = [
            Array(tuple(a.values[i] for i in order), a.shape) if len(a.values) > 1 else a
            for a in arrays
        ]
    else:
        moved = [_moved_array(a, moved_axes(rank, step.target)) for a in arrays]
    text = with_arrays(text, dict(zip(arrays, moved, strict=True)))
    update = {"activation": ExpressionActivation(expr=text)}
    return step.layer.model_copy(update=update), step.value


ALONG_LAST = ("softmax", "softmax_last", "log_softmax")
"""Activations that are of the last axis, wherever the channels are."""


def _softmax_of_image(step: Step) -> tuple[Layer, Value]:
    """A Softmax along the axis that was the last one. CS151."""
    if step.layer.activation == "log_softmax":
        return _unknown(step)
    from speccompiler.schemas.relu_softmax import Softmax

    rank = len(step.shapes[0])
    said = {"name": step.layer.name, "trainable": step.layer.trainable}
    axis = (moved_axis(rank - 1, rank, step.target) + 1,)
    return Softmax.model_validate({"type": "Softmax", "axis": axis, **said}), MOVED


def _moved_array(array: Array, axes: tuple[int, ...]) -> Array:
    whole = (1,) * (len(axes) - len(array.shape)) + array.shape
    shape = tuple(whole[axis] for axis in axes)
    while len(shape) > 1 and shape[0] == 1:
        shape = shape[1:]
    return Array(permuted(array.values, whole, axes), shape)


def _ordered(step: Step) -> tuple[Layer, Value]:
    """A layer that has a dim_ordering of its own."""
    assert step.value.moved, f"{step.name} reads what a Permute has moved"
    if getattr(step.layer, "activation", None) in ALONG_LAST:
        raise Problem(
            "CS151",
            f"its {step.layer.activation} is of the last axis, which is another one there",
            "give the layer no activation, and put a Softmax with that axis behind it",
        )
    update: dict[str, Any] = {"dim_ordering": step.target}
    return step.layer.model_copy(update=update), MOVED


def _deconvolution(step: Step) -> tuple[Layer, Value]:
    """Its output_shape, batch axis in front, moves with its channels."""
    layer, value = _ordered(step)
    if getattr(step.layer, "output_shape", None) is None:
        return layer, value
    batch, *shape = step.layer.output_shape
    moved = tuple(shape[axis] for axis in moved_axes(len(shape), step.target))
    return layer.model_copy(update={"output_shape": (batch, *moved)}), value


def _global(step: Step) -> tuple[Layer, Value]:
    """A pool over all of an image, whose value has channels alone unless it keeps its axes."""
    layer, value = _ordered(step)
    return layer, value if step.layer.keepdims else SAME


def flatten(step: Step) -> tuple[Layer, Value]:
    """Where the image's channels have moved, its flat values come in another order.

    Where Flatten put them last itself, it has nothing to do where they have gone there.
    """
    if not step.value.moved:
        return step.layer, step.value
    if step.layer.channels_first and step.target == "tf":
        return step.layer.model_copy(update={"channels_first": False}), SAME
    shape = step.shapes[0]
    lengths = [d for d in shape if isinstance(d, int) and d > 0]
    if len(lengths) < len(shape):
        raise Problem(
            "CS151",
            "the order of the flat values is known only once every length is",
            "give the input's shape in full",
        )
    rank = len(shape)
    joined = (*range(1, rank), 0) if step.layer.channels_first else tuple(range(rank))
    places = np.arange(int(np.prod(lengths))).reshape([lengths[axis] for axis in joined])
    order = places.transpose(np.argsort(joined)).transpose(moved_axes(rank, step.target))
    return step.layer, Value(order=order.transpose(joined).ravel())


def _dense(step: Step) -> tuple[Layer, Value]:
    """The rows of its kernel follow the order of its input's values."""
    assert not step.value.moved, f"{step.name} reads what a Permute has restored"
    if step.value.order is not None:
        for weight in step.weights:
            if weight.tensor == "W":
                step.changes.add(weight.layer, "W", Reordered(step.value.order))
    return step.layer, SAME


def _along_values(step: Step) -> tuple[Layer, Value]:
    """A layer with a parameter for each value of its input: PReLU and its kin."""
    for weight in step.weights:
        if step.value.moved:
            axes = moved_axes(len(weight.stored_shape), step.target)
            step.changes.add(weight.layer, weight.tensor, Transposed(axes))
        elif step.value.order is not None:
            step.changes.add(weight.layer, weight.tensor, Reordered(step.value.order))
    shared = getattr(step.layer, "shared_axes", None)
    if shared and step.value.moved:
        rank = len(step.shapes[0])
        axes = tuple(sorted(moved_axis(a - 1, rank, step.target) + 1 for a in shared))
        return step.layer.model_copy(update={"shared_axes": axes}), MOVED
    return step.layer, step.value


def _normalization(step: Step) -> tuple[Layer, Value]:
    """BatchNormalization: its axis, batch axis counted, moves; flat parameters are reordered."""
    rank = len(step.shapes[0])
    if step.layer.axis is None:
        return _along_values(step)
    if step.value.moved:
        axis = step.layer.axis % (rank + 1)
        moved = step.value.axes(rank, step.target).index(axis - 1) + 1
        return step.layer.model_copy(update={"axis": moved}), step.value
    if step.value.order is not None:
        for weight in step.weights:
            step.changes.add(weight.layer, weight.tensor, Reordered(step.value.order))
    return step.layer, step.value


def _layer_normalization(step: Step) -> tuple[Layer, Value]:
    """Its axes move, and with them those of gamma and beta, in the order of the sample's axes."""
    if not step.value.moved:
        return (step.layer, step.value) if step.value.same else _normalization_of_flat(step)
    layer, value = _along_axes(step)
    rank = len(step.shapes[0])
    places = [axis % (rank + 1) - 1 for axis in step.layer.axis]
    if places != sorted(places):
        return _unknown(step)  # gamma's numbers stand in no order of axes
    order = sorted(range(len(places)), key=lambda i: moved_axis(places[i], rank, step.target))
    if order != sorted(order):
        for weight in step.weights:
            step.changes.add(weight.layer, weight.tensor, Transposed(tuple(order)))
    named = tuple(sorted(moved_axis(axis, rank, step.target) + 1 for axis in places))
    return layer.model_copy(update={"axis": named}), value


def _normalization_of_flat(step: Step) -> tuple[Layer, Value]:
    assert step.value.order is not None, f"{step.name} reads a flat value"
    for weight in step.weights:
        step.changes.add(weight.layer, weight.tensor, Reordered(step.value.order))
    return step.layer, step.value


def _of_axes(step: Step) -> tuple[Layer, Value]:
    """Softmax and UnitNormalization: the order of the values along their axes is all the same."""
    return _along_axes(step) if step.value.moved else (step.layer, step.value)


def _group_normalization(step: Step) -> tuple[Layer, Value]:
    """Its axis moves; groups of flat values are others in another order."""
    if not step.value.moved:
        return _unknown(step)
    rank = len(step.shapes[0])
    axis = moved_axis(step.layer.axis % (rank + 1) - 1, rank, step.target) + 1
    return step.layer.model_copy(update={"axis": axis}), MOVED


def _rescaling(step: Step) -> tuple[Layer, Value]:
    """One number for all values; several stand beside the last axis as it was."""
    return _elementwise(step) if _one_number(step.layer) else _unknown(step)


def _known_statistics(step: Step) -> tuple[Layer, Value]:
    """Normalization: stored statistics move with its axes, given ones stand as they were."""
    if step.layer.axis is None:
        return _elementwise(step)
    return _layer_normalization(step) if step.layer.mean is None else _unknown(step)


def _one_number(layer: Any) -> bool:
    return len(layer.scale) == len(layer.offset) == 1


def _time_distributed(step: Step) -> tuple[Layer, Value]:
    """Its steps stay where they are; what it applies does to each of them what it does alone."""
    one = _of_a_step(step.inputs)
    shapes = tuple(shape[1:] for shape in step.shapes)
    layer, value = rule_of(step.layer.layer)(
        replace(step, layer=step.layer.layer, inputs=one, shapes=shapes)
    )
    if value.moved:
        value = replace(value, steps=value.steps + 1)
    return step.layer.model_copy(update={"layer": layer}), value


def _of_a_step(values: Sequence[Value]) -> tuple[Value, ...]:
    """How a step of each value lies."""
    return tuple(replace(v, steps=v.steps - 1) if v.steps else v for v in values)


def _convlstm(step: Step) -> tuple[Layer, Value]:
    """Its images lie in steps, of which it gives all or the last."""
    assert step.value.moved, f"{step.name} reads what a Permute has moved"
    layer = step.layer.model_copy(update={"dim_ordering": step.target})
    return layer, moved_under(1) if layer.return_sequences else MOVED


def _recurrent(step: Step) -> tuple[Layer, Value]:
    """The rows of what multiplies its input follow the order of the values of a step."""
    if step.value.order is not None:
        for weight in step.weights:
            if weight.tensor.removeprefix("forward_").removeprefix("backward_")[0] == "W":
                step.changes.add(weight.layer, weight.tensor, Reordered(step.value.order))
    return step.layer, SAME


def _bidirectional(step: Step) -> tuple[Layer, Value]:
    """Images of a ConvLSTM2D stay as they are: they are put side by side along their last axis."""
    if step.layer.inner.class_name == "ConvLSTM2D":
        return _unknown(step)
    return _recurrent(step)


def _permute(step: Step) -> tuple[Layer, Value]:
    """Reads each axis from where it is now, so that its output is what it was."""
    if step.value.same:
        return step.layer, SAME
    rank = len(step.shapes[0])
    dims: tuple[int, ...] = step.layer.dims
    moved = tuple(moved_axis(d - 1, rank, step.target) + 1 for d in dims)
    return step.layer.model_copy(update={"dims": moved}), SAME


def _merge(step: Step) -> tuple[Layer, Value]:
    """Values that have moved alike are merged as they are; a concat_axis moves with them."""
    mode: str = step.layer.mode
    first = step.inputs[0]
    if all(value.same for value in step.inputs):
        return step.layer, SAME
    rank = len(step.shapes[0])
    same_rank = len({len(shape) for shape in step.shapes}) == 1
    if mode in {"sum", "mul", "ave", "max", "min", "sub"} and _alike(step.inputs) and same_rank:
        return step.layer, first
    axis = step.layer.concat_axis % (rank + 1)
    if mode == "concat" and axis > 0:
        if first.moved and _alike(step.inputs):
            new = first.axes(rank, step.target).index(axis - 1) + 1
            return step.layer.model_copy(update={"concat_axis": new}), first
        if rank == 1:
            return step.layer, Value(order=_joined(step))
    return _unknown(step)


def _alike(values: Sequence[Value]) -> bool:
    """Whether the same has become of all values."""
    if all(value.moved for value in values):
        return all(value.lies_as(values[0]) for value in values)
    orders = [value.order for value in values if value.order is not None]
    return len(orders) == len(values) and all(np.array_equal(o, orders[0]) for o in orders)


def _joined(step: Step) -> Order:
    """The order of flat values side by side."""
    parts = []
    start = 0
    for value, shape in zip(step.inputs, step.shapes, strict=True):
        length = shape[0]
        if not isinstance(length, int):
            raise Problem("CS151", "the length of its input is open", "give the input's shape")
        own = np.arange(length) if value.order is None else value.order
        parts.append(own + start)
        start += length
    return np.concatenate(parts)


def _along_axes(step: Step) -> tuple[Layer, Value]:
    """Slice and Reduce: their axes, batch axis counted, move with the value."""
    if not step.value.moved:
        return _unknown(step)
    rank = len(step.shapes[0])
    axes = (moved_axis(axis % (rank + 1) - 1, rank, step.target) + 1 for axis in step.layer.axis)
    return step.layer.model_copy(update={"axis": tuple(axes)}), MOVED


def _drops_axes(layer: Layer) -> bool:
    """Whether a Slice or a Reduce drops axes, so that its value has an order of its own."""
    return bool(getattr(layer, "squeeze", False)) or not getattr(layer, "keepdims", True)


RULES: Mapping[str, Rule] = {
    **dict.fromkeys(
        (
            "InputLayer", "Dropout", "GaussianDropout", "GaussianNoise",
            "LeakyReLU", "ELU", "ThresholdedReLU", "ActivityRegularization", "ReLU",
            "AlphaDropout",
        ),
        _elementwise,
    ),
    **dict.fromkeys(
        (
            "Convolution2D", "Convolution3D", "AtrousConvolution2D", "SeparableConvolution2D",
            "LocallyConnected2D",
            "MaxPooling2D", "MaxPooling3D", "AveragePooling2D", "AveragePooling3D",
            "UpSampling2D", "UpSampling3D", "ZeroPadding2D", "ZeroPadding3D",
            "Cropping2D", "Cropping3D", "SpatialDropout2D", "SpatialDropout3D", "Resize",
            "LRN2D", "DepthwiseConvolution2D",
        ),
        _ordered,
    ),
    **dict.fromkeys(
        (
            "GlobalMaxPooling2D", "GlobalMaxPooling3D",
            "GlobalAveragePooling2D", "GlobalAveragePooling3D",
        ),
        _global,
    ),
    **dict.fromkeys(("PReLU", "ParametricSoftplus", "SReLU"), _along_values),
    "Activation": _activation,
    **dict.fromkeys(("Deconvolution2D", "Deconvolution3D"), _deconvolution),
    "Flatten": flatten,
    "Dense": _dense,
    "BatchNormalization": _normalization,
    "Permute": _permute,
    "Merge": _merge,
    "TimeDistributed": _time_distributed,
    "ConvLSTM2D": _convlstm,
    "Bidirectional": _bidirectional,
    **dict.fromkeys(("SimpleRNN", "LSTM", "GRU"), _recurrent),
    **dict.fromkeys(("Slice", "Reduce"), _along_axes),
    **dict.fromkeys(("Softmax", "UnitNormalization"), _of_axes),
    "LayerNormalization": _layer_normalization,
    "GroupNormalization": _group_normalization,
    "Rescaling": _rescaling,
    "Normalization": _known_statistics,
}  # fmt: skip
"""A layer that is not here reads its input as it was before: ``_unknown``."""

AS_BEFORE: set[Rule] = {_unknown, _dense, _recurrent, _bidirectional}
"""The rules of layers that work on the last axis, or by the place of a value."""


OF_FLAT_STEPS: set[Rule] = {_elementwise, _dense, _recurrent, _bidirectional, _time_distributed}
"""The rules that work on each step of flat values, whose order is that of a step."""
IN_STEPS: set[Rule] = {_elementwise, _normalization, _merge}
"""The rules that take an image in steps however it lies."""


def takes_layout(layer: Layer, as_before: set[Rule], given: Sequence[Value] = ()) -> Value | None:
    """How a layer needs its inputs to lie, of which ``given`` may do; None where any does."""
    rule = rule_of(layer)
    if rule is _convlstm:
        return moved_under(1)
    if isinstance(layer, TimeDistributed):
        inner = takes_layout(layer.layer, as_before, _of_a_step(given))
        if inner is None and any(value.moved and not value.steps for value in given):
            return SAME
        return replace(inner, steps=inner.steps + 1) if inner is not None and inner.moved else inner
    if rule in {_ordered, _deconvolution, _global}:
        return MOVED
    if _reads_as_before(layer, rule, as_before):
        return SAME
    return SAME if rule not in IN_STEPS and any(value.steps for value in given) else None


def _reads_as_before(layer: Layer, rule: Rule, as_before: set[Rule]) -> bool:
    """Whether a layer needs its input as it was."""
    if rule in as_before or (rule is _normalization and getattr(layer, "mode", 0) == 1):
        return True
    if rule is _along_axes and _drops_axes(layer):
        return True
    if rule is _rescaling and not _one_number(layer):
        return True
    return rule is _known_statistics and getattr(layer, "mean", None) is not None
