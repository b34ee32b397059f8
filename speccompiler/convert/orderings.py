"""Channels first to channels last and back, through the whole model.

Each value of the model is followed: it is the same as before, or its channel axis has moved,
or it is flat and its entries stand in another order because a Flatten read them from a moved
value. A layer has a rule by its type; one that has none is converted only where its input
is the same as before. The rows of a Dense after a Flatten are put into the new order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from speccompiler.diagnostics import Diagnostic, Problem
from speccompiler.ir import Graph, Shape, Weight
from speccompiler.lower import Semantics, lower
from speccompiler.schemas.constraint import constraint_object
from speccompiler.schemas.fields import Layer, Ordering
from speccompiler.schemas.model import Call, ModelInput, ModelSpec, SemanticsFields

from .changes import Changes, Order, Relaid, Reordered, Transposed


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """How a value of the converted model stands to the original's.

    ``order`` of a flat value: entry i is entry ``order[i]`` of the original's.
    """

    moved: bool = False
    order: Order | None = None

    @property
    def same(self) -> bool:
        """Nothing has changed."""
        return not self.moved and self.order is None


SAME = Value()
MOVED = Value(moved=True)


def moved_axes(rank: int, target: Ordering) -> tuple[int, ...]:
    """For ``np.transpose`` of one sample: its channel axis to where ``target`` has it."""
    return (*range(1, rank), 0) if target == "tf" else (rank - 1, *range(rank - 1))


def moved_axis(axis: int, rank: int, target: Ordering) -> int:
    """Where an axis of the sample goes."""
    return moved_axes(rank, target).index(axis)


@dataclass(frozen=True, slots=True)
class _Step:
    """A call that is being converted."""

    layer: Any
    """Of the class that the rule is for."""
    name: str
    inputs: tuple[Value, ...]
    shapes: tuple[Shape, ...]
    """Of one sample of each input, in the original model."""
    target: Ordering
    changes: Changes
    weights: Sequence[Weight]

    @property
    def value(self) -> Value:
        """What the only input is."""
        return self.inputs[0]


Rule = Callable[[_Step], tuple[Layer, Value]]


def convert_ordering(
    spec: ModelSpec, graph: Graph, target: Ordering, changes: Changes
) -> tuple[ModelSpec, list[Diagnostic]]:
    """The spec with every layer in the other ordering; CS151 for what has no equal there."""
    orderings = {o for layer in spec.layers if (o := getattr(layer.inner, "dim_ordering", None))}
    if orderings <= {target}:
        return spec, []
    if len(orderings) > 1:
        return spec, [Problem("CS151", "the layers of this model have both orderings").at()]
    shapes = {node.name: node.shape for node in graph.nodes}
    given = {entry.name: entry for entry in spec.inputs}
    owned: dict[str, list[Weight]] = {}
    for weight in graph.weights():
        owned.setdefault(weight.layer, []).append(weight)
    values: dict[str, Value] = {}
    layers: dict[str, Layer] = {}
    found: list[Diagnostic] = []
    for call in spec.calls:
        step = _step(spec, call, values, shapes, given, target, changes, owned)
        try:
            layer, values[call.name] = _rule(step)(step)
            if call.layer in layers and layers[call.layer] != layer:
                raise Problem("CS151", "its calls would need different arguments")
            layers[call.layer] = layer
        except Problem as problem:
            found.append(problem.at(layer=call.name))
            values[call.name], layers[call.layer] = SAME, step.layer
    found += [
        Problem(
            "CS151",
            "the output is flat and would come in another order",
            "end the model in a Dense or a pool, or flatten outside of it",
        ).at(layer=name)
        for name in spec.outputs
        if values[name].order is not None
    ]
    if found:
        return spec, found
    converted = spec.model_copy(
        update={
            "dim_ordering": target,
            "layers": tuple(layers[str(layer.name)] for layer in spec.layers),
            "inputs": tuple(_moved_input(entry, target) for entry in spec.inputs),
        }
    )
    try:
        return _with_kernels(converted, graph, changes), []
    except Problem as problem:
        return spec, [problem.at()]


def _step(
    spec: ModelSpec,
    call: Call,
    values: Mapping[str, Value],
    shapes: Mapping[str, Shape],
    given: Mapping[str, ModelInput],
    target: Ordering,
    changes: Changes,
    owned: Mapping[str, Sequence[Weight]],
) -> _Step:
    if call.inputs:
        inputs = tuple(values[name] for name in call.inputs)
        before = tuple(shapes[name] for name in call.inputs)
    else:
        declared = given[call.name].shape
        inputs = (MOVED if len(declared) > 2 else SAME,)
        before = (tuple(-1 if d is None else d for d in declared),)
    first = call.name == call.layer
    weights = owned.get(call.layer, ()) if first else ()
    layer = spec.layer_of(call)
    layer = layer.model_copy(
        update={"input_shape": None, "batch_input_shape": None}
    )  # the model says it
    return _Step(layer, call.name, inputs, before, target, changes, weights)


def _moved_input(entry: ModelInput, target: Ordering) -> ModelInput:
    rank = len(entry.shape)
    if rank < 3:
        return entry
    shape = tuple(entry.shape[axis] for axis in moved_axes(rank, target))
    return entry.model_copy(update={"shape": shape})


def _with_kernels(converted: ModelSpec, graph: Graph, changes: Changes) -> ModelSpec:
    """Transpose each kernel to the layout that its layer now has, and constraints with it."""
    lowered = lower(converted, Semantics.of(_semantics(converted), converted))
    assert lowered.graph is not None, f"a converted spec can be lowered: {lowered.diagnostics}"
    now = {w.name: w for w in lowered.graph.weights()}
    layers = {str(layer.name): layer for layer in converted.layers}
    for old in graph.weights():
        new = now[old.name]
        if (old.axes, old.split) == (new.axes, new.split):
            continue
        layout = (
            old.split or old.stored_shape,
            old.axes,
            new.split or new.stored_shape,
            new.axes,
            new.stored_shape,
        )
        changes.add(old.layer, old.tensor, Relaid(*layout))
        layers[old.layer] = _moved_constraint(layers[old.layer], old, new)
    return converted.model_copy(update={"layers": tuple(layers.values())})


def _semantics(spec: ModelSpec) -> SemanticsFields:
    return spec.semantics or SemanticsFields(profile="tensorflow")


def _moved_constraint(layer: Layer, old: Weight, new: Weight) -> Layer:
    """A constraint's axes, counted in the tensor as it is now stored."""
    argument = type(layer).tensors[old.tensor].constraint
    constraint = getattr(layer, argument, None) if argument is not None else None
    described = None if constraint is None else constraint_object(constraint)
    axis: Any = getattr(described, "axis", None)
    if argument is None or described is None or axis is None:
        return layer
    if old.split or new.split:
        raise Problem(
            "CS151",
            f"the norms of its {argument} are over axes that the other layout does not have",
            "drop the constraint: it is of no account in a forward pass",
            layer=layer.name,
        )
    rank = len(old.axes)
    places = [a % rank for a in (axis if isinstance(axis, tuple | list) else (axis,))]
    moved = tuple(sorted(new.axes[old.axes.index(a)] for a in places))
    update = {"axis": moved[0] if len(moved) == 1 else moved}
    return layer.model_copy(update={argument: described.model_copy(update=update)})


