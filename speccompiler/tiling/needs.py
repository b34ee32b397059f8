"""From boxes of the outputs backwards to the box that each node has to compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from speccompiler.graph import ir
from speccompiler.planning.cells import Cells
from speccompiler.tiling.layouts import Layouts
from speccompiler.tiling.parts import AxisSpans, Spans, axis_length, hull
from speccompiler.tiling.regions import regions

Needs: TypeAlias = Mapping[str, Spans]
"""For each node that is needed the box that it has to compute, at least."""


CellsByNode: TypeAlias = Mapping[str, Sequence[Cells]]
"""Of nodes that have cells: those of each axis but the last."""


def needs_of(
    graph: ir.Graph,
    layouts: Layouts,
    outputs: Mapping[str, Spans],
    cut: Callable[[int], bool],
    cells: CellsByNode,
) -> Needs:
    """What the boxes of ``outputs`` need; ``cut`` tells whether a root is cut."""
    needs = dict(outputs)
    for node in reversed(graph.nodes):
        box = needs.get(node.name)
        if box is None:
            continue
        if node.name in cells:
            box = _of_whole_cells(layouts, node, box, cells[node.name], cut)
            needs[node.name] = box
        for name, region in zip(node.inputs, regions(node, layouts, box, cut), strict=True):
            needs[name] = hull(needs[name], region) if name in needs else region
    return needs


def _of_whole_cells(
    layouts: Layouts,
    node: ir.Node,
    box: Spans,
    cells: Sequence[Cells],
    cut: Callable[[int], bool],
) -> Spans:
    made: list[AxisSpans] = []
    for axis, spans, cell in zip(layouts.layouts[node.name], box, (*cells, Cells()), strict=True):
        if len(axis) == 1 and cut(axis[0].root):
            ((first, last),) = spans
            spans = (cell.widened(first, last, axis_length(axis)),)
        made.append(spans)
    return tuple(made)
