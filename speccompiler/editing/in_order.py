"""Keys in their documented order, each with its comments."""

from __future__ import annotations

from dataclasses import replace

from speccompiler.editing.key_order import Place, layer_places, spec_places
from speccompiler.editing.written_nodes import (
    Child,
    Written,
    WrittenList,
    WrittenScalar,
    defines_anchor,
)


def spec_in_order(root: WrittenList) -> WrittenList:
    """The keys of the top."""
    return _sorted(root, spec_places())


def layer_in_order(child: Child) -> Child:
    """A layer's arguments, and those of the layer that it holds."""
    layer = child.value
    if not isinstance(layer, WrittenList) or not layer.mapping:
        return child
    said = {c.key.value: c.value for c in layer.children if c.key is not None}
    kind = said.get("type")
    layer = replace(
        layer,
        children=tuple(
            layer_in_order(c) if c.key is not None and c.key.value == "layer" else c
            for c in layer.children
        ),
    )
    places = layer_places(kind.value if isinstance(kind, WrittenScalar) else None)
    return replace(child, value=_sorted(layer, places))


def _sorted(mapping: WrittenList, places: Place) -> WrittenList:
    """A mapping in order. One in which an anchor stands is left: aliases have to come after it."""
    if _is_bound(mapping):
        return mapping
    children = sorted(mapping.children, key=lambda c: places("" if c.key is None else c.key.value))
    return replace(mapping, children=tuple(children))


def _is_bound(node: Written) -> bool:
    return isinstance(node, WrittenList) and any(defines_anchor(c.value) for c in node.children)
