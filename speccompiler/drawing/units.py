"""A model as the units that a picture shows: layers that belong together are one.

What works value by value and is the only reader of its input is drawn on that: a convolution, its
normalisation and its activation are one unit. So is a padding with the convolution after it.
"""

from __future__ import annotations

from collections import Counter
from math import prod

from speccompiler.drawing.channel_axes import channel_axes
from speccompiler.drawing.layer_graph import LayerNode, layer_graph
from speccompiler.drawing.layer_words import kind_of, words_of
from speccompiler.drawing.themes import Kind
from speccompiler.frozen import dataclass
from speccompiler.graph.dims import Dim, evaluate, symbols
from speccompiler.graph.ir import Shape
from speccompiler.reports.shape_report import ShapeReport
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.model import ModelSpec

OPEN_LENGTH = 128
"""What an open length is drawn as."""
_BEHIND: frozenset[Kind] = frozenset({"activation", "normalisation", "regularisation"})
_WINDOWED: frozenset[Kind] = frozenset({"convolution", "pooling"})


@dataclass(frozen=True, slots=True)
class Extent:
    """A value to scale: lengths along its spatial axes, and channels. A vector has no axes."""

    spatial: tuple[int, ...]
    channels: int

    @property
    def rows(self) -> int:
        """The length of the last axis but one, or the only one; 1 for a vector."""
        return self.spatial[-2] if len(self.spatial) > 1 else prod(self.spatial)

    @property
    def columns(self) -> int:
        """The length of the last axis of an image; 1 for what has none."""
        return self.spatial[-1] if len(self.spatial) > 1 else 1

    @property
    def slices(self) -> int:
        """Images in one value: steps of a clip, or slices of a volume."""
        return prod(self.spatial[:-2])


@dataclass(frozen=True, slots=True)
class Unit:
    """One thing that is drawn."""

    key: str
    """The name of its last layer: who reads it names that."""
    name: str
    kind: Kind
    words: str
    shape: Shape
    """Of its output."""
    extent: Extent
    extra: tuple[Kind, ...]
    """The kinds of the layers that are drawn on it, in their order."""
    layers: tuple[str, ...]
    """The names of all its layers."""
    reads: tuple[str, ...]
    """Keys, each once."""


def units(spec: ModelSpec, report: ShapeReport, *, fold: bool = True) -> tuple[Unit, ...]:
    """All units in the order of their layers; without ``fold`` one for each layer."""
    graph = layer_graph(report)
    layers = spec.by_call()
    readers = Counter(key for node in graph.nodes for key in dict.fromkeys(node.reads))
    kept = {*report.outputs}
    axes = channel_axes(graph.nodes, layers)
    groups: list[list[LayerNode]] = []
    of: dict[str, list[LayerNode]] = {}
    for node in graph.nodes:
        before = of.get(node.reads[0]) if fold and len(node.reads) == 1 else None
        joins = (
            before is not None
            and before[-1].key == node.reads[0]
            and readers[node.reads[0]] == 1
            and node.reads[0] not in kept
            and _belongs(node, before, layers)
        )
        if joins and before is not None:
            before.append(node)
        else:
            groups.append([node])
        of[node.key] = before if joins and before is not None else groups[-1]
    last = {node.key: group[-1].key for group in groups for node in group}
    return tuple(_unit(group, layers, axes, last) for group in groups)


def _belongs(node: LayerNode, before: list[LayerNode], layers: dict[str, Layer]) -> bool:
    if node.is_input or before[-1].is_input:
        return False
    kind, first = kind_of(layers[node.key]), kind_of(layers[before[0].key])
    if _is_pad(layers[before[-1].key]):
        return len(before) == 1 and kind in _WINDOWED
    return (
        kind in _BEHIND
        and first not in {"shape", "input"}
        and (node.output_shape == before[-1].output_shape)
    )


def _is_pad(layer: Layer) -> bool:
    return layer.class_name.startswith("ZeroPadding")


def _unit(
    group: list[LayerNode],
    layers: dict[str, Layer],
    axes: dict[str, int | None],
    last: dict[str, str],
) -> Unit:
    end = group[-1]
    pads = [node for node in group[:-1] if not node.is_input and _is_pad(layers[node.key])]
    head = next(node for node in group if node not in pads)
    kind: Kind = "input" if head.is_input else kind_of(layers[head.key])
    words = [] if head.is_input else [words_of(layers[head.key])]
    words += [words_of(layers[node.key]) for node in group if node not in (head, *pads)]
    words += ["padded"] if pads else []
    if head.layer is not None and head.layer.shared_with is not None:
        words[0] = f"{head.layer.shared_with} again"
    return Unit(
        end.key,
        head.name,
        kind,
        " · ".join(words),
        end.output_shape,
        _extent(end.output_shape, axes[end.key]),
        tuple(kind_of(layers[node.key]) for node in group if node not in (head, *pads)),
        tuple(node.name for node in group),
        tuple(dict.fromkeys(last[key] for key in group[0].reads)),
    )


def _extent(shape: Shape, channels: int | None) -> Extent:
    known = [_length(dim) for dim in shape]
    if len(known) == 1:
        return Extent((), known[0])
    axis = len(known) - 1 if channels is None else channels
    return Extent(tuple(n for i, n in enumerate(known) if i != axis), known[axis])


def _length(dim: Dim) -> int:
    """A length to draw."""
    if isinstance(dim, int):
        return dim
    return max(1, evaluate(dim, dict.fromkeys(symbols(dim), OPEN_LENGTH)))
