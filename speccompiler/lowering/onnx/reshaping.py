"""Reshape, Flatten, Squeeze, Unsqueeze, Transpose, and blocks of an image made channels."""

from __future__ import annotations

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.dims import Dim, format_dim
from speccompiler.graph.ir import Reshape, Shape
from speccompiler.graph.rounding import ceil_div
from speccompiler.graph.shapes import element_count, format_shape
from speccompiler.lowering.onnx.scope import OPEN, Scope
from speccompiler.lowering.onnx.values import BATCH, Value


def lower_reshape(scope: Scope) -> Value:
    """The axis of samples has to come out as one; where, the numbers tell.

    It is where the target says 0 or its length, or a -1 that is left for it, or the number of
    samples for which the model was exported.
    """
    x = scope.value()
    target = scope.dims(1, "the shape")
    if target is None:
        target = scope.integers("shape", None)
    if target is None:
        raise Problem("CS269", "the shape is missing")
    if not scope.integer("allowzero"):
        shape = x.shape
        if any(n == 0 and i >= len(shape) for i, n in enumerate(target)):
            raise Problem("CS269", f"the shape {_listed(target)} copies an axis that is not there")
        target = tuple(shape[i] if n == 0 else n for i, n in enumerate(target))
    return reshaped(scope, x, target)


def reshaped(scope: Scope, x: Value, target: tuple[Dim, ...]) -> Value:
    """A value in another shape; one length may be -1."""
    if sum(n == -1 for n in target) > 1 or any(isinstance(n, int) and n < -1 for n in target):
        raise Problem("CS269", f"the shape {_listed(target)} is none")
    count = element_count(x.node.shape)
    before = element_count(x.sample[: x.batch])
    for place in _places(scope, x, target, count):
        sample = _filled((*target[:place], *target[place + 1 :]), x.sample)
        if sample is None or element_count(sample[:place]) != before:
            continue
        rest = element_count(sample)
        if isinstance(rest, int) and isinstance(count, int) and rest != count:
            continue
        node = scope.reshaped(x.node, sample or (1,))
        return Value(node, len(target), place, x.whole)
    raise scope.mixes(
        f"a value of shape {scope.shown(x)} becomes one of shape {_listed(target)}, which does "
        "not keep the axis"
    )


def _places(scope: Scope, x: Value, target: tuple[Dim, ...], count: Dim) -> list[int]:
    """Where the samples may be in a target shape, the likeliest first."""
    told = [i for i, n in enumerate(target) if n == BATCH]
    if told:
        return told[:1]
    free = [i for i, n in enumerate(target) if n == -1]
    rest: Dim = 1
    for n in target:
        rest = rest * n if n != -1 else rest
    if free and rest == count:
        return free
    exported = 1 if scope.exported is None else scope.exported
    same = [i for i, n in enumerate(target) if n == exported]
    if x.batch in same:
        same = [x.batch, *(i for i in same if i != x.batch)]
    return [*same, *free]


def _filled(sample: tuple[Dim, ...], given: Shape) -> Shape | None:
    """The lengths of a sample, with what a -1 stands for; None where nothing fits.

    Lengths that are in both are left out first: there is no division by one that is open.
    """
    if -1 not in sample:
        return sample
    left, rest = list(given), []
    for n in sample:
        if n in left:
            left.remove(n)
        elif n != -1:
            rest.append(n)
    missing = divided(element_count(tuple(left)), element_count(tuple(rest)))
    return None if missing is None else tuple(missing if n == -1 else n for n in sample)


def divided(count: Dim, by: Dim) -> Dim | None:
    """The length that gives ``count`` times ``by``; None where there is none, or none is known."""
    if by == count:
        return 1
    if not isinstance(by, int) or by == 0:
        return None
    found = ceil_div(count, by)
    return found if found * by == count else None


def _listed(target: tuple[Dim, ...]) -> str:
    return format_shape(target).replace(format_dim(BATCH), "N")


def lower_flatten(scope: Scope) -> Value:
    """Two axes: those in front of ``axis``, and the others."""
    x = scope.value()
    axis = scope.integer("axis", 1)
    axis = axis if axis == x.rank else scope.axis(axis, x.rank)
    first, last = x.shape[:axis], x.shape[axis:]
    for place, part in enumerate((first, last)):
        if BATCH in part and all(n == 1 for n in part if n != BATCH):
            rest = element_count(x.node.shape)
            return Value(scope.reshaped(x.node, (rest,)), 2, place, x.whole)
    raise scope.mixes(f"axis {axis} parts a value of shape {scope.shown(x)} at the wrong place: it "
                      "joins other axes with the axis")  # fmt: skip


