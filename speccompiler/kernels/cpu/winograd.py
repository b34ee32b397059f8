"""Winograd convolution at stride 1 in one, two or three dimensions.

A tile of outputs is made from a tile of inputs by short convolutions (``toom_cook``) nested
over height and width: F(4x4, 3x3) takes 36 multiplications where the direct sum takes 144,
F(2x2, 5x5) 36 for 100, and on a line F(6, 3) 8 for 18, F(4, 5) 8 for 20, F(2, 7) 8 for 14.
Depth is summed where it is cheapest, between the transforms (Lavin and Gray, "Fast Algorithms
for Convolutional Neural Networks", 2015).

A task is a batch of tiles by a range of filters. Its three steps stay in the core's cache:
the inputs of all tiles are transformed; each point is one small matrix product over the
channels, in the register tile of ``matmul``; the products are transformed back, with bias,
activation and the max pooling that follows. Large images make many batches; small images
with many channels make one batch whose filters are split, and the transform of its inputs
is repeated, which costs next to nothing there. Edge tiles and channels that fill no vector
go through a small zeroed patch. Under a dilation of 2, a tile takes every second row or column:
those between belong to tiles of their own. The rounding error grows to about 1e-5 of the largest
output, ten times that of the direct sum: a candidate for ``math: fast`` only.

A NaN or an infinity among a tile's inputs would reach all of its outputs, and so would values so
large that a transform overflows. Each tile's outputs are therefore looked at once, all together;
where one is not finite, the tile is computed again by the definition (``winograd_definition``).

g: D H W C, OD OH OW O, KD, SD, PD PH PW (padding before), FD FH FW (each input is read that
   often along an axis: an up-sampling before), AD AH AW (distance of neighbouring places of the
   window: its dilation), tiles and filters of a task, from one position of the output to the next
w: [point][group][depth tap][channel][filter of the group], transformed, zeros where it is padded;
   then (with a chunk alone) [group][depth tap][channel][KH, KW][filter of the group], as it is
scratch: transformed inputs [point][depth tap][block][tile][lane], products
   [point][tile][filter], a patch; with a chunk its weights [group][point][channel][filter]
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.kernels.cpu.codegen.register_tile import (
    HEADER,
    LINE,
    VECTORS,
    Relu,
    epilogue,
    fill,
    load_weights,
    rectified,
    rectifier,
    tile_columns,
)
from speccompiler.kernels.cpu.winograd_definition import definition
from speccompiler.kernels.toom_cook import ShortConvolution, constants, lines, short_convolution
from speccompiler.kernels.winograd_tiles import Tile

DRIVER = '''

@jit
def read_patch(
    x, base, h0, w0, apart_h, apart_w, height, width, channels, first, repeat_h, repeat_w,
    patch, to
):
    """One tile's inputs of a block of channels, zeros outside the data and past the channels."""
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
    """The part of a tile's outputs that the image has."""
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
    """Of a tile; rows and tiles alternate where those of one tile are ``apart``."""
    return tile // apart * rows * apart + tile % apart


