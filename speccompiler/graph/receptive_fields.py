"""Receptive fields: the window of input positions that each value depends on, node by node.

A value of a grid depends on a window along each spatial axis. A Reshape moves values, and each
keeps its window. An operation after it that mixes all values (Dense after Flatten) depends on the
whole input; of one that mixes some that were not neighbours the window is unknown. Where branches
meet, the widest of their windows counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import gcd

from speccompiler.frozen import dataclass
from speccompiler.graph import ir

LARGEST = 2**62
"""No input is that long: a larger window is the whole input, a larger stride means nothing."""


MOST_STRETCHES = 64
"""With more operations along an axis the window is unknown: each layer would follow them all."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """One operation, backwards: ``u`` steps of its output are so many steps of its input.

    ``scale * ceil((u + shift) / factor) + more``
    """

    scale: int
    shift: int
    factor: int
    more: int


@dataclass(frozen=True, slots=True)
class Reach:
    """The operations along one axis from the input to here, and their stride in all."""

    stretches: tuple[_Stretch, ...] = ()
    stride: Fraction = Fraction(1)

    def then(self, window: int = 1, stride: int = 1, factor: int = 1) -> Reach:
        """One more operation on this axis."""
        whole = self.stride
        if stride != factor:  # arithmetic of fractions is slow
            whole = whole * stride / factor
        return self._after(_Stretch(stride, 0, factor, window - 1), whole)

    def transposed(self, window: int, stride: int) -> Reach:
        """A transposed convolution: input ``i`` goes to the outputs from ``stride * i`` on.

        ``u + 1`` neighbours see as many inputs as there are multiples of the stride among
        ``u + window`` positions, at most ``ceil((u + window) / stride)``.
        """
        return self._after(_Stretch(1, window, stride, -1), self.stride / stride)

    def _after(self, step: _Stretch, whole: Fraction) -> Reach:
        """With one more operation; two are joined into one where that is exact.

        It always is, unless a stride follows an up-sampling and neither divides the other.
        """
        if not self.stretches:
            return Reach((step,), whole)
        *before, last = self.stretches
        return Reach((*before, *_joined(last, step)), whole)

    @property
    def receptive_field(self) -> int:
        """The most input positions that one output can depend on.

        Backwards: ``u + 1`` neighbours that each see a window of ``k`` at stride ``s`` see
        ``u * s + k`` positions; of ``u + 1`` neighbours made by repeating ``f`` times at most
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
        return (_Stretch(outer.scale * scale, inner.shift, inner.factor, more),)
    if scale == 1:
        shift = inner.shift + rest * inner.factor
        return (_Stretch(outer.scale, shift, inner.factor * factor, outer.more),)
    return outer, inner


Axes = tuple[Reach | None, ...]


@dataclass(frozen=True, slots=True)
class Sight:
    """What a value depends on.

    ``field`` is the window along each spatial axis: None for the whole input, empty where it is
    unknown. ``axes`` are those of a value that is a grid, None for its channels. While a Reshape
    has the positions of a grid in another shape, each with its channels, ``listed`` holds the
    grid's shape and axes. While the outputs of a transposed convolution are not in order yet,
    ``classes`` holds the axes of the grid that they will be.
    """

    field: tuple[int, ...] | None
    axes: Axes | None = None
    listed: tuple[ir.Shape, Axes] | None = None
    classes: Axes | None = None

    @property
    def stride(self) -> tuple[Fraction, ...] | None:
        """Input positions between neighbours along each spatial axis; None for what is no grid."""
        return None if self.axes is None else tuple(r.stride for r in self.axes if r is not None)


ALL, UNKNOWN = Sight(None), Sight(())
_IN_PLACE = (ir.Identity, ir.Map, ir.MapWith, ir.Pad, ir.Softmax, ir.Normalize, ir.Mask)
"""Operations whose value at a position depends on what was at that position, on all channels."""


