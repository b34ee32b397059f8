"""Which parts the axes of every value have, and where a tile may not cut: one rule an operation.

A rule takes an operation and the layouts of its inputs, and gives that of its value. What stands
in the way of cutting a part (a sum over it, weights by position) it keeps as an ``Obstacle``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from fractions import Fraction

from speccompiler.frozen import dataclass
from speccompiler.graph import ir
from speccompiler.graph.dims import known_shape
from speccompiler.tiling.parts import Axis, Layout, Part, Roots, axis_length, inner_length


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why the axis that a part moves along cannot be cut: which layer, and what it does."""

    root: int
    layer: str
    what: str
    advice: str = ""
    """A way out, beside leaving the axis whole."""


@dataclass(frozen=True, slots=True)
class Move:
    """Where a part of a reshaped value comes from.

    It is part number ``source`` of the value that was reshaped, or the slower share of that, of
    which ``factor`` steps are one here. None: it is the faster share of a part, or one of several
    that were put together in another way, and always whole.
    """

    source: int | None
    factor: int = 1


@dataclass(frozen=True, slots=True)
class Layouts:
    """The layout of each value, along resolved roots, and what must not be cut."""

    layouts: Mapping[str, Layout]
    moves: Mapping[str, tuple[Move, ...]]
    """Of each Reshape, for every part of its value."""
    obstacles: tuple[Obstacle, ...]


@dataclass(slots=True)
class _Found:
    """What is known so far."""

    roots: Roots = field(default_factory=Roots)
    layouts: dict[str, Layout] = field(default_factory=dict)
    moves: dict[str, tuple[Move, ...]] = field(default_factory=dict)
    obstacles: list[Obstacle] = field(default_factory=list)
    given: list[list[int]] = field(default_factory=list)
    """The roots of each input."""

    def new(self, length: int, node: ir.Node | None = None) -> Axis:
        """An axis that moves along nothing that was there before; what a node makes is whole."""
        axis = () if length == 1 else (Part(length, self.roots.new()),)
        if node is not None:
            self.keep(node, axis, "makes all positions of this axis together")
        return axis

    def keep(self, node: ir.Node, parts: Sequence[Part], what: str, advice: str = "") -> None:
        """These parts must not be cut."""
        self.obstacles += [Obstacle(part.root, node.layer, what, advice) for part in parts]

    def joined(self, node: ir.Node, axis: Axis) -> Axis:
        """An axis as one part, for what looks at neighbours along it."""
        if len(axis) < 2:
            return axis
        self.keep(node, axis[1:], "takes positions of several rows for neighbours")
        stride = axis[0].stride / inner_length(axis)
        return (Part(axis_length(axis), axis[0].root, stride),)

    def slid(self, node: ir.Node, axis: Axis, length: int, stride: Fraction) -> Axis:
        """What windows along an axis give: ``length`` values, ``stride`` apart."""
        if length == 1:
            self.keep(node, axis, "makes one value of all positions")
            return ()
        (part,) = self.joined(node, axis) or (Part(1, self.roots.new()),)
        return (Part(length, part.root, part.stride * stride),)

    def together(self, node: ir.Node, axes: Sequence[Axis]) -> Axis:
        """Axes of values that stand side by side, position by position."""
        if len({tuple(part.length for part in axis) for axis in axes}) > 1:
            axes = [self.joined(node, axis) for axis in axes]
        for axis in axes[1:]:
            for one, other in zip(axes[0], axis, strict=True):
                if not self.roots.join(one, other):
                    what = "combines branches whose positions are not equally far apart"
                    self.keep(node, [one, other], what)
                elif self._turns_an_input():
                    self.keep(node, [one], "combines an image with one whose axes are swapped")
        return axes[0]

    def _turns_an_input(self) -> bool:
        """Whether two axes of one input have come together."""
        firsts = [[self.roots.find(root)[0] for root in roots] for roots in self.given]
        return any(len(set(roots)) < len(roots) for roots in firsts)


