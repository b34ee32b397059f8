"""From what is asked for to a tiling: how long tiles are along each axis, and what is refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import prod
from typing import Literal, TypeAlias

from speccompiler.diagnostics.core import Problem
from speccompiler.frozen import dataclass
from speccompiler.graph import ir
from speccompiler.graph.dims import known_shape
from speccompiler.graph.shapes import format_shape
from speccompiler.system.cached_value import cached_value
from speccompiler.tiling.channel_axis import channel_axis
from speccompiler.tiling.layouts import Layouts, Obstacle, layouts_of
from speccompiler.tiling.needs import CellsByNode
from speccompiler.tiling.tiling import CutAxis, Tiling, alignment, tiles_along

TileSizes: TypeAlias = int | Sequence[int] | Literal["auto"]
"""Positions of the first input along its spatial axes, one for each or one for all."""


@dataclass(frozen=True)
class Cutting:
    """A graph that is to be cut, and along which axes of its first input that makes sense."""

    graph: ir.Graph
    layouts: Layouts
    cells: CellsByNode
    spatial: tuple[int, ...]
    """The axes of the first input that do not hold channels."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the first input."""
        return known_shape(self.graph.inputs[0].shape)

    @property
    def lengths(self) -> tuple[int, ...]:
        """Of the spatial axes."""
        return tuple([self.shape[axis] for axis in self.spatial])

    @cached_value
    def alignments(self) -> tuple[int, ...]:
        """What sizes along each spatial axis are multiples of."""
        return tuple([self._alignment(axis) for axis in self.spatial])

    def _alignment(self, axis: int) -> int:
        root = self._root(axis)
        return 1 if root is None else alignment(self.graph, self.layouts, root, self.cells)

    def _root(self, axis: int) -> int | None:
        """What moves along an axis of the first input; None for one that is 1 long."""
        parts = self.layouts.layouts[self.graph.inputs[0].name][axis]
        return parts[0].root if parts else None

    @cached_value
    def obstacles(self) -> dict[int, Obstacle]:
        """The axes of the first input that cannot be cut, and the first reason for each."""
        found: dict[int, Obstacle] = {}
        for obstacle in (*self.layouts.obstacles, *self._of_outputs()):
            for axis in self.spatial:
                if self._root(axis) == obstacle.root:
                    found.setdefault(axis, obstacle)
        return found

    def _of_outputs(self) -> Iterable[Obstacle]:
        """Axes that an output does not have, or has as a part of one."""
        nodes = self.graph.by_name()
        roots = [root for root in map(self._root, self.spatial) if root is not None]
        for name in self.graph.outputs:
            layer, layout = nodes[name].layer, self.layouts.layouts[name]
            for root in roots:
                places = [
                    (axis, i) for axis in layout for i, p in enumerate(axis) if p.root == root
                ]
                if len(places) != 1:
                    yield Obstacle(root, layer, "gives an output that does not have this axis")
                elif places[0][1] > 0:
                    what = "gives an output whose rows several axes make together"
                    yield Obstacle(root, layer, what)

    def aligned(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Sizes rounded up to what they have to be multiples of, and no longer than the axes."""
        return tuple(
            [
                min(-(-size // step) * step, length)
                for size, step, length in zip(sizes, self.alignments, self.lengths, strict=True)
            ]
        )

    def tiling(self, sizes: Sequence[int]) -> Tiling:
        """The tiling for sizes of the spatial axes. CS180 where one cannot be cut."""
        axes: list[CutAxis] = []
        roots: set[int] = set()
        if any(0 in node.shape for node in self.graph):
            return Tiling(self.graph, self.layouts, (), self.cells)
        blocked: dict[int, Obstacle] = {}
        for axis, size, length in zip(self.spatial, self.aligned(sizes), self.lengths, strict=True):
            root = self._root(axis)
            if size >= length or root is None:
                continue
            if axis in self.obstacles:
                blocked[axis] = self.obstacles[axis]
                continue
            assert root not in roots, "axes that go together cannot be cut"
            roots.add(root)
            count = tiles_along(self.graph, self.layouts, root, size)
            axes.append(CutAxis(axis, length, size, count, root))
        if blocked:
            raise self._refused(sizes, blocked)
        return Tiling(self.graph, self.layouts, tuple(axes), self.cells)

    def _refused(self, sizes: Sequence[int], blocked: dict[int, Obstacle]) -> Problem:
        """CS180: the first layer that is in the way, and the axes that it needs as a whole."""
        first = next(iter(blocked.values()))
        for obstacle in self.layouts.obstacles:
            if obstacle in blocked.values():
                first = obstacle
                break
        mine = [
            axis
            for axis, one in blocked.items()
            if (one.layer, one.what) == (first.layer, first.what)
        ]
        axes = axes_in_words(mine)
        left = [
            length if axis in self.obstacles else size
            for axis, size, length in zip(self.spatial, sizes, self.lengths, strict=True)
        ]
        hint = f"run it without tiles: no axis of {format_shape(self.shape)} can be cut"
        if any(axis not in self.obstacles for axis in self.spatial):
            hint = f"leave {axes} whole: tiles of {written(left)}"
        if first.advice:
            hint += f"; or change the layer: {first.advice}"
        message = (
            f"tiles that cut {axes} of the input {format_shape(self.shape)} cannot give "
            f"the same numbers, because this layer {first.what}"
        )
        return Problem("CS180", message, hint, layer=first.layer)

    def sizes(self, given: TileSizes) -> tuple[int, ...]:
        """A size for each spatial axis. CS181 where there is none, CS182 for what is no size."""
        if not self.spatial:
            raise Problem(
                "CS181",
                f"the input {format_shape(self.shape)} has no axis that tiles could cut",
                "run it without tiles: a batch holds as many samples as fit into memory",
            )
        assert not isinstance(given, str), "auto is no size"
        numbers = [given] * len(self.spatial) if isinstance(given, int) else [*given]
        if len(numbers) != len(self.spatial):
            example = ",".join(["512"] * len(self.spatial))
            raise Problem(
                "CS182",
                f"a tile of {written(numbers)} has {sizes_in_words(len(numbers))}; "
                f"the input {format_shape(self.shape)} is cut along {axes_in_words(self.spatial)}",
                f"give {len(self.spatial)}, such as {example}, or one for all",
            )
        return tuple(numbers)


def axes_in_words(axes: Sequence[int]) -> str:
    """``axis 1``, ``axes 1, 2 and 3``: of a sample, counted from 1."""
    numbers = [str(axis + 1) for axis in axes]
    if len(numbers) == 1:
        return f"axis {numbers[0]}"
    return f"axes {', '.join(numbers[:-1])} and {numbers[-1]}"


def sizes_in_words(count: int) -> str:
    """``1 size``, ``3 sizes``."""
    return "1 size" if count == 1 else f"{count} sizes"


def written(sizes: Sequence[int]) -> str:
    """Sizes as they are given: ``512,512``."""
    return ",".join(map(str, sizes))


def cutting_of(graph: ir.Graph, lowered: ir.Graph, cells: CellsByNode) -> Cutting:
    """What can be cut of a graph, which is the lowered one or what passes made of it."""
    first = lowered.inputs[0]
    channels = channel_axis(lowered)
    spatial = tuple([axis for axis in range(len(first.shape)) if axis != channels])
    return Cutting(graph, layouts_of(graph), cells, spatial)


def rounding_note(cutting: Cutting, asked: Sequence[int]) -> str | None:
    """Which sizes were rounded up, and why; None where none was."""
    given = [min(size, length) for size, length in zip(asked, cutting.lengths, strict=True)]
    made = cutting.aligned(asked)
    if tuple(given) == made:
        return None
    where = "the strides of all layers"
    if replace(cutting, cells={}).alignments != cutting.alignments:
        where += " and the cells of the fast kernels"
    return (
        f"tiles of {written(given)} become {written(made)}: their edges lie at multiples of "
        f"{written(cutting.alignments)}, where {where} meet"
    )


def tile_count(tiling: Tiling) -> int:
    """How many tiles there are."""
    return prod(tiling.grid)