def sights(graph: ir.Graph) -> Mapping[str, Sight]:
    """What the value of each node depends on."""
    found: dict[str, Sight] = {}
    shapes = {node.name: node.shape for node in graph}
    for node in graph:
        if isinstance(node.op, ir.Input):
            found[node.name] = _grid(tuple(Reach() for _ in node.shape))
        elif isinstance(node.op, ir.Recurrent):
            found[node.name] = ALL
        elif len(node.inputs) > 1 or isinstance(node.op, ir.Combine | ir.Concat | ir.Dot):
            found[node.name] = _joint(node, [found[source] for source in node.inputs])
        else:
            (source,) = node.inputs  # pyright: ignore[reportAssignmentType]
            found[node.name] = _sight(node, found[source], shapes[source])
    return found


def _joint(node: ir.Node, sources: Sequence[Sight]) -> Sight:
    """What a value depends on that is made of several."""
    fields = [source.field for source in sources]
    if None in fields or (isinstance(node.op, ir.Dot) and len(node.shape) == 1):
        return ALL
    first = sources[0]
    if isinstance(node.op, ir.Combine) and all(source == first for source in sources):
        return first
    if isinstance(node.op, ir.Dot) or len({len(field or ()) for field in fields}) > 1:
        return UNKNOWN
    widest = tuple(map(max, zip(*(field or () for field in fields), strict=True)))
    axes = _widest_axes(sources)
    if axes is None or (isinstance(node.op, ir.Concat) and axes[node.op.axis] is not None):
        return Sight(widest)
    return _grid(axes)


def _widest_axes(sources: Sequence[Sight]) -> Axes | None:
    """The axes of a grid of several; None where they are no grid, or of different strides."""
    found: list[Reach | None] = []
    grids = [source.axes for source in sources if source.axes is not None]
    if len(grids) < len(sources) or len({len(axes) for axes in grids}) > 1:
        return None
    for reaches in zip(*grids, strict=True):
        known = [reach for reach in reaches if reach is not None]
        if len(known) < len(reaches):
            found.append(None)
        elif len({reach.stride for reach in known}) > 1:
            return None
        else:
            found.append(max(known, key=lambda reach: reach.receptive_field))
    return tuple(found)


def _grid(axes: Axes) -> Sight:
    if any(reach is not None and len(reach.stretches) > MOST_STRETCHES for reach in axes):
        return UNKNOWN
    field = tuple(r.receptive_field for r in axes if r is not None)
    if max(field, default=1) > LARGEST:
        return ALL
    if any(r is not None and max(r.stride.as_integer_ratio()) > LARGEST for r in axes):
        return Sight(field)
    return Sight(field, axes)


def _sight(node: ir.Node, source: Sight, shape: ir.Shape) -> Sight:
    if source.field is None:
        return ALL
    if source.classes is not None:
        put = isinstance(node.op, ir.Reshape) and len(node.shape) == len(source.classes)
        return _grid(source.classes) if put else source
    match node.op:
        case ir.Reshape():
            return _reshaped(source, shape, node.shape)
        case ir.Conv() | ir.Softmax() | ir.Normalize() | ir.Mask() if (
            len(shape) == 1 and source.listed is None
        ):
            return ALL
        case ir.BatchNormalize() | ir.Recurrent():
            return ALL
        case ir.Expand() | ir.Kept():
            return UNKNOWN if source.axes is None else _of_fewer_axes(node, source.axes, shape)
        case ir.GlobalPool(_, kept):
            return UNKNOWN if kept or source.axes is None else ALL
        case ir.Lookup():
            return Sight(source.field) if source.axes is None else _grid((*source.axes, None))
        case (
            ir.Conv()
            | ir.Depthwise()
            | ir.Local()
            | ir.Pool()
            | ir.Softmax()
            | ir.Normalize()
            | ir.Mask()
        ) if source.axes is None:
            op = node.op
            mixed = (
                isinstance(op, ir.Conv | ir.Depthwise | ir.Local | ir.Pool)
                and max(op.kernel, default=1) > 1
            )
            return UNKNOWN if mixed or source.listed is None else source
        case ir.Transpose(order) if source.axes is not None:
            return _grid(tuple(source.axes[axis] for axis in order))
        case ir.Transpose() | ir.Pad() | ir.Slice() | ir.Resize() if source.axes is None:
            return Sight(source.field)
        case ir.Conv(weight=ir.Weight(phases=phases) as weight) if phases:
            return _transposed(source, weight.whole_kernel, phases)
        case ir.Conv(stride=stride):
            return _slid(source, node.op.extent, stride, (1,) * len(stride))
        case ir.Local(kernel, stride):
            before = (1,) * (len(shape) - 1 - len(kernel))
            ones = (1,) * (len(shape) - 1)
            return _slid(source, (*before, *kernel), (*before, *stride), ones)
        case ir.Depthwise(_, stride) | ir.Pool(_, _, stride):
            return _slid(source, node.op.extent, stride, (1,) * len(stride))
        case ir.Slice(step=step) if source.axes is not None:
            apart = zip(source.axes, map(abs, step), strict=True)
            return _grid(tuple(r and r.then(stride=stride) for r, stride in apart))
        case ir.Resize() if source.axes is not None:
            return _resized(node.op, source.axes, shape)
        case ir.Upsample(factors):
            return _slid(source, (1,) * len(factors), (1,) * len(factors), factors)
        case _:
            assert isinstance(node.op, _IN_PLACE), f"{type(node.op).__name__} has no rule here"
            return source