def layouts_of(graph: ir.Graph) -> Layouts:
    """The parts of every value of a graph whose lengths are all known."""
    found = _Found()
    for node in graph.inputs:
        # First of all: roots that come together take the name of the first.
        shape = known_shape(node.shape)
        layout = tuple([found.new(length) for length in shape])
        found.layouts[node.name] = layout
        found.given.append([part.root for axis in layout for part in axis])
    for node in graph:
        if not isinstance(node.op, ir.Input):
            sources = [found.layouts[name] for name in node.inputs]
            found.layouts[node.name] = LAYOUTS[type(node.op)](found, node, *sources)
    roots = found.roots
    layouts = {
        name: tuple([tuple(map(roots.resolved, axis)) for axis in layout])
        for name, layout in found.layouts.items()
    }
    obstacles = [
        Obstacle(roots.find(o.root)[0], o.layer, o.what, o.advice) for o in found.obstacles
    ]
    return Layouts(layouts, found.moves, tuple(obstacles))


def _windows(
    found: _Found,
    node: ir.Node,
    axes: Sequence[Axis],
    lengths: Sequence[int],
    strides: Sequence[Fraction],
    trivial: Sequence[bool],
) -> Layout:
    """Spatial axes: those along which nothing happens stay as they are."""
    return tuple(
        [
            axis if same else found.slid(node, axis, length, stride)
            for axis, length, stride, same in zip(axes, lengths, strides, trivial, strict=True)
        ]
    )


def along(op: ir.Op, rank: int) -> list[bool]:
    """For each of ``rank`` axes in front of the last, whether each position stays by itself."""
    match op:
        case ir.Conv(kernel, stride, padding):
            repeats = op.repeats or (1,) * len(kernel)
            sides = zip(kernel, stride, padding, repeats, strict=True)
            return [k == s == r == 1 and p == (0, 0) for k, s, p, r in sides]
        case ir.Depthwise(kernel, stride, padding):
            sides3 = zip(kernel, stride, padding, strict=True)
            return [k == s == 1 and p == (0, 0) for k, s, p in sides3]
        case ir.Pool(_, kernel, stride, padding, zeros):
            sides4 = zip(kernel, stride, padding, zeros, strict=True)
            return [k == s == 1 and p == z == (0, 0) for k, s, p, z in sides4]
        case ir.Upsample(factors):
            return [factor == 1 for factor in factors]
        case ir.Pad(padding):
            return [p == (0, 0) for p in padding]
        case _:
            return [True] * rank


def _conv(found: _Found, node: ir.Node, source: Layout) -> Layout:
    op = node.op
    assert isinstance(op, ir.Conv | ir.Depthwise), "the table leads here for no other"
    *axes, channels = source
    what = "adds up values of all positions"
    if isinstance(op, ir.Conv) and not axes:
        what = "is a sum over all of its input"
    found.keep(node, channels, what)
    shape = known_shape(node.shape)
    repeats = (op.repeats if isinstance(op, ir.Conv) else ()) or (1,) * len(axes)
    strides = [Fraction(s, r) for s, r in zip(op.stride, repeats, strict=True)]
    spatial = _windows(found, node, axes, shape[:-1], strides, along(op, len(axes)))
    return (*spatial, found.new(shape[-1], node))


def _moved_by(node: ir.Node) -> list[Fraction]:
    """Positions of the input for each step along the spatial axes of the output."""
    match node.op:
        case ir.Pool(_, _, stride):
            return [Fraction(s) for s in stride]
        case ir.Upsample(factors):
            return [Fraction(1, f) for f in factors]
        case _:
            return [Fraction(1)] * (len(node.shape) - 1)


def _spatial(found: _Found, node: ir.Node, source: Layout) -> Layout:
    """What moves along spatial axes, and leaves channels as they are."""
    *axes, channels = source
    shape = known_shape(node.shape)
    strides, trivial = _moved_by(node), along(node.op, len(axes))
    return (*_windows(found, node, axes, shape[:-1], strides, trivial), channels)


def _local(found: _Found, node: ir.Node, source: Layout) -> Layout:
    op = node.op
    assert isinstance(op, ir.Local), "the table leads here for no other"
    first = len(source) - 1 - len(op.kernel)
    advice = "a Convolution has the same weights everywhere"
    for axis in source[first:-1]:
        found.keep(node, axis, "has weights of its own at every position", advice)
    found.keep(node, source[-1], "adds up values of all positions")
    made = [found.new(length, node) for length in known_shape(node.shape)[first:]]
    return (*source[:first], *made)


