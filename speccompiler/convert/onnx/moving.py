"""Operations that move, repeat, cut or spread values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speccompiler.convert.onnx.builder import Builder
from speccompiler.convert.onnx.lengths import length, vector
from speccompiler.convert.onnx.values import Layout, Value, agreed, channels_first, natural
from speccompiler.graph import ir
from speccompiler.graph.dims import Dim, is_known, known
from speccompiler.graph.places import resize_scale

LAST = 2**63 - 1
"""An end that stands for the end of any axis."""
Result = tuple[str, Layout]
"""The tensor of a node's value, and its layout."""


def padded(
    b: Builder, tensor: str, layout: Layout, amounts: Sequence[tuple[Dim, Dim]], value: float = 0.0
) -> str:
    """The tensor with a number around it; ``amounts`` are of a sample's axes, from the first.

    A negative amount cuts values off, after the others have been added.
    """
    by_axis = dict(enumerate(amounts, start=1))
    sides = [by_axis.get(axis, (0, 0)) for axis in layout]
    if all(is_known(n) for pair in sides for n in pair):
        added = [tuple(max(known(n), 0) for n in pair) for pair in sides]
        if any(map(any, added)):
            begins, ends = zip(*added, strict=True)
            tensor = _pad(b, tensor, b.integers([*begins, *ends]), value)
        return _cut(b, tensor, [(known(before), known(after)) for before, after in sides])
    begins, ends = zip(*sides, strict=True)
    return _pad(b, tensor, vector(b, [*begins, *ends]), value)


def _pad(b: Builder, tensor: str, amounts: str, value: float) -> str:
    return b.emit("Pad", tensor, amounts, b.number(value), mode="constant")


def _cut(b: Builder, tensor: str, sides: Sequence[tuple[int, int]]) -> str:
    cut = [axis for axis, pair in enumerate(sides) if min(pair) < 0]
    if not cut:
        return tensor
    starts = [max(-sides[axis][0], 0) for axis in cut]
    ends = [min(sides[axis][1], 0) or LAST for axis in cut]
    return b.emit("Slice", tensor, *map(b.integers, (starts, ends, cut)))


def pad(b: Builder, node: ir.Node, op: ir.Pad, x: Value) -> Result:
    layout = x.layout
    return padded(b, b.read(x, layout), layout, op.padding), layout


