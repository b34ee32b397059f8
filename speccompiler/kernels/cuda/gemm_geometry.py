"""The geometry of a matrix product, which convolution, Dense and Winograd's points all are."""

from __future__ import annotations

from math import prod

from speccompiler.frozen import dataclass
from speccompiler.kernels.cuda.long_sums import SHORT
from speccompiler.kernels.cuda.tiles import SLAB, Tile
from speccompiler.kernels.cuda.windows import Three


@dataclass(frozen=True, slots=True)
class Gemm:
    """Rows are output positions, columns are filters, a sum runs over (tap, channel).

    ``planes`` products stand behind one another in every array (the points of Winograd's
    method). A sum is cut into ``splits`` parts, each written by itself, without bias and
    activation: those come when the parts are added.
    """

    lengths: Three
    channels: int
    outputs: Three
    filters: int
    kernel: Three
    stride: Three
    before: Three
    repeats: Three
    dilation: Three = (1, 1, 1)
    planes: int = 1
    splits: int = 1
    bias: bool = False
    activation: str | None = None
    """Text of ``activate(x)``."""

    @property
    def terms(self) -> int:
        """Products in the sum of one output."""
        return prod(self.kernel) * self.channels

    @property
    def part(self) -> int:
        """Terms of one part of the sum."""
        slabs = -(-self.terms // SLAB)
        return -(-slabs // self.splits) * SLAB if self.splits > 1 else self.terms

    @property
    def long(self) -> bool:
        """Whether a thread's sums are several chains.

        The points of Winograd's method round more by themselves, and are cut later.
        """
        return self.part > (4 * SHORT if self.planes > 1 else SHORT)

    @property
    def pitch(self) -> int:
        """Filters in the packed weights: whole groups of four."""
        return -(-self.filters // 4) * 4

    @property
    def positions(self) -> int:
        """Rows of one sample."""
        return prod(self.outputs)

    @property
    def plain(self) -> bool:
        """Whether row and position are the same, and a row's terms lie side by side."""
        ones = (*self.kernel, *self.stride, *self.repeats)
        return all(v == 1 for v in ones) and not any(self.before) and self.lengths == self.outputs

    def inside(self, axis: int) -> bool:
        """Whether no tap of any output leaves the input along an axis."""
        window = (self.kernel[axis] - 1) * self.dilation[axis]
        last = (self.outputs[axis] - 1) * self.stride[axis] + window
        first = -self.before[axis]
        return first >= 0 and first + last < self.lengths[axis] * self.repeats[axis]

    def blocks(self, tile: Tile, n: int) -> int:
        """Blocks for ``n`` samples."""
        rows = -(-n * self.positions // tile.rows)
        return rows * -(-self.filters // tile.columns) * self.splits * self.planes
