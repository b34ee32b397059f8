"""A lowered graph as the layers of a functional model of Keras 3."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from speccompiler.convert.export_source import Given, Origin
from speccompiler.convert.keras3.builder import Array, Builder, KerasLayer, LayerCall, Value
from speccompiler.convert.keras3.last_axis import RowFormula, row_formulas
from speccompiler.convert.keras3.masks import MaskedMean, mask_key, masked_means, masks_made
from speccompiler.convert.keras3.moving import CHANNELS_LAST, unmasked
from speccompiler.convert.keras3.order import in_order
from speccompiler.convert.keras3.recurrent import Scan, at_places, both_directions, layer_of, scans
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
    readers = graph.readers()
    b = Builder(read_weight, nodes=graph.by_name(), masks_made=masks_made(graph))
    # A layer's own name is that of its last node; nothing made on the way may have it.
    given = []
    for node, entry in zip(graph.inputs, inputs, strict=True):
        b.layer = node.layer
        config: dict[str, Any] = {
            "batch_shape": [None, *(n if isinstance(n, int) else None for n in node.shape)]
        }
        if entry.dtype is not None:
            config["dtype"] = entry.dtype
        made = KerasLayer("InputLayer", config, {}, b.unused(entry.name), [LayerCall()])
        b.layers.append(made)
        given.append(Value(made, 0, 0, node.shape))
        b.values[node.name] = given[-1]
        if entry.dtype is not None and not _looked_up(readers[node.name]):
            b.values[node.name] = _as_float32(b, node, given[-1])
    _nodes(b, graph)
    outputs = [b.values[name] for name in graph.outputs]
    ordered = in_order(b.layers, given, outputs)
    return Functional(tuple(ordered), tuple(given), tuple(outputs), origin)


def _looked_up(readers: Sequence[ir.Node]) -> bool:
    """Whether an Embedding reads the numbers of an input, which then keep their type."""
    return any(isinstance(node.op, ir.Lookup) for node in readers)


def _as_float32(b: Builder, node: ir.Node, x: Value) -> Value:
    """Numbers of another type, which not every layer reads: a Rescaling gives float32."""
    b.named, start = f"{x.layer.name}_float32", len(b.layers)
    y = b.add("Rescaling", x, node.shape, scale=1.0, offset=0.0)
    b.name_new(start, y)
    return y


def _nodes(b: Builder, graph: ir.Graph) -> None:
    readers, titles = graph.readers(), node_titles(graph)
    b.alone = frozenset(
        name for name, found in readers.items() if len(found) == 1 and name not in graph.outputs
    )
    b.repeats_by_merge = _repeated_by_merges(graph, readers)
    parts = _Parts(transposed_convs(graph), scans(graph), masked_means(graph), row_formulas(graph))
    pairs = _pairs(parts.scans)
    within = {name for scan in parts.scans.values() for name in scan.replaced}
    within.update(name for made in parts.transposed.values() for name in made.replaced)
    within.update(name for mean in parts.means.values() for name in mean.replaced)
    within.update(name for made in parts.rows.values() for name in made.replaced)
    within.update(scan.node.name for scan in pairs.values())
    within.update(scan.flipped for scan in pairs.values() if scan.flipped is not None)
    masks = _only_masks(graph, readers, parts)

    def value_of(name: str) -> Value:
        """The value of a node, written now if it is a mask that nobody has needed so far."""
        if name not in b.values:
            for source in b.nodes[name].inputs:
                value_of(source)
            write(b.nodes[name])
        return b.values[name]

    def write(node: ir.Node) -> None:
        before = b.named, b.layer
        b.named, b.layer = titles[node.name], node.layer
        start = len(b.layers)
        try:
            if node.name in pairs:
                forward, backward = parts.scans[node.name], pairs[node.name]
                assert backward.flipped is not None, "only such scans have a pair"
                source, mask = _read(b, forward.source, forward.mask, value_of)
                start = len(b.layers)
                one, other = both_directions(b, forward, backward, source, mask)
                b.values[node.name], b.values[backward.flipped] = one, other
            else:
                b.values[node.name] = _value(b, node, parts, value_of)
        except Problem as problem:
            problem.layer = problem.layer or node.layer
            raise
        b.name_new(start, b.values[node.name])
        if len(b.layers) == start:
            b.name_whole(b.values[node.name].layer)
        b.named, b.layer = before

    for node in graph:
        if not isinstance(node.op, ir.Input) and node.name not in within | masks:
            write(node)


@dataclass(frozen=True, slots=True)
class _Parts:
    """Nodes that one layer says together, by the last of them."""

    transposed: Mapping[str, TransposedConv]
    scans: Mapping[str, Scan]
    means: Mapping[str, MaskedMean]
    rows: Mapping[str, RowFormula]


def _only_masks(
    graph: ir.Graph, readers: Mapping[str, tuple[ir.Node, ...]], parts: _Parts
) -> frozenset[str]:
    """Nodes that nothing but scans and means reads as masks, directly or by other such nodes."""
    found: set[str] = set()
    columns = {mean.column for mean in parts.means.values()}
    columns.update(name for scan in parts.scans.values() for name in scan.columns)
    for node in reversed(list(graph)):
        name, behind = node.name, readers[node.name]
        if name in graph.outputs or isinstance(node.op, ir.Input) or not behind:
            continue
        if all(
            reader.name in found
            or reader.name in columns
            or (isinstance(reader.op, ir.Recurrent) and reader.inputs.index(name) == 1)
            for reader in behind
        ):
            found.add(name)
    return frozenset(found)


def _read(
    b: Builder, source: str, mask: str | None, value_of: Callable[[str], Value]
) -> tuple[Value, Value | None]:
    """What a layer that reads masks is given: a value, and a mask where none comes with it."""
    x = b.values[source]
    if mask is None:
        return unmasked(b, x), None
    if x.mask is not None and x.mask == mask_key(b.nodes, mask):
        return x, None
    return x, value_of(mask)


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
    """Scans, each with one the other way that reads the same and whose steps are turned around.

    Bidirectional of Keras 3 lets masked steps give zeros.
    """
    backwards = [s for s in found.values() if s.flipped is not None]
    pairs: dict[str, Scan] = {}
    for name, scan in found.items():
        if scan.flipped is not None or not scan.op.sequences or scan.places:
            continue
        for other in backwards:
            same = (other.source, other.mask) == (scan.source, scan.mask)
            same = same and (scan.mask is None or bool(scan.columns and other.columns))
            turned = other.op.reverse != scan.op.reverse
            if same and turned and other.node.layer == scan.node.layer:
                pairs[name] = other
                backwards.remove(other)
                break
    return pairs


def _value(b: Builder, node: ir.Node, parts: _Parts, value_of: Callable[[str], Value]) -> Value:
    if (whole := parts.transposed.get(node.name)) is not None:
        return transposed_conv(b, node, whole, b.values[whole.source])
    if (mean := parts.means.get(node.name)) is not None:
        x, mask = _read(b, mean.source, mean.mask, value_of)
        return b.add("GlobalAveragePooling1D", x, node.shape, mask=mask, **CHANNELS_LAST)
    if (made := parts.rows.get(node.name)) is not None:
        return b.add(made.kind, b.values[made.source], node.shape, **made.config)
    if (scan := parts.scans.get(node.name)) is not None:
        if scan.places:
            return at_places(b, scan, b.values[scan.source], node.shape)
        x, mask = _read(b, scan.source, scan.mask, value_of)
        return layer_of(b, scan, x, mask, node.shape)
    rule = LAYERS.get(type(node.op))
    if rule is None:
        raise b.refuse(REFUSED[type(node.op)])
    return rule(b, node, node.op, *(b.values[name] for name in node.inputs))
