"""The text of Winograd's convolution: what a task does, around transforms and products.

There is one for each vector width, for all kernels and tiles. A task's three steps stay in the
core's cache: the inputs of all its tiles are transformed; each point is one small matrix product
over the channels, in a register tile; the products are transformed back, with bias, activation and
the max pooling that follows. Edge tiles and channels that fill no vector go through a small zeroed
patch.

w: [point][group][depth tap][channel][filter of the group], transformed, zeros where it is padded;
   then (with a chunk alone) [group][depth tap][channel][KH, KW][filter of the group], as it is
scratch: transformed inputs [point][depth tap][block][tile][lane], products
   [point][tile][filter], two patches; with a chunk its weights [group][point][channel][filter]
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from speccompiler.kernels.cpu import functions
from speccompiler.kernels.cpu.codegen.register_tile import (
    VECTORS,
    ProductArguments,
    tile_columns,
)
from speccompiler.kernels.cpu.codegen.text import HEADER, fill
from speccompiler.kernels.cpu.winograd_definition import definition


class Geometry(NamedTuple):
    """Lengths of the input and the output; depth of the window, its stride, padding and more.

    A kernel of one column is turned: its height is called width, so that a line lies along it.
    """

    depth: int
    height: int
    width: int
    channels: int
    out_depth: int
    out_height: int
    out_width: int
    filters: int
    kd: int
    sd: int
    pd: int
    ph: int
    pw: int
    repeat_d: int
    """How often each plane of the input is read: an up-sampling before."""
    repeat_h: int
    repeat_w: int
    apart_d: int
    """The distance of neighbouring places of the window: its dilation."""
    apart_h: int
    apart_w: int
    high: int
    """Places of the window."""
    broad: int
    rows: int
    """Outputs of a tile."""
    columns: int
    x_row: int
    """The distance of neighbouring rows of the input."""
    x_column: int
    y_row: int
    """The same in the output, after pooling, in positions."""
    y_column: int
    turned: int
    """Whether neighbouring tiles lie along the height."""
    pool_h: int
    pool_w: int
    batch: int
    """Tiles of a task."""
    task_filters: int
    chunk: int
    """Channels whose weights a task transforms at a time; 0 where they are ready."""
    y_pitch: int


_WORDS = """
from speccompiler.kernels.cpu.codegen.calls import (
    address_of, call_tile, finish, floor_of, spoiled_by
)
from speccompiler.kernels.cpu.winograd_functions import integers, transforms

rectify = v.rectify
transform_input, gather_input, transform_filter, transform_output = transforms(@LANES)
"""

_DRIVER = '''

@as_written
def read_patch(x, base, h0, w0, g, known, first, patch, to):
    """Copy a tile's inputs of a block of channels; zeros outside the data and past the channels."""
    @GEOMETRY
    some, zero = first_lanes(channels - first), splat(np.float32(0))
    for i in range(rows + high - 1):
        h = h0 + i * apart_h
        known_row = known and h >= 0 and h < height * repeat_h
        for j in range(columns + broad - 1):
            c = w0 + j * apart_w
            inside = known_row and c >= 0 and c < width * repeat_w
            if repeat_h > 1 or repeat_w > 1:
                at = base + h // repeat_h * x_row + c // repeat_w * x_column + first
            else:
                at = base + h * x_row + c * x_column + first
            store(patch, to, load_where(x, at, some) if inside else zero)
            to += @LANES


@as_written
def write_patch(patch, at, pitch, rows, columns, y, to, row, y_pitch, count):
    """Copy the part of a tile's outputs that lies in the image."""
    some = first_lanes(count)
    for i in range(rows):
        for j in range(columns):
            value = load(patch, at + (i * pitch + j) * @LANES)
            store_where(y, to + i * row + j * y_pitch, some, value)


@as_written
def pool_patch(patch, at, columns, pool_h, pool_w, rows, wide):
    """The largest of each window of a tile's outputs, which are then no longer there."""
    to = at
    for i in range(rows):
        for j in range(wide):
            window = at + (i * pool_h * columns + j * pool_w) * @LANES
            value = load(patch, window)
            for k in range(pool_h):
                for p in range(pool_w):
                    value = largest(value, load(patch, window + (k * columns + p) * @LANES))
            store(patch, to, value)
            to += @LANES


@as_written
def first_row(tile, apart, rows):
    """The first row of a tile. Between rows that are ``apart`` lie those of other tiles."""
    return tile * rows if apart == 1 else tile // apart * rows * apart + tile % apart


@as_written
def place_of(tile, images, slow, fast):
    """Sample and depth of a tile, and its place in the image."""
    image = tile // (slow * fast)
    rest = tile - image * slow * fast
    sample, line = image // images, rest // fast
    return sample, image - sample * images, line, rest - line * fast


@as_written
def place_after(place, images, slow, fast):
    """The place of the next tile."""
    sample, image, line, at = place
    if at + 1 < fast:
        return sample, image, line, at + 1
    if line + 1 < slow:
        return sample, image, line + 1, 0
    if image + 1 < images:
        return sample, image + 1, 0, 0
    return sample + 1, 0, 0, 0


