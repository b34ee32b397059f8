"""Which box of its inputs a box of a value needs, exactly: one rule an operation.

A rule takes the node, the layouts, and a box of its value in coordinates of the whole image, and
gives a box of each input. Along an axis whose value is not cut, an input is needed whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from speccompiler.frozen import dataclass
from speccompiler.graph import ir
from speccompiler.graph.dims import known, known_shape
from speccompiler.tiling.layouts import Layouts, along
from speccompiler.tiling.parts import (
    Axis,
    AxisSpans,
    Layout,
    Span,
    Spans,
    axis_length,
    interval_of,
    spans_on,
    whole_axis,
)


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of an operation along one spatial axis of its input.

    Window ``o`` begins ``stride * o - before`` places from the first value, and is ``extent``
    places long, where each value has ``repeats`` places. ``zeros`` of the padding stand for real
    values.
    """

    extent: int = 1
    stride: int = 1
    before: int = 0
    repeats: int = 1
    zeros: tuple[int, int] = (0, 0)

    def places(self, outputs: Span) -> Span:
        """The places that a range of windows covers, beyond the input too."""
        first, last = outputs
        return (
            first * self.stride - self.before,
            (last - 1) * self.stride - self.before + self.extent,
        )

    def values(self, outputs: Span, length: int) -> Span:
        """The values of the input that a range of windows covers; one at least."""
        first, last = self.places(outputs)
        first, last = first // self.repeats, -(-last // self.repeats)
        first, last = max(first, 0), min(last, length)
        if first < last:
            return first, last
        # Nothing but padding. A tile is made of something.
        return (0, 1) if first == 0 else (length - 1, length)


def windows_of(op: ir.Op, rank: int) -> Sequence[Windows]:
    """The windows along each spatial axis of an operation that has windows."""
    match op:
        case ir.Conv():
            repeats = op.repeats or (1,) * len(op.kernel)
            sides = zip(op.extent, op.stride, op.padding, repeats, strict=True)
            return [Windows(k, s, known(b), r) for k, s, (b, _), r in sides]
        case ir.Depthwise():
            of = zip(op.extent, op.stride, op.padding, strict=True)
            return [Windows(k, s, known(b)) for k, s, (b, _) in of]
        case ir.Pool():
            both = zip(op.extent, op.stride, op.padding, op.zeros, strict=True)
            return [
                Windows(k, s, known(b) + known(z), zeros=(known(z), known(y)))
                for k, s, (b, _), (z, y) in both
            ]
        case ir.Upsample(factors):
            return [Windows(repeats=f) for f in factors]
        case ir.Pad(padding):
            return [Windows(before=known(b)) for b, _ in padding]
        case _:
            assert isinstance(op, ir.Local), f"{type(op).__name__} has no windows"
            return [Windows()] * rank


Region: TypeAlias = Spans
Rule: TypeAlias = Callable[[ir.Node, Layouts, Spans], Sequence[Region]]


def _same(node: ir.Node, layouts: Layouts, box: Spans) -> Sequence[Region]:
    return [box]


def _axis_region(windows: Windows, source: Axis, spans: AxisSpans) -> AxisSpans:
    """What an interval of outputs needs of an axis; all of it where outputs are no interval."""
    if not spans:
        return whole_axis(source)
    needed = windows.values(spans[0], axis_length(source))
    return spans_on(source, needed)


def _windowed(node: ir.Node, layouts: Layouts, box: Spans) -> Sequence[Region]:
    """Spatial axes by their windows; the channels that are asked for, or all of them."""
    *axes, channels = layouts.layouts[node.inputs[0]]
    *spans, last = box
    trivial = along(node.op, len(axes))
    of = zip(windows_of(node.op, len(axes)), axes, spans, trivial, strict=True)
    made = [s if same else _axis_region(w, axis, s) for w, axis, s, same in of]
    if isinstance(node.op, ir.Conv | ir.Depthwise):
        last = whole_axis(channels)
    return [(*made, last)]


def _local(node: ir.Node, layouts: Layouts, box: Spans) -> Sequence[Region]:
    op = node.op
    assert isinstance(op, ir.Local), "the table leads here for no other"
    source = layouts.layouts[node.inputs[0]]
    first = len(source) - 1 - len(op.kernel)
    return [(*box[:first], *map(whole_axis, source[first:]))]


def _global_pool(node: ir.Node, layouts: Layouts, box: Spans) -> Sequence[Region]:
    op = node.op
    assert isinstance(op, ir.GlobalPool), "the table leads here for no other"
    source = layouts.layouts[node.inputs[0]]
    return [(*box[: op.kept], *map(whole_axis, source[op.kept : -1]), box[-1])]


def _lookup(node: ir.Node, layouts: Layouts, box: Spans) -> Sequence[Region]:
    return [box[:-1]]


def _transpose(node: ir.Node, layouts: Layouts, box: Spans) -> Sequence[Region]:
    op = node.op
    assert isinstance(op, ir.Transpose), "the table leads here for no other"
    return [tuple([box[op.axes.index(axis)] for axis in range(len(box))])]


def _reshape(node: ir.Node, layouts: Layouts, box: Spans) -> Sequence[Region]:
    source = layouts.layouts[node.inputs[0]]
    flat = [span for axis in box for span in axis]
    asked = {
        move.source: (first * move.factor, last * move.factor)
        for move, (first, last) in zip(layouts.moves[node.name], flat, strict=True)
        if move.source is not None
    }
    return [_numbered(source, asked)]