# --- the rules


def _rule(step: _Step) -> Rule:
    return RULES.get(step.layer.class_name, _unknown)


def _unknown(step: _Step) -> tuple[Layer, Value]:
    if all(value.same for value in step.inputs):
        return step.layer, SAME
    layer_type = step.layer.class_name
    raise Problem(
        "CS151",
        f"{layer_type} depends on the order of its input's values, and that changes here",
        "keep the dim_ordering, or rebuild this part of the model by hand",
    )


def _elementwise(step: _Step) -> tuple[Layer, Value]:
    return step.layer, step.value


def _ordered(step: _Step) -> tuple[Layer, Value]:
    """A layer that has a dim_ordering of its own."""
    if not step.value.moved:
        raise Problem(
            "CS151",
            "its input does not come from the model's input by layers that keep the image, so "
            "that its channels stay where they are",
            "keep the dim_ordering, or rebuild this part of the model by hand",
        )
    update: dict[str, Any] = {"dim_ordering": step.target}
    return step.layer.model_copy(update=update), MOVED


def _deconvolution(step: _Step) -> tuple[Layer, Value]:
    """Its output_shape, batch axis in front, moves with its channels."""
    layer, value = _ordered(step)
    batch, *shape = step.layer.output_shape
    moved = tuple(shape[axis] for axis in moved_axes(len(shape), step.target))
    return layer.model_copy(update={"output_shape": (batch, *moved)}), value


def _global(step: _Step) -> tuple[Layer, Value]:
    layer, _ = _ordered(step)
    return layer, SAME


