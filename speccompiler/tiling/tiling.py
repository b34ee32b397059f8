"""How the outputs of a model are cut into tiles: sizes, numbers, and the boxes of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from fractions import Fraction
from math import lcm, prod
from typing import overload

from speccompiler.arrays.boxes import Box
from speccompiler.frozen import dataclass
from speccompiler.graph import ir
from speccompiler.system.cached_value import cached_value
from speccompiler.tiling.layouts import Layouts
from speccompiler.tiling.needs import CellsByNode, Needs, needs_of
from speccompiler.tiling.parts import (
    AxisSpans,
    Part,
    Span,
    Spans,
    axis_length,
    boxes_of,
    whole_axis,
)
from speccompiler.tiling.tile import Tile
from speccompiler.tiling.tile_graph import tile_graph


@dataclass(frozen=True, slots=True)
class CutAxis:
    """One axis that is cut: which of the first input, and into how many tiles."""

    axis: int
    length: int
    size: int
    """Positions of the first input from one tile to the next."""
    count: int
    root: int


@dataclass(frozen=True, slots=True)
class _Along:
    """What the tiles along one axis need, with every other axis whole.

    ``kinds`` gives each tile the number of its kind: tiles of one kind differ in where they
    are alone. ``firsts`` is a tile of each kind, and what it needs.
    """

    kinds: tuple[int, ...]
    firsts: tuple[tuple[int, Mapping[str, Spans], Needs], ...]


@dataclass(frozen=True)
class Tiling:
    """A graph whose outputs are computed tile by tile.

    ``axes`` are those of the first input that are cut into several tiles; tiles are numbered in
    row-major order of them.
    """

    graph: ir.Graph
    layouts: Layouts
    axes: tuple[CutAxis, ...]
    cells: CellsByNode = field(default_factory=dict)

    @property
    def grid(self) -> tuple[int, ...]:
        """How many tiles lie along each axis that is cut."""
        return tuple([axis.count for axis in self.axes])

    @property
    def tiles(self) -> Sequence[Tile]:
        """Every tile; each is made when it is asked for."""
        return _Tiles(self)

    @cached_value
    def output_axes(self) -> tuple[tuple[int, ...], ...]:
        """For each output and each axis that is cut, the axis of the output that follows it."""
        return tuple(
            [
                tuple([_place(self.layouts.layouts[name], cut.root) for cut in self.axes])
                for name in self.graph.outputs
            ]
        )

    @cached_value
    def steps(self) -> tuple[tuple[int, ...], ...]:
        """For each output, how far apart the tiles' boxes begin along each of its axes."""
        return tuple([self._steps_of(name) for name in self.graph.outputs])

    def _steps_of(self, name: str) -> tuple[int, ...]:
        sizes = {cut.root: cut.size for cut in self.axes}
        found = []
        for axis in self.layouts.layouts[name]:
            step = prod(part.length for part in axis)
            if axis and axis[0].root in sizes:
                inner = prod(part.length for part in axis[1:])
                step = _whole_number(sizes[axis[0].root] / axis[0].stride) * inner
            found.append(step)
        return tuple(found)

    def numbers(self, tile: int) -> tuple[int, ...]:
        """Where a tile lies in the grid."""
        found = []
        for count in reversed(self.grid):
            tile, number = divmod(tile, count)
            found.append(number)
        return tuple(reversed(found))

    def kind(self, tile: int) -> tuple[int, ...]:
        """Tiles of one kind have the same graph."""
        numbers = self.numbers(tile)
        return tuple([a.kinds[n] for a, n in zip(self._along, numbers, strict=True)])

    def kinds(self) -> Mapping[tuple[int, ...], int]:
        """Every kind, and how many tiles are of it."""
        counts: dict[tuple[int, ...], int] = {(): 1}
        for along in self._along:
            counts = {
                (*kind, one): count * along.kinds.count(one)
                for kind, count in counts.items()
                for one in range(len(along.firsts))
            }
        return counts

    def graph_of(self, kind: tuple[int, ...]) -> ir.Graph | None:
        """The graph of all tiles of a kind; None where they hold no value of any output.

        Its outputs are those of which the tile holds values, in order; its inputs are all inputs.
        """
        firsts = [along.firsts[one] for along, one in zip(self._along, kind, strict=True)]
        outputs = self._merged([outputs for _, outputs, _ in firsts])
        if not outputs:
            return None
        needs = self._merged([needs for _, _, needs in firsts])
        return tile_graph(self.graph, self.layouts, needs, outputs, self._is_cut)

    def tile(self, number: int) -> Tile:
        """The boxes of a tile."""
        numbers = self.numbers(number)
        along = zip(self._along, numbers, strict=True)
        firsts = [(a.firsts[a.kinds[n]], n) for a, n in along]
        moved = {
            cut.root: cut.size * (n - first)
            for cut, ((first, _, _), n) in zip(self.axes, firsts, strict=True)
        }
        given = [node.name for node in self.graph.inputs]
        needs = self._merged([{n: needs[n] for n in given} for (_, _, needs), _ in firsts])
        inputs = [self._box(node.name, needs[node.name], moved) for node in self.graph.inputs]
        return Tile(tuple(inputs), tuple(self._output_boxes(numbers)))

    def _output_boxes(self, numbers: Sequence[int]) -> Iterator[Box]:
        """The boxes of the outputs; one that has nothing left is empty, where the output ends."""
        for name, axes, steps in zip(self.graph.outputs, self.output_axes, self.steps, strict=True):
            number_along = dict(zip(axes, numbers, strict=True))
            box = []
            for place, (axis, step) in enumerate(
                zip(self.layouts.layouts[name], steps, strict=True)
            ):
                number, length = number_along.get(place, 0), axis_length(axis)
                box.append((min(number * step, length), min((number + 1) * step, length)))
            yield tuple(box)

    def _box(self, name: str, spans: Spans, moved: Mapping[int, int]) -> Box:
        layout = self.layouts.layouts[name]
        shifted: list[AxisSpans] = []
        for axis, own in zip(layout, spans, strict=True):
            parts = []
            for part, (first, last) in zip(axis, own, strict=True):
                by = _whole_number(moved.get(part.root, 0) / part.stride)
                parts.append((first + by, last + by))
            shifted.append(tuple(parts))
        return tuple(boxes_of(layout, tuple(shifted)))

    def _is_cut(self, root: int) -> bool:
        return any(cut.root == root for cut in self.axes)

    def _merged(self, along: Sequence[Mapping[str, Spans]]) -> dict[str, Spans]:
        """One box of each value from those along every axis; of values that all of them have."""
        layouts = self.layouts.layouts
        if not along:
            made = {name: tuple(map(whole_axis, layouts[name])) for name in self.graph.outputs}
            return {**made, **needs_of(self.graph, self.layouts, made, self._is_cut, {})}
        which = {cut.root: number for number, cut in enumerate(self.axes)}
        found = {}
        for name in along[0]:
            if all(name in one for one in along):
                boxes = [one[name] for one in along]
                found[name] = tuple(
                    [
                        tuple(
                            [
                                boxes[which.get(part.root, 0)][place][i]
                                for i, part in enumerate(axis)
                            ]
                        )
                        for place, axis in enumerate(layouts[name])
                    ]
                )
        return found

    @cached_value
    def _along(self) -> tuple[_Along, ...]:
        return tuple(map(self._kinds_along, self.axes))

    def _kinds_along(self, cut: CutAxis) -> _Along:
        """From both ends inwards, to the first tiles that no border touches: others are alike."""
        firsts: dict[object, tuple[int, Mapping[str, Spans], Needs]] = {}
        order: dict[object, int] = {}
        kinds = [-1] * cut.count

        def look_at(number: int) -> bool:
            outputs, needs = self._needs_along(cut, number)
            key = self._geometry(cut, number, outputs), self._geometry(cut, number, needs)
            order.setdefault(key, len(order))
            firsts.setdefault(key, (number, outputs, needs))
            kinds[number] = order[key]
            return len(outputs) < len(self.graph.outputs) or self._touches(cut, needs)

        left, right = 0, cut.count - 1
        while left <= right and look_at(left):
            left += 1
        while right > left and look_at(right):
            right -= 1
        kinds[left : right + 1] = [kinds[left]] * (right + 1 - left) if left <= right else []
        return _Along(tuple(kinds), tuple(firsts.values()))

    def _needs_along(self, cut: CutAxis, number: int) -> tuple[Mapping[str, Spans], Needs]:
        """The outputs' boxes in one tile, with the other axes whole, and what they need."""
        outputs: dict[str, Spans] = {}
        for name in self.graph.outputs:
            made: list[AxisSpans] = []
            for axis in self.layouts.layouts[name]:
                made.append(tuple([_span_in(cut, number, part) for part in axis]))
            if all(first < last for axis in made for first, last in axis):
                outputs[name] = tuple(made)
        needs = {
            **needs_of(self.graph, self.layouts, outputs, lambda root: root == cut.root, self.cells)
        }
        for node in self.graph.inputs:
            # A run is given something of every input.
            layout = self.layouts.layouts[node.name]
            least = [tuple([(0, 1) if p.root == cut.root else (0, p.length) for p in axis])
                     for axis in layout]  # fmt: skip
            needs.setdefault(node.name, tuple(least))
        return outputs, needs

    def _spans(self, cut: CutAxis, needs: Needs) -> Iterator[tuple[str, Part, Span]]:
        """Every part along an axis that a tile needs some of."""
        for name, box in needs.items():
            for axis, spans in zip(self.layouts.layouts[name], box, strict=True):
                for part, span in zip(axis, spans, strict=True):
                    if part.root == cut.root:
                        yield name, part, span

    def _touches(self, cut: CutAxis, needs: Needs) -> bool:
        """Whether anything that a tile needs reaches to a border of the whole."""
        return any(
            first == 0 or last == part.length for _, part, (first, last) in self._spans(cut, needs)
        )

    def _geometry(self, cut: CutAxis, number: int, needs: Needs) -> object:
        """Where boxes lie along one axis, seen from where the tile begins."""
        found = []
        for name, part, (first, last) in self._spans(cut, needs):
            begin = _whole_number(number * cut.size / part.stride)
            found.append((name, first - begin, last - begin))
        return tuple(sorted(found))


