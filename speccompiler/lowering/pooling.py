"""Max and average pooling of every rank, of windows and global (Keras 1.2.2 layers/pooling.py)."""

from __future__ import annotations

from typing import Any

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.dims import Dim
from speccompiler.graph.ir import GlobalPool, Node, Padding, Pool
from speccompiler.graph.lengths import (
    partial,
    same_tensorflow,
    same_tensorflow_unclamped,
    same_theano_pool,
    same_theano_pool3d,
    theano_pool3d_breaks,
)
from speccompiler.lowering.builder import Builder, channels_last, restore_ordering
from speccompiler.lowering.spatial import check_rank


def lower_pooling(b: Builder, layer: Any, x: Node) -> Node:
    """``Max``/``Average`` and the rank are read off the type's name."""
    mode = "max" if layer.type.startswith("Max") else "average"
    rank = int(layer.type[-2])
    if rank == 1:
        kernel, ordering = (layer.pool_length,), "tf"
        stride = (layer.stride or layer.pool_length,)
    else:
        kernel, ordering = layer.pool_size, layer.dim_ordering
        stride = layer.strides or layer.pool_size
    check_rank(x, rank, ordering, layer.type)
    x = channels_last(b, x, ordering)
    padding: Padding = ((0, 0),) * rank
    axes = list(zip(x.shape[:-1], kernel, stride, strict=True))
    if layer.border_mode == "same":
        padding = _same_padding(b, layer.type, mode, axes)
    elif layer.border_mode == "partial":
        padding = tuple(partial(*axis) for axis in axes)
    y = b.add(Pool(mode, kernel, stride, padding, ((0, 0),) * rank), x)
    return restore_ordering(b, y, ordering)


def lower_global_pooling(b: Builder, layer: Any, x: Node) -> Node:
    """What remains has no spatial axes, and so no ordering."""
    mode, rank = "max" if "Max" in layer.type else "average", int(layer.type[-2])
    ordering = "tf" if rank == 1 else layer.dim_ordering
    check_rank(x, rank, ordering, layer.type)
    return b.add(GlobalPool(mode), channels_last(b, x, ordering))


def _same_padding(
    b: Builder, layer_type: str, mode: str, axes: list[tuple[Dim, int, int]]
) -> Padding:
    """The split of each axis ``(length, window, stride)``."""
    if not b.semantics.theano:
        # Only the 3-D pools of old releases skip inputs.
        old = b.semantics.padding == "tensorflow-1.0" and len(axes) == 3
        split = same_tensorflow_unclamped if old else same_tensorflow
        return tuple(split(*axis) for axis in axes)
    if len(axes) < 3:
        return tuple(same_theano_pool(*axis) for axis in axes)
    if b.semantics.padding == "theano-0.8":
        raise Problem(
            "CS055",
            "Theano 0.8 has no 3-D pooling with border_mode 'same'",
            "--semantics theano takes the rules of Theano 0.9, which has it",
            argument="border_mode",
        )
    if not any(isinstance(n, int) and theano_pool3d_breaks(n, k, s, mode) for n, k, s in axes):
        return tuple(same_theano_pool3d(*axis, mode) for axis in axes)
    b.warn(
        "CS051",
        f"Theano itself fails here: {layer_type} 'same' with a window of 1 "
        "returned NaN or too few values",
        "the result follows the rule of the 2-D layers",
    )
    return tuple(same_theano_pool(*axis) for axis in axes)