def _flatten(step: _Step) -> tuple[Layer, Value]:
    if not step.value.moved:
        return step.layer, step.value
    shape = step.shapes[0]
    lengths = [d for d in shape if isinstance(d, int) and d > 0]
    if len(lengths) < len(shape):
        raise Problem(
            "CS151",
            "the order of the flat values is known only once every length is",
            "give the input's shape in full",
        )
    places = np.arange(int(np.prod(lengths))).reshape(lengths)
    return step.layer, Value(order=places.transpose(moved_axes(len(shape), step.target)).ravel())


def _dense(step: _Step) -> tuple[Layer, Value]:
    if step.value.moved:
        raise Problem(
            "CS151",
            "Dense works on the last axis, which is another one in the other ordering",
            "keep the dim_ordering, or write it as a convolution of size 1",
        )
    if step.value.order is not None:
        for weight in step.weights:
            if weight.tensor == "W":
                step.changes.add(weight.layer, "W", Reordered(step.value.order))
    return step.layer, SAME


def _along_values(step: _Step) -> tuple[Layer, Value]:
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


def _normalization(step: _Step) -> tuple[Layer, Value]:
    """BatchNormalization: its axis, batch axis counted, moves; flat parameters are reordered."""
    rank = len(step.shapes[0])
    if step.value.moved and step.layer.mode == 1:
        return _unknown(step)  # always over the last axis
    if step.value.moved:
        axis = step.layer.axis % (rank + 1)
        if axis == 0:
            raise Problem("CS151", "it normalises along the batch axis")
        return step.layer.model_copy(
            update={"axis": moved_axis(axis - 1, rank, step.target) + 1}
        ), MOVED
    if step.value.order is not None:
        for weight in step.weights:
            step.changes.add(weight.layer, weight.tensor, Reordered(step.value.order))
    return step.layer, step.value


def _permute(step: _Step) -> tuple[Layer, Value]:
    """Reads each axis from where it is now, so that its output is what it was."""
    if step.value.same:
        return step.layer, SAME
    rank = len(step.shapes[0])
    dims: tuple[int, ...] = step.layer.dims
    moved = tuple(moved_axis(d - 1, rank, step.target) + 1 for d in dims)
    return step.layer.model_copy(update={"dims": moved}), SAME


def _merge(step: _Step) -> tuple[Layer, Value]:
    mode: str = step.layer.mode
    first = step.inputs[0]
    if all(value.same for value in step.inputs):
        return step.layer, SAME
    rank = len(step.shapes[0])
    if mode in {"sum", "mul", "ave", "max"} and _alike(step.inputs):
        return step.layer, first
    axis = step.layer.concat_axis % (rank + 1)
    if mode == "concat" and axis > 0:
        if all(value.moved for value in step.inputs):
            new = moved_axis(axis - 1, rank, step.target) + 1
            return step.layer.model_copy(update={"concat_axis": new}), MOVED
        if rank == 1:
            return step.layer, Value(order=_joined(step))
    return _unknown(step)


def _alike(values: Sequence[Value]) -> bool:
    if all(value.moved for value in values):
        return True
    orders = [value.order for value in values if value.order is not None]
    return len(orders) == len(values) and all(np.array_equal(o, orders[0]) for o in orders)


def _joined(step: _Step) -> Order:
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


RULES: Mapping[str, Rule] = {
    **dict.fromkeys(
        (
            "InputLayer", "Activation", "Dropout", "GaussianDropout", "GaussianNoise",
            "LeakyReLU", "ELU", "ThresholdedReLU", "ActivityRegularization",
        ),
        _elementwise,
    ),
    **dict.fromkeys(
        (
            "Convolution2D", "Convolution3D", "AtrousConvolution2D", "SeparableConvolution2D",
            "LocallyConnected2D",
            "MaxPooling2D", "MaxPooling3D", "AveragePooling2D", "AveragePooling3D",
            "UpSampling2D", "UpSampling3D", "ZeroPadding2D", "ZeroPadding3D",
            "Cropping2D", "Cropping3D", "SpatialDropout2D", "SpatialDropout3D",
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
    "Deconvolution2D": _deconvolution,
    "Flatten": _flatten,
    "Dense": _dense,
    "BatchNormalization": _normalization,
    "Permute": _permute,
    "Merge": _merge,
}  # fmt: skip
"""A layer that is not here is converted where its input stays the same, and refused elsewhere."""
