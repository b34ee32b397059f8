"""The text of Winograd's convolution: what a task does, around transforms and products.

A task's three steps stay in the core's cache: the inputs of all its tiles are transformed; each
point is one small matrix product over the channels, in the register tile of ``matmul``; the
products are transformed back, with bias, activation and the max pooling that follows. Edge
tiles and channels that fill no vector go through a small zeroed patch.

w: [point][group][depth tap][channel][filter of the group], transformed, zeros where it is padded;
   then (with a chunk alone) [group][depth tap][channel][KH, KW][filter of the group], as it is
scratch: transformed inputs [point][depth tap][block][tile][lane], products
   [point][tile][filter], a patch; with a chunk its weights [group][point][channel][filter]
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import ceil
from typing import NamedTuple

from speccompiler.frozen import dataclass
from speccompiler.kernels.cpu.codegen.ending import Ending, epilogue, rectified, rectifier
from speccompiler.kernels.cpu.codegen.register_tile import VECTORS, load_weights, tile_columns
from speccompiler.kernels.cpu.codegen.text import HEADER, LINE, fill
from speccompiler.kernels.cpu.winograd_definition import definition
from speccompiler.kernels.cpu.winograd_transforms import (
    finished_outputs,
    indented,
    numbered,
    transform_filter,
    transform_input,
    transform_output,
)
from speccompiler.kernels.winograd_tiles import short_convolutions
from speccompiler.planning.schedule import Tile


class Geometry(NamedTuple):
    """Lengths of the input and the output; depth of the window, its stride, padding and more."""

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
    batch: int
    """Tiles of a task."""
    task_filters: int
    y_pitch: int


@dataclass(frozen=True, slots=True)
class Variant:
    """What a text is written for, beside the width of vectors; ``Schedule`` has the first four."""

    tile: Tile
    tiles: int
    pool: tuple[int, int]
    chunk: int
    repeats: bool
    """Whether the input is up-sampled."""
    dilated: bool
    """Whether the places of the window are apart."""
    ending: Ending


DRIVER = '''

@jit
def read_patch(
    x, base, h0, w0, apart_h, apart_w, height, width, channels, first, repeat_h, repeat_w,
    patch, to
):
    """Copy a tile's inputs of a block of channels; zeros outside the data and past the channels."""
    count = min(@LANES, channels - first)
    zero = splat(np.float32(0))
    for i in range(@TALL):
        h = h0 + i * apart_h
        for j in range(@WIDE):
            c = w0 + j * apart_w
            inside = h >= 0 and h < height * repeat_h and c >= 0 and c < width * repeat_w
            at = base + (h // repeat_h * width + c // repeat_w) * channels + first
            if inside and count == @LANES:
                store(patch, to, load(x, at))
            else:
                store(patch, to, zero)
                if inside:
                    for k in range(count):
                        patch[to + k] = x[at + k]
            to += @LANES


@jit
def write_patch(patch, at, pitch, rows, columns, y, to, row, y_pitch, count):
    """Copy the part of a tile's outputs that lies in the image."""
    for i in range(rows):
        for j in range(columns):
            source, target = at + (i * pitch + j) * @LANES, to + i * row + j * y_pitch
            if count == @LANES:
                store(y, target, load(patch, source))
            else:
                for k in range(count):
                    y[target + k] = patch[source + k]


@jit
def first_row(tile, apart, rows):
    """The first row of a tile. Between rows that are ``apart`` lie those of other tiles."""
    return tile // apart * rows * apart + tile % apart


@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: batches of tiles over all samples, ranges of filters; the last changes fastest."""
    @GEOMETRY@TOGETHER
    blocks = (channels + @LANES - 1) // @LANES
    groups = (filters + @GROUP - 1) // @GROUP
    ranges = (filters + task_filters - 1) // task_filters
    # Rows of a tile may be apart: then as many tiles begin at neighbouring rows.
    down = ((out_height + apart_h - 1) // apart_h + @ROWS - 1) // @ROWS * apart_h
    across = ((out_width + apart_w - 1) // apart_w + @COLUMNS - 1) // @COLUMNS * apart_w
    tiles = n * out_depth * down * across
    slices = kd * blocks
    size = slices * @LANES * @GROUP
    as_it_is = @READY * @POINTS * groups * size
    # One vector more: points a power of two apart would meet in the same sets of the cache.
    us, ms = (slices * batch + 1) * @LANES, batch * task_filters + @LANES
    m = @POINTS * us
    patch = m + @POINTS * ms
    held, ws = patch + @POINTS * @LANES, (@CHUNK * @GROUP + 1) * @LANES
    pooled_height, pooled_width = out_height // @POOL_H, out_width // @POOL_W
    seen = -1
    for task in range(lo, hi):
        start = task // ranges * batch
        here = min(batch, tiles - start)
        if start != seen:
            seen = start
            for t in range(here):
                tile = start + t
                image = tile // (across * down)
                h0 = first_row(tile // across % down, apart_h, @ROWS) - ph
                w0 = first_row(tile % across, apart_w, @COLUMNS) - pw
                inside = h0 >= 0 and w0 >= 0
                inside = inside and h0 + (@TALL - 1) * apart_h < height * repeat_h
                inside = inside and w0 + (@WIDE - 1) * apart_w < width * repeat_w
                for q in range(kd):
                    z = image % out_depth * sd + q * apart_d - pd
                    known = z >= 0 and z < depth * repeat_d
                    plane = image // out_depth * depth + z // repeat_d
                    base = plane * height * width * channels
                    @COLUMN_OFFSETS
                    @ROW_OFFSETS
                    for block in range(blocks):
                        first = block * @LANES
                        to = ((q * blocks + block) * batch + t) * @LANES
                        if inside and known and first + @LANES <= channels:
                            transform_input(x, @ROW_NAMES, @COLUMN_NAMES, first, scratch, to, us)
                        else:
                            high = height if known else 0
                            read_patch(x, base, h0, w0, apart_h, apart_w, high, width, channels,
                                       first, repeat_h, repeat_w, scratch, patch)
                            transform_input(scratch, @PATCH_ROWS, @PATCH_COLUMNS, patch,
                                            scratch, to, us)
        from_filter = task % ranges * task_filters
        to_filter = min(filters, from_filter + task_filters)
@PRODUCTS        for t in range(here):
            tile = start + t
            image = tile // (across * down)
            row = first_row(tile // across % down, apart_h, @POOLED_ROWS)
            column = first_row(tile % across, apart_w, @POOLED_COLUMNS)
            rows = min(@POOLED_ROWS, (pooled_height - row + apart_h - 1) // apart_h)
            columns = min(@POOLED_COLUMNS, (pooled_width - column + apart_w - 1) // apart_w)
            at = ((image * pooled_height + row) * pooled_width + column) * y_pitch
            pitch, next_to = pooled_width * y_pitch * apart_h, y_pitch * apart_w
            for first in range(from_filter, to_filter, @LANES):
                count = min(@LANES, filters - first)
                mo = m + t * task_filters + first - from_filter
                if rows == @POOLED_ROWS and columns == @POOLED_COLUMNS and count == @LANES:
                    finite = transform_output(scratch, mo, ms, y, at + first, pitch, next_to,
                                              b, first)
                    for i in range(@POOLED_ROWS):
                        finish(y, at + first + i * pitch, next_to, count)
                    if finite:
                        continue
                else:
                    finite = transform_output(scratch, mo, ms, scratch, patch,
                                              @POOLED_COLUMNS * @LANES, @LANES, b, first)
                if not finite:
                    define(x, image, first_row(tile // across % down, apart_h, @ROWS) - ph,
                           first_row(tile % across, apart_w, @COLUMNS) - pw, g, w,
                           as_it_is + first // @GROUP * size * @TAPS + first % @GROUP,
                           b, first, scratch, patch)
                for i in range(@POOLED_ROWS):
                    finish(scratch, patch + i * @POOLED_COLUMNS * @LANES, @LANES, @LANES)
                write_patch(scratch, patch, @POOLED_COLUMNS, rows, columns,
                            y, at + first, pitch, next_to, count)
'''


WORDS = "\nany_of, not_equal = v.any_of, v.not_equal\n"

READY = """        for k in range(@POINTS):
            for first in range(from_filter, to_filter, @GROUP):
                wo = (k * groups + first // @GROUP) * size
                ask = wo + size
                if first + @GROUP >= to_filter:
                    ask = ((k + 1) * groups + from_filter // @GROUP) * size
                mo = m + k * ms + first - from_filter
                products(scratch, k * us, batch, w, wo, slices, mo, task_filters, here, 0, w, ask)
"""
"""Products with weights that were transformed when they were packed."""
STREAMED = """        for q0 in range(0, slices, @CHUNK):
            some = min(@CHUNK, slices - q0)
            for first in range(from_filter, to_filter, @GROUP):
                wo = (first // @GROUP * slices + q0) * @LANES * @TAPS * @GROUP
                to = held + (first - from_filter) // @GROUP * @POINTS * ws
                transform_filter(w, wo, some * @LANES, scratch, to, ws)
            for k in range(@POINTS):
                uo = k * us + q0 * batch * @LANES
                for first in range(from_filter, to_filter, @GROUP):
                    wo = held + ((first - from_filter) // @GROUP * @POINTS + k) * ws
                    mo = m + k * ms + first - from_filter
                    # The next channels of this group, or the next task's first.
                    ask = first // @GROUP * slices + q0 + some
                    if q0 + some == slices:
                        ask += task_filters // @GROUP * slices - slices
                    ask = ask * @LANES * @TAPS * @GROUP + k * some * @ASKED * @PASSES
                    products(scratch, uo, batch, scratch, wo, some, mo, task_filters, here, q0,
                             w, ask)
"""
"""Products with weights that are transformed here, ``@CHUNK`` blocks of channels at a time."""
UNEVEN = """    passes = (batch + @MOST - 1) // @MOST
    larger = (batch - passes * @PASS) * (@PASS + 1)
    t = 0
    while t < here:
        if t < larger:
            multiply_more(u, uo + t * @LANES, batch * @LANES, w, wo, slices,
                          u, mo + t * row, row, begin, later, ask)
            t += @PASS + 1
        else:
            multiply(u, uo + t * @LANES, batch * @LANES, w, wo, slices,
                     u, mo + t * row, row, begin, later, ask)
            t += @PASS
        ask += slices * @ASKED
"""
"""How a batch that is no multiple of a pass is covered: larger passes first."""
EVEN = """    for t in range(0, here, @PASS):
        multiply(u, uo + t * @LANES, batch * @LANES, w, wo, slices,
                 u, mo + t * row, row, begin, later, ask)
        ask += slices * @ASKED
"""


def _multiply(name: str, lanes: int, columns: int, asked: int, *, resumed: bool) -> str:
    """The text of ``multiply``: ``columns`` tiles by one group of filters, over some channels.

    Where sums are ``resumed``, they start from memory unless it is the beginning. With each
    block of channels, ``asked`` lines of the weights that are needed ``later`` are asked for.
    """
    sums = [(t, n) for t in range(columns) for n in range(VECTORS)]
    text = [
        f"def {name}(u, uo, pitch, w, wo, slices, m, mo, row, begin, later, ask):",
        *indented(["zero = splat(np.float32(0))", *(f"s{t}_{n} = zero" for t, n in sums)]),
    ]
    if resumed:
        text += indented(["if begin > 0:"])
        text += indented([f"s{t}_{n} = load(m, mo + {t} * row + {n * lanes})" for t, n in sums], 2)
    text += [
        *indented(["for q in range(slices):"]),
        *indented([f"prefetch_near(later, ask + {LINE * i})" for i in range(asked)], 2),
        *indented([f"ask += {LINE * asked}"] if asked else [], 2),
        *indented(["p = uo + q * pitch", f"for i in range({lanes}):"], 2),
        *indented(load_weights(lanes), 3),
    ]
    for t in range(columns):
        text += indented([f"a = broadcast(u, p + i + {t * lanes})"], 3)
        text += indented([f"s{t}_{n} = fma(a, w{n}, s{t}_{n})" for n in range(VECTORS)], 3)
    text += indented([f"wo += {VECTORS * lanes}"], 3)
    text += indented([f"store(m, mo + {t} * row + {n * lanes}, s{t}_{n})" for t, n in sums])
    return "\n\n\n" + "\n".join(["@jit", *text]) + "\n"


def _products(uneven: bool) -> str:
    """The text of ``products``: all tiles of a batch by one group of filters at one point."""
    head = "def products(u, uo, batch, w, wo, slices, mo, row, here, begin, later, ask):"
    return "\n\n\n" + "\n".join(["@jit", head, UNEVEN if uneven else EVEN])


@cache
def source(lanes: int, layer: Variant) -> str:
    """The module's text."""
    tile, pool, end = layer.tile, layer.pool, layer.ending
    passes = -(-layer.tiles // tile_columns(lanes))
    # The smaller passes of a batch; an uneven batch has some with one tile more.
    columns, uneven = layer.tiles // passes, layer.tiles % passes > 0
    down, across = short_convolutions(tile)
    finished, function, after = "{}", "", end.activation
    defined = finished
    if end.relu:
        # Of what is finite both make the same.
        finished, defined = "maximum(zero, {})", rectified(end.relu, "zero", "{}")
    elif end.activation is not None and pool != (1, 1):
        # Before the maximum is taken; else of the whole tile, once it is written.
        finished, function, after = "activate({})", end.activation, None
        defined = finished
    rows_names, columns_names = numbered("row", down.points), numbered("col", across.points)
    # What the next products read comes in equal parts while these are made.
    taps, points = down.taps * across.taps, down.points * across.points
    share = Fraction(taps, points) if layer.chunk else Fraction(passes > 1)
    asked = ceil(share * lanes * VECTORS * lanes / LINE / passes)
    driver = DRIVER.replace("@PRODUCTS", STREAMED if layer.chunk else READY)
    tall, wide = (" // repeat_h", " // repeat_w") if layer.repeats else ("", "")
    indent = "\n" + " " * 20
    texts = {
        "@ROW_OFFSETS": indent.join(
            f"row{i} = base + (h0 + {i} * apart_h){tall} * width * channels"
            for i in range(down.points)
        ),
        "@COLUMN_OFFSETS": indent.join(
            f"col{i} = (w0 + {i} * apart_w){wide} * channels" for i in range(across.points)
        ),
        "@ROW_NAMES": ", ".join(rows_names),
        "@COLUMN_NAMES": ", ".join(columns_names),
        "@PATCH_ROWS": ", ".join(str(i * across.points * lanes) for i in range(down.points)),
        "@PATCH_COLUMNS": ", ".join(str(i * lanes) for i in range(across.points)),
    }
    for name, text in texts.items():
        driver = driver.replace(name, text)
    return fill(
        HEADER
        + WORDS
        + rectifier(end.relu)
        + function
        + transform_input(down, across)
        + transform_output(down, across, pool, finished)
        + (transform_filter(tile, lanes) if layer.chunk else "")
        + _multiply("multiply", lanes, columns, asked, resumed=layer.chunk > 0)
        + (_multiply("multiply_more", lanes, columns + 1, asked, resumed=layer.chunk > 0) * uneven)
        + _products(uneven)
        + definition(tile, finished_outputs(tile.rows, tile.columns, pool, defined))
        + epilogue(tile.columns // pool[1], after)
        + driver,
        Geometry._fields,
        LANES=lanes,
        GROUP=VECTORS * lanes,
        POINTS=points,
        TAPS=taps,
        READY=int(not layer.chunk),
        CHUNK=layer.chunk // lanes,
        PASSES=passes,
        TOGETHER="" if layer.dilated else "\n    apart_h = apart_w = 1",
        ASKED=asked * LINE,
        PASS=columns,
        MOST=tile_columns(lanes),
        TALL=down.points,
        WIDE=across.points,
        POOL_H=pool[0],
        POOL_W=pool[1],
        POOLED_ROWS=tile.rows // pool[0],
        POOLED_COLUMNS=tile.columns // pool[1],
        ROWS=tile.rows,
        COLUMNS=tile.columns,
    )
