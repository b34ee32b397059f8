"""What ``convspec plan --tile`` shows: the tiles, kind by kind, and what their halos cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from speccompiler.cli.render import printable
from speccompiler.graph.ir import Graph
from speccompiler.graph.shapes import format_shape
from speccompiler.options import CompileOptions
from speccompiler.planning.plan import Plan
from speccompiler.reports.number_text import scaled, size
from speccompiler.targets import Target

if TYPE_CHECKING:
    from speccompiler.tiling.tiled_plan import TiledPlan


def tiles_of(
    target: Target, compiling: CompileOptions, lowered: Graph, plan: Plan, threads: int
) -> TiledPlan:
    """The tiles that are asked for. Raises ``Problem``."""
    from speccompiler.tiling.tiled_model import planner_of
    from speccompiler.tiling.tiled_plan import tiled_plan

    assert compiling.tile is not None, "tiles are asked for"
    planner = planner_of(target, compiling, threads)
    return tiled_plan(plan.graph, lowered, plan, planner, compiling.tile, compiling.batch_size)


def run_bytes(tiled: TiledPlan) -> int:
    """Memory of a run in these tiles, with the batches that wait; chunks are a tile's box."""
    from speccompiler.planning.run_bytes import end_bytes, waiting_beside_tiles

    batch = tiled.batch_size
    ends = [end_bytes(one.plan) for one in tiled.plans.values()]
    read = max((inputs for inputs, _ in ends), default=0)
    written = max((outputs for _, outputs in ends), default=0)
    return tiled.cost.peak_bytes + waiting_beside_tiles(batch, read, batch * written)


def tiles_section(tiled: TiledPlan) -> str:
    """A row for each kind of tile, and what they cost together."""
    from tabulate import tabulate

    from speccompiler.tiling.tile_cost import cost_words, work_of

    rows = [
        (
            str(one.count),
            ", ".join(format_shape(node.shape) for node in one.graph.inputs),
            ", ".join(format_shape(shape) for _, shape in one.plan.outputs),
            scaled(work_of(one.graph)),
            size(one.peak_bytes),
        )
        for one in tiled.plans.values()
    ]
    headers = ("tiles", "reads", "writes", "multiply-adds", "memory")
    table = tabulate(
        [tuple(map(printable, row)) for row in rows],
        headers=headers,
        tablefmt="simple",
        disable_numparse=True,
    )
    lines = [click.style("tiles", bold=True), table, *([tiled.note] if tiled.note else [])]
    return "\n".join([*lines, cost_words(tiled.cost)])
