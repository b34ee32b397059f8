"""A lowered graph as an ONNX model: inputs, every node by its rule, outputs, where it is from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import speccompiler
from speccompiler.convert.export_source import Given, Origin
from speccompiler.convert.node_titles import node_titles
from speccompiler.convert.onnx import protobuf
from speccompiler.convert.onnx.builder import Builder
from speccompiler.convert.onnx.protobuf import Array, Model, Size
from speccompiler.convert.onnx.recurrent import Projected, projections
from speccompiler.convert.onnx.table import EXPORT
from speccompiler.convert.onnx.values import Value, natural, transposed
from speccompiler.convert.onnx.windows import transposed_conv
from speccompiler.convert.transposed_convs import TransposedConv, transposed_convs
from speccompiler.diagnostics.core import Problem
from speccompiler.graph import ir
from speccompiler.graph.dims import Dim, Symbol, format_dim, symbols
from speccompiler.passes import run_pass
from speccompiler.passes.drop_identities import drop_identities
from speccompiler.passes.fold_padding import fold_padding
from speccompiler.passes.sink_transposes import sink_transposes

TIDY = (drop_identities, sink_transposes, fold_padding)
"""The passes that leave every tensor as it is and make fewer nodes. A normalisation is not folded
into a kernel: it is one node with the tensors as they were trained, and runtimes fold it."""


def exported(
    graph: ir.Graph,
    read_weight: Callable[[ir.Weight], Array],
    inputs: Sequence[Given],
    origin: Origin,
) -> Model:
    """The graph as a model. Raises ``Problem``: CS250, and what reading weights raises."""
    for one in TIDY:
        graph = run_pass(one, graph)
    b = Builder(read_weight)
    b.taken.update(given.name for given in inputs)
    names = _output_names(graph, {given.name for given in inputs})
    b.taken.update(names)
    batch = "N" if not _has_symbol(graph, "N") else "batch"
    for node, given in zip(graph.inputs, inputs, strict=True):
        _input(b, node, given, batch)
    _nodes(b, graph)
    _outputs(b, graph, names, batch)
    return _finished(b, origin)


def _has_symbol(graph: ir.Graph, name: str) -> bool:
    return any(name in symbols(n) for node in graph.inputs for n in node.shape)


def _sizes(shape: ir.Shape, batch: str) -> list[Size]:
    return [batch, *(n if isinstance(n, int) else format_dim(n) for n in shape)]


def _input(b: Builder, node: ir.Node, given: Given, batch: str) -> None:
    entry = protobuf.value_info(given.name, protobuf.FLOAT, _sizes(node.shape, batch))
    b.model.graph.input.append(entry)
    b.batch = b.batch if b.batch[0] else (given.name, 0)
    for axis, n in enumerate(node.shape, start=1):
        name = _symbol(n)
        if name is not None:
            b.symbols.setdefault(name, (given.name, axis))
    tensor, b.named = given.name, given.name
    if given.dtype is not None:
        tensor = b.emit("Cast", tensor, to=protobuf.TYPES[given.dtype])
        tensor = b.emit("Cast", tensor, to=protobuf.FLOAT)
    b.values[node.name] = Value(node.shape, {natural(len(node.shape)): tensor})


def _symbol(n: Dim) -> str | None:
    """The name of a length that is nothing but open."""
    if isinstance(n, int) or len(n.terms) != 1:
        return None
    ((monomial, coefficient),) = n.terms
    match (coefficient, *monomial):
        case (1, (Symbol(name), 1)):
            return name
    return None


def _nodes(b: Builder, graph: ir.Graph) -> None:
    whole = transposed_convs(graph)
    projected = projections(graph)
    within = {source.name for source in projected.values()}
    within.update(name for made in whole.values() for name in made.replaced)
    titles = node_titles(graph)
    for node in graph:
        if isinstance(node.op, ir.Input) or node.name in within:
            continue
        b.named, b.layer = titles[node.name], node.layer
        try:
            b.values[node.name] = _value(b, node, whole.get(node.name), projected.get(node.name))
        except Problem as problem:
            problem.layer = problem.layer or node.layer
            raise


def _value(
    b: Builder, node: ir.Node, whole: TransposedConv | None, projected: ir.Node | None
) -> Value:
    """The value of a node: by its rule, or by that of all nodes that it stands for."""
    if whole is not None:
        tensor, layout = transposed_conv(b, whole, b.values[whole.source])
    elif isinstance(node.op, ir.Transpose):
        return transposed(b.values[node.inputs[0]], node.op.axes)
    elif projected is not None:
        assert isinstance(projected.op, ir.Conv), "a projection is a convolution"
        first = Projected(b.values[projected.inputs[0]], projected.op)
        read = [b.values[name] for name in node.inputs[1:]]
        tensor, layout = EXPORT[type(node.op)](b, node, node.op, first, *read)
    else:
        read = [b.values[name] for name in node.inputs]
        tensor, layout = EXPORT[type(node.op)](b, node, node.op, *read)
    b.call_writer(tensor, b.named)
    return Value(node.shape, {layout: tensor})


def _output_names(graph: ir.Graph, inputs: set[str]) -> list[str]:
    """The outputs by their names; one that is an input as well is ``<name>_output``."""
    return [f"{name}_output" if name in inputs else name for name in graph.outputs]


def _outputs(b: Builder, graph: ir.Graph, names: Sequence[str], batch: str) -> None:
    titles: dict[str, str] = {}
    for output, name in zip(graph.outputs, names, strict=True):
        b.named = output
        value = b.values[output]
        tensor = b.read(value)
        if tensor in titles or not b.is_computed(tensor):
            tensor = b.emit("Identity", tensor)
        titles[tensor] = name
        entry = protobuf.value_info(name, protobuf.FLOAT, _sizes(value.shape, batch))
        b.model.graph.output.append(entry)
    for node in b.nodes:
        _rename(node, titles)
    b.nodes = _needed(b.nodes, names)
    read = set(names).union(*map(_reads, b.nodes))
    tensors = b.model.graph.initializer
    for place in reversed(range(len(tensors))):
        if tensors[place].name not in read:
            del tensors[place]


def _needed(nodes: Sequence[Any], outputs: Sequence[str]) -> list[Any]:
    """The nodes that an output needs."""
    read = set(outputs)
    kept = []
    for node in reversed(nodes):
        if not read.isdisjoint(node.output):
            read.update(_reads(node))
            kept.append(node)
    return kept[::-1]


def _reads(node: Any) -> set[str]:
    inner = (one for attribute in node.attribute for one in attribute.g.node)
    return set(node.input).union(*map(_reads, inner))


def _rename(node: Any, titles: Mapping[str, str]) -> None:
    """Give tensors other names, in the graphs inside a node as well."""
    for names in (node.input, node.output):
        for place, name in enumerate(names):
            if name in titles:
                names[place] = titles[name]
    for attribute in node.attribute:
        for inner in attribute.g.node:
            _rename(inner, titles)


def _finished(b: Builder, origin: Origin) -> Model:
    model = b.model
    model.producer_name, model.producer_version = "convspec", speccompiler.__version__
    model.doc_string = origin.text
    model.graph.name = origin.name
    model.graph.node.extend(b.nodes)
    for key, value in origin.facts.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    return model
