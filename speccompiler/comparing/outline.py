"""A model as a comparison sees it: its calls by numbers, what each reads, and what each says."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import field
from functools import cache

from speccompiler.comparing.layer_arguments import signature
from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Graph, Node, Recurrent, Shape
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.model import Call, ModelSpec

_NUMBERED = re.compile(r"(.*?)_?([0-9]+)(?:@[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Item:
    """A call of a layer. ``reads`` are numbers of calls; input k of the model is ``-1 - k``."""

    name: str
    layer: Layer
    reads: tuple[int, ...]
    said: Hashable
    """Equal where two calls are of layers that say the same: the call's share of a signature."""
    first: bool
    """Whether it is the layer's first call, to which its arguments and tensors count."""
    generated: bool
    """Whether the name tells nothing: its type and a number, as Keras and convspec make them."""


@dataclass(frozen=True, slots=True)
class Outline:
    """The calls of a model in its order, with what they were lowered to."""

    spec: ModelSpec
    graph: Graph
    items: tuple[Item, ...]
    readers: tuple[tuple[int, ...], ...]
    """For each call those that read it."""
    numbers: dict[str, int] = field(default_factory=dict)
    """The number of each call, by its name."""
    nodes: dict[str, Node] = field(default_factory=dict)
    masked: frozenset[str] = frozenset()
    """The calls that skip the steps which a mask says are not there."""

    def input_shapes(self, number: int) -> tuple[Shape, ...]:
        """The shapes that a call reads."""
        return tuple(self.shape(read) for read in self.items[number].reads)

    def reads_mask(self, number: int) -> bool:
        """Whether the numbers of a call depend on a mask that came with its input."""
        return self.items[number].name in self.masked

    def shape(self, number: int) -> Shape:
        """The shape of a call's value, or of an input of the model."""
        if number < 0:
            return self.graph.inputs[-1 - number].shape
        return self.nodes[self.items[number].name].shape


@cache
def _generated_stems(kind: type[Layer]) -> frozenset[str]:
    """What Keras and convspec begin the automatic names of a type with."""
    names = (kind.__name__, *kind.aliases, *(["input"] if kind.__name__ == "InputLayer" else []))
    return frozenset(name.lower() for name in names)


def is_generated(name: str, layer: Layer) -> bool:
    """Whether a name is a type and a number: ``convolution2d_12``."""
    found = _NUMBERED.fullmatch(name)
    if found is None or "_" not in name:
        return False
    stems = _generated_stems(type(layer)) | _generated_stems(type(layer.inner))
    return found[1].lower() in {*stems, layer.class_name.lower()}


def is_numbered(name: str) -> bool:
    """Whether a name ends in a number, so that it may say an order: ``conv3``."""
    return _NUMBERED.fullmatch(name) is not None


def outline(spec: ModelSpec, graph: Graph) -> Outline:
    """The calls of a model and what they read."""
    layers = {layer.name: layer for layer in spec.layers}
    said = {layer.name: signature(layer) for layer in spec.layers}
    numbers = {call.name: number for number, call in enumerate(spec.calls)}
    inputs = {entry.name: -1 - k for k, entry in enumerate(spec.inputs)}
    seen: set[str] = set()
    items = []
    for call in spec.calls:
        layer = layers[call.layer]
        reads = tuple(numbers[name] for name in call.inputs) or (inputs[call.name],)
        items.append(
            Item(
                call.name,
                layer,
                reads,
                said[call.layer],
                call.layer not in seen,
                is_generated(call.name, layer),
            )
        )
        seen.add(call.layer)
    return Outline(
        spec,
        graph,
        tuple(items),
        _readers(items, spec.calls),
        numbers,
        dict(graph.by_name()),
        frozenset(n.layer for n in graph if isinstance(n.op, Recurrent) and n.op.masked),
    )


def _readers(items: Sequence[Item], calls: Sequence[Call]) -> tuple[tuple[int, ...], ...]:
    found: list[list[int]] = [[] for _ in calls]
    for number, item in enumerate(items):
        for read in dict.fromkeys(item.reads):
            if read >= 0:
                found[read].append(number)
    return tuple(map(tuple, found))