@as_written
def input_points(high, x, at, rows, columns, vectors, u, uo, us, next_u):
    transform_input(high, x, at, rows, columns, vectors, u, uo, us, next_u)


@as_written
def output_points(high, broad, pooled, m, mo, ms, vectors, b, bo, floor, y, to, row, next_to):
    return transform_output(high, broad, pooled, m, mo, ms, vectors, b, bo, floor, y, to, row,
                            next_to)


@as_written
def set_places(places, count, start, apart, repeat, step):
    """Where rows or columns begin in an input that repeats them."""
    for i in range(count):
        places[i] = (start + i * apart) // repeat * (4 * step)


@as_written
def products(tile, arguments, here, pitch, share):
    """All tiles of a batch by one group of filters at one point; larger passes come first.

    Of each block's later weights, ``share`` values are asked for, by all passes together.
    """
    passes = (here + @MOST - 1) // @MOST
    asked = (share + 16 * passes - 1) // (16 * passes)
    arguments[@ASKED] = asked
    for p in range(passes):
        count = (here + passes - 1 - p) // passes
        call_tile(tile, count, @VECTORS, arguments)
        arguments[@X] += 4 * @LANES * count
        arguments[@Y] += 4 * pitch * count
        arguments[@ASK] += 64 * asked * arguments[@BLOCKS]
@DEFINE

