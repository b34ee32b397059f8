"""Max and average pooling of every rank to ``Pool`` (Keras 1.2.2 layers/pooling.py)."""

from __future__ import annotations

from typing import Any

from speccompiler.ir import Node, Pool
from speccompiler.lengths import same_tensorflow, same_theano_pool

from .builder import Builder, channels_last, restore_ordering
from .spatial import check_rank


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
    padding = ((0, 0),) * rank
    if layer.border_mode == "same":
        theano = b.semantics.padding == "theano"
        if theano and rank == 3 and 1 in kernel:
            b.warn(
                "CS051",
                f"Theano itself fails on 'same' pooling with a window of 1: {layer.type} "
                "returned NaN or too few values there",
                "the result follows the rule of the 2-D layers",
            )
        split = same_theano_pool if theano else same_tensorflow
        padding = tuple(
            split(n, k, s) for n, k, s in zip(x.shape[:-1], kernel, stride, strict=True)
        )
    y = b.add(Pool(mode, kernel, stride, padding, ((0, 0),) * rank), x)
    return restore_ordering(b, y, ordering)
