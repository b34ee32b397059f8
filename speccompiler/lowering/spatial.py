"""What spatial layers share: their rank, their ordering, and what a bad input is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.dims import Dim, format_dim
from speccompiler.graph.ir import Node, Reshape
from speccompiler.graph.shapes import format_shape

if TYPE_CHECKING:
    from speccompiler.lowering.builder import Builder

AXES = {1: "(steps, channels)", 2: "(rows, columns, channels)", 3: "(dim1, dim2, dim3, channels)"}
AXES_TH = {2: "(channels, rows, columns)", 3: "(channels, dim1, dim2, dim3)"}


def check_rank(x: Node, rank: int, ordering: str, layer_type: str) -> None:
    """Raise CS038 unless ``x`` has ``rank`` spatial axes and a channel axis."""
    if len(x.shape) == rank + 1:
        return
    wanted = AXES_TH.get(rank, "") if ordering == "th" else AXES[rank]
    raise Problem(
        "CS038",
        f"{layer_type} takes samples of shape {wanted}, but its input has shape "
        f"{format_shape(x.shape)}",
        _rank_hint(x, rank, ordering),
    )


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


_WITH_ONE = {1: "a row of single values", 2: "a grey image", 3: "a volume of single values"}


def known_channels(
    channels: Dim, layer_type: str, x: Node | None = None, b: Builder | None = None
) -> int:
    """The channel count of an input, which a kernel needs to be a number (CS045).

    Where a layer before it has made open lengths flat, or has put one there, it is named: ``b``
    holds the nodes before ``x``.
    """
    if isinstance(channels, int):
        return channels
    flat = None if x is None or b is None else _flattened(x, b)
    if flat is not None:
        raise Problem(
            "CS045",
            f"{layer_type} needs a known number of values, but '{flat.layer}' makes one axis of "
            f"all, with lengths that are open: {format_dim(channels)}",
            "give the input's lengths numbers (input_shape, or --input-shape), or put a "
            f"GlobalAveragePooling or GlobalMaxPooling in the place of '{flat.layer}'",
        )
    moved = None if x is None or b is None else _moved(x, b)
    raise Problem(
        "CS045",
        f"{layer_type} needs a known number of channels, but the channel axis of its input is "
        f"open ({format_dim(channels)})",
        "only spatial lengths may be null"
        if moved is None
        else f"'{moved.layer}' puts an open length there: give it a number (input_shape, or "
        "--input-shape)",
    )


def _flattened(x: Node, b: Builder) -> Node | None:
    """The node that made a flat value of one with several axes."""
    for node, source in _back(x, b):
        if len(node.shape) > 1:
            return None
        if isinstance(node.op, Reshape) and source is not None and len(source.shape) > 1:
            return node
    return None


def _moved(x: Node, b: Builder) -> Node | None:
    """The node before which the last axis was known, or was another: a Permute, a Reshape."""
    for node, source in _back(x, b):
        if isinstance(node.shape[-1], int):
            return None
        if node.layer == b.layer:
            continue  # the layer's own way to bring its channels to the end
        if source is not None and source.shape and source.shape[-1] != node.shape[-1]:
            return node
    return None


def _back(x: Node, b: Builder) -> Iterator[tuple[Node, Node | None]]:
    """A value, and each that it was made of, with the first that it reads."""
    by_name = {node.name: node for node in b.nodes}
    node: Node | None = x
    while node is not None and node.inputs:
        source = by_name.get(node.inputs[0])
        yield node, source
        node = source


def swapped(ordering: str) -> Literal["th", "tf"]:
    """The other ordering."""
    return "tf" if ordering == "th" else "th"
