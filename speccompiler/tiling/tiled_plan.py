"""A model's plan in tiles: one plan for each kind of tile, and what they cost. No arrays yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from speccompiler.diagnostics.core import Problem
from speccompiler.frozen import dataclass
from speccompiler.graph.dims import known
from speccompiler.graph.ir import Graph
from speccompiler.graph.shapes import element_count
from speccompiler.passes import run_pass
from speccompiler.passes.fold_padding import fold_padding
from speccompiler.planning.kernel_table import KernelTable
from speccompiler.planning.memory_limits import available_text, memory_text
from speccompiler.planning.plan import Plan
from speccompiler.system.available_memory import Room, tightest_room
from speccompiler.system.cached_value import cached_value
from speccompiler.tiling.alike_kernels import alike_kernels, cells_of
from speccompiler.tiling.automatic import automatic
from speccompiler.tiling.tile_cost import TileCost, tile_cost
from speccompiler.tiling.tile_sizes import TileSizes, cutting_of, rounding_note, written
from speccompiler.tiling.tiling import Tiling

Kind = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TilePlan:
    """What runs tiles of one kind."""

    graph: Graph
    plan: Plan
    count: int
    """How many tiles are of this kind."""
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Planner:
    """How a target makes plans: of a graph by some kernels, and the memory that they take."""

    plan: Callable[[Graph, int | None, KernelTable], tuple[Plan, int]]
    """The plan of a graph for batches of so many samples, or as many as are sensible."""
    memory: Callable[[Graph, Plan, int], int]
    kernels: KernelTable
    as_lowered: bool = False
    """Whether the graph is run as it was lowered, so that this is what has to be cut."""


@dataclass(frozen=True)
class TiledPlan:
    """A tiling and the plans of its tiles."""

    tiling: Tiling
    planner: Planner
    kernels: KernelTable
    batch_size: int
    note: str | None = None
    """What was made of the sizes that were asked for."""

    @cached_value
    def plans(self) -> Mapping[Kind, TilePlan]:
        """The plan of every kind of tile; none for tiles that hold no value of any output."""
        kinds, found = self.tiling.kinds(), {}
        for kind, graph in self.graphs.items():
            plan, batch = self.planner.plan(graph, self.batch_size, self.kernels)
            needed = self.planner.memory(graph, plan, batch)
            found[kind] = TilePlan(graph, plan, kinds[kind], needed)
        return found

    @cached_value
    def graphs(self) -> Mapping[Kind, Graph]:
        """The graph of every kind of tile that holds values of outputs."""
        found = {}
        for kind in self.tiling.kinds():
            graph = self.tiling.graph_of(kind)
            if graph is not None:
                # The other passes have seen the whole graph.
                found[kind] = graph if self.planner.as_lowered else run_pass(fold_padding, graph)
        return found

    @property
    def cost(self) -> TileCost:
        """What it costs beside the whole."""
        peak = max(one.peak_bytes for one in self.plans.values())
        return self._cost(peak)

    @property
    def work(self) -> TileCost:
        """What it costs but for memory, which only plans can tell."""
        return self._cost(0)

    def _cost(self, peak_bytes: int) -> TileCost:
        kinds = self.tiling.kinds()
        graphs = [(kinds[kind], graph) for kind, graph in self.graphs.items()]
        return tile_cost(self.tiling, graphs, self.batch_size, peak_bytes)


def tiled_plan(
    optimized: Graph,
    lowered: Graph,
    whole: Plan,
    planner: Planner,
    sizes: TileSizes,
    batch_size: int | None = None,
) -> TiledPlan:
    """The plan in tiles of these sizes, or of the largest that fit into memory.

    ``whole`` is the plan of the whole, whose kernels the tiles have. Raises ``Problem``: CS130,
    CS180, CS181, CS182.
    """
    kernels = alike_kernels(planner.kernels, whole)
    graph = lowered if planner.as_lowered else optimized
    cells = {} if planner.as_lowered else cells_of(whole)
    cutting = cutting_of(graph, lowered, cells)
    room = tightest_room()

    def made(tiling: Tiling) -> tuple[TiledPlan, int]:
        """With the batch that its largest tile has, and the bytes that this takes."""
        found = TiledPlan(tiling, planner, kernels, batch_size or 1)
        largest = max(found.graphs.values(), key=_values)
        plan, batch = planner.plan(largest, batch_size, kernels)
        return replace(found, batch_size=batch), planner.memory(largest, plan, batch)

    def measured(tiling: Tiling) -> tuple[int, float]:
        """Bytes, beside those of the weights, and the extra work of halos."""
        found, needed = made(tiling)
        return needed - whole.weight_bytes, found.work.extra_work

    if sizes == "auto":
        cutting.sizes(1)
        found, needed = made(automatic(cutting, measured, room.left - whole.weight_bytes))
        if needed > room.left:
            raise _too_large(found, needed, room, "these are the smallest tiles")
        return found
    asked = cutting.sizes(sizes)
    found, needed = made(cutting.tiling(asked))
    if needed > room.left:
        raise _too_large(found, needed, room, "use smaller tiles, or --tile auto")
    return replace(found, note=rounding_note(cutting, asked))


def _values(graph: Graph) -> int:
    """Values of one sample, of all nodes."""
    return sum(known(element_count(node.shape)) for node in graph)


def _too_large(found: TiledPlan, needed: int, room: Room, hint: str) -> Problem:
    """CS130."""
    sizes = written([axis.size for axis in found.tiling.axes])
    if found.batch_size > 1:
        hint = f"use a smaller --batch-size; {hint}"
    tiles = f"tiles of {sizes}" if sizes else "samples, none of which is cut,"
    return Problem(
        "CS130",
        f"a batch of {found.batch_size} {tiles} needs {memory_text(needed)} of memory; "
        f"{available_text(room)}",
        hint,
    )
