"""What the kernels of convolutions have in common: when they are worth it, bias, and rates.

Rates are of one core, in nanoseconds; they rank the kernels against each other.
"""

from __future__ import annotations

from abc import abstractmethod
from math import prod
from typing import TYPE_CHECKING, Any

from speccompiler.graph import ir
from speccompiler.graph.shapes import multiply_adds
from speccompiler.kernels.cpu.codegen.register_tile import VECTORS, block_depth, tile_columns
from speccompiler.kernels.cpu.kernel import MOST_LANES, WIDTHS, Array, CpuKernel, Given
from speccompiler.kernels.long_sums import is_carried
from speccompiler.planning.candidate import KnownShape, known, op_of

if TYPE_CHECKING:
    import numpy.typing as npt

SMALL = 1 << 16
"""Multiply-adds of a sample up to which packing its input is not worth the time."""
TASK_FILTERS = 32
"""Filters of a task, where it is not a schedule that says how many."""
WALK = 8
"""Tiles of a task that share the weights which are in L1: more would push out their sums."""
MOST_COLUMNS = max(map(tile_columns, WIDTHS))
"""Positions of the largest tile, on any width of vectors."""
CACHE_BYTES = 2 << 20
"""What a core keeps close: reading more than that takes time."""
NANOSECONDS_A_BYTE = 1 / 28
"""Reading or writing what is not close."""
CACHED_NANOSECONDS_A_BYTE = 1 / 55
"""Reading what is close."""
MULTIPLY_ADDS = 80
"""Multiply-adds in a nanosecond, in the register tile, with what surrounds it."""


class Convolution(CpuKernel):
    """A kernel of convolutions: weights in an order of its own, and a bias that fills vectors."""

    ops = (ir.Conv,)

    def pack(self, node: ir.Node, given: Given, lanes: int) -> tuple[Array, Array]:
        """The bias fills whole groups of two vectors. Groups of channels follow each other."""
        import numpy as np

        weight, bias = given[0], given[1] if len(given) > 1 else None
        groups: int = op_of(node).groups
        group = VECTORS * lanes
        filters = weight.shape[-1] // groups
        padded = np.zeros((groups, -(-filters // group) * group), np.float32)
        if bias is not None:
            padded[:, :filters] = bias.reshape(groups, filters)
        undefined = np.isnan(weight).any(tuple(range(weight.ndim - 1)))
        if undefined.any():
            # A filter with a NaN makes NaN of everything, the zeros around the data included.
            padded[:, :filters][undefined.reshape(groups, filters)] = np.nan
            weight = np.where(undefined, np.float32(0), weight)
        parts = np.split(weight, groups, -1)
        packed = [self.pack_kernel(part, lanes).reshape(-1) for part in parts]
        return packed[0] if groups == 1 else np.concatenate(packed), padded.reshape(-1)

    @abstractmethod
    def pack_kernel(self, weight: npt.NDArray[Any], lanes: int) -> Array:
        """(*kernel, C, filters) in the order in which the text reads it."""


def count_multiply_adds(node: ir.Node) -> int:
    """Multiply-adds of one sample."""
    count = multiply_adds(node)
    assert isinstance(count, int), "a plan has no open lengths"
    return count


def is_small(node: ir.Node) -> bool:
    """Whether there is too little to compute to pack its input before."""
    return count_multiply_adds(node) <= SMALL


def is_product(node: ir.Node) -> bool:
    """Whether it is a matrix product: a window of one place at every position of the input."""
    op = op_of(node)
    if op.groups > 1 or any(r != 1 for r in op.repeats):
        return False
    return all(k == 1 for k in op.kernel + op.stride) and all(p == (0, 0) for p in op.padding)


def filter_blocks(node: ir.Node) -> int:
    """Tasks of one place and group, each of other filters: all read the same packed input."""
    groups: int = op_of(node).groups
    return -(-known(node)[-1] // groups // TASK_FILTERS)


def waiting_sums(terms: int) -> int:
    """float32 values that wait between the steps of a task, for sums of so many ``terms``.

    Beside the sums of a long one lie totals and rests.
    """
    return WALK * MOST_COLUMNS * VECTORS * MOST_LANES * (3 if is_carried(terms) else 1)


def direct_nanoseconds(positions: int, taps: int, node: ir.Node, shape: KnownShape) -> float:
    """Bound by the multiply-adds; by the weights where there are few positions."""
    groups: int = op_of(node).groups
    channels, filters = shape[-1] // groups, known(node)[-1] // groups
    depth = block_depth(channels, MOST_LANES)
    weights = taps * -(-channels // depth) * depth * -(-filters // MOST_LANES) * MOST_LANES
    weights *= groups
    a_byte = CACHED_NANOSECONDS_A_BYTE if 4 * weights < CACHE_BYTES else NANOSECONDS_A_BYTE
    moved = prod(shape) + prod(known(node))
    arithmetic = positions * weights / MULTIPLY_ADDS + 4 * moved * NANOSECONDS_A_BYTE
    return max(arithmetic, 4 * weights * a_byte)
