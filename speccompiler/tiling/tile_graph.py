"""The graph of a tile: the nodes of the whole graph, each for the box that is needed of it.

A node whose operation works position by position computes what its source has. One with windows
computes just what is needed: its padding reaches over the border of the whole image only, and is
negative where its source has more than it reads. A value that others need less of is cropped
where nothing else leaves the rest away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from speccompiler.graph import ir
from speccompiler.graph.dims import known, known_shape
from speccompiler.graph.shapes import infer
from speccompiler.tiling.layouts import Layouts, along
from speccompiler.tiling.needs import Needs
from speccompiler.tiling.parts import (
    Axis,
    AxisSpans,
    Layout,
    Span,
    Spans,
    axis_length,
    inner_length,
    interval_of,
    shape_of_spans,
    whole_axis,
)
from speccompiler.tiling.regions import Windows, regions, windows_of

MOST_PADDED = 3
"""The most spatial axes that Pad has kernels for."""

Rule: TypeAlias = Callable[[ir.Node, Layouts, Sequence[Spans], Spans], tuple[ir.Op, Spans]]
"""A node, the boxes that its sources have, the box that is needed: its operation, and its box."""


def _as_it_is(
    node: ir.Node, layouts: Layouts, have: Sequence[Spans], need: Spans
) -> tuple[ir.Op, Spans]:
    return node.op, have[0]


def _input(
    node: ir.Node, layouts: Layouts, have: Sequence[Spans], need: Spans
) -> tuple[ir.Op, Spans]:
    return ir.Input(shape_of_spans(need)), need


def _windowed(
    node: ir.Node, layouts: Layouts, have: Sequence[Spans], need: Spans
) -> tuple[ir.Op, Spans]:
    """Windows over the places that the source has; padding where they reach over the border."""
    op = node.op
    assert isinstance(op, ir.Conv | ir.Depthwise | ir.Pool | ir.Pad), "the table leads here"
    *axes, _ = layouts.layouts[node.inputs[0]]
    own = layouts.layouts[node.name]
    trivial, windows = along(op, len(axes)), windows_of(op, len(axes))
    made: list[AxisSpans] = []
    padding: list[tuple[int, int]] = []
    zeros: list[tuple[int, int]] = []
    for place, (axis, w) in enumerate(zip(axes, windows, strict=True)):
        spans = have[0][place]
        before, after = (known(side) for side in op.padding[place])
        counted = w.zeros
        if trivial[place]:
            made.append(spans)
        elif spans == whole_axis(axis) and need[place] == whole_axis(own[place]):
            made.append(need[place])
        else:
            outputs = interval_of(own[place], need[place])
            before, after = _sides(w, outputs, interval_of(axis, spans))
            first, last = w.zeros
            counted = max(min(before, first), 0), max(min(after, last), 0)
            before, after = before - counted[0], after - counted[1]
            made.append(need[place])
        padding.append((before, after))
        zeros.append(counted)
    channels = need[-1] if isinstance(op, ir.Conv | ir.Depthwise) else have[0][-1]
    box = (*made, channels)
    if isinstance(op, ir.Pool):
        return replace(op, padding=tuple(padding), zeros=tuple(zeros)), box
    return replace(op, padding=tuple(padding)), box


def _sides(windows: Windows, outputs: Span, has: Span) -> Span:
    """The padding in front and behind, for windows over what the source has."""
    first, last = windows.places(outputs)
    return windows.repeats * has[0] - first, last - windows.repeats * has[1]


def _upsample(
    node: ir.Node, layouts: Layouts, have: Sequence[Spans], need: Spans
) -> tuple[ir.Op, Spans]:
    op = node.op
    assert isinstance(op, ir.Upsample), "the table leads here for no other"
    source = layouts.layouts[node.inputs[0]]
    grown = zip(op.factors, source, have[0], strict=False)
    made = [spans if f == 1 else _scaled(axis, spans, f) for f, axis, spans in grown]
    return op, (*made, have[0][-1])


def _scaled(axis: Axis, spans: AxisSpans, factor: int) -> AxisSpans:
    first, last = interval_of(axis, spans)
    return ((first * factor, last * factor),)


def _local(
    node: ir.Node, layouts: Layouts, have: Sequence[Spans], need: Spans
) -> tuple[ir.Op, Spans]:
    op = node.op
    assert isinstance(op, ir.Local), "the table leads here for no other"
    first = len(need) - 1 - len(op.kernel)
    return op, (*have[0][:first], *need[first:])


def _global_pool(
    node: ir.Node, layouts: Layouts, have: Sequence[Spans], need: Spans
) -> tuple[ir.Op, Spans]:
    op = node.op
    assert isinstance(op, ir.GlobalPool), "the table leads here for no other"
    return op, (*have[0][: op.kept], have[0][-1])


def _lookup(
    node: ir.Node, layouts: Layouts, have: Sequence[Spans], need: Spans
) -> tuple[ir.Op, Spans]:
    return node.op, (*have[0], need[-1])


def _transpose(
    node: ir.Node, layouts: Layouts, have: Sequence[Spans], need: Spans
) -> tuple[ir.Op, Spans]:
    op = node.op
    assert isinstance(op, ir.Transpose), "the table leads here for no other"
    return op, tuple([have[0][axis] for axis in op.axes])


def _reshape(
    node: ir.Node, layouts: Layouts, have: Sequence[Spans], need: Spans
) -> tuple[ir.Op, Spans]:
    flat = [span for axis in have[0] for span in axis]
    moves = iter(layouts.moves[node.name])
    made: list[AxisSpans] = []
    for axis in layouts.layouts[node.name]:
        spans: list[Span] = []
        for part in axis:
            move = next(moves)
            if move.source is None:
                spans.append((0, part.length))
            else:
                first, last = flat[move.source]
                assert first % move.factor == last % move.factor == 0, "it was cropped before"
                spans.append((first // move.factor, last // move.factor))
        made.append(tuple(spans))
    box = tuple(made)
    return ir.Reshape(shape_of_spans(box)), box


def _merged(
    node: ir.Node, layouts: Layouts, have: Sequence[Spans], need: Spans
) -> tuple[ir.Op, Spans]:
    return node.op, need


def _slice(
    node: ir.Node, layouts: Layouts, have: Sequence[Spans], need: Spans
) -> tuple[ir.Op, Spans]:
    op = node.op
    assert isinstance(op, ir.Slice), "the table leads here for no other"
    source, own = layouts.layouts[node.inputs[0]], layouts.layouts[node.name]
    starts, counts, made = [*map(known, op.start)], [*map(known, op.count)], [*need]
    for place, axis in enumerate(source):
        if (starts[place], op.step[place], counts[place]) == (0, 1, axis_length(axis)):
            made[place] = have[0][place]
            (counts[place],) = shape_of_spans((made[place],))
        elif have[0][place] != whole_axis(axis) or need[place] != whole_axis(own[place]):
            first, last = interval_of(own[place], need[place])
            starts[place] += first * op.step[place] - interval_of(axis, have[0][place])[0]
            counts[place] = last - first
    return replace(op, start=tuple(starts), count=tuple(counts)), tuple(made)


def _resize(
    node: ir.Node, layouts: Layouts, have: Sequence[Spans], need: Spans
) -> tuple[ir.Op, Spans]:
    """All of what the source has grows. Its last row is wrong where another follows it."""
    op = node.op
    assert isinstance(op, ir.Resize), "the table leads here for no other"
    source = layouts.layouts[node.inputs[0]]
    made, sizes = [*have[0]], [*map(known, op.size)]
    for number, place in enumerate((-3, -2)):
        axis, spans = source[place], have[0][place]
        if spans == whole_axis(axis):
            made[place] = whole_axis(layouts.layouts[node.name][place])
            continue
        factor = sizes[number] // axis_length(axis)
        if factor > 1:
            made[place] = _scaled(axis, spans, factor)
        (sizes[number],) = shape_of_spans((made[place],))
    return replace(op, size=(sizes[0], sizes[1])), tuple(made)


def _expand(
    node: ir.Node, layouts: Layouts, have: Sequence[Spans], need: Spans
) -> tuple[ir.Op, Spans]:
    source = layouts.layouts[node.inputs[0]]
    box = tuple([h if axis else n for axis, h, n in zip(source, have[0], need, strict=True)])
    return ir.Expand(shape_of_spans(box)), box


TILED: Mapping[type[ir.Op], Rule] = {
    ir.Input: _input,
    ir.Identity: _as_it_is,
    ir.Conv: _windowed,
    ir.Depthwise: _windowed,
    ir.Local: _local,
    ir.Lookup: _lookup,
    ir.Pool: _windowed,
    ir.GlobalPool: _global_pool,
    ir.Upsample: _upsample,
    ir.Pad: _windowed,
    ir.Map: _as_it_is,
    ir.MapWith: _as_it_is,
    ir.Mask: _as_it_is,
    ir.Normalize: _as_it_is,
    ir.BatchNormalize: _as_it_is,
    ir.Softmax: _as_it_is,
    ir.Reshape: _reshape,
    ir.Transpose: _transpose,
    ir.Combine: _merged,
    ir.Concat: _merged,
    ir.Dot: _merged,
    ir.Slice: _slice,
    ir.Resize: _resize,
    ir.Kept: lambda node, layouts, have, need: (node.op, have[0][:-1]),
    ir.Recurrent: _merged,
    ir.Expand: _expand,
}
JUST_WHAT_IS_NEEDED = (ir.Combine, ir.Concat, ir.Dot, ir.Recurrent)
"""Operations whose sources have to have the same box."""


class _Tile:
    """The nodes so far, and the box that each has."""

    def __init__(self, layouts: Layouts) -> None:
        self.layouts = layouts
        self.names: dict[str, str] = {}
        """The node that has the value of each node of the whole graph."""
        self.nodes: dict[str, ir.Node] = {}
        self.boxes: dict[str, Spans] = {}
        self._cropped: dict[tuple[str, Spans], str] = {}

    def put(self, name: str, op: ir.Op, inputs: Sequence[str], layer: str) -> str:
        """One more node, under this name or one that nobody has."""
        while name in self.nodes:
            name += "'"
        shape = infer(op, *(self.nodes[source].shape for source in inputs))
        self.nodes[name] = ir.Node(name, op, tuple(inputs), shape, layer)
        return name

    def add(self, node: ir.Node, need: Spans, wanted: Sequence[Spans]) -> None:
        """A node of the whole graph, for the box that is needed of it."""
        sources = [self.names[name] for name in node.inputs]
        have = [self.boxes[name] for name in node.inputs]
        if self._exact(node):
            sources = [self.cropped(*of) for of in zip(node.inputs, wanted, strict=True)]
            have = [*wanted]
        op, box = TILED[type(node.op)](node, self.layouts, have, need)
        if isinstance(op, ir.Identity) or (
            isinstance(op, ir.Pad) and all(sides == (0, 0) for sides in op.padding)
        ):
            made = sources[0]
        elif isinstance(op, ir.Pad) and self._is_all_padding(op, sources[0]):
            made = self._put_padding(node, op, sources[0])
        else:
            made = self.put(node.name, op, sources, node.layer)
        self.names[node.name], self.boxes[node.name] = made, box
        assert self.nodes[made].shape == shape_of_spans(box), f"{node.name}: another box"

    def _is_all_padding(self, op: ir.Pad, source: str) -> bool:
        """Whether one side pads so much that the other cuts all values off."""
        shape = known_shape(self.nodes[source].shape)
        sides = zip(shape, op.padding, strict=False)
        return any(min(known(b), known(a)) + n <= 0 for n, (b, a) in sides)

    def _put_padding(self, node: ir.Node, op: ir.Pad, source: str) -> str:
        """Padding first, then a slice of it: kernels of Pad have values to copy."""
        sides = [(known(b), known(a)) for b, a in op.padding]
        grown = ir.Pad(tuple([(max(b, 0), max(a, 0)) for b, a in sides]))
        padded = self.put(f"{node.name}:padded", grown, [source], node.layer)
        shape = infer(op, self.nodes[source].shape)
        starts = (*[max(-b, 0) for b, _ in sides], 0)
        cut = ir.Slice(starts, (1,) * len(starts), shape)
        return self.put(node.name, cut, [padded], node.layer)

    def _exact(self, node: ir.Node) -> bool:
        """Whether its sources have to be cropped to what it needs of them."""
        if isinstance(node.op, JUST_WHAT_IS_NEEDED):
            return True
        moves = self.layouts.moves.get(node.name, ())
        return any(move.factor > 1 for move in moves)

    def cropped(self, name: str, wanted: Spans) -> str:
        """A node that has just this box of a value."""
        have = self.boxes[name]
        if have == wanted:
            return self.names[name]
        known_as = self._cropped.get((name, wanted))
        if known_as is None:
            known_as = self._crop(name, self.layouts.layouts[name], have, wanted)
            self._cropped[name, wanted] = known_as
        return known_as

    def _crop(self, name: str, layout: Layout, have: Spans, wanted: Spans) -> str:
        crop, name = f"{name}:tile", self.names[name]
        layer = self.nodes[name].layer
        if all(h[1:] == w[1:] for h, w in zip(have, wanted, strict=True)):
            sides = [_left_off(*of) for of in zip(layout, have, wanted, strict=True)]
            if sides[-1] == (0, 0) and len(sides) - 1 <= MOST_PADDED:
                return self.put(crop, ir.Pad(tuple(sides[:-1])), [name], layer)
            starts = tuple([-before for before, _ in sides])
            cut = ir.Slice(starts, (1,) * len(starts), shape_of_spans(wanted))
            return self.put(crop, cut, [name], layer)
        # Part by part: along an axis the box is no interval.
        flat = [*zip(*(_flat(box) for box in (have, wanted)), strict=True)]
        lengths = tuple([last - first for (first, last), _ in flat])
        apart = self.put(crop, ir.Reshape(lengths), [name], layer)
        cut = ir.Slice(
            tuple([w[0] - h[0] for h, w in flat]),
            (1,) * len(flat),
            tuple([w[1] - w[0] for _, w in flat]),
        )
        sliced = self.put(crop, cut, [apart], layer)
        return self.put(crop, ir.Reshape(shape_of_spans(wanted)), [sliced], layer)


def _flat(box: Spans) -> list[Span]:
    return [span for axis in box for span in axis]


def _left_off(axis: Axis, have: AxisSpans, wanted: AxisSpans) -> Span:
    """What is cut off in front and behind, as a negative padding."""
    if have == wanted:
        return 0, 0
    inner = inner_length(axis)
    return (have[0][0] - wanted[0][0]) * inner, (wanted[0][1] - have[0][1]) * inner


def tile_graph(
    graph: ir.Graph,
    layouts: Layouts,
    needs: Needs,
    outputs: Mapping[str, Spans],
    cut: Callable[[int], bool],
) -> ir.Graph:
    """The graph that computes boxes of ``outputs`` from the inputs' boxes in ``needs``."""
    tile = _Tile(layouts)
    for node in graph:
        need = needs.get(node.name)
        if need is not None:
            tile.add(node, need, regions(node, layouts, need, cut))
    made = [tile.cropped(name, outputs[name]) for name in graph.outputs if name in outputs]
    return ir.Graph(tuple(tile.nodes.values()), tuple(made))
