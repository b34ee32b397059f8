"""Channels first to channels last and back, through the whole model.

Each call is given its inputs in the layout that its layer reads, and the layer's rule says what
becomes of it. A layer without a rule reads its input as it was before; where that has moved, a
Permute restores it. The rows of a Dense after a Flatten are put into the new order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from speccompiler.convert.adapters import Adapters
from speccompiler.convert.changes import Changes, Relaid
from speccompiler.convert.rules import AS_BEFORE, flatten, takes_layout
from speccompiler.convert.rules import converted as by_rule
from speccompiler.convert.steps import MOVED, SAME, Rule, Step, Value
from speccompiler.diagnostics.core import Diagnostic, Problem
from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Graph, Shape, Weight
from speccompiler.lowering.lower import lower
from speccompiler.lowering.semantics import Semantics
from speccompiler.schemas.constraint import constraint_object
from speccompiler.schemas.fields import Layer, Ordering
from speccompiler.schemas.model import Call, ModelInput, ModelSpec, SemanticsFields


@dataclass(frozen=True, slots=True)
class Unmoved:
    """The inputs and outputs that have the rank of an image and keep their layout."""

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


def convert_ordering(
    spec: ModelSpec, graph: Graph, target: Ordering, changes: Changes
) -> tuple[ModelSpec, list[Diagnostic], Unmoved]:
    """The spec with every layer in the other ordering; CS151 for what has no equal there.

    First it is tried with Flatten giving its values in another order, which the rows of a Dense
    make up for. Where something else reads the flat values, Flatten reads its image as it was
    before, through a Permute.
    """
    orderings = {o for layer in spec.layers if (o := getattr(layer.inner, "dim_ordering", None))}
    if orderings <= {target}:
        return spec, [], Unmoved()
    if len(orderings) > 1:
        both = Problem(
            "CS151",
            "the layers of this model have both orderings",
            "keep the dim_ordering, or give all layers one first",
        ).at()
        return spec, [both], Unmoved()
    for restored in (set[Rule](), {flatten}):
        trial = changes.copy()
        converted, found, unmoved = _attempt(spec, graph, target, trial, AS_BEFORE | restored)
        if not found:
            changes.become(trial)
            break
    return converted, found, unmoved


@dataclass(frozen=True, slots=True)
class _Original:
    """What is converted: the layers by call, and shapes, inputs and weights by name."""

    layers: Mapping[str, Layer]
    shapes: Mapping[str, Shape]
    declared: Mapping[str, ModelInput]
    weights: Mapping[str, Sequence[Weight]]

    @staticmethod
    def of(spec: ModelSpec, graph: Graph) -> _Original:
        """By a spec and the graph that it was lowered to."""
        weights: dict[str, list[Weight]] = {}
        for weight in graph.weights():
            weights.setdefault(weight.layer, []).append(weight)
        shapes = {node.name: node.shape for node in graph.nodes}
        return _Original(spec.by_call(), shapes, {e.name: e for e in spec.inputs}, weights)

    def step(
        self, call: Call, inputs: tuple[Value, ...], target: Ordering, changes: Changes
    ) -> Step:
        """The call for its layer's rule. Weights are changed at a layer's first call only."""
        if call.inputs:
            shapes = tuple(self.shapes[name] for name in call.inputs)
        else:
            shapes = (tuple(-1 if d is None else d for d in self.declared[call.name].shape),)
        weights = self.weights.get(call.layer, ()) if call.name == call.layer else ()
        # The model says its inputs.
        unsaid = {"input_shape": None, "batch_input_shape": None}
        layer = self.layers[call.name].model_copy(update=unsaid)
        return Step(layer, call.name, inputs, shapes, target, changes, weights)


def _attempt(
    spec: ModelSpec, graph: Graph, target: Ordering, changes: Changes, as_before: set[Rule]
) -> tuple[ModelSpec, list[Diagnostic], Unmoved]:
    """Convert call by call; layers whose rule is in ``as_before`` read images as they were."""
    original = _Original.of(spec, graph)
    taken = _taken_inputs(spec, as_before)
    adapters = Adapters(call.name for call in spec.calls)
    values: dict[str, Value] = {}
    layers: dict[str, Layer] = {}
    calls: list[Call] = []
    found: list[Diagnostic] = []
    for call in spec.calls:
        inputs = tuple(values[name] for name in call.inputs) or (taken[call.name],)
        step = original.step(call, inputs, target, changes)
        step, read = _adapted(step, call, adapters, as_before)
        for permute, added in adapters.take():
            layers[added.name] = permute
            calls.append(added)
        calls.append(call._replace(inputs=read))
        try:
            layer, values[call.name] = by_rule(step)
            if call.layer in layers and layers[call.layer] != layer:
                raise Problem(
                    "CS151",
                    "its calls would need different arguments",
                    "keep the dim_ordering, or give each call a layer of its own",
                )
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
    unmoved = Unmoved(
        tuple(e.name for e in spec.inputs if taken[e.name].same and len(e.shape) > 2),
        tuple(n for n in spec.outputs if not values[n].moved and len(original.shapes[n]) > 2),
    )
    if found:
        return spec, found, unmoved
    converted = spec.model_copy(
        update={
            "dim_ordering": target,
            "layers": tuple(layers.values()),
            "calls": tuple(calls),
            "inputs": tuple(_moved_input(e, taken[e.name], target) for e in spec.inputs),
        }
    )
    try:
        return _with_kernels(converted, graph, changes), [], unmoved
    except Problem as problem:
        return spec, [problem.at()], unmoved


def _taken_inputs(spec: ModelSpec, as_before: set[Rule]) -> dict[str, Value]:
    """How each input goes in: as it was where no layer reads it as an image."""
    layers = spec.by_call()
    taken: dict[str, Value] = {}
    for entry in spec.inputs:
        own = layers[entry.name]
        later = [layers[call.name] for call in spec.calls if entry.name in call.inputs]
        found = later if own.class_name == "InputLayer" else [own]
        wanted = [takes_layout(layer, as_before) for layer in found]
        moved = [w for w in wanted if w is not None and w.moved and len(entry.shape) > 2 + w.steps]
        kept = bool(wanted) and all(w is not None and w.same for w in wanted)
        taken[entry.name] = SAME if kept or len(entry.shape) < 3 else [*moved, MOVED][0]
    return taken


def _adapted(
    step: Step, call: Call, adapters: Adapters, as_before: set[Rule]
) -> tuple[Step, tuple[str, ...]]:
    """The step with its inputs in the layout that its layer needs, and the names of these."""
    wanted = takes_layout(step.layer, as_before, step.inputs)
    if step.layer.class_name == "Merge":
        of_sums = step.layer.mode in {"dot", "cos"}
        if not all(value.lies_as(step.inputs[0]) for value in step.inputs):
            wanted = SAME if of_sums else next(v for v in step.inputs if v.moved)
        elif of_sums:
            wanted = SAME
    ordered = any(value.order is not None for value in step.inputs)
    if wanted is None or ordered or not call.inputs:
        return step, call.inputs
    read = tuple(
        name
        if value.lies_as(wanted) or len(shape) < 3 + max(value.steps, wanted.steps)
        else adapters.read(
            name,
            value.axes(len(shape), step.target),
            wanted.axes(len(shape), step.target),
            moved=wanted.moved,
        )
        for name, value, shape in zip(call.inputs, step.inputs, step.shapes, strict=True)
    )
    inputs = tuple(
        value if name == before else replace(wanted, order=None)
        for value, name, before in zip(step.inputs, read, call.inputs, strict=True)
    )
    return replace(step, inputs=inputs), read


def _moved_input(entry: ModelInput, taken: Value, target: Ordering) -> ModelInput:
    shape = tuple(entry.shape[axis] for axis in taken.axes(len(entry.shape), target))
    return entry.model_copy(update={"shape": shape}) if taken.moved else entry


def _with_kernels(converted: ModelSpec, graph: Graph, changes: Changes) -> ModelSpec:
    """Transpose each kernel, and its constraint, to the layout that its layer now has."""
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
    """The layer with the axes of a constraint counted in the tensor as it is now stored."""
    argument = layer.stored[old.tensor].constraint
    inner = layer.inner
    constraint = getattr(inner, argument, None) if argument is not None else None
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
    moved_one = {argument: described.model_copy(update=update)}
    return layer.wrapping(inner.model_copy(update=moved_one))