def _global_pool(found: _Found, node: ir.Node, source: Layout) -> Layout:
    op = node.op
    assert isinstance(op, ir.GlobalPool), "the table leads here for no other"
    word = {"max": "largest", "average": "mean"}.get(op.mode, op.mode)
    for axis in source[op.kept : -1]:
        found.keep(node, axis, f"takes the {word} of all positions")
    return (*source[: op.kept], source[-1])


def _over_last(what: str) -> Callable[[_Found, ir.Node, Layout], Layout]:
    def rule(found: _Found, node: ir.Node, source: Layout) -> Layout:
        found.keep(node, source[-1], what)
        return source

    return rule


def _batch_normalize(found: _Found, node: ir.Node, source: Layout) -> Layout:
    for axis in source:
        found.keep(node, axis, "normalises by the mean of a batch, over all positions")
    return source


def _map_with(found: _Found, node: ir.Node, source: Layout) -> Layout:
    op = node.op
    assert isinstance(op, ir.MapWith), "the table leads here for no other"
    advice = "parameters that are shared along the axis, as shared_axes says, can be cut"
    for parameter in op.parameters:
        for length, axis in zip(parameter.shape, source, strict=True):
            if length != 1:
                found.keep(node, axis, "has parameters of its own at every position", advice)
    return source


def _lookup(found: _Found, node: ir.Node, source: Layout) -> Layout:
    return (*source, found.new(known_shape(node.shape)[-1], node))


def _transpose(found: _Found, node: ir.Node, source: Layout) -> Layout:
    op = node.op
    assert isinstance(op, ir.Transpose), "the table leads here for no other"
    return tuple([source[axis] for axis in op.axes])


def _combine(found: _Found, node: ir.Node, *sources: Layout) -> Layout:
    return tuple([found.together(node, axes) for axes in zip(*sources, strict=True)])


def _concat(found: _Found, node: ir.Node, *sources: Layout) -> Layout:
    op = node.op
    assert isinstance(op, ir.Concat), "the table leads here for no other"
    made: list[Axis] = []
    for place, axes in enumerate(zip(*sources, strict=True)):
        if place == op.axis:
            for axis in axes:
                found.keep(node, axis, "joins values one after the other along this axis")
            made.append(found.new(known_shape(node.shape)[place], node))
        else:
            made.append(found.together(node, axes))
    return tuple(made)


def _dot(found: _Found, node: ir.Node, *sources: Layout) -> Layout:
    for source in sources:
        for axis in source:
            found.keep(node, axis, "multiplies all positions of one input by those of another")
    return tuple([found.new(length, node) for length in known_shape(node.shape)])


def _kept(found: _Found, node: ir.Node, source: Layout) -> Layout:
    found.keep(node, source[-1], "looks at all values of a position together")
    return source[:-1]


def _recurrent(found: _Found, node: ir.Node, *sources: Layout) -> Layout:
    """Each step needs the one before it, and each value of a state all of the state."""
    steps = "steps along this axis, and each step needs the state of the one before"
    for source in sources:
        for axis in source[1:]:
            found.keep(node, axis, "adds up values of all positions")
    scanned, *_ = sources
    found.keep(node, scanned[0], steps)
    return tuple([found.new(length, node) for length in known_shape(node.shape)])


def _slice(found: _Found, node: ir.Node, source: Layout) -> Layout:
    op = node.op
    assert isinstance(op, ir.Slice), "the table leads here for no other"
    made: list[Axis] = []
    for axis, start, step, count in zip(source, op.start, op.step, op.count, strict=True):
        if (start, step, count) == (0, 1, axis_length(axis)):
            made.append(axis)
        elif step > 0:
            made.append(found.slid(node, axis, known_shape((count,))[0], Fraction(step)))
        else:
            found.keep(node, axis, "reads this axis backwards")
            made.append(found.new(known_shape((count,))[0], node))
    return tuple(made)


