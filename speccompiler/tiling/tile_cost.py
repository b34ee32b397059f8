"""What tiles cost beside the whole: halos are read and computed more than once."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from speccompiler.frozen import dataclass
from speccompiler.graph.dims import known
from speccompiler.graph.ir import Graph
from speccompiler.graph.shapes import element_count, multiply_adds
from speccompiler.reports.number_text import size as size_text
from speccompiler.tiling.tiling import Tiling


@dataclass(frozen=True, slots=True)
class TileCost:
    """Of one sample, all tiles together, beside the whole."""

    grid: tuple[int, ...]
    size: tuple[int, ...]
    """Positions of the first input from tile to tile, along the axes of ``grid``."""
    kinds: int
    """How many plans the tiles have."""
    multiply_adds: int
    whole_multiply_adds: int
    bytes_read: int
    """Of all inputs, as float32."""
    input_bytes: int
    batch_size: int
    peak_bytes: int
    """Memory of a run: one tile of a batch, and the packed weights."""

    @property
    def tiles(self) -> int:
        """How many there are."""
        return prod(self.grid)

    @property
    def extra_work(self) -> float:
        """The share of multiply-adds that the whole would not need."""
        if not self.whole_multiply_adds:
            return 0.0
        return self.multiply_adds / self.whole_multiply_adds - 1

    @property
    def extra_read(self) -> float:
        """The share of bytes that are read once more."""
        return self.bytes_read / self.input_bytes - 1 if self.input_bytes else 0.0


def tile_cost(
    tiling: Tiling, graphs: Sequence[tuple[int, Graph]], batch_size: int, peak_bytes: int
) -> TileCost:
    """The cost of a tiling whose kinds have these ``graphs``, each as often as it says."""
    return TileCost(
        tiling.grid,
        tuple([axis.size for axis in tiling.axes]),
        len(graphs),
        sum(count * work_of(graph) for count, graph in graphs),
        work_of(tiling.graph),
        sum(count * _input_bytes(graph) for count, graph in graphs),
        _input_bytes(tiling.graph),
        batch_size,
        peak_bytes,
    )


def work_of(graph: Graph) -> int:
    """Multiply-adds of one sample."""
    return sum(known(multiply_adds(node)) for node in graph)


def _input_bytes(graph: Graph) -> int:
    """Bytes of one sample of every input, as float32."""
    return 4 * sum(known(element_count(node.shape)) for node in graph.inputs)


def cost_words(cost: TileCost) -> str:
    """One line for a person: tiles, their extra work, and memory."""
    if not cost.grid:
        return "one tile: the whole of each sample"
    grid, size = (" x ".join(map(str, numbers)) for numbers in (cost.grid, cost.size))
    parts = [f"{cost.tiles} tiles ({grid}) of {size}, {cost.kinds} plan"]
    parts[0] += "s" if cost.kinds > 1 else ""
    if cost.whole_multiply_adds:
        parts.append(f"{cost.extra_work:.1%} more multiply-adds than the whole, for halos")
    parts.append(f"{cost.extra_read:.1%} more bytes read")
    parts.append(f"{size_text(cost.peak_bytes)} of memory for batches of {cost.batch_size}")
    return "; ".join(parts)
