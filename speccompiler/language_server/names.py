"""Where the names of layers stand: where each is given, and where it is read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from speccompiler.diagnostics.core import Span
from speccompiler.frozen import dataclass
from speccompiler.language_server.analysis import Analysis
from speccompiler.language_server.tree_paths import Found, covers, scalar_text
from speccompiler.language_server.written_layers import NamedLayer
from speccompiler.source.tree import Mapping, Scalar, Sequence, TreeNode, find

_CALL = re.compile(r"(.+)@[0-9]+")


@dataclass(frozen=True, slots=True)
class NamePlace:
    """A name that is read somewhere, and the text there, which may be a later call's."""

    name: str
    text: str
    span: Span


def read_names(analysis: Analysis) -> list[NamePlace]:
    """Every place that reads a layer's name: ``inputs``, ``outputs``, ``Shared`` calls."""
    root = analysis.document.root
    if not isinstance(root, Mapping) or not analysis.is_spec:
        return []
    known = {layer.name for layer in analysis.layers}
    given = {layer.name for layer in analysis.layers if layer.says_name}
    found = []
    seen: set[Span] = set()
    places = _native(root) if "convspec" in root.entries else _keras(root)
    for node in places:
        text = scalar_text(node)
        if text is None or node.span in seen:
            continue
        seen.add(node.span)
        call = _CALL.fullmatch(text)
        name = call[1] if call is not None and text not in given else text
        found.append(NamePlace(name if name in known else text, text, node.span))
    return found


def _native(root: Mapping) -> Iterator[TreeNode]:
    outputs = root.entries.get("outputs")
    if outputs is not None:
        yield from _one_or_several(outputs.value)
    layers = find(root, ("layers",))
    for layer in layers.items if isinstance(layers, Sequence) else ():
        if not isinstance(layer, Mapping):
            continue
        if "inputs" in layer.entries:
            yield from _one_or_several(layer.entries["inputs"].value)
        kind = layer.entries.get("type")
        if kind is not None and scalar_text(kind.value) == "Shared" and "layer" in layer.entries:
            yield layer.entries["layer"].value


def _one_or_several(node: TreeNode) -> Iterator[TreeNode]:
    yield from node.items if isinstance(node, Sequence) else (node,)


def _keras(root: Mapping) -> Iterator[TreeNode]:
    """The names in a functional model: those of its inner models have a list of their own."""
    config = find(root, ("config",))
    if not isinstance(config, Mapping):
        return
    for key in ("input_layers", "output_layers"):
        for item in _items(find(config, (key,))):
            yield from _items(item)[:1]
    for layer in _items(find(config, ("layers",))):
        yield from _own_name_again(layer)
        for node in _items(find(layer, ("inbound_nodes",))):
            for read in _items(node):
                yield from _items(read)[:1]


def _own_name_again(layer: TreeNode) -> Iterator[TreeNode]:
    """Keras writes the name of a layer in its config and beside it."""
    name = find(layer, ("name",))
    if isinstance(name, Scalar):
        yield name


def _items(node: TreeNode | None) -> tuple[TreeNode, ...]:
    return node.items if isinstance(node, Sequence) else ()


def layer_named(analysis: Analysis, name: str) -> NamedLayer | None:
    """The first layer of a name."""
    return next((layer for layer in analysis.layers if layer.name == name), None)


def definition_at(analysis: Analysis, found: Found) -> NamedLayer | None:
    """The layer whose name is read at a place."""
    node = found.nodes[-1]
    if found.on_key or scalar_text(node) is None:
        return None
    place = next((p for p in read_names(analysis) if p.span == node.span), None)
    if place is None:
        return None
    exact = layer_named(analysis, place.text)
    return exact or layer_named(analysis, place.name)


def named_at(analysis: Analysis, line: int, column: int) -> tuple[NamedLayer, Span] | None:
    """The layer whose name is given or read at a place, and the span of that name."""
    for place in read_names(analysis):
        if covers(place.span, line, column):
            layer = layer_named(analysis, place.text) or layer_named(analysis, place.name)
            return None if layer is None else (layer, place.span)
    for layer in analysis.layers:
        if covers(layer.name_span, line, column):
            return layer, layer.name_span
    return None


def reads_of(analysis: Analysis, layer: NamedLayer) -> list[NamePlace]:
    """The places that read a layer, its later calls too."""
    return [place for place in read_names(analysis) if layer.name in {place.name, place.text}]
