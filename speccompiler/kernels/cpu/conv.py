"""Direct convolution of any rank (as 3-D) at the machine's multiply-add limit.

A task is a block of output rows and columns by 32 filters (``direct_text``). The input that it
reads is first copied into a block that stays in L2, once for all tasks of the place: channels in
even blocks of at most a vector, zeros where the window leaves the data, and nothing that a stride
leaps over. A window dilated along rows has its columns packed side by side for each output.
Padding, odd channel counts, strides and the layout of the caller end there, and the inner
loop has no condition. Rows and planes of the window that see zeros alone are left out.

w: [group][KD][channel block][KH][KW][channel][filter of the group], zeros where it is padded
scratch: the tile's arguments, the two tables of positions, the packed rows, then the sums
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.register_tile import (
    block_depth,
    even_share,
    tile_columns,
)
from speccompiler.kernels.cpu.codegen.text import fill
from speccompiler.kernels.cpu.convolution import (
    Convolution,
    direct_nanoseconds,
    filter_blocks,
    is_product,
    is_small,
    waiting_sums,
)
from speccompiler.kernels.cpu.direct_text import ARGUMENTS, DIRECT, constants, table_values
from speccompiler.kernels.cpu.functions import Functions, functions
from speccompiler.kernels.cpu.kernel import MOST_LANES, WIDTHS, Array, Wanted
from speccompiler.kernels.cpu.packing import in_blocks
from speccompiler.kernels.long_sums import SHORT
from speccompiler.planning.candidate import KnownShape, known, op_of, three
from speccompiler.planning.cells import Cells

if TYPE_CHECKING:
    import numpy.typing as npt

PACKED_BYTES = 256 << 10
"""Input that a task keeps in L2."""
MOST_POSITIONS = 1024
"""Outputs of a task: few enough to leave tasks for all cores."""


class Geometry(NamedTuple):
    """Lengths of the input and the output; window, stride, padding before, and more."""

    depth: int
    height: int
    width: int
    channels: int
    out_depth: int
    out_height: int
    out_width: int
    filters: int
    kd: int
    kh: int
    kw: int
    sd: int
    sh: int
    sw: int
    pd: int
    ph: int
    pw: int
    task_rows: int
    task_columns: int
    repeat_d: int
    """How often each plane of the input is read: an up-sampling before."""
    repeat_h: int
    repeat_w: int
    apart_d: int
    """The distance of neighbouring places of the window: its dilation."""
    apart_h: int
    apart_w: int
    groups: int
    """Parts of the channels, each with filters of its own; ``channels`` and ``filters`` are those
    of a part."""
    y_pitch: int
    x_planes: int = 0
    """1 where the input lies with its channels first."""
    y_planes: int = 0


DRIVER = '''

@jit
def pack_rows(
    x, at, pitch, packed, to, plane, rows, row_step, stride_rows, top, wide, lead, height, width,
    channels, depth, column_step, stride, repeat_h, repeat_w, apart
):
    """Pack some rows of a plane, every block of channels; positions are ``pitch`` apart."""
    plain = stride == column_step and apart == 1
    flat = plain and depth == pitch and repeat_w == 1
    for r in range(rows):
        h = top + r // row_step * stride_rows + r % row_step
        inside = h >= 0 and h < height * repeat_h
        source = at + h // repeat_h * width * pitch
        end = to + wide * depth
        if inside and flat:
            # Blocks are all that a position has: a row is one run.
            before = min(max(-lead, 0), wide)
            run = max(min(width, lead + wide) - max(lead, 0), 0) * depth
            clear_run(packed, to, before * depth)
            copy_run(x, source + max(lead, 0) * channels, packed, to + before * depth, run)
            filled = to + before * depth + run
            clear_run(packed, filled, end - filled)
        else:
            for j in range(wide):
                c = lead + j
                if not plain:
                    c = lead + j // column_step * stride + j % column_step * apart
                if inside and c >= 0 and c < width * repeat_w:
                    if repeat_w > 1:
                        c //= repeat_w
                    pack(x, source + c * pitch, packed, to + j * depth, plane, channels, depth)
                else:
                    clear(packed, to + j * depth, plane, channels, depth)
        to = end


@jit
def pack_planes(
    x, at, x_channel, packed, to, plane, rows, row_step, stride_rows, top, wide, lead, height,
    width, channels, depth, column_step, stride, repeat_h, repeat_w, apart
):
    """The same, where each channel has a plane of its own."""
    plain = stride == column_step and apart == 1 and repeat_w == 1
    left, right = min(max(-lead, 0), wide), max(min(width - lead, wide), 0)
    for r in range(rows):
        h = top + r // row_step * stride_rows + r % row_step
        inside = h >= 0 and h < height * repeat_h
        for first in range(0, channels, depth):
            source = at + first * x_channel + h // repeat_h * width
            count, row = min(depth, channels - first), to + first // depth * plane
            if inside and plain:
                clear_run(packed, row, left * depth)
                for j in range(left, right, @LANES):
                    turn(x, source + lead + j, x_channel, count,
                         packed, row + j * depth, depth, min(@LANES, right - j), depth)
                begin = max(left, right)
                clear_run(packed, row + begin * depth, (wide - begin) * depth)
            elif inside and stride == 1 and repeat_w == 1:
                # Each place of a dilated window has a column of its own for every output.
                clear_run(packed, row, wide * depth)
                for k in range(column_step):
                    begin = lead + k * apart
                    end = min(width - begin, wide // column_step)
                    for o in range(max(-begin, 0), end, @LANES):
                        turn(x, source + begin + o, x_channel, count,
                             packed, row + (o * column_step + k) * depth, column_step * depth,
                             min(@LANES, end - o), depth)
            elif inside:
                for j in range(wide):
                    c = lead + j // column_step * stride + j % column_step * apart
                    store(packed, row + j * depth, splat(np.float32(0)))
                    if c >= 0 and c < width * repeat_w:
                        for i in range(count):
                            packed[row + j * depth + i] = x[source + i * x_channel + c // repeat_w]
            else:
                clear_run(packed, row, wide * depth)
        to += wide * depth


@jit
def copy_run(x, at, packed, to, size):
    """Copy neighbouring values; the last vector is filled up with zeros."""
    whole = size // @LANES * @LANES
    for i in range(0, whole, @LANES):
        store(packed, to + i, load(x, at + i))
    if whole < size:
        store(packed, to + whole, load_where(x, at + whole, first_lanes(size - whole)))


@jit
def clear_run(packed, to, size):
    """Write zeros, in whole vectors."""
    for i in range(0, size, @LANES):
        store(packed, to + i, splat(np.float32(0)))


@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: samples, planes, blocks of rows, of columns, groups of channels, blocks of filters.

    The last changes fastest. ``channels`` and ``filters`` are those of a group.
    """
    @GEOMETRY
    x_pitch = groups * channels
    blocks = (channels + @LANES - 1) // @LANES
    block = (channels + blocks - 1) // blocks
    filter_blocks = (filters + @FILTERS - 1) // @FILTERS
    row_blocks = (out_height + task_rows - 1) // task_rows
    column_blocks = (out_width + task_columns - 1) // task_columns
    # Where the stride is larger than the window, what lies between is not packed.
    reach = (kh - 1) * apart_h + 1
    row_step, column_step = min(sh, reach), kw if apart_w > 1 else min(sw, kw)
    # Taps beside the data for every column: those of a kernel much longer than the image.
    tap0 = 0 if apart_w > 1 else min(kw, max(0, pw - (out_width - 1) * sw))
    tap1 = kw if apart_w > 1 else max(tap0, min(kw, width * repeat_w + pw))
    row_size = ((task_columns - 1) * column_step + kw) * block
    rows_packed = (task_rows - 1) * row_step + reach
    plane = rows_packed * row_size + @LANES
    offsets = integers_at(scratch, @ARGUMENTS)
    table = (2 * task_rows * task_columns + @LINE - 1) // @LINE * @LINE
    places = integers_at(scratch, @ARGUMENTS + table)
    start = @ARGUMENTS + 2 * table
    sums = start + kd * blocks * plane
    room = @WALK * @MOST * @GROUP if kd * kh * kw * channels > @CARRIED else 0
    # Each group's filters fill whole vectors of weights, and whole groups of vectors of biases.
    group_bias = (filters + @GROUP - 1) // @GROUP * @GROUP
    group_weights = (filters + @LANES - 1) // @LANES * @LANES * kd * blocks * kh * kw * block
    y_channel, y_next = 0, y_pitch
    if y_planes:
        y_channel, y_next = out_depth * out_height * out_width, 1
    cut = cut_window(kh, kw * block, (tap1 - tap0) * block)
    packed_place, listed = -1, 0
    for task in range(lo, hi):
        # Blocks differ by one row and one column at most: none leaves a thread waiting.
        place = task // filter_blocks
        part, spot = place % groups, place // groups
        row_block, column_block = spot // column_blocks % row_blocks, spot % column_blocks
        first_row = row_block * out_height // row_blocks
        first_column = column_block * out_width // column_blocks
        rows = (row_block + 1) * out_height // row_blocks - first_row
        columns = (column_block + 1) * out_width // column_blocks - first_column
        image = spot // (column_blocks * row_blocks)
        od, sample = image % out_depth, image // out_depth
        front, end = od * sd - pd, depth * repeat_d
        d0, d1 = max(0, -(front // apart_d)), max(0, min(kd, -((front - end) // apart_d)))
        top, high, wide = first_row * sh - ph, (rows - 1) * row_step + reach, row_size // block
        if place != packed_place:
            packed_place = place
            for d in range(d0, d1):
                z, to = (front + d * apart_d) // repeat_d, start + d * blocks * plane
                if x_planes:
                    pack_planes(x, ((sample * x_pitch + part * channels) * depth + z)
                                * height * width,
                                depth * height * width, scratch, to, plane, high,
                                row_step, sh, top, wide, first_column * sw - pw, height,
                                width, channels, block, column_step, sw, repeat_h, repeat_w,
                                apart_w)
                    continue
                z += sample * depth
                pack_rows(x, z * height * width * x_pitch + part * channels, x_pitch, scratch, to,
                          plane, high, row_step, sh, top, wide, first_column * sw - pw, height,
                          width, channels, block, column_step, sw, repeat_h, repeat_w, apart_w)
        if columns != listed:
            listed = columns
            for r in range(task_rows):
                for c in range(columns):
                    at = r * row_step * row_size + c * column_step * block
                    offsets[r * columns + c] = 4 * at
                    places[r * columns + c] = 4 * (r * out_width + c) * y_next
        at = ((image * out_height + first_row) * out_width + first_column) * y_pitch
        at += part * filters
        if y_planes:
            at = (sample * groups + part) * filters * y_channel
            at += (od * out_height + first_row) * out_width + first_column
        filter = task % filter_blocks * @FILTERS
        for first in range(filter, min(filters, filter + @FILTERS), @GROUP):
            group(
                integers_at(scratch, 0), f, scratch, start, offsets, places, scratch, sums, room,
                w, part * group_weights + first * kd * blocks * kh * kw * block,
                b, part * group_bias + first, y,
                at + first * max(1, y_channel), y_channel, min(@GROUP, filters - first),
                rows * columns, columns, d0 * blocks, d1 * blocks, plane, kh, kw * block,
                tap0 * block, (tap1 - tap0) * block, apart_h * row_size, top, sh,
                height * repeat_h, apart_h, cut
            )
'''


@cache
def source(lanes: int) -> str:
    """The module's text, for one vector width."""
    return fill(DIRECT + DRIVER, Geometry._fields, **constants(lanes))


class ConvKernel(Convolution):
    """Tasks are blocks of positions by blocks of filters."""

    name = "conv"
    fields = Geometry._fields
    adds = True

    def fits(self, node: ir.Node, shape: KnownShape) -> bool:
        return not is_product(node) and not is_small(node)

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        op, out = op_of(node), known(node)
        channels, filters = shape[-1] // op.groups, out[-1] // op.groups
        return Geometry(
            *three(shape[:-1], 1), channels, *three(out[:-1], 1), filters,
            *three(op.kernel, 1), *three(op.stride, 1), *three([b for b, _ in op.padding], 0),
            *_task_block(node, shape), *three(op.repeats, 1), *three(op.dilation, 1), op.groups,
            out[-1],
        )  # fmt: skip

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        depth, height, width = three(node.shape[:-1], 1)
        rows, columns = _task_block(node, shape)
        places = n * depth * -(-height // rows) * -(-width // columns)
        groups: int = op_of(node).groups
        return places * groups * filter_blocks(node)

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        # The sums of fewer than four positions wait for one another.
        positions = max(4, prod(known(node)[:-1]))
        taps: KnownShape = op_of(node).kernel
        return direct_nanoseconds(positions, prod(taps), node, shape)

    def scratch(self, node: ir.Node, shape: KnownShape) -> int:
        """Tables, packed input and sums."""
        block = _task_block(node, shape)
        windows = _windows(node, shape)
        packed = max(_packed_values(windows, *block, lanes) for lanes in WIDTHS)
        tables = ARGUMENTS + 2 * table_values(prod(block))
        return tables + packed + waiting_sums(prod(op_of(node).weight.shape[:-1]))

    def sharing(self, node: ir.Node, shape: KnownShape) -> int:
        return filter_blocks(node)

    def cells(self, node: ir.Node, shape: KnownShape) -> Sequence[Cells]:
        """Columns of the window that see zeros alone are left out, which shifts the chains of a
        sum whose rows are longer than one: not where there are as many outputs as columns.
        """
        wide = op_of(node).kernel[-1]
        rows = len(shape) - 2
        if wide * MOST_LANES <= SHORT:
            return ()
        return (*[Cells()] * rows, Cells(least=wide))

    def text(self, wanted: Wanted) -> str:
        return source(wanted.lanes)

    @classmethod
    def texts(cls, lanes: int) -> Sequence[str]:
        return (source(lanes),)

    def functions(self, wanted: Wanted) -> Functions:
        return functions(op_of(wanted.node).activation, wanted.added, tile=True, capped=True)

    def pack_kernel(self, weight: npt.NDArray[Any], lanes: int) -> Array:
        return in_blocks(weight, lanes)


def _task_block(node: ir.Node, shape: KnownShape) -> tuple[int, int]:
    """Output rows and columns of a task.

    As many columns, then rows, as ``PACKED_BYTES`` hold the input of: it is packed once and
    read by every filter.
    """
    _, height, width = three(known(node)[:-1], 1)
    return _block(_windows(node, shape), height, width, PACKED_BYTES)


@lru_cache(maxsize=1024)
def _block(windows: _Windows, height: int, width: int, bytes_: int) -> tuple[int, int]:
    """What ``_task_block`` gives for an output so high and wide, packed in so many bytes."""
    most = tile_columns(MOST_LANES)
    tall, wide = even_share(height, max(1, most // width)), even_share(width, most)

    def fits(rows: int, columns: int) -> bool:
        small = rows * columns <= MOST_POSITIONS
        return small and 4 * _packed_values(windows, rows, columns, MOST_LANES) <= bytes_

    columns = min(width, _share(width, wide, lambda columns: fits(tall, columns)))
    rows = min(height, _share(height, tall, lambda rows: fits(rows, columns)))
    return rows, columns


def _share(length: int, tile: int, fits: Callable[[int], bool]) -> int:
    """The largest even share of a length, in whole tiles, that fits; else one tile."""
    tiles = -(-length // tile)
    fitting = bisect_left(range(1, tiles + 1), True, key=lambda count: not fits(count * tile))
    return even_share(tiles, max(1, fitting)) * tile


_Windows = tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int], int]
"""Kernel, stride and dilation along each axis, and the channels of the input."""


def _windows(node: ir.Node, shape: KnownShape) -> _Windows:
    op = op_of(node)
    return three(op.kernel, 1), three(op.stride, 1), three(op.dilation, 1), shape[-1] // op.groups


def _packed_values(windows: _Windows, rows: int, columns: int, lanes: int) -> int:
    """float32 values of a task's input, packed."""
    (kd, kh, kw), (_, sh, sw), (_, apart_h, apart_w), channels = windows
    reach = (kh - 1) * apart_h + 1
    column_step = kw if apart_w > 1 else min(kw, sw)
    high = (rows - 1) * min(reach, sh) + reach
    broad = (columns - 1) * column_step + kw
    depth = block_depth(channels, lanes)
    return kd * -(-channels // depth) * (depth * high * broad + lanes)
