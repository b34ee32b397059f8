"""Direct convolution of any rank (as 3-D) at the machine's multiply-add limit.

A task is a block of output rows and columns by 32 filters (``conv_text``). The input that it
reads is first copied into a block that stays in L2, once for all tasks of the place: channels in
even blocks of at most a vector, zeros where the window leaves the data, and nothing that a stride
leaps over. A window dilated along rows has its columns packed side by side for each output.
Padding, odd channel counts, strides and the layout of the caller end there, and the inner
loop has no condition. Rows and planes of the window that see zeros alone are left out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.ending import ending
from speccompiler.kernels.cpu.codegen.register_tile import (
    block_depth,
    even_share,
)
from speccompiler.kernels.cpu.conv_text import Geometry, Variant, source, tile_shape, window_steps
from speccompiler.kernels.cpu.convolution import (
    Convolution,
    direct_nanoseconds,
    filter_blocks,
    is_product,
    is_small,
    waiting_sums,
)
from speccompiler.kernels.cpu.kernel import MOST_LANES, WIDTHS, Array, Wanted
from speccompiler.kernels.cpu.packing import in_blocks
from speccompiler.planning.candidate import KnownShape, known, op_of, three

if TYPE_CHECKING:
    import numpy.typing as npt

PACKED_BYTES = 256 << 10
"""Input that a task keeps in L2."""
MOST_POSITIONS = 1024
"""Outputs of a task: few enough to leave tasks for all cores."""


class ConvKernel(Convolution):
    """Tasks are blocks of positions by blocks of filters."""

    name = "conv"
    fields = Geometry._fields
    adds = True

    def fits(self, node: ir.Node, shape: KnownShape) -> bool:
        return not is_product(node) and not is_small(node)

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        op, out = op_of(node), known(node)
        return Geometry(
            *three(shape[:-1], 1), shape[-1], *three(out[:-1], 1), out[-1],
            *three(op.kernel, 1), *three(op.stride, 1), *three([b for b, _ in op.padding], 0),
            *_task_block(node, shape), *three(op.repeats, 1), *three(op.dilation, 1), out[-1],
        )  # fmt: skip

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        depth, height, width = three(node.shape[:-1], 1)
        rows, columns = _task_block(node, shape)
        places = n * depth * -(-height // rows) * -(-width // columns)
        return places * filter_blocks(node)

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        depth, height, width = three(known(node)[:-1], 1)
        tall, wide = tile_shape(height, width, MOST_LANES)
        whole, last = divmod(height, tall)
        # The sums of fewer than four positions wait for one another.
        done = whole * max(4, tall * wide) + (max(4, last * wide) if last else 0)
        positions = depth * -(-width // wide) * done
        taps: KnownShape = op_of(node).kernel
        return direct_nanoseconds(positions, prod(taps), node, shape)

    def scratch(self, node: ir.Node, shape: KnownShape) -> int:
        """Packed input and sums."""
        block = _task_block(node, shape)
        packed = max(_packed_values(node, shape, *block, lanes) for lanes in WIDTHS)
        return packed + waiting_sums(prod(op_of(node).kernel) * shape[-1])

    def sharing(self, node: ir.Node, shape: KnownShape) -> int:
        return filter_blocks(node)

    def text(self, wanted: Wanted) -> str:
        op, out = op_of(wanted.node), known(wanted.node)
        kernel = three(op.kernel, 1)
        variant = Variant(
            wanted.shape[-1],
            out[-1],
            three(out[:-1], 1)[1:],
            kernel[1:],
            three(op.stride, 1)[1:],
            three(op.dilation, 1)[1:],
            planes=kernel[0],
            repeats=any(r != 1 for r in op.repeats),
            ending=ending(op.activation, wanted.added),
        )
        return source(wanted.lanes, variant)

    def pack_kernel(self, weight: npt.NDArray[Any], lanes: int) -> Array:
        return in_blocks(weight, lanes)


def _task_block(node: ir.Node, shape: KnownShape) -> tuple[int, int]:
    """Output rows and columns of a task.

    As many columns, then rows, as ``PACKED_BYTES`` hold the input of: it is packed once and
    read by every filter.
    """
    _, height, width = three(node.shape[:-1], 1)
    tall, wide = tile_shape(height, width, MOST_LANES)

    def fits(rows: int, columns: int) -> bool:
        small = rows * columns <= MOST_POSITIONS
        return small and 4 * _packed_values(node, shape, rows, columns, MOST_LANES) <= PACKED_BYTES

    columns = _share(width, wide, lambda columns: fits(tall, columns))
    rows = _share(height, tall, lambda rows: fits(rows, columns))
    return rows, columns


def _share(length: int, tile: int, fits: Callable[[int], bool]) -> int:
    """The largest even share of a length, in whole tiles, that fits; else one tile."""
    tiles = -(-length // tile)
    fitting = bisect_left(range(1, tiles + 1), True, key=lambda count: not fits(count * tile))
    return even_share(tiles, max(1, fitting)) * tile


def _packed_values(node: ir.Node, shape: KnownShape, rows: int, columns: int, lanes: int) -> int:
    """float32 values of a task's input, packed for whole tiles."""
    op, (_, height, width) = op_of(node), three(node.shape[:-1], 1)
    (kd, kh, kw), (_, sh, sw) = three(op.kernel, 1), three(op.stride, 1)
    tall, wide = tile_shape(height, width, lanes)
    _, apart_h, apart_w = three(op.dilation, 1)
    row_step, column_step = window_steps((kh, kw), (sh, sw), (apart_h, apart_w))
    high = (-(-rows // tall) * tall - 1) * row_step + (kh - 1) * apart_h + 1
    broad = (-(-columns // wide) * wide - 1) * column_step + kw
    depth = block_depth(shape[-1], lanes)
    return kd * -(-shape[-1] // depth) * (depth * high * broad + lanes)
