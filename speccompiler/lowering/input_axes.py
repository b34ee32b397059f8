"""The axes that layers need of their inputs: how many (CS038), channels last, their number known.

A rule of a spatial layer begins with ``spatial_input`` and ends with ``own_ordering``, and sees
values as ``(*spatial, channels)`` in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.dims import Dim, format_dim, is_known
from speccompiler.graph.ir import Node, Reshape, Transpose
from speccompiler.graph.shapes import format_shape
from speccompiler.lowering.builder import Builder
from speccompiler.schemas.fields import Layer, argument

AXES = {1: "(steps, channels)", 2: "(rows, columns, channels)", 3: "(dim1, dim2, dim3, channels)"}
AXES_TH = {2: "(channels, rows, columns)", 3: "(channels, dim1, dim2, dim3)"}
_WITH_ONE = {1: "a row of single values", 2: "a grey image", 3: "a volume of single values"}


def spatial_input(b: Builder, layer: Layer, x: Node) -> Node:
    """``x`` as ``(*spatial, channels)``; CS038 where it has not the axes that the layer needs."""
    rank, ordering = layer.rank, layout_of(layer)
    if len(x.shape) != rank + 1:
        wanted = AXES_TH.get(rank, "") if ordering == "th" else AXES[rank]
        raise Problem(
            "CS038",
            f"{layer.class_name} takes samples of shape {wanted}, but its input has shape "
            f"{format_shape(x.shape)}",
            _rank_hint(x, rank, ordering),
        )
    return b.add(Transpose((*range(1, rank + 1), 0)), x) if ordering == "th" else x


def own_ordering(b: Builder, layer: Layer, y: Node) -> Node:
    """Back from ``(*spatial, channels)`` to the layer's dim_ordering."""
    rank = layer.rank
    return b.add(Transpose((rank, *range(rank))), y) if layout_of(layer) == "th" else y


def layout_of(layer: Layer) -> str:
    """The dim_ordering of a layer, or of the one in it; 'tf' where it takes no such argument."""
    return str(argument(layer.inner, "dim_ordering") or "tf")


def swapped(ordering: str) -> Literal["th", "tf"]:
    """The other ordering."""
    return "tf" if ordering == "th" else "th"


def _rank_hint(x: Node, rank: int, ordering: str) -> str:
    found = len(x.shape)
    if found == rank + 2:
        return "a shape is given without the batch axis"
    if found == rank:
        sizes = (1, *x.shape) if ordering == "th" and rank > 1 else (*x.shape, 1)
        hint = f"the channel axis may be missing: {_WITH_ONE[rank]} is {format_shape(sizes)}"
        if rank > 1:
            return hint
        length = format_dim(x.shape[0])
        return f"{hint}; or that of steps: steps of {length} values each are (steps, {length})"
    if found == 1:
        return "a Reshape before it can give the values their axes back"
    return (
        f"the {found - 1}-D layer of this kind would fit" if found in {2, 3, 4} else "add a Reshape"
    )


def known_channels(b: Builder, layer: Layer, x: Node, axis: int = -1) -> int:
    """The number of channels of an input, which a kernel needs to know (CS045).

    The hint names the layer before it that has made one axis of open lengths, or that has put an
    open length there.
    """
    channels = x.shape[axis]
    if is_known(channels):
        return channels
    flat = _flattened(x, b)
    if flat is not None:
        raise Problem(
            "CS045",
            f"{layer.class_name} needs a known number of values, but '{flat.layer}' makes one axis "
            f"of all, with lengths that are open: {format_dim(channels)}",
            "give the input's lengths numbers (input_shape, or --input-shape), or put a "
            f"GlobalAveragePooling or GlobalMaxPooling in the place of '{flat.layer}'",
        )
    problem = open_channels(layer, channels)
    moved = _moved(x, b)
    if moved is not None:
        hint = f"'{moved.layer}' puts an open length there: give it a number (input_shape, or "
        problem = Problem(problem.code, problem.message, f"{hint}--input-shape)")
    raise problem


def open_channels(layer: Layer, channels: Dim) -> Problem:
    """CS045 for an open length where a layer needs a number."""
    return Problem(
        "CS045",
        f"{layer.class_name} needs a known number of channels, but the channel axis of its input "
        f"is open ({format_dim(channels)})",
        "only spatial lengths may be null",
    )


def _flattened(x: Node, b: Builder) -> Node | None:
    """The node that made one axis of several, if nothing but flat values came after it."""
    for node, source in _back(x, b):
        if len(node.shape) > 1:
            return None
        if isinstance(node.op, Reshape) and source is not None and len(source.shape) > 1:
            return node
    return None


def _moved(x: Node, b: Builder) -> Node | None:
    """The node (of a Permute or a Reshape) that made an open length the last axis."""
    for node, source in _back(x, b):
        if isinstance(node.shape[-1], int):
            return None
        if node.layer == b.layer:
            continue  # the layer's own transpose, which brings its channels to the end
        if source is not None and source.shape and source.shape[-1] != node.shape[-1]:
            return node
    return None


def _back(x: Node, b: Builder) -> Iterator[tuple[Node, Node | None]]:
    """A value and those that it was made of, last first, each with the first that it reads."""
    by_name = {node.name: node for node in b.nodes}
    node: Node | None = x
    while node is not None and node.inputs:
        source = by_name.get(node.inputs[0])
        yield node, source
        node = source