def _numbered(layout: Layout, asked: Mapping[int, Span]) -> Spans:
    """A box whose parts are asked for by their numbers; the others are whole."""
    made: list[AxisSpans] = []
    number = 0
    for axis in layout:
        spans = []
        for part in axis:
            spans.append(asked.get(number, (0, part.length)))
            number += 1
        made.append(tuple(spans))
    return tuple(made)


def on_layout(layout: Layout, box: Spans, own: Layout) -> Spans:
    """A box of a value as one of another whose axes are as long, of other parts."""
    made = zip(layout, own, box, strict=True)
    return tuple(
        [
            spans if len(axis) == len(mine) else spans_on(axis, interval_of(mine, spans))
            for axis, mine, spans in made
        ]
    )


def _combine(node: ir.Node, layouts: Layouts, box: Spans) -> Sequence[Region]:
    own = layouts.layouts[node.name]
    return [on_layout(layouts.layouts[name], box, own) for name in node.inputs]


def _concat(node: ir.Node, layouts: Layouts, box: Spans) -> Sequence[Region]:
    op = node.op
    assert isinstance(op, ir.Concat), "the table leads here for no other"
    own, found = layouts.layouts[node.name], []
    for name in node.inputs:
        source = layouts.layouts[name]
        axis = source[op.axis]
        layout = (*own[: op.axis], axis, *own[op.axis + 1 :])
        part = (*box[: op.axis], whole_axis(axis), *box[op.axis + 1 :])
        found.append(on_layout(source, part, layout))
    return found


def _whole(node: ir.Node, layouts: Layouts, box: Spans) -> Sequence[Region]:
    return [tuple(map(whole_axis, layouts.layouts[name])) for name in node.inputs]


def _slice(node: ir.Node, layouts: Layouts, box: Spans) -> Sequence[Region]:
    op = node.op
    assert isinstance(op, ir.Slice), "the table leads here for no other"
    source, own = layouts.layouts[node.inputs[0]], layouts.layouts[node.name]
    made: list[AxisSpans] = []
    for place, axis in enumerate(source):
        start, step = known(op.start[place]), op.step[place]
        if (start, step, known(op.count[place])) == (0, 1, axis_length(axis)):
            made.append(box[place])
        elif step > 0 and own[place]:
            made.append(_axis_region(Windows(stride=step, before=-start), axis, box[place]))
        else:
            made.append(whole_axis(axis))
    return [tuple(made)]


def _resize(node: ir.Node, layouts: Layouts, box: Spans) -> Sequence[Region]:
    """A place between two values depends on both: on the second one too where it is on one."""
    op = node.op
    assert isinstance(op, ir.Resize), "the table leads here for no other"
    source = layouts.layouts[node.inputs[0]]
    made = [*box]
    for place, size in ((-3, op.size[0]), (-2, op.size[1])):
        length, axis = axis_length(source[place]), source[place]
        factor, rest = divmod(known(size), length)
        if factor == 1 and not rest:
            continue
        if rest or not box[place]:
            made[place] = whole_axis(axis)
            continue
        ((first, last),) = box[place]
        if op.half_pixel and op.bilinear:
            # Place o lies (2 * o + 1 - factor) / (2 * factor) behind the first value.
            low = (2 * first + 1 - factor) // (2 * factor)
            high = (2 * last - 1 - factor) // (2 * factor)
        else:
            low, high = first // factor, (last - 1) // factor
        reached = (max(low, 0), min(high + 1 + op.bilinear, length))
        made[place] = spans_on(axis, reached)
    return [tuple(made)]


def _expand(node: ir.Node, layouts: Layouts, box: Spans) -> Sequence[Region]:
    source = layouts.layouts[node.inputs[0]]
    return [tuple([spans if axis else () for axis, spans in zip(source, box, strict=True)])]


REGIONS: Mapping[type[ir.Op], Rule] = {
    ir.Input: lambda node, layouts, box: [],
    ir.Identity: _same,
    ir.Conv: _windowed,
    ir.Depthwise: _windowed,
    ir.Local: _local,
    ir.Lookup: _lookup,
    ir.Pool: _windowed,
    ir.GlobalPool: _global_pool,
    ir.Upsample: _windowed,
    ir.Pad: _windowed,
    ir.Map: _same,
    ir.MapWith: _same,
    ir.Mask: _same,
    ir.Normalize: _same,
    ir.BatchNormalize: _same,
    ir.Softmax: _same,
    ir.Reshape: _reshape,
    ir.Transpose: _transpose,
    ir.Combine: _combine,
    ir.Concat: _concat,
    ir.Dot: _whole,
    ir.Slice: _slice,
    ir.Resize: _resize,
    ir.Kept: lambda node, layouts, box: [
        (*box, whole_axis(layouts.layouts[node.inputs[0]][-1])),
    ],
    ir.Recurrent: _whole,
    ir.Expand: _expand,
}


def regions(
    node: ir.Node, layouts: Layouts, box: Spans, cut: Callable[[int], bool]
) -> Sequence[Region]:
    """The box of each input that a box of a node's value needs; whole where ``cut`` is False."""
    found = REGIONS[type(node.op)](node, layouts, box)
    return [
        kept_whole(layouts.layouts[name], region, cut)
        for name, region in zip(node.inputs, found, strict=True)
    ]


def kept_whole(layout: Layout, box: Spans, cut: Callable[[int], bool]) -> Spans:
    """The box with all of every part along a root that is not cut."""
    return tuple(
        [
            tuple(
                [
                    span if cut(part.root) else (0, part.length)
                    for part, span in zip(axis, spans, strict=True)
                ]
            )
            for axis, spans in zip(layout, box, strict=True)
        ]
    )


def shape_of(layout: Layout) -> tuple[int, ...]:
    """The shape of a whole value."""
    return known_shape([axis_length(axis) for axis in layout])