def _of_fewer_axes(node: ir.Node, axes: Axes, shape: ir.Shape) -> Sight:
    """A mask of the positions, or a value that stands along axes on which it was alone."""
    if isinstance(node.op, ir.Kept):
        return _grid(axes[:-1]) if axes[-1] is None else UNKNOWN
    return _grid(
        tuple(r if n == m else None for r, n, m in zip(axes, shape, node.shape, strict=True))
    )


def _slid(
    source: Sight, kernel: tuple[int, ...], stride: tuple[int, ...], factors: tuple[int, ...]
) -> Sight:
    """A window over every axis but the last, which holds the channels."""
    if source.axes is None:
        return Sight(source.field)
    axes = []
    for reach, *step in zip(source.axes[:-1], kernel, stride, factors, strict=True):
        if reach is None and source.axes[-1] is not None:
            return UNKNOWN  # a Dense over channels-first values mixes along a spatial axis
        axes.append(reach and reach.then(*step))
    return _grid((*axes, None))


def _transposed(source: Sight, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Sight:
    """The grid of a transposed convolution, or what will be it once its classes are in order."""
    axes = source.axes or ()
    if None in axes[:-1]:
        return UNKNOWN
    slid = [r.transposed(k, s) for r, k, s in zip(axes, kernel, stride, strict=False) if r]
    found = _grid((*slid, None))
    if all(s == 1 for s in stride) or found.axes is None:
        return found
    return Sight(found.field, None, None, found.axes)


def _resized(op: ir.Resize, axes: Axes, shape: ir.Shape) -> Sight:
    """Place i reads at ``i * n / size``: as after repeating ``size`` times, then a stride of n.

    A place between two values depends on both.
    """
    found: list[Reach | None] = list(axes[:-1])
    known = True
    for place, size in ((-2, op.size[0]), (-1, op.size[1])):
        reach, length = found[place], shape[place - 1]
        if reach is None:
            return UNKNOWN
        reach = reach.then(window=1 + op.bilinear)
        if isinstance(length, int) and isinstance(size, int):
            aligned = op.align_corners and size > 1
            scale = Fraction(max(length - aligned, 1), size - aligned)
            reach = reach.then(factor=scale.denominator).then(stride=scale.numerator)
        else:
            known = False
        found[place] = reach
    grid = _grid((*found, None))
    return grid if known else Sight(grid.field)


def _reshaped(source: Sight, shape: ir.Shape, target: ir.Shape) -> Sight:
    """After a Reshape, which keeps the channels of a position together where it keeps their number.

    An axis of length 1 that is added at the end, or dropped there, changes nothing.
    """
    if source.axes is not None and target == (*shape, 1):
        return _grid((*source.axes, None))
    if source.axes is not None and source.axes[-1] is None and shape == (*target, 1):
        return _grid(source.axes[:-1])
    listed = source.listed
    if source.axes is not None and (source.axes[-1] is None or None not in source.axes):
        listed = shape[:-1], source.axes
    if listed is None or shape[-1] != target[-1]:
        return Sight(source.field)
    positions, axes = listed
    if target[:-1] == positions:
        return _grid((*axes[:-1], None))
    return Sight(source.field, None, listed)
