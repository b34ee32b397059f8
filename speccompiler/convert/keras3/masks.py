"""Masks of the graph in Keras 3: those that travel with values, and those that layers compute.

A mask of the graph is a node that a scan or a mean over steps reads. Where Keras 3 brings the same
mask along, from a Masking or an Embedding, nothing is said. Elsewhere the call is given a mask that
layers have computed, 1 for a step that is there and 0 for one that is not; and what carries a mask
that the graph does not read loses it first.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, isnan

from speccompiler.convert.keras3.builder import Builder, Value
from speccompiler.convert.keras3.mask_rules import MaskKey
from speccompiler.convert.keras3.moving import pooled_channels, reshaped
from speccompiler.frozen import dataclass
from speccompiler.graph import ir

SATURATING = 2.0**100
"""Twice by this, the least float32 above 0 is above 1."""


def mask_key(nodes: Mapping[str, ir.Node], name: str) -> MaskKey | None:
    """What Keras 3 would compare to make the same mask; None for one put together of others."""
    node = nodes[name]
    if not isinstance(node.op, ir.Kept):
        return None
    source = node.inputs[0]
    read = nodes[source]
    if isinstance(read.op, ir.Reshape) and read.shape == (*nodes[read.inputs[0]].shape, 1):
        source = read.inputs[0]
    return source, node.op.value


def masks_made(graph: ir.Graph) -> frozenset[MaskKey]:
    """The masks of a graph that a layer may make beside its value."""
    nodes = graph.by_name()
    keys = (mask_key(nodes, node.name) for node in graph if isinstance(node.op, ir.Kept))
    return frozenset(key for key in keys if key is not None)


@dataclass(frozen=True, slots=True)
class MaskedMean:
    """A mean over the kept steps, one layer of Keras 3, and the nodes that it is made of."""

    source: str
    mask: str
    column: str
    """The node that reads the mask."""
    replaced: frozenset[str]


def masked_means(graph: ir.Graph) -> dict[str, MaskedMean]:
    """Every mean over kept steps as ``lowering.masks.mean_of_kept`` writes it, by its last node."""
    nodes, readers = graph.by_name(), graph.readers()
    found = {}
    for node in graph:
        made = _masked_mean(nodes, node)
        if made is None:
            continue
        inside = {*made.replaced, node.name}
        read = {reader.name for name in made.replaced for reader in readers[name]}
        if read <= inside and made.replaced.isdisjoint(graph.outputs):
            found[node.name] = made
    return found


def _masked_mean(nodes: Mapping[str, ir.Node], node: ir.Node) -> MaskedMean | None:
    if node.op != ir.Combine("quotient") or len(node.shape) != 1:
        return None
    total, count = nodes[node.inputs[0]], _single(nodes, node.inputs[1])
    pools = ir.GlobalPool("sum")
    if total.op != pools or count.op != pools:
        return None
    product, column = nodes[total.inputs[0]], nodes[count.inputs[0]]
    if product.op != ir.Combine("mul") or len(product.inputs) != 2:
        return None
    source, wide = product.inputs
    if _single(nodes, wide) is not column or not isinstance(column.op, ir.Reshape):
        return None
    (mask,) = column.inputs
    if column.shape != (*nodes[mask].shape, 1):
        return None
    parts = {total.name, count.name, product.name, column.name, wide, node.inputs[1]}
    return MaskedMean(source, mask, column.name, frozenset(parts))


def _single(nodes: Mapping[str, ir.Node], name: str) -> ir.Node:
    """What is repeated along an axis of length 1, or the node itself."""
    node = nodes[name]
    return nodes[node.inputs[0]] if isinstance(node.op, ir.Expand) else node


def zeroed(b: Builder, node: ir.Node, op: ir.Mask, x: Value) -> Value:
    """Masking, whose value also carries the mask from here on."""
    return b.add("Masking", x, x.shape, makes=(node.inputs[0], op.value), mask_value=op.value)


def kept(b: Builder, node: ir.Node, op: ir.Kept, x: Value) -> Value:
    """The largest distance of a step's values from the number, made 1 where it is not 0."""
    if isnan(op.value):
        x = b.add("Rescaling", x, x.shape, scale=0.0, offset=1.0)
        return pooled_channels(b, x, "max")
    if not isfinite(op.value):
        raise b.refuse(f"a mask of steps that are {op.value}")
    if op.value:
        x = b.add("Rescaling", x, x.shape, scale=1.0, offset=-op.value)
    other = b.add("Rescaling", x, x.shape, scale=-1.0, offset=0.0)
    y = pooled_channels(b, b.add("Maximum", [x, other], x.shape), "max")
    for _ in range(2):
        y = b.add("Rescaling", y, y.shape, scale=SATURATING, offset=0.0)
    return reshaped(b, b.add("ReLU", y, y.shape, max_value=1.0), node.shape)