@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: batches of tiles over all samples, ranges of filters; the last changes fastest."""
    depth, height, width, channels = g[0], g[1], g[2], g[3]
    out_depth, out_height, out_width, filters = g[4], g[5], g[6], g[7]
    taps, step = g[8], g[9]
    repeat_d, repeat_h, repeat_w = g[13], g[14], g[15]
    apart_h, apart_w = @APART
    batch, task_filters, y_pitch = g[19], g[20], g[21]
    blocks = (channels + @LANES - 1) // @LANES
    groups = (filters + @GROUP - 1) // @GROUP
    ranges = (filters + task_filters - 1) // task_filters
    # Tiles that begin at each of the first rows and columns, as many as are apart.
    down = ((out_height + apart_h - 1) // apart_h + @ROWS - 1) // @ROWS * apart_h
    across = ((out_width + apart_w - 1) // apart_w + @COLUMNS - 1) // @COLUMNS * apart_w
    tiles = n * out_depth * down * across
    slices = taps * blocks
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
                h0 = first_row(tile // across % down, apart_h, @ROWS) - g[11]
                w0 = first_row(tile % across, apart_w, @COLUMNS) - g[12]
                inside = h0 >= 0 and w0 >= 0
                inside = inside and h0 + (@TALL - 1) * apart_h < height * repeat_h
                inside = inside and w0 + (@WIDE - 1) * apart_w < width * repeat_w
                for q in range(taps):
                    z = image % out_depth * step + q * g[16] - g[10]
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
                    define(x, image, first_row(tile // across % down, apart_h, @ROWS) - g[11],
                           first_row(tile % across, apart_w, @COLUMNS) - g[12], g, w,
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


def _names(letter: str, count: int) -> list[str]:
    return [f"{letter}{i}" for i in range(count)]


def _indent(statements: list[str], depth: int = 1) -> list[str]:
    return ["    " * depth + statement for statement in statements]


def _splats(*matrices: ShortConvolution, side: str) -> list[str]:
    """Statements that set the constants which the transforms name."""
    values = constants(*(getattr(matrix, side) for matrix in matrices))
    return [f"{name} = splat(np.float32({value!r}))" for name, value in values.items()]


def _transform_input(down: ShortConvolution, across: ShortConvolution) -> str:
    """``transform_input``: B^T d B of one tile and vector of channels; columns first."""
    rows, columns = _names("row", down.points), _names("col", across.points)
    text = [f"def transform_input(x, {', '.join(rows + columns)}, first, u, uo, us):"]
    text += _indent(_splats(down, across, side="input"))
    for c in range(across.points):
        text += _indent([f"a{c} = first + col{c}"])
        text += _indent([f"d{r} = load(x, row{r} + a{c})" for r in range(down.points)])
        made = [f"t{r}_{c}" for r in range(down.points)]
        text += _indent(lines(down.input, _names("d", down.points), made))
    for r in range(down.points):
        seen = [f"t{r}_{c}" for c in range(across.points)]
        text += _indent(lines(across.input, seen, _names("o", across.points)))
        at = r * across.points
        text += _indent([f"store(u, uo + {at + c} * us, o{c})" for c in range(across.points)])
    return "\n\n\n" + "\n".join(["@jit", *text]) + "\n"


def _transform_output(
    down: ShortConvolution, across: ShortConvolution, pool: tuple[int, int], finished: str
) -> str:
    """``transform_output``: A^T m A of one tile and vector of filters, bias, pooling.

    Gives whether all is finite. ``finished`` is the text of a value with its bias, ``{}``, as it
    is pooled.
    """
    text = ["def transform_output(m, mo, ms, y, yo, yrow, ycol, b, bo):"]
    text += _indent(_splats(down, across, side="output"))
    text += _indent(["bias = load(b, bo)", "zero = splat(np.float32(0))"])
    for c in range(across.points):
        at = [r * across.points + c for r in range(down.points)]
        text += _indent([f"d{r} = load(m, mo + {k} * ms)" for r, k in enumerate(at)])
        made = [f"t{r}_{c}" for r in range(down.outputs)]
        text += _indent(lines(down.output, _names("d", down.points), made))
    for r in range(down.outputs):
        seen = [f"t{r}_{c}" for c in range(across.points)]
        made = [f"o{r}_{c}" for c in range(across.outputs)]
        text += _indent(lines(across.output, seen, made))
    names = [f"o{r}_{c}" for r in range(down.outputs) for c in range(across.outputs)]
    # Of finite values whose sum overflows, the definition is right as well.
    text += _indent(sum_of(names, "seen"))
    text += _indent(finished_outputs(down.outputs, across.outputs, pool, finished))
    text += _indent(["seen = sub(seen, seen)", "return not any_of(not_equal(seen, seen))"])
    return "\n\n\n" + "\n".join(["@jit", *text]) + "\n"


def sum_of(names: list[str], target: str) -> list[str]:
    """Statements that add values up by pairs, which wait less for one another."""
    text: list[str] = []
    while len(names) > 1:
        pairs = list(zip(names[::2], names[1::2], strict=False))
        made = [f"e{len(text) + i}" for i in range(len(pairs))]
        text += [f"{m} = add({a}, {b})" for m, (a, b) in zip(made, pairs, strict=True)]
        names = made + names[2 * len(pairs) :]
    return [*text, f"{target} = {names[0]}"]


def finished_outputs(rows: int, columns: int, pool: tuple[int, int], finished: str) -> list[str]:
    """Statements that bring the sums ``o<row>_<column>`` of a tile to their places.

    They need ``bias``, ``zero`` and what ``store`` takes: ``y``, ``yo``, ``yrow`` and ``ycol``.
    """
    names = [f"o{r}_{c}" for r in range(rows) for c in range(columns)]
    text = [f"{name} = {finished.format(f'add({name}, bias)')}" for name in names]
    for r in range(rows // pool[0]):
        for c in range(columns // pool[1]):
            window = [
                f"o{r * pool[0] + i}_{c * pool[1] + j}"
                for i in range(pool[0])
                for j in range(pool[1])
            ]
            value = window[0]
            for name in window[1:]:
                value = f"largest({value}, {name})"
            text += [f"store(y, yo + {r} * yrow + {c} * ycol, {value})"]
    return text


def _multiply(name: str, lanes: int, columns: int, asked: int, *, resumed: bool) -> str:
    """``multiply``: ``columns`` tiles by one group of filters, over some depth taps and channels.

    Where sums are ``resumed``, they start from memory unless it is the beginning. With each
    block of channels, ``asked`` lines of the weights that are needed ``later`` are asked for.
    """
    sums = [(t, n) for t in range(columns) for n in range(VECTORS)]
    text = [
        f"def {name}(u, uo, pitch, w, wo, slices, m, mo, row, begin, later, ask):",
        *_indent(["zero = splat(np.float32(0))", *(f"s{t}_{n} = zero" for t, n in sums)]),
    ]
    if resumed:
        text += _indent(["if begin > 0:"])
        text += _indent([f"s{t}_{n} = load(m, mo + {t} * row + {n * lanes})" for t, n in sums], 2)
    text += [
        *_indent(["for q in range(slices):"]),
        *_indent([f"prefetch_near(later, ask + {LINE * i})" for i in range(asked)], 2),
        *_indent([f"ask += {LINE * asked}"] if asked else [], 2),
        *_indent(["p = uo + q * pitch", f"for i in range({lanes}):"], 2),
        *_indent(load_weights(lanes), 3),
    ]
    for t in range(columns):
        text += _indent([f"a = broadcast(u, p + i + {t * lanes})"], 3)
        text += _indent([f"s{t}_{n} = fma(a, w{n}, s{t}_{n})" for n in range(VECTORS)], 3)
    text += _indent([f"wo += {VECTORS * lanes}"], 3)
    text += _indent([f"store(m, mo + {t} * row + {n * lanes}, s{t}_{n})" for t, n in sums])
    return "\n\n\n" + "\n".join(["@jit", *text]) + "\n"


def _products(uneven: bool) -> str:
    """``products``: all tiles of a batch by one group of filters at one point."""
    head = "def products(u, uo, batch, w, wo, slices, mo, row, here, begin, later, ask):"
    return "\n\n\n" + "\n".join(["@jit", head, UNEVEN if uneven else EVEN])


def _transformed(tile: Tile) -> list[str]:
    """Statements that make ``o0`` and so on, G w G^T at each point, of ``d<row>_<column>``.

    The kernel runs them on vectors and ``transform_weights`` on arrays, rounding alike: a
    cut decides who transforms the weights, and may change no bits.
    """
    down, across = short_convolutions(tile)
    text: list[str] = []
    for s in range(across.taps):
        seen = [f"d{r}_{s}" for r in range(down.taps)]
        text += lines(down.filter, seen, [f"t{p}_{s}" for p in range(down.points)], fused=False)
    for p in range(down.points):
        seen = [f"t{p}_{s}" for s in range(across.taps)]
        made = [f"o{p * across.points + k}" for k in range(across.points)]
        text += lines(across.filter, seen, made, fused=False)
    return text


def _transform_filter(tile: Tile, lanes: int) -> str:
    """``transform_filter``: G w G^T of some channels by one group of filters."""
    down, across = short_convolutions(tile)
    group = VECTORS * lanes
    places = [(r, s) for r in range(down.taps) for s in range(across.taps)]
    text = ["def transform_filter(w, wo, channels, u, uo, us):"]
    text += _indent(_splats(down, across, side="filter"))
    text += _indent(["for c in range(channels):"])
    text += _indent([f"for n in range(0, {group}, {lanes}):"], 2)
    text += _indent(
        [f"d{r}_{s} = load(w, wo + n + {i * group})" for i, (r, s) in enumerate(places)], 3
    )
    text += _indent(_transformed(tile), 3)
    text += _indent([f"store(u, uo + n + {k} * us, o{k})" for k in range(tile.points)], 3)
    text += _indent([f"wo += {len(places) * group}", f"uo += {group}"], 2)
    return "\n\n\n" + "\n".join(["@as_written", *text]) + "\n"


def short_convolutions(tile: Tile) -> tuple[ShortConvolution, ShortConvolution]:
    """The short convolutions along height and width."""
    return short_convolution(tile.rows, tile.kernel[0]), short_convolution(
        tile.columns, tile.kernel[1]
    )


@cache
def source(
    lanes: int,
    tile: Tile,
    columns: int,
    pool: tuple[int, int],
    relu: Relu,
    activation: str | None,
    *,
    passes: int,
    uneven: bool,
    repeats: bool,
    dilated: bool = False,
    chunk: int = 0,
) -> str:
    """The module's text, for one tile, pooling and activation.

    A batch takes so many ``passes``, which have ``columns`` tiles each, and where they are
    ``uneven`` some have one more. ``repeats`` is for an up-sampled input, ``dilated`` for a
    window whose places are apart. With a ``chunk``, weights are transformed in the task, so
    many channels at a time.
    """
    down, across = short_convolutions(tile)
    finished, function, after = "{}", "", activation
    defined = finished
    if relu:
        # Of what is finite both make the same.
        finished, defined = "maximum(zero, {})", rectified(relu, "zero", "{}")
    elif activation is not None and pool != (1, 1):
        # Before the maximum is taken; else of the whole tile, once it is written.
        finished, function, after = "activate({})", activation, None
        defined = finished
    rows_names, columns_names = _names("row", down.points), _names("col", across.points)
    # What the next products read comes in equal parts while these are made.
    taps, points = down.taps * across.taps, down.points * across.points
    share = Fraction(taps, points) if chunk else Fraction(passes > 1)
    asked = ceil(share * lanes * VECTORS * lanes / LINE / passes)
    driver = DRIVER.replace("@PRODUCTS", STREAMED if chunk else READY)
    tall, wide = (" // repeat_h", " // repeat_w") if repeats else ("", "")
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
        + rectifier(relu)
        + function
        + _transform_input(down, across)
        + _transform_output(down, across, pool, finished)
        + (_transform_filter(tile, lanes) if chunk else "")
        + _multiply("multiply", lanes, columns, asked, resumed=chunk > 0)
        + (_multiply("multiply_more", lanes, columns + 1, asked, resumed=chunk > 0) * uneven)
        + _products(uneven)
        + definition(tile, finished_outputs(tile.rows, tile.columns, pool, defined))
        + epilogue(tile.columns // pool[1], after)
        + driver,
        LANES=lanes,
        GROUP=VECTORS * lanes,
        POINTS=points,
        TAPS=taps,
        READY=int(not chunk),
        CHUNK=chunk // lanes,
        PASSES=passes,
        APART="g[17], g[18]" if dilated else "1, 1",
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


def transform_weights(weight: npt.NDArray[np.float32], tile: Tile) -> npt.NDArray[np.float32]:
    """(KH, KW, ...) as (points, ...): G w G^T, with the bits that the kernel would make."""
    down, across = short_convolutions(tile)
    values: dict[str, Any] = {"add": np.add, "sub": np.subtract, "mul": np.multiply}
    for name, value in constants(down.filter, across.filter).items():
        values[name] = np.float32(value)
    for r, s in np.ndindex(down.taps, across.taps):
        values[f"d{r}_{s}"] = weight[r, s]
    # The kernel's own statements, made by us from a table: nothing of a user's is in them.
    with np.errstate(all="ignore"):
        exec("\n".join(_transformed(tile)), values)
    return np.stack([values[f"o{k}"] for k in range(tile.points)])
