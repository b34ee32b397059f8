"""Max and average pooling of every rank, of windows and global (Keras 1.2.2 layers/pooling.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from speccompiler.graph.ir import GlobalPool, Node, Pool, Reshape
from speccompiler.lowering.border_modes import pool_padding
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.input_axes import layout_of, own_ordering, spatial_input
from speccompiler.lowering.mask_table import treatment
from speccompiler.lowering.masks import mean_of_kept

if TYPE_CHECKING:
    from speccompiler.schemas.global_pooling import GlobalPooling
    from speccompiler.schemas.pooling1d import Pooling1D
    from speccompiler.schemas.pooling2d import Pooling2D
    from speccompiler.schemas.pooling3d import Pooling3D


def lower_pooling(b: Builder, layer: Pooling1D | Pooling2D | Pooling3D, x: Node) -> Node:
    """Windows along every spatial axis; without a stride they stand side by side."""
    said: Any = layer
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    if layer.rank == 1:
        kernel, stride = (said.pool_length,), (said.stride or said.pool_length,)
    else:
        kernel, stride = said.pool_size, said.strides or said.pool_size
    x = spatial_input(b, layer, x)
    axes = list(zip(x.shape[:-1], kernel, stride, strict=True))
    padding = pool_padding(b, layer.border_mode, layer.class_name, layer.mode, axes)
    y = b.add(Pool(layer.mode, kernel, stride, padding, ((0, 0),) * layer.rank), x)
    return own_ordering(b, layer, y)


def lower_global_pooling(b: Builder, layer: GlobalPooling, x: Node) -> Node:
    """One window that is all there is; the result has no spatial axes, and so no ordering.

    With ``keepdims`` they are 1 long.
    """
    mask = b.mask_of(x)
    x = spatial_input(b, layer, x)
    if mask is not None and treatment(layer, b.semantics) == "averages":
        y = mean_of_kept(b, x, mask)
    else:
        y = b.add(GlobalPool(layer.mode), x)
    if not layer.keepdims:
        return y
    ones = (1,) * layer.rank
    shape = (*y.shape, *ones) if layout_of(layer) == "th" else (*ones, *y.shape)
    return b.add(Reshape(shape), y)