def lower_squeeze(scope: Scope) -> Value:
    """Axes of length 1 are left out."""
    x = scope.value()
    axes = scope.axes(1)
    shape = x.shape
    if axes is None:
        if not all(isinstance(n, int) for n in x.sample):
            raise scope.refuse("it leaves out all axes of length 1, and some are open", OPEN)
        axes = tuple(i for i, n in enumerate(shape) if n == 1)
    places = {scope.axis(axis, x.rank) for axis in axes}
    if x.batch in places:
        raise scope.mixes(f"it leaves out axis {x.batch}")
    for place in places:
        if shape[place] != 1:
            raise Problem("CS269", f"axis {place} has the length {format_dim(shape[place])}, not 1")
    kept = [i for i in range(x.rank) if i not in places]
    sample = tuple(shape[i] for i in kept if i != x.batch)
    node = scope.reshaped(x.node, sample or (1,))
    return Value(node, len(kept), kept.index(x.batch), x.whole)


def lower_unsqueeze(scope: Scope) -> Value:
    """Axes of length 1 come in; places count in the result."""
    x = scope.value()
    axes = scope.axes(1)
    if axes is None:
        raise Problem("CS269", "the axes are missing")
    rank = x.rank + len(axes)
    places = {scope.axis(axis, rank) for axis in axes}
    if len(places) < len(axes):
        raise Problem("CS269", f"axes {list(axes)} name one twice")
    old = iter(x.shape)
    shape = [1 if i in places else next(old) for i in range(rank)]
    batch = shape.index(BATCH)
    sample = (*shape[:batch], *shape[batch + 1 :])
    return Value(scope.reshaped(x.node, sample), rank, batch, x.whole)


def lower_transpose(scope: Scope) -> Value:
    """Axis i of the result is axis ``perm[i]``; that of samples goes along."""
    x = scope.value()
    perm = scope.integers("perm", None) or tuple(reversed(range(x.rank)))
    if sorted(perm) != list(range(x.rank)):
        raise Problem("CS269", f"'perm' is {list(perm[:8])}, and the value has {x.rank} axes")
    batch = perm.index(x.batch)
    if x.rank == 1:
        return x
    axes = [x.place(axis) for axis in perm if axis != x.batch]
    return Value(scope.transposed(x.node, axes), x.rank, batch, x.whole)


def lower_depth_to_space(scope: Scope) -> Value:
    """Channels become blocks of an image: "DCR" the block first, "CRD" the channel first."""
    x = scope.value()
    channels, node = scope.channels(x)
    block = scope.integer("blocksize")
    if x.rank != 4 or block < 1 or channels % (block * block):
        raise Problem("CS269", f"blocks of {block} do not fit a value of shape {scope.shown(x)}")
    rows, columns = node.shape[1:]
    depth = channels // (block * block)
    if scope.word("mode", "DCR") == "CRD":
        y = scope.add(Reshape((depth, block, block, rows, columns)), node)
        y = scope.transposed(y, (0, 3, 1, 4, 2))
    else:
        y = scope.add(Reshape((block, block, depth, rows, columns)), node)
        y = scope.transposed(y, (2, 3, 0, 4, 1))
    return scope.like(x, scope.add(Reshape((depth, rows * block, columns * block)), y))


def lower_space_to_depth(scope: Scope) -> Value:
    """Blocks of an image become channels, the place in the block first."""
    x = scope.value()
    channels, node = scope.channels(x)
    block = scope.integer("blocksize")
    if x.rank != 4 or block < 1:
        raise Problem("CS269", f"blocks of {block} do not fit a value of shape {scope.shown(x)}")
    lengths = [divided(n, block) for n in node.shape[1:]]
    if lengths[0] is None or lengths[1] is None:
        raise Problem("CS269", f"blocks of {block} do not fit a value of shape {scope.shown(x)}")
    rows, columns = lengths[0], lengths[1]
    y = scope.add(Reshape((channels, rows, block, columns, block)), node)
    y = scope.transposed(y, (2, 4, 0, 1, 3))
    return scope.like(x, scope.add(Reshape((channels * block * block, rows, columns)), y))