@as_written
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: batches of tiles over all samples, ranges of filters; the last changes fastest."""
    @GEOMETRY
    tall, wide = rows + high - 1, columns + broad - 1
    points, taps = tall * wide, high * broad
    blocks = (channels + @LANES - 1) // @LANES
    groups = (filters + @GROUP - 1) // @GROUP
    ranges = (filters + task_filters - 1) // task_filters
    # Rows of a tile may be apart: then as many tiles begin at neighbouring rows.
    down = ((out_height + apart_h - 1) // apart_h + rows - 1) // rows * apart_h
    across = ((out_width + apart_w - 1) // apart_w + columns - 1) // columns * apart_w
    tiles = n * out_depth * down * across
    slices, together = kd * blocks, chunk // @LANES
    size = slices * @LANES * @GROUP
    as_it_is = 0 if chunk else points * groups * size
    # One vector more: points a power of two apart would meet in the same sets of the cache.
    us, ms = (slices * batch + 1) * @LANES, batch * task_filters + @LANES
    m = points * us
    patch = m + points * ms
    totals = patch + points * @LANES
    held, ws = totals + points * @LANES, (together * @GROUP + 1) * @LANES
    pooled = pool_h * pool_w > 1
    pooled_rows, pooled_columns = rows // pool_h, columns // pool_w
    pooled_height, pooled_width = out_height // pool_h, out_width // pool_w
    row_step, column_step = x_row * apart_h, x_column * apart_w
    pitch, next_to = y_row * y_pitch * apart_h, y_column * y_pitch * apart_w
    repeated = repeat_h > 1 or repeat_w > 1
    floor = floor_of(f[@RELU])
    slow, fast = (across, down) if turned else (down, across)
    # The commonest pools have transforms of their own; others' outputs go through a patch.
    at_once = pool_w == 2 and pool_h == min(2, high) and (high == 1 or high * broad == 9)
    at_once = at_once and f[@ACTIVATION] == 0
    row_places, column_places = integers(8), integers(8)
    arguments = integers(@ARGUMENTS)
    arguments[@BLOCK], arguments[@ROW] = 4 * @LANES * batch, 4 * task_filters
    seen = -1
    for task in range(lo, hi):
        start = task // ranges * batch
        here = min(batch, tiles - start)
        if start != seen:
            seen = start
            place = place_of(start, out_depth, slow, fast)
            for t in range(here):
                sample, image, line, along = place
                place = place_after(place, out_depth, slow, fast)
                h0 = first_row(along if turned else line, apart_h, rows) - ph
                w0 = first_row(line if turned else along, apart_w, columns) - pw
                inside = h0 >= 0 and w0 >= 0
                inside = inside and h0 + (tall - 1) * apart_h < height * repeat_h
                inside = inside and w0 + (wide - 1) * apart_w < width * repeat_w
                if inside and repeated:
                    set_places(row_places, tall, h0, apart_h, repeat_h, x_row)
                    set_places(column_places, wide, w0, apart_w, repeat_w, x_column)
                for q in range(kd):
                    z = image * sd + q * apart_d - pd
                    known = z >= 0 and z < depth * repeat_d
                    plane = z // repeat_d if repeat_d > 1 else z
                    base = (sample * depth + plane) * height * width * channels
                    to = (q * blocks * batch + t) * @LANES
                    ready = channels // @LANES if inside and known else 0
                    if ready and repeated:
                        gather_input(high, x, base, row_places, column_places, ready,
                                     scratch, to, us, batch * @LANES)
                    elif ready:
                        at = base + h0 * x_row + w0 * x_column
                        input_points(high, x, at, row_step, column_step, ready,
                                     scratch, to, us, batch * @LANES)
                    for block in range(ready, blocks):
                        read_patch(x, base, h0, w0, g, known, block * @LANES, scratch, patch)
                        input_points(high, scratch, patch, wide * @LANES, @LANES, 1,
                                     scratch, to + block * batch * @LANES, us, 0)
        from_filter = task % ranges * task_filters
        to_filter = min(filters, from_filter + task_filters)
        for q0 in range(0, slices, together if chunk else slices):
            some = min(together, slices - q0) if chunk else slices
            arguments[@BLOCKS], arguments[@RESUMED] = some, q0
            if chunk:
                for first in range(from_filter, to_filter, @GROUP):
                    wo = (first // @GROUP * slices + q0) * @LANES * taps * @GROUP
                    to = held + (first - from_filter) // @GROUP * points * ws
                    transform_filter(high, broad, w, wo, some * @LANES, @VECTORS,
                                     scratch, to, ws)
            for k in range(points):
                for first in range(from_filter, to_filter, @GROUP):
                    group = first // @GROUP
                    mo = m + k * ms + first - from_filter
                    if chunk:
                        wo = held + ((first - from_filter) // @GROUP * points + k) * ws
                        arguments[@W] = address_of(scratch, wo)
                        # The next channels of this group, or the next task's first: a part of them
                        # at each point.
                        ask = group * slices + q0 + some
                        if q0 + some == slices:
                            ask += task_filters // @GROUP * slices - slices
                        share = (@LANES * @GROUP * taps + points - 1) // points
                        ask = ask * @LANES * taps * @GROUP + k * some * share
                    else:
                        wo = (k * groups + group) * size
                        arguments[@W] = address_of(w, wo)
                        ask = wo + size
                        if first + @GROUP >= to_filter:
                            ask = ((k + 1) * groups + from_filter // @GROUP) * size
                        # A single pass has no time for the next weights.
                        share = @LANES * @GROUP if here > @MOST else 0
                    arguments[@X] = address_of(scratch, k * us + q0 * batch * @LANES)
                    arguments[@Y] = address_of(scratch, mo)
                    arguments[@ASK] = address_of(w, ask)
                    products(f[@TILE], arguments, here, task_filters, share)
        place = place_of(start, out_depth, slow, fast)
        for t in range(here):
            sample, image, line, along = place
            place = place_after(place, out_depth, slow, fast)
            tile_row, tile_column = (along, line) if turned else (line, along)
            row = first_row(tile_row, apart_h, pooled_rows)
            column = first_row(tile_column, apart_w, pooled_columns)
            down_to, across_to = pooled_rows, pooled_columns
            if row + (down_to - 1) * apart_h >= pooled_height:
                down_to = (pooled_height - row + apart_h - 1) // apart_h
            if column + (across_to - 1) * apart_w >= pooled_width:
                across_to = (pooled_width - column + apart_w - 1) // apart_w
            at = (sample * out_depth + image) * pooled_height * pooled_width
            at = (at + row * y_row + column * y_column) * y_pitch
            whole = down_to == pooled_rows and across_to == pooled_columns
            first = from_filter
            mo = m + t * task_filters - from_filter
            if whole and (not pooled or at_once):
                ready = (to_filter - first) // @LANES
                if ready and output_points(high, broad, pooled, scratch, mo + first, ms, ready,
                                           b, first, floor, y, at + first, pitch, next_to):
                    first += ready * @LANES
                    if f[@ACTIVATION]:
                        for i in range(rows):
                            finish(f, y, at + from_filter + i * pitch, columns, next_to,
                                   ready * @LANES)
            while first < to_filter:
                count = min(@LANES, to_filter - first)
                if not output_points(high, broad, False, scratch, mo + first, ms, 1, b, first,
                                     floor, scratch, patch, columns * @LANES, @LANES):
                    define(x, sample, image, first_row(tile_row, apart_h, rows) - ph,
                           first_row(tile_column, apart_w, columns) - pw, g, f, w,
                           as_it_is + first // @GROUP * size * taps + first % @GROUP,
                           b, first, scratch, patch, totals)
                finish(f, scratch, patch, rows * columns, @LANES, @LANES)
                if pooled:
                    pool_patch(scratch, patch, columns, pool_h, pool_w,
                               pooled_rows, pooled_columns)
                write_patch(scratch, patch, pooled_columns, down_to, across_to,
                            y, at + first, pitch, next_to, count)
                first += @LANES
'''


@cache
def source(lanes: int) -> str:
    """The module's text."""
    tile_places = {name.upper(): at for at, name in enumerate(ProductArguments._fields)}
    return fill(
        HEADER + _WORDS + _DRIVER.replace("@DEFINE", definition()),
        Geometry._fields,
        **tile_places,
        ARGUMENTS=len(ProductArguments._fields),
        LANES=lanes,
        GROUP=VECTORS * lanes,
        VECTORS=VECTORS,
        MOST=tile_columns(lanes),
        RELU=functions.RELU,
        ACTIVATION=functions.ACTIVATION,
        TILE=functions.TILE,
    )
