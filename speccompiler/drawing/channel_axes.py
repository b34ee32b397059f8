"""Which axis of each layer's value holds its channels, for whoever draws it."""

from __future__ import annotations

from collections.abc import Sequence

from speccompiler.drawing.layer_graph import LayerNode
from speccompiler.schemas.fields import Layer


def channel_axes(nodes: Sequence[LayerNode], layers: dict[str, Layer]) -> dict[str, int | None]:
    """For each value the axis of its channels, without that of the samples; None: the last one."""
    images = [layer for layer in layers.values() if layer.inner.rank > 1]
    first = images[0] if images else None
    found: dict[str, int | None] = {}
    for node in nodes:
        if node.reads:
            found[node.key] = _axis(layers[node.key], [found[key] for key in node.reads], node)
        elif first is None or _ordering(first) != "th":
            found[node.key] = None
        else:
            axis = len(node.output_shape) - 1 - first.inner.rank
            found[node.key] = axis if axis >= 0 else None
    return found


def _axis(layer: Layer, read: list[int | None], node: LayerNode) -> int | None:
    inner = layer.inner
    steps = int(inner is not layer)
    if inner.keeps_places or inner.merges:
        return read[0]
    if _ordering(layer) == "th" and len(node.output_shape) - steps > 2:
        return steps
    return None


def _ordering(layer: Layer) -> str | None:
    inner = layer.inner
    return str(getattr(inner, "dim_ordering", None)) if inner.uses_ordering else None
