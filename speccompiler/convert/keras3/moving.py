"""Layers that move, repeat, cut or join values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from speccompiler.convert.keras3.builder import Builder, Value
from speccompiler.graph import ir
from speccompiler.graph.dims import Dim, is_known, known

CHANNELS_LAST: dict[str, Any] = {"data_format": "channels_last"}
LENGTHS = "give the input's lengths numbers"
"""What helps where a layer needs the number of an open length."""


def permute(b: Builder, node: ir.Node, op: ir.Transpose, x: Value) -> Value:
    return permuted(b, x, op.axes)


def permuted(b: Builder, x: Value, axes: Sequence[int]) -> Value:
    """Axis i of the value is axis ``axes[i]`` of ``x``."""
    if list(axes) == list(range(len(axes))):
        return x
    shape = tuple(x.shape[axis] for axis in axes)
    return b.add("Permute", x, shape, dims=[axis + 1 for axis in axes])


def unmasked(b: Builder, x: Value) -> Value:
    """The value without a mask: a Permute loses it, and a second one turns the axes back."""
    if x.mask is None:
        return x
    *before, last, end = range(len(x.shape))
    turned = permuted(b, x, (*before, end, last))
    return permuted(b, turned, (*before, end, last))


def multiplied(b: Builder, values: Sequence[Value], shape: ir.Shape) -> Value:
    """The product of values: Multiply would put others where masks say so (Keras 3.15)."""
    return b.add("Multiply", [unmasked(b, x) for x in values], shape)


def pooled_channels(b: Builder, x: Value, mode: str) -> Value:
    """``(*n, C)`` to ``(*n)``: the largest of the values of each place, or their mean."""
    *places, channels = x.shape
    if channels == 1 or not places:
        return reshaped(b, x, tuple(places) or (1,))
    count = prod(places)
    rows = unmasked(b, reshaped(b, x, (count, channels)))
    kind = {"max": "Max", "average": "Average"}[mode]
    y = b.add(f"Global{kind}Pooling1D", rows, (count,), data_format="channels_first")
    return reshaped(b, y, tuple(places))


def reshape(b: Builder, node: ir.Node, op: ir.Reshape, x: Value) -> Value:
    return reshaped(b, x, op.shape)


def reshaped(b: Builder, x: Value, shape: ir.Shape) -> Value:
    """The values in another shape, of which one length may be open."""
    if shape == x.shape:
        return x
    if x.layer.kind in {"Reshape", "Flatten"}:
        (before,) = x.layer.calls[x.call].read
        if before.shape == shape:
            return before
    if len(shape) == 1:
        return b.add("Flatten", x, shape, **CHANNELS_LAST)
    if sum(not is_known(n) for n in shape) > 1:
        raise b.refuse("a reshape to two open lengths", LENGTHS)
    if any(n == 0 for n in shape):
        raise b.refuse("a shape in which a length is 0", "give the input another shape")
    target = [n if is_known(n) else -1 for n in shape]
    return b.add("Reshape", x, shape, target_shape=target)


def padded(b: Builder, x: Value, amounts: Sequence[tuple[Dim, Dim]]) -> Value:
    """Zeros around the spatial axes; a negative amount cuts values off, after that."""
    if not all(is_known(n) for pair in amounts for n in pair):
        raise b.refuse("a padding that depends on open lengths", LENGTHS)
    sides = [(known(before), known(after)) for before, after in amounts]
    for kind, sign in (("ZeroPadding", 1), ("Cropping", -1)):
        each = [(max(sign * before, 0), max(sign * after, 0)) for before, after in sides]
        if any(map(any, each)):
            x = _around(b, x, kind, sign, each)
    return x


def edged(b: Builder, x: Value, amounts: Sequence[tuple[Dim, Dim]]) -> Value:
    """The values at the edges of the spatial axes, repeated around them; less than 0 cuts off."""
    for axis, (before, after) in enumerate(amounts):
        if not all(map(is_known, (before, after, x.shape[axis]))):
            raise b.refuse("a padding that depends on open lengths", LENGTHS)
        n, parts = known(x.shape[axis]), [x]
        for count, cut, front in ((before, (0, 1 - n), 1), (after, (1 - n, 0), 0)):
            if known(count) <= 0:
                continue
            around = [(0, 0)] * len(amounts)
            around[axis] = cut
            factors = [1] * len(amounts)
            factors[axis] = known(count)
            edge = padded(b, x, around)
            if known(count) > 1:
                lengths = (*edge.shape[:axis], known(count), *edge.shape[axis + 1 :])
                edge = repeated(b, edge, factors, lengths)
            parts.insert(0 if front else len(parts), edge)
        if len(parts) > 1:
            length = n + max(known(before), 0) + max(known(after), 0)
            shape = (*x.shape[:axis], length, *x.shape[axis + 1 :])
            x = b.add("Concatenate", parts, shape, axis=axis + 1)
    return padded(b, x, [(min(known(u), 0), min(known(v), 0)) for u, v in amounts])


def _around(b: Builder, x: Value, kind: str, sign: int, each: Sequence[tuple[int, int]]) -> Value:
    rank = len(each)
    if not 1 <= rank <= 3:
        raise b.refuse(f"a padding of {rank} spatial axes")
    lengths = (n + sign * (u + v) for n, (u, v) in zip(x.shape, each, strict=False))
    shape = (*lengths, *x.shape[rank:])
    amounts: dict[str, Any] = {
        "padding" if sign == 1 else "cropping": list(each[0]) if rank == 1 else each
    }
    if rank > 1:
        amounts.update(CHANNELS_LAST)
    return b.add(f"{kind}{rank}D", x, shape, **amounts)


def pad(b: Builder, node: ir.Node, op: ir.Pad, x: Value) -> Value:
    return padded(b, x, op.padding)


def upsample(b: Builder, node: ir.Node, op: ir.Upsample, x: Value) -> Value:
    return repeated(b, x, op.factors, node.shape)


def repeated(b: Builder, x: Value, factors: Sequence[int], shape: ir.Shape) -> Value:
    rank = len(factors)
    if not 1 <= rank <= 3:
        raise b.refuse(f"an up-sampling of {rank} spatial axes")
    if rank == 1:
        return b.add("UpSampling1D", x, shape, size=factors[0])
    return b.add(f"UpSampling{rank}D", x, shape, size=list(factors), **CHANNELS_LAST)


def expand(b: Builder, node: ir.Node, op: ir.Expand, x: Value) -> Value:
    """Single values of spatial axes are repeated as an up-sampling does, or by a merge."""
    if node.name in b.repeats_by_merge:
        return x
    factors = [m if n == 1 else 1 for n, m in zip(x.shape, op.shape, strict=True)]
    if len(factors) < 2 or factors.pop() != 1 or not all(map(is_known, factors)):
        raise b.refuse("a repetition of channels, or as often as an open length says")
    return repeated(b, x, [known(n) for n in factors], node.shape)


def take_slice(b: Builder, node: ir.Node, op: ir.Slice, x: Value) -> Value:
    """Spatial axes are cut by a Cropping, channels as one of these; a pool of 1 takes steps."""
    for axis, (first, step, n) in enumerate(zip(op.start, op.step, x.shape, strict=True)):
        if step < 0:
            if (first, step, op.count[axis]) != (n - 1, -1, n):
                raise b.refuse("a slice that goes backwards over a part of an axis")
            x = _turned_around(b, x, axis)
            op = replace(op, start=_with(op.start, axis, 0), step=_with(op.step, axis, 1))
    if (op.start[-1], op.step[-1], op.count[-1]) != (0, 1, x.shape[-1]):
        x = _channels_cut(b, x, op)
    return _spatial_cut(b, x, op.start[:-1], op.step[:-1], op.count[:-1])


def _with(values: tuple[Any, ...], place: int, value: Any) -> tuple[Any, ...]:
    return (*values[:place], value, *values[place + 1 :])


def _turned_around(b: Builder, x: Value, axis: int) -> Value:
    """The values of an axis from the last to the first, which must be numbers.

    No layer of Keras does that but a recurrent one: each step gives its input, and nothing of its
    state.
    """
    axes = (axis, *(a for a in range(len(x.shape)) if a != axis))
    first = permuted(b, x, axes)
    n, *rest = first.shape
    size = prod(rest)
    if not is_known(size):
        raise b.refuse("a slice that goes backwards", LENGTHS)
    rows = unmasked(b, reshaped(b, first, (n, known(size))))
    units = known(size)
    turned = b.add(
        "SimpleRNN", rows, rows.shape,
        tensors={"cell": [np.eye(units, dtype="f4"), np.zeros((units, units), "f4")]},
        units=units, activation="linear", use_bias=False, return_sequences=True, go_backwards=True,
        trainable=False,
    )  # fmt: skip
    back = tuple(axes.index(a) for a in range(len(axes)))
    return permuted(b, reshaped(b, turned, first.shape), back)


def _channels_cut(b: Builder, x: Value, op: ir.Slice) -> Value:
    """The channels stand in front of the last spatial axis, or alone, while they are cut."""
    along = (op.start[-1:], op.step[-1:], op.count[-1:])
    if len(x.shape) == 1:
        return reshaped(b, _spatial_cut(b, reshaped(b, x, (*x.shape, 1)), *along), op.count)
    *places, last, channels = x.shape
    rows = permuted(b, reshaped(b, x, (prod(places), last, channels)), (0, 2, 1))
    cut = _spatial_cut(b, rows, (0, *along[0]), (1, *along[1]), (rows.shape[0], *along[2]))
    return reshaped(b, permuted(b, cut, (0, 2, 1)), (*places, last, *op.count[-1:]))


def _spatial_cut(
    b: Builder, x: Value, start: ir.Shape, step: Sequence[int], count: ir.Shape
) -> Value:
    if not step:
        return x
    cut = [
        (-first, first + (many - 1) * each + 1 - n)
        for n, first, each, many in zip(x.shape[:-1], start, step, count, strict=True)
    ]
    return thinned(b, padded(b, x, cut), step, count)


def thinned(b: Builder, x: Value, step: Sequence[int], count: Sequence[Dim]) -> Value:
    """``count`` values along the spatial axes, ``step`` apart from the first on.

    It is a pool of single values.
    """
    if all(each == 1 for each in step):
        return x
    rank = len(step)
    if rank > 3:
        raise b.refuse(f"a slice with steps along {rank} axes")
    return b.add(
        f"MaxPooling{rank}D", x, (*count, x.shape[-1]),
        pool_size=[1] * rank if rank > 1 else 1, strides=list(step) if rank > 1 else step[0],
        padding="valid", **CHANNELS_LAST,
    )  # fmt: skip


def concat(b: Builder, node: ir.Node, op: ir.Concat, *values: Value) -> Value:
    """Keras 3.0 cannot join the masks of some values with those of others that have none."""
    if len(values) == 1:
        return values[0]
    if any(x.mask is None for x in values):
        values = tuple(unmasked(b, x) for x in values)
    return b.add("Concatenate", values, node.shape, axis=op.axis + 1)


def resize(b: Builder, node: ir.Node, op: ir.Resize, x: Value) -> Value:
    """Keras 3 resizes by the centres of pixels, as TensorFlow 2 does."""
    rows, columns = op.size
    if not op.half_pixel and not op.align_corners and op.bilinear:
        return _between_corners(b, node, x)
    if not op.half_pixel or len(x.shape) != 3 or not (is_known(rows) and is_known(columns)):
        raise b.refuse("an image resized by the rules of TensorFlow 1.x, or to open lengths")
    how = "bilinear" if op.bilinear else "nearest"
    return b.add(
        "Resizing", x, node.shape, height=rows, width=columns, interpolation=how, **CHANNELS_LAST
    )


def _between_corners(b: Builder, node: ir.Node, x: Value) -> Value:
    """TensorFlow 1.x: whole multiples are means of values that are repeated from the corner on.

    Output ``q * f + r`` is ``(f - r)`` parts of value ``q`` and ``r`` parts of the next one.
    """
    *_, rows, columns, _ = x.shape
    factors = []
    for n, m in zip((rows, columns), node.shape[-3:-1], strict=True):
        if len(x.shape) != 3 or not (is_known(n) and is_known(m)) or m % n:
            raise b.refuse("an image resized by the rules of TensorFlow 1.x, but by whole factors")
        factors.append(m // n)
    wide = edged(b, x, [(0, int(f > 1)) for f in factors])
    shape = (*(n * f for n, f in zip(wide.shape, factors, strict=False)), x.shape[-1])
    wide = repeated(b, wide, factors, shape)
    lengths = (n - f + 1 for n, f in zip(shape, factors, strict=False))
    y = b.add(
        "AveragePooling2D", wide, (*lengths, x.shape[-1]),
        pool_size=factors, strides=[1, 1], padding="valid", **CHANNELS_LAST,
    )  # fmt: skip
    return padded(b, y, [(0, m - n) for n, m in zip(y.shape, node.shape[:2], strict=False)])
