"""A lowered graph as the layers of a functional model of Keras 3."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from speccompiler.convert.export_source import Given, Origin
from speccompiler.convert.keras3.builder import Array, Builder, KerasLayer, Value
from speccompiler.convert.keras3.order import in_order
from speccompiler.convert.keras3.recurrent import Scan, both_directions, layer_of, scans
from speccompiler.convert.keras3.table import LAYERS, REFUSED
from speccompiler.convert.keras3.windows import transposed_conv
from speccompiler.convert.node_titles import node_titles
from speccompiler.convert.transposed_convs import TransposedConv, transposed_convs
from speccompiler.diagnostics.core import Problem
from speccompiler.frozen import dataclass
from speccompiler.graph import ir
from speccompiler.passes import run_pass
from speccompiler.passes.drop_identities import drop_identities
from speccompiler.passes.fuse_activations import fuse_activations
from speccompiler.passes.sink_transposes import sink_transposes

TIDY = (drop_identities, sink_transposes, fuse_activations)
"""The passes that make fewer layers. Padding stays a layer of its own, as Keras has it."""


@dataclass(frozen=True, slots=True)
class Functional:
    """The layers in the order of the file, and which of their values go in and out."""

    layers: tuple[KerasLayer, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    origin: Origin


def functional(
    graph: ir.Graph,
    read_weight: Callable[[ir.Weight], Array],
    inputs: Sequence[Given],
    origin: Origin,
) -> Functional:
    """The graph as layers. Raises ``Problem``: CS251, and what reading weights raises."""
    for one in TIDY:
        graph = run_pass(one, graph)
    b = Builder(read_weight)
    # A layer's own name is that of its last node; nothing made on the way may have it.
    given = []
    for node, entry in zip(graph.inputs, inputs, strict=True):
        b.layer = node.layer
        if entry.dtype is not None:
            raise b.refuse(f"an input that is rounded to {entry.dtype}")
        shape = [None, *(n if isinstance(n, int) else None for n in node.shape)]
        made = KerasLayer("InputLayer", {"batch_shape": shape}, {}, b.unused(entry.name), [[]])
        b.layers.append(made)
        b.values[node.name] = Value(made, 0, 0, node.shape)
        given.append(b.values[node.name])
    _nodes(b, graph)
    outputs = [b.values[name] for name in graph.outputs]
    ordered = in_order(b.layers, given, outputs)
    return Functional(tuple(ordered), tuple(given), tuple(outputs), origin)


def _nodes(b: Builder, graph: ir.Graph) -> None:
    readers, titles = graph.readers(), node_titles(graph)
    b.alone = frozenset(
        name for name, found in readers.items() if len(found) == 1 and name not in graph.outputs
    )
    b.repeats_by_merge = _repeated_by_merges(graph, readers)
    whole, found = transposed_convs(graph), scans(graph)
    pairs = _pairs(found)
    within = {name for scan in found.values() for name in scan.replaced}
    within.update(name for made in whole.values() for name in made.replaced)
    flips = {scan.flipped: scan for scan in pairs.values() if scan.flipped is not None}
    for node in graph:
        if isinstance(node.op, ir.Input) or node.name in within or node.name in flips:
            continue
        if node.name in {scan.node.name for scan in pairs.values()}:
            continue
        b.named, b.layer = titles[node.name], node.layer
        start = len(b.layers)
        try:
            if node.name in pairs:
                forward, backward = found[node.name], pairs[node.name]
                assert backward.flipped is not None, "only such scans have a pair"
                source = b.values[forward.source]
                one, other = both_directions(b, forward, backward, source)
                b.values[node.name], b.values[backward.flipped] = one, other
            else:
                b.values[node.name] = _value(b, node, whole.get(node.name), found.get(node.name))
        except Problem as problem:
            problem.layer = problem.layer or node.layer
            raise
        b.name_new(start, b.values[node.name])


def _repeated_by_merges(
    graph: ir.Graph, readers: Mapping[str, tuple[ir.Node, ...]]
) -> frozenset[str]:
    """Repetitions that only merges read, each with a value that has all lengths itself."""
    repeats = {node.name for node in graph if isinstance(node.op, ir.Expand)}
    return frozenset(
        name
        for name in repeats.difference(graph.outputs)
        if all(
            isinstance(reader.op, ir.Combine) and not repeats.issuperset(reader.inputs)
            for reader in readers[name]
        )
    )


def _pairs(found: Mapping[str, Scan]) -> dict[str, Scan]:
    """Scans forwards, each with one backwards that reads the same and is turned around."""
    backwards = [s for s in found.values() if s.flipped is not None and s.op.reverse]
    pairs: dict[str, Scan] = {}
    for name, scan in found.items():
        if scan.op.reverse or not scan.op.sequences:
            continue
        for other in backwards:
            if other.source == scan.source and other.node.layer == scan.node.layer:
                pairs[name] = other
                backwards.remove(other)
                break
    return pairs


def _value(b: Builder, node: ir.Node, whole: TransposedConv | None, scan: Scan | None) -> Value:
    if whole is not None:
        return transposed_conv(b, node, whole, b.values[whole.source])
    if scan is not None:
        return layer_of(b, scan, b.values[scan.source], node.shape)
    rule = LAYERS.get(type(node.op))
    if rule is None:
        raise b.refuse(REFUSED[type(node.op)])
    return rule(b, node, node.op, *(b.values[name] for name in node.inputs))
