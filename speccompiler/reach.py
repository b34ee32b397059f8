"""How far each value sees: its window of input positions, carried from node to node.

One value of a grid sees a window along each spatial axis. A Reshape moves values and
leaves each its window. What then mixes values that were not neighbours sees the whole
input where it mixes all of them (Dense after Flatten), and else no one can say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import gcd

from .ir import Conv, Graph, Input, Node, Pool, Reshape, Softmax, Transpose, Upsample


@dataclass(frozen=True, slots=True)
class _Stretch:
    """``u`` to ``scale * ceil((u + shift) / factor) + more``: where ``u`` steps reach back to."""

    scale: int
    shift: int
    factor: int
    more: int


@dataclass(frozen=True, slots=True)
class Reach:
    """How one axis got from the input to here, and the stride of that."""

    stretches: tuple[_Stretch, ...] = ()
    stride: Fraction = Fraction(1)

    def then(self, window: int = 1, stride: int = 1, factor: int = 1) -> Reach:
        """One more operation on this axis.

        Stretches are joined where one can hold both exactly: always, but for a stride
        that an upsampling before it does not divide and is not divided by.
        """
        step = _Stretch(stride, 0, factor, window - 1)
        whole = self.stride * stride / factor
        if not self.stretches:
            return Reach((step,), whole)
        *before, last = self.stretches
        return Reach((*before, *_joined(last, step)), whole)

    @property
    def receptive_field(self) -> int:
        """Most input positions that one output can depend on.

        Followed backwards: a window of ``k`` at stride ``s`` seen by ``u + 1`` neighbours
        spans ``u * s + k``; of ``u + 1`` neighbours made by repeating ``f`` times, at most
        ``ceil(u / f) + 1`` differ.
        """
        u = 0
        for s in reversed(self.stretches):
            u = s.scale * -(-(u + s.shift) // s.factor) + s.more
        return u + 1


def _joined(outer: _Stretch, inner: _Stretch) -> tuple[_Stretch, ...]:
    """``outer`` of ``inner``, by ``ceil((a*n + b) / (a*c)) = ceil((n + ceil(b/a)) / c)``."""
    shared = gcd(inner.scale, outer.factor)
    scale, factor = inner.scale // shared, outer.factor // shared
    rest = -(-(inner.more + outer.shift) // shared)
    if factor == 1:
        more = outer.scale * rest + outer.more
        return (replace(inner, scale=outer.scale * scale, more=more),)
    if scale == 1:
        shift = inner.shift + rest * inner.factor
        return (replace(outer, shift=shift, factor=inner.factor * factor),)
    return outer, inner


Axes = tuple[Reach | None, ...]


@dataclass(frozen=True, slots=True)
class Sight:
    """What a value sees.

    ``field`` is the window by spatial axis: None for the whole input, empty where it is
    unknown. ``axes`` are those of a grid, None for the channels; a value that is no grid
    has none. ``together``: the last axis still holds the channels of one position.
    """

    field: tuple[int, ...] | None
    axes: Axes | None = None
    together: bool = False

    @property
    def stride(self) -> tuple[Fraction, ...] | None:
        """Input positions between neighbours, by spatial axis; None for what is no grid."""
        return None if self.axes is None else tuple(r.stride for r in self.axes if r is not None)


ALL, UNKNOWN = Sight(None), Sight(())


def sights(graph: Graph) -> Mapping[str, Sight]:
    """What the value of each node sees."""
    found: dict[str, Sight] = {}
    shapes = {node.name: node.shape for node in graph}
    for node in graph:
        if isinstance(node.op, Input):
            found[node.name] = _grid(tuple(Reach() for _ in node.shape))
            continue
        (source,) = node.inputs
        found[node.name] = _sight(node, found[source], len(shapes[source]), shapes[source][-1])
    return found


def _grid(axes: Axes) -> Sight:
    return Sight(tuple(r.receptive_field for r in axes if r is not None), axes, True)


def _sight(node: Node, source: Sight, rank: int, channels: object) -> Sight:
    axes = source.axes
    match node.op:
        case Conv() | Pool() | Softmax() if source.field is None or (
            rank == 1 and not isinstance(node.op, Pool) and (axes or not source.together)
        ):
            return ALL
        case Reshape():
            # Row by row, so the last axis stays whole where its length does.
            last = axes is None or axes[-1] is None or len(axes) == 1
            whole = source.together and last and node.shape[-1] == channels
            return Sight(source.field, None, whole)
        case Softmax() if axes is None and not source.together:
            return UNKNOWN
        case Conv(kernel, stride) | Pool(_, kernel, stride):
            if axes is None:
                alone = isinstance(node.op, Conv) and source.together
                return source if alone and set(kernel) <= {1} else UNKNOWN
            if None in axes[:-1]:
                return UNKNOWN  # a Dense over the last axis of channels-first values
            spatial = zip(axes[:-1], kernel, stride, strict=True)
            return _grid((*(r.then(k, s) for r, k, s in spatial if r is not None), None))
        case Upsample(factors) if axes is not None:
            pairs = zip(axes[:-1], factors, strict=True)
            return _grid((*(None if r is None else r.then(factor=f) for r, f in pairs), None))
        case Transpose(order):
            if axes is None:
                return replace(source, together=False)
            return _grid(tuple(axes[axis] for axis in order))
        case _:
            return source
