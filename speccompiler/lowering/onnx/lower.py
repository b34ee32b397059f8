"""The nodes of an ONNX model become a graph, one after another in the order of the spec."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from speccompiler.diagnostics.core import Diagnostic, Problem, Severity
from speccompiler.diagnostics.wording import quoted
from speccompiler.files.onnx.model import OnnxModel, OnnxNode
from speccompiler.frozen import dataclass
from speccompiler.graph.dims import Dim, symbol
from speccompiler.graph.ir import Graph, Identity, Input, Node, Shape
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.onnx.known_rules import KNOWN
from speccompiler.lowering.onnx.known_values import computed
from speccompiler.lowering.onnx.scope import Read, Scope
from speccompiler.lowering.onnx.stored import stored
from speccompiler.lowering.onnx.table import RULES, rule_of
from speccompiler.lowering.onnx.values import Known, Value
from speccompiler.lowering.semantics import Semantics
from speccompiler.schemas.model import ModelSpec
from speccompiler.schemas.onnx_graph import OnnxGraph

NEWEST_OPSET = 26
"""Operator sets after this one were not known when the rules were written."""
MOST_FINDINGS = 20
PASSES_OVER_WEIGHTS = 16
"""How often constants may be computed of all that the file stores."""


@dataclass(frozen=True, slots=True)
class LoweredOnnx:
    """The graph (None where a node does not fit), and its tensors by layer and name."""

    graph: Graph | None
    diagnostics: tuple[Diagnostic, ...]
    tensors: Mapping[tuple[str, str], Known]


def input_shapes(spec: ModelSpec) -> tuple[Shape, ...]:
    """The shape of one sample of each input; an open length is the symbol of its name."""
    graph: OnnxGraph = spec.onnx
    several = len(spec.inputs) > 1
    found = []
    for number, given in enumerate(spec.inputs, start=1):
        names = graph.lengths[given.name]
        shape: list[Dim] = []
        for axis, length in enumerate(given.shape):
            if length is not None:
                shape.append(length)
                continue
            said = names[axis]
            name = said if isinstance(said, str) and said.isidentifier() else ""
            other = f"{'CHWDEFGH'[axis % 8]}{f'_{number}' if several else ''}"
            shape.append(symbol(name or other))
        found.append(tuple(shape))
    return tuple(found)


def lower_onnx(
    spec: ModelSpec, semantics: Semantics, shapes: Sequence[Shape] | None
) -> LoweredOnnx:
    """Lower a model. The first node that does not fit ends it; unsupported ones are all named."""
    graph: OnnxGraph = spec.onnx
    model: OnnxModel = graph.model
    unsupported = [p.at() for p in _unsupported(model, graph)]
    if unsupported:
        more = len(unsupported) - MOST_FINDINGS
        if more > 0:
            last = Diagnostic("CS261", f"{more} more nodes are not supported")
            unsupported = [*unsupported[:MOST_FINDINGS], last]
        return LoweredOnnx(None, tuple(unsupported), {})
    b = Builder(semantics, {}, reserved=frozenset(call.name for call in spec.calls))
    scope = Scope(b, model, {}, {}, _exported(graph))
    values: dict[str, Read] = {"": None}
    scope.around = values
    outputs = frozenset(spec.outputs)
    try:
        for name, tensor in model.initializers.items():
            values[name] = known = stored(model, tensor, name)
            scope.most_effort += PASSES_OVER_WEIGHTS * known.size
        _inputs(spec, b, shapes or input_shapes(spec), values)
    except Problem as problem:
        return LoweredOnnx(None, (problem.at(),), {})
    for node in graph.nodes:
        scope.node = node
        scope.inputs = tuple(values.get(name) for name in node.inputs)
        places = graph.places.get(node.number)
        try:
            if places is None:
                values.update(computed(scope))
            else:
                values.update(_lowered(scope, places, outputs))
        except Problem as problem:
            found = Problem(problem.code, f"{node.label}: {problem.message}", problem.hint)
            return LoweredOnnx(None, (*b.diagnostics, found.at()), {})
    lowered = Graph(tuple(b.nodes), spec.outputs)
    notes = (*b.diagnostics, *_other_floats(scope.tensors.values()))
    return LoweredOnnx(lowered, notes, scope.tensors)


def _exported(graph: OnnxGraph) -> int | None:
    """The number of samples that the file names for its inputs, where it names one."""
    shapes = {value.name: value.shape or () for value in graph.model.inputs}
    lengths = {shapes[name][graph.axes[name]] for name in graph.inputs}
    numbers = [n for n in lengths if isinstance(n, int)]
    return numbers[0] if len(numbers) == 1 else None


def _other_floats(tensors: Iterable[Known]) -> Iterator[Diagnostic]:
    """CS267 where weights are floats of another size."""
    counts = Counter(t.dtype for t in tensors if t.is_float and t.dtype != "float32")
    for dtype, count in sorted(counts.items()):
        noun = "tensor is" if count == 1 else "tensors are"
        text = f"{count} {noun} stored as {dtype}, and read as float32 as all others"
        yield Diagnostic("CS267", text, Severity.NOTE)


def _inputs(spec: ModelSpec, b: Builder, shapes: Sequence[Shape], values: dict[str, Read]) -> None:
    graph: OnnxGraph = spec.onnx
    dtypes = {value.name: value.dtype for value in graph.model.inputs}
    for name, given, shape in zip(graph.inputs, spec.inputs, shapes, strict=True):
        b.layer = b.call = given.name
        try:
            node = b.finish_call(b.add(Identity(), b.add(Input(shape))))
        except Problem as problem:
            text = f"input {quoted(given.name)}: {problem.message}"
            raise Problem(problem.code, text, problem.hint) from None
        rank = len(graph.lengths[given.name]) + 1
        whole = dtypes[name].startswith(("int", "uint", "bool"))
        values[name] = Value(node, rank, graph.axes[name], whole)


def _unsupported(model: OnnxModel, graph: OnnxGraph) -> Iterator[Problem]:
    """CS261 for each node that no rule knows, and for what the whole file asks."""
    opset = model.opset
    if not 1 <= opset <= NEWEST_OPSET:
        yield Problem(
            "CS261",
            f"the model is made of operator set {opset}; sets 1 to {NEWEST_OPSET} are known",
            "export it with an older one, for example opset_version=17",
        )
        return
    for node in graph.nodes:
        places = graph.places.get(node.number)
        if (node.domain, node.op_type) in model.functions:
            what, hint = "is a function that the file defines", "inline it (onnx.inliner)"
        elif node.domain:
            what = f"is an operation of {quoted(node.domain)}, which is not the standard's"
            hint = "export the model with standard operations alone"
        elif node.op_type in (KNOWN if places is None else RULES):
            continue
        elif node.op_type in RULES:
            what = "is computed from constants alone, which is not supported for this operation"
            hint = "let a tool fold constants before (onnx-simplifier, onnxruntime)"
        elif node.op_type in CONTROL:
            what, hint = "is control flow", "export the model with fixed branches and loops"
        elif _QUANTISED.search(node.op_type):
            what, hint = "is quantised", "take the model as it was before it was quantised"
        else:
            what, hint = "is not supported", "docs/onnx.md lists the operations that are"
        yield Problem("CS261", f"{node.label} {what}", hint)


_QUANTISED = re.compile("Quant|^QLinear|Integer$")
CONTROL = {"If", "Loop", "Scan", "SequenceMap"}


def _lowered(
    scope: Scope, places: tuple[tuple[int, str], ...], outputs: frozenset[str]
) -> dict[str, Value]:
    """The values that a node gives, each under the name of its layer."""
    b = scope.b
    node: OnnxNode = scope.node
    scope.read_later = frozenset(output for output, _ in places)
    b.layer = b.call = places[0][1]
    start = len(b.nodes)
    given = rule_of(node.op_type)(scope)
    results = given if isinstance(given, tuple) else (given,)
    found: dict[str, Value] = {}
    for output, layer in places:
        result = results[output] if output < len(results) else None
        if result is None:
            raise scope.refuse(f"its output {output + 1} is not supported")
        b.layer = b.call = layer
        found[node.outputs[output]] = named = _named(b, result, start)
        if layer in outputs and named.batch:
            b.note(
                "CS267",
                f"samples lie along axis {named.batch} of this output in the model; here they are "
                "along the first",
            )
    return found


def _named(b: Builder, value: Value, start: int) -> Value:
    """The value as that of a call; what others read keeps its own name."""
    node: Node = value.node
    if any(node.name in later.inputs for later in b.nodes[start:]):
        node = b.add(Identity(), node)
    return Value(b.finish_call(node), value.rank, value.batch, value.whole)