def _resize(found: _Found, node: ir.Node, source: Layout) -> Layout:
    op = node.op
    assert isinstance(op, ir.Resize), "the table leads here for no other"
    rows, columns = source[-3:-1]
    made: list[Axis] = []
    for axis, size in zip((rows, columns), known_shape(op.size), strict=True):
        factor = exact_factor(op, axis_length(axis), size)
        if factor is None:
            advice = "make it larger by a power of two, without align_corners"
            if not op.bilinear:
                advice = "make it larger by a whole number, without align_corners"
            found.keep(node, axis, "rounds places that depend on the whole length", advice)
            made.append(found.new(size, node))
        else:
            made.append(axis if factor == 1 else found.slid(node, axis, size, Fraction(1, factor)))
    return (*source[:-3], *made, source[-1])


def exact_factor(op: ir.Resize, length: int, size: int) -> int | None:
    """How many times an image grows along an axis, where a part of it grows just so.

    Places are computed in float32 from the first on. For powers of two that rounds nothing; for
    other factors the nearest neighbour may still be the right one at every place.
    """
    if size == length:
        return 1
    factor, rest = divmod(size, length)
    if rest or op.align_corners or size > 1 << (23 if op.half_pixel else 24):
        return None
    if factor & (factor - 1) == 0:
        return factor
    if op.bilinear:
        return None
    import numpy as np

    outputs = np.arange(size, dtype=np.float32) + np.float32(0.5 if op.half_pixel else 0)
    places = outputs * (np.float32(length) / np.float32(size))
    exact = np.floor(places).astype(np.int64) == np.arange(size) // factor
    return factor if exact.all() else None


def _expand(found: _Found, node: ir.Node, source: Layout) -> Layout:
    """An axis that is repeated moves along nothing yet, and may be cut with what it meets."""
    lengths = known_shape(node.shape)
    return tuple([axis or found.new(n) for axis, n in zip(source, lengths, strict=True)])


def _reshape(found: _Found, node: ir.Node, source: Layout) -> Layout:
    """Parts are grouped anew. One that is longer than an axis is split, where it can be."""
    parts = [(index, part) for index, part in enumerate(p for axis in source for p in axis)]
    rest: list[tuple[int | None, Part]] = [*reversed(parts)]
    made: list[Axis] = []
    moves: list[Move] = []
    for length in known_shape(node.shape):
        axis: list[Part] = []
        left = length
        while left > 1:
            index, part = rest.pop()
            if left % part.length == 0:
                axis.append(part)
                moves.append(Move(index))
                left //= part.length
            elif part.length % left == 0:
                factor = part.length // left
                axis.append(Part(left, part.root, part.stride * factor))
                moves.append(Move(index, factor))
                # Of the faster share, every tile has all.
                rest += [(None, fast) for fast in found.new(factor, node)]
                left = 1
            else:
                return _rearranged(found, node, source)
        made.append(tuple(axis))
    found.moves[node.name] = tuple(moves)
    return tuple(made)


def _rearranged(found: _Found, node: ir.Node, source: Layout) -> Layout:
    """Rows of another length: no position stays by itself."""
    for axis in source:
        found.keep(node, axis, "puts all positions into rows of another length")
    made = tuple([found.new(length, node) for length in known_shape(node.shape)])
    found.moves[node.name] = tuple([Move(None) for axis in made for _ in axis])
    return made


LAYOUTS: Mapping[type[ir.Op], Callable[..., Layout]] = {
    ir.Input: lambda found, node: found.layouts[node.name],
    ir.Identity: lambda found, node, source: source,
    ir.Conv: _conv,
    ir.Depthwise: _conv,
    ir.Local: _local,
    ir.Lookup: _lookup,
    ir.Pool: _spatial,
    ir.GlobalPool: _global_pool,
    ir.Upsample: _spatial,
    ir.Pad: _spatial,
    ir.Map: lambda found, node, source: source,
    ir.MapWith: _map_with,
    ir.Mask: _over_last("looks at all values of a position together"),
    ir.Normalize: _over_last("normalises over all positions"),
    ir.BatchNormalize: _batch_normalize,
    ir.Softmax: _over_last("divides by a sum over all positions"),
    ir.Reshape: _reshape,
    ir.Transpose: _transpose,
    ir.Combine: _combine,
    ir.Concat: _concat,
    ir.Dot: _dot,
    ir.Slice: _slice,
    ir.Resize: _resize,
    ir.Kept: _kept,
    ir.Recurrent: _recurrent,
    ir.Expand: _expand,
}
