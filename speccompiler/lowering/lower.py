"""A spec becomes a graph: each call is lowered by its layer's rule, in the order of the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Diagnostic, Problem
from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Graph, Input, Node, Shape
from speccompiler.loading.training_arguments import ignored
from speccompiler.lowering.builder import Builder, CarriedState
from speccompiler.lowering.channels import ChannelAxes
from speccompiler.lowering.inputs import declared_inputs
from speccompiler.lowering.masks import (
    after_call,
    before_call,
    calls_before_readers,
    without_unread,
)
from speccompiler.lowering.misfits import contradiction, explained
from speccompiler.lowering.refusals import gathered
from speccompiler.lowering.semantics import Semantics
from speccompiler.lowering.states import states_read, without_batch
from speccompiler.lowering.stored_tensors import StoredTensors
from speccompiler.lowering.table import LOWER
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.model import Call, ModelSpec
from speccompiler.schemas.training import Unknown

if TYPE_CHECKING:
    from speccompiler.lowering.onnx.values import Known


@dataclass(frozen=True, slots=True)
class Lowered:
    """The graph (None where a layer does not fit) and what was found on the way."""

    graph: Graph | None
    diagnostics: tuple[Diagnostic, ...]
    unknown: Mapping[tuple[str, str], Unknown] = field(default_factory=dict)
    """Arguments of a Keras file's layers that do not suit the shapes of their tensors."""
    tensors: Mapping[tuple[str, str], Known] = field(default_factory=dict)
    """The tensors of an ONNX model, which are in its file or made of those that are."""
    states: tuple[CarriedState, ...] = ()
    """The states that are inputs and outputs beside the model's own."""


def lower(
    spec: ModelSpec,
    semantics: Semantics,
    shapes: Sequence[Shape] | None = None,
    held: Graph | None = None,
    *,
    partly: bool = False,
    carried: bool = False,
) -> Lowered:
    """Lower a validated spec. ``shapes`` binds the inputs of one sample (default: as declared).

    The first layer that does not fit ends it, because what follows has no input. With ``partly``
    it is left out, and so is what reads it; the graph has the others, without outputs. ``held``
    is the graph with open lengths by which weights were found: they may not become others. With
    ``carried`` the states of stateful layers are further inputs and outputs, else they are zeros.
    """
    if spec.onnx is not None:
        from speccompiler.lowering.onnx.lower import lower_onnx

        of_nodes = lower_onnx(spec, semantics, shapes)
        return Lowered(of_nodes.graph, of_nodes.diagnostics, tensors=of_nodes.tensors)
    calls_of = Counter(call.layer for call in spec.calls)
    b = Builder(
        semantics,
        LOWER,
        reserved=frozenset(call.name for call in spec.calls),
        shared=frozenset(layer for layer, count in calls_of.items() if count > 1),
        states_read=states_read(spec),
        states=[] if carried else None,
        unknown=None if spec.native else {},
    )
    layers = {str(layer.name): layer for layer in spec.layers}
    tensors, axes = StoredTensors(held), ChannelAxes(spec.layers)
    unsized = without_batch(spec)
    if unsized is not None and not partly:
        return Lowered(None, (unsized.at(),))
    given: dict[str, Node] = {}
    values: dict[str, Node] = {}
    counting = calls_before_readers(spec) if spec.native else None
    passed_over: dict[str, Problem] = {}
    misfits: list[Diagnostic] = []
    for entry, shape in zip(spec.inputs, shapes or declared_inputs(spec), strict=True):
        b.layer = b.call = entry.name
        try:
            given[entry.name] = b.add(Input(shape))
        except Problem as problem:
            misfits.append(problem.at(layer=entry.name))
            if not partly:
                return Lowered(None, tuple(misfits))
    for call in spec.calls:
        if misfits and not _has_inputs(call, values, given):
            continue
        b.layer, b.call = call.layer, call.name
        b.place = call.place
        b.masks_count = counting is None or call.name in counting
        layer = layers[call.layer]
        read = [values[name] for name in call.inputs] or [given[call.name]]
        start = len(b.nodes)
        try:
            values[call.name], wrong = _lower_call(b, tensors, layer, read)
        except Problem as problem:
            found = explained(b, problem, layer, read[0]).at(layer=call.name)
            if not partly:
                return Lowered(None, (*gathered(b.diagnostics), found))
            misfits.append(found)
            del b.nodes[start:]
            continue
        if wrong is not None:
            passed_over.setdefault(call.layer, wrong)
        b.diagnostics += axes.follow(call, layer, read, values[call.name])
    notes = [ignored(passed_over, p.argument) for p in [*passed_over.values()][:1]]
    nodes = without_unread(b.nodes, b.of_masks)
    states = tuple(b.states or ())
    outputs = (*spec.outputs, *(state.output for state in states))
    graph = Graph(tuple(nodes), () if partly else outputs)
    return Lowered(
        graph, (*notes, *gathered(b.diagnostics), *misfits), b.unknown or {}, states=states
    )


def _has_inputs(call: Call, values: Mapping[str, Node], given: Mapping[str, Node]) -> bool:
    """Whether all that a call reads is there."""
    return all(n in values for n in call.inputs) if call.inputs else call.name in given


def _lower_call(
    b: Builder, tensors: StoredTensors, layer: Layer, read: Sequence[Node]
) -> tuple[Node, Problem | None]:
    """The value of a call, and what a Keras file wrongly declares of its input.

    Such a declaration is passed over, unless the layer's weights would have other shapes by it.
    """
    wrong = contradiction(layer, read[0])
    if wrong is not None and b.unknown is None:
        raise wrong
    start = len(b.nodes)
    before_call(b, layer, read)
    value = b.finish_call(b.lower(layer, *read))
    after_call(b, layer, read, value)
    if b.layer in b.shared:
        tensors.add(b.nodes[start:])
    if wrong is not None and tensors.differ_from_held(b.nodes[start:]):
        raise wrong
    return value, wrong