class _Tiles(Sequence[Tile]):
    """The tiles of a tiling, made when they are asked for."""

    def __init__(self, tiling: Tiling) -> None:
        self._tiling = tiling

    def __len__(self) -> int:
        return prod(self._tiling.grid)

    @overload
    def __getitem__(self, index: int) -> Tile: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Tile]: ...
    def __getitem__(self, index: int | slice) -> Tile | Sequence[Tile]:
        numbers = range(len(self))[index]
        if isinstance(numbers, range):
            return [self._tiling.tile(number) for number in numbers]
        return self._tiling.tile(numbers)


def _place(layout: Sequence[tuple[Part, ...]], root: int) -> int:
    """The axis that moves along a root."""
    return next(i for i, axis in enumerate(layout) if axis and axis[0].root == root)


def _span_in(cut: CutAxis, number: int, part: Part) -> Span:
    """A part of an output in one tile: every tile has the next ``step``; there may be none left."""
    if part.root != cut.root:
        return 0, part.length
    step = _whole_number(cut.size / part.stride)
    return min(number * step, part.length), min((number + 1) * step, part.length)


def _whole_number(value: Fraction | int) -> int:
    assert value == int(value), "tiles are aligned to every stride"
    return int(value)


def alignment(graph: ir.Graph, layouts: Layouts, root: int, cells: CellsByNode) -> int:
    """What a tile's size along a root has to be a multiple of, so that inner tiles are alike.

    The strides of all values along it, and the cells that kernels compute.
    """
    found = [1]
    for node in graph:
        multiples = [cell.multiple for cell in cells.get(node.name, ())]
        for place, axis in enumerate(layouts.layouts[node.name]):
            multiple = multiples[place] if place < len(multiples) and len(axis) == 1 else 1
            found += [(part.stride * multiple).numerator for part in axis if part.root == root]
    return lcm(*found)


def tiles_along(graph: ir.Graph, layouts: Layouts, root: int, size: int) -> int:
    """How many tiles of a size it takes to cover every output."""
    counts = [
        -(-part.length // _whole_number(size / part.stride))
        for name in graph.outputs
        for axis in layouts.layouts[name]
        for part in axis
        if part.root == root
    ]
    return max(counts, default=1)
