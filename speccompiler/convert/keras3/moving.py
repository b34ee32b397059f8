"""Layers that move, repeat, cut or join values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from speccompiler.convert.keras3.builder import Builder, Value
from speccompiler.graph import ir
from speccompiler.graph.dims import Dim, is_known, known

CHANNELS_LAST: dict[str, Any] = {"data_format": "channels_last"}


def permute(b: Builder, node: ir.Node, op: ir.Transpose, x: Value) -> Value:
    return b.add("Permute", x, node.shape, dims=[axis + 1 for axis in op.axes])


def reshape(b: Builder, node: ir.Node, op: ir.Reshape, x: Value) -> Value:
    return reshaped(b, x, op.shape)


def reshaped(b: Builder, x: Value, shape: ir.Shape) -> Value:
    """The values in another shape, of which one length may be open."""
    if shape == x.shape:
        return x
    if len(shape) == 1:
        return b.add("Flatten", x, shape, **CHANNELS_LAST)
    if sum(not is_known(n) for n in shape) > 1:
        raise b.refuse("a reshape to two open lengths", "give the input's lengths numbers")
    if any(n == 0 for n in shape):
        raise b.refuse("a shape in which a length is 0", "give the input another shape")
    target = [n if is_known(n) else -1 for n in shape]
    return b.add("Reshape", x, shape, target_shape=target)


def padded(b: Builder, x: Value, amounts: Sequence[tuple[Dim, Dim]]) -> Value:
    """Zeros around the spatial axes; a negative amount cuts values off, after that."""
    if not all(is_known(n) for pair in amounts for n in pair):
        raise b.refuse("a padding that depends on open lengths", "give the input's lengths numbers")
    sides = [(known(before), known(after)) for before, after in amounts]
    for kind, sign in (("ZeroPadding", 1), ("Cropping", -1)):
        each = [(max(sign * before, 0), max(sign * after, 0)) for before, after in sides]
        if any(map(any, each)):
            x = _around(b, x, kind, sign, each)
    return x


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
    whole = (op.start[-1], op.step[-1], op.count[-1]) == (0, 1, x.shape[-1])
    if not whole or len(x.shape) < 2 or any(step != 1 for step in op.step):
        raise b.refuse("a slice of channels, or with a step")
    cut = [
        (-start, start + count - n)
        for n, start, count in zip(x.shape[:-1], op.start, op.count, strict=False)
    ]
    return padded(b, x, cut)


def concat(b: Builder, node: ir.Node, op: ir.Concat, *values: Value) -> Value:
    if len(values) == 1:
        return values[0]
    return b.add("Concatenate", values, node.shape, axis=op.axis + 1)


def resize(b: Builder, node: ir.Node, op: ir.Resize, x: Value) -> Value:
    """Keras 3 resizes by the centres of pixels, as TensorFlow 2 does."""
    rows, columns = op.size
    if not op.half_pixel or len(x.shape) != 3 or not (is_known(rows) and is_known(columns)):
        raise b.refuse("an image resized by the rules of TensorFlow 1.x, or to open lengths")
    how = "bilinear" if op.bilinear else "nearest"
    return b.add(
        "Resizing", x, node.shape, height=rows, width=columns, interpolation=how, **CHANNELS_LAST
    )
