"""Bidirectional: a recurrent layer, its copy that goes the other way, and both together.

Keras 1.2.2 layers/wrappers.py:206-300. The outputs of the copy are put into the order of the
layer's own ones wherever they are sequences, even where it is the layer that goes backwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.ir import Combine, CombineMode, Concat, Node, Reshape, Slice
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.cells import Direction, passing_mask
from speccompiler.lowering.conv_lstm import images_of
from speccompiler.lowering.recurrent import steps_of
from speccompiler.schemas.bidirectional import DIRECTIONS

if TYPE_CHECKING:
    from speccompiler.schemas.bidirectional import Bidirectional

MERGED: dict[str, CombineMode] = {"sum": "sum", "mul": "mul", "ave": "ave"}


def lower_bidirectional(b: Builder, layer: Bidirectional, x: Node, *first: Node) -> Node:
    """Both directions, merged by the mode; along a first axis of 2 where it is null.

    ``first`` are the states that they begin with: those of the forward direction stand in front.
    """
    inner: Any = layer.layer
    if inner.weights is not None:
        raise Problem(
            "CS090",
            f"the weights of a Bidirectional are its own, and its {inner.class_name} has some",
            "say weights beside layer: the arrays of the forward layer, then of the backward one",
            argument="layer",
        )
    mask = b.mask_of(x)
    rule = images_of if inner.class_name == "ConvLSTM2D" else steps_of
    half = len(first) // 2
    forward, backward = (
        rule(b, inner, Direction(layer, f"{name}_", inner.go_backwards != turned), x, mask, states)
        for turned, (name, states) in enumerate(
            zip(DIRECTIONS, (first[:half], first[half:]), strict=True)
        )
    )
    if inner.return_sequences:
        backward = _reversed(b, backward)
    if layer.merge_mode == "concat":
        axis = len(forward.shape) - 1
        y = b.add(Concat(axis, (forward.shape[-1], backward.shape[-1])), forward, backward)
    elif layer.merge_mode is None:
        apart = (b.add(Reshape((1, *y.shape)), y) for y in (forward, backward))
        y = b.add(Concat(0, (1, 1)), *apart)
    else:
        y = b.add(Combine(MERGED[layer.merge_mode]), forward, backward)
    return passing_mask(b, inner, y, mask)


def _reversed(b: Builder, x: Node) -> Node:
    """The steps from the last to the first."""
    rest = len(x.shape) - 1
    start = (x.shape[0] - 1, *(0,) * rest)
    return b.add(Slice(start, (-1, *(1,) * rest), x.shape), x)
