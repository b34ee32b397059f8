"""Which padding a ``border_mode`` is, by the semantics, for convolutions and for pools.

What 'same' is in each release:

                       convolutions               pools of 1 and 2 axes   pools of 3 axes
    tensorflow         same_tensorflow            same_tensorflow         same_tensorflow
    tensorflow-1.0     same_tensorflow_unclamped  same_tensorflow         .._unclamped
    theano             same_theano_conv           same_theano_pool        same_theano_pool3d
    theano-0.8         same_theano_conv (3 axes:  same_theano_pool        refused
                       same_tensorflow)

The arithmetic of each is in ``graph/padding.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from speccompiler.graph import padding
from speccompiler.graph.dims import Dim
from speccompiler.graph.ir import Padding
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.refusals import not_in_theano_0_8
from speccompiler.lowering.semantics import Semantics
from speccompiler.schemas.pooling import PoolMode
from speccompiler.schemas.profiles import Profile

Axis = tuple[Dim, int, int]
"""Input length, length of the kernel or window, stride."""
Split = Callable[[Dim, int, int], tuple[Dim, Dim]]

_SAME: Mapping[Profile, Split] = {
    "tensorflow": padding.same_tensorflow,
    "tensorflow-1.0": padding.same_tensorflow_unclamped,
    "theano": padding.same_theano_conv,
    "theano-0.8": padding.same_theano_conv,
}


def conv_padding(
    mode: str, semantics: Semantics, n: tuple[Dim, ...], k: tuple[int, ...], s: tuple[int, ...]
) -> Padding:
    """(before, after) along every axis of a convolution. CS055 for what Theano 0.8 has not."""
    if mode == "valid":
        return ((0, 0),) * len(k)
    if mode == "causal":
        return tuple(map(padding.causal, k))
    old_3d = semantics.padding == "theano-0.8" and len(k) == 3
    if old_3d and mode == "full":
        raise not_in_theano_0_8("3-D convolution with border_mode 'full'")
    if old_3d and any(stride != 1 for stride in s):
        raise not_in_theano_0_8("3-D convolution with 'same' with a stride")
    if mode == "full":
        return tuple(map(padding.full, k))
    # Its old 3-D convolution pads behind what an even kernel leaves over, as TensorFlow does.
    split = padding.same_tensorflow if old_3d else _SAME[semantics.padding]
    return tuple(split(*axis) for axis in zip(n, k, s, strict=True))


def pool_padding(
    b: Builder, border_mode: str, layer_type: str, mode: PoolMode, axes: list[Axis]
) -> Padding:
    """(before, after) along every axis of a pool. CS055 for what Theano 0.8 has not."""
    if border_mode == "valid":
        return ((0, 0),) * len(axes)
    if border_mode == "partial":
        return tuple(padding.partial(*axis) for axis in axes)
    if not b.semantics.theano:
        # Only the 3-D pools of old releases skip inputs.
        old = b.semantics.padding == "tensorflow-1.0" and len(axes) == 3
        split = padding.same_tensorflow_unclamped if old else padding.same_tensorflow
        return tuple(split(*axis) for axis in axes)
    if len(axes) < 3:
        return tuple(padding.same_theano_pool(*axis) for axis in axes)
    if b.semantics.padding == "theano-0.8":
        raise not_in_theano_0_8("3-D pooling with border_mode 'same'", "border_mode")
    breaks = padding.theano_pool3d_breaks
    if not any(isinstance(n, int) and breaks(n, k, s, mode) for n, k, s in axes):
        return tuple(padding.same_theano_pool3d(*axis, mode) for axis in axes)
    b.warn(
        "CS051",
        f"Theano itself fails here: {layer_type} 'same' with a window of 1 "
        "returned NaN or too few values",
        "the result follows the rule of the 2-D layers",
    )
    return tuple(padding.same_theano_pool(*axis) for axis in axes)