def repeated(b: Builder, tensor: str, layout: Layout, factors: Sequence[int]) -> str:
    """Every value as often as the factors of a sample's first axes say."""
    by_axis = dict(enumerate(factors, start=1))
    scales = np.array([by_axis.get(axis, 1) for axis in layout], np.float32)
    if (scales == 1).all():
        return tensor
    return b.emit(
        "Resize",
        tensor,
        "",
        b.constant(scales),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def upsample(b: Builder, node: ir.Node, op: ir.Upsample, x: Value) -> Result:
    layout = x.layout
    return repeated(b, b.read(x, layout), layout, op.factors), layout


def reshape(b: Builder, node: ir.Node, op: ir.Reshape, x: Value) -> Result:
    return reshaped(b, b.read(x), x.shape, op.shape), natural(len(op.shape))


def reshaped(b: Builder, tensor: str, read: ir.Shape, wanted: ir.Shape) -> str:
    """The tensor of samples of shape ``read`` in another shape, with the batch in front.

    0 keeps a length and -1 is what is left; only what neither can say is computed by a run.
    """
    if read == wanted:
        return tensor
    if any(n == 0 for n in wanted):
        raise b.refuse("a shape in which a length is 0", "give the input another shape")
    entries: list[Dim | str] = [0]
    open_places = []
    for place, n in enumerate(wanted):
        if is_known(n):
            entries.append(n)
        elif place < len(read) and read[place] == n:
            entries.append(0)
        else:
            open_places.append(place)
            entries.append(-1)
    if len(open_places) > 1:
        for place in open_places[1:]:
            entries[place + 1] = length(b, wanted[place])
    return b.emit("Reshape", tensor, vector(b, entries))


def take_slice(b: Builder, node: ir.Node, op: ir.Slice, x: Value) -> Result:
    layout = x.layout
    starts: list[Dim] = []
    ends: list[Dim] = []
    axes, steps = [], []
    for axis, (n, start, step, count) in enumerate(
        zip(x.shape, op.start, op.step, op.count, strict=True), start=1
    ):
        if (start, step, count) == (0, 1, n):
            continue
        end = start + step * count
        if step < 0:
            # Counted from behind, because an end of -1 would be the last value.
            end = -LAST if is_known(end) and end < 0 else end if is_known(end) else end - n
        starts.append(start)
        ends.append(end)
        steps.append(step)
        axes.append(layout.index(axis))
    tensor = b.read(x, layout)
    if not axes:
        return tensor, layout
    backwards = (axes, steps, starts) == ([layout.index(1)], [-1], [x.shape[0] - 1])
    if backwards and op.count == x.shape and tensor in b.flipped:
        return b.flipped[tensor], layout
    bounds = vector(b, starts), vector(b, ends)
    return b.emit("Slice", tensor, *bounds, b.integers(axes), b.integers(steps)), layout


def expand(b: Builder, node: ir.Node, op: ir.Expand, x: Value) -> Result:
    layout = x.layout
    sizes: list[Dim] = [1]
    sizes += [1 if n == m else m for n, m in zip(x.shape, op.shape, strict=True)]
    tensor = b.read(x, layout)
    if all(n == 1 for n in sizes):
        return tensor, layout
    return b.emit("Expand", tensor, vector(b, [sizes[axis] for axis in layout])), layout


def concat(b: Builder, node: ir.Node, op: ir.Concat, *values: Value) -> Result:
    layout = agreed(values)
    tensors = [b.read(value, layout) for value in values]
    if len(tensors) == 1:
        return tensors[0], layout
    return b.emit("Concat", *tensors, axis=layout.index(op.axis + 1)), layout


def resize(b: Builder, node: ir.Node, op: ir.Resize, x: Value) -> Result:
    """Nearest neighbours of known lengths are taken by number, where rounding could matter."""
    first = x.rank - 2
    lengths = x.shape[first - 1 : first + 1]
    if not op.bilinear and all(map(is_known, (*lengths, *op.size))):
        pairs = [(known(n), known(m)) for n, m in zip(lengths, op.size, strict=True)]
        if any(n % m and m % n for n, m in pairs) or op.align_corners:
            return _gathered(b, op, x, pairs)
    layout = channels_first(x.rank)
    tensor = b.read(x, layout)
    sizes: list[Dim | str] = [b.emit("Shape", tensor, start=0, end=x.rank - 1), *op.size]
    how = {
        "mode": "linear" if op.bilinear else "nearest",
        "coordinate_transformation_mode": _places(op),
    }
    if not op.bilinear:
        how["nearest_mode"] = "round_prefer_ceil" if op.half_pixel or op.align_corners else "floor"
    return b.emit("Resize", tensor, "", "", vector(b, sizes), **how), layout


def _places(op: ir.Resize) -> str:
    if op.half_pixel:
        return "half_pixel"
    return "align_corners" if op.align_corners else "asymmetric"


def _gathered(b: Builder, op: ir.Resize, x: Value, pairs: Sequence[tuple[int, int]]) -> Result:
    """Rows and columns by their numbers, which are computed as ``ir.Resize`` says, in float32."""
    layout = x.layout
    tensor = b.read(x, layout)
    for axis, (n, size) in zip((x.rank - 2, x.rank - 1), pairs, strict=True):
        scale = np.float32(resize_scale(n, size, op.align_corners))
        place = np.arange(size, dtype=np.float32) * scale
        if op.half_pixel:
            place = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(0.5)
            place += np.float32(0.5)
        whole = np.floor(place)
        whole += op.align_corners & (place - whole >= 0.5)
        chosen = np.minimum(whole.astype(np.int64), n - 1)
        tensor = b.emit("Gather", tensor, b.constant(chosen), axis=layout.index(axis))
    return tensor, layout
