"""Winograd convolution F(4x4, 3x3): 36 multiplications where the direct sum takes 144.

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015), with the
points 0, 1, -1, 2, -2 and infinity. Each tile of 6x6 inputs is transformed, multiplied
with the transformed kernel as 36 small matrix products over the channels, and
transformed back to 4x4 outputs. A task carries a batch of tiles through all three while
they are in cache. Edge tiles and channels that fill no vector go through a small zeroed
patch. The rounding error grows to about 1e-5 of the largest output, ten times that of
the direct sum, and so this kernel is a candidate for ``math: fast`` only.

g: H W C, OH OW O, PH PW (padding before), tiles of a task
w: [36 points][group][channel][filter of the group], transformed, zeros where it is padded
scratch: transformed inputs [36][block][tile][lane], products [36][tile][filter], a patch
"""

from __future__ import annotations

import numpy as np

from .register_tile import HEADER, JIT, VECTORS, epilogue, fill, tile_columns

G = np.array(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)
"""Transforms a row of the kernel."""
CONSTANTS = {"m4": -4, "m5": -5, "c2": 2, "c4": 4, "c8": 8}


def _input_row(d: list[str], o: list[str]) -> list[str]:
    """B^T d: six values to six, five of the sums shared."""
    return [
        f"p = fma(m4, {d[2]}, {d[4]})",
        f"q = fma(m4, {d[1]}, {d[3]})",
        f"r = sub({d[4]}, {d[2]})",
        f"s = mul(c2, sub({d[3]}, {d[1]}))",
        f"{o[0]} = fma(c4, {d[0]}, fma(m5, {d[2]}, {d[4]}))",
        f"{o[1]} = add(p, q)",
        f"{o[2]} = sub(p, q)",
        f"{o[3]} = add(r, s)",
        f"{o[4]} = sub(r, s)",
        f"{o[5]} = fma(c4, {d[1]}, fma(m5, {d[3]}, {d[5]}))",
    ]


def _output_row(m: list[str], o: list[str]) -> list[str]:
    """A^T m: six values to four."""
    return [
        f"p = add({m[1]}, {m[2]})",
        f"q = sub({m[1]}, {m[2]})",
        f"r = add({m[3]}, {m[4]})",
        f"s = sub({m[3]}, {m[4]})",
        f"{o[0]} = add(add({m[0]}, p), r)",
        f"{o[1]} = fma(c2, s, q)",
        f"{o[2]} = fma(c4, r, p)",
        f"{o[3]} = add(fma(c8, s, q), {m[5]})",
    ]


def _transforms(relu: bool) -> str:
    """``transform_input`` and ``transform_output``: columns first, then rows."""
    constants = [f"    {name} = splat(np.float32({value}))" for name, value in CONSTANTS.items()]
    lines = ["", "", JIT, "def transform_input(x, xo, xrow, xcol, u, uo, us):", *constants]
    for c in range(6):
        lines += [f"    d{r} = load(x, xo + {r} * xrow + {c} * xcol)" for r in range(6)]
        lines += _indent(_input_row(_names("d", 6), [f"t{r}_{c}" for r in range(6)]))
    for r in range(6):
        lines += _indent(_input_row([f"t{r}_{c}" for c in range(6)], _names("o", 6)))
        lines += [f"    store(u, uo + {6 * r + c} * us, o{c})" for c in range(6)]
    lines += ["", "", JIT, "def transform_output(m, mo, ms, y, yo, yrow, ycol, b, bo):"]
    lines += [*constants, "    bias = load(b, bo)", "    zero = splat(np.float32(0))"]
    for c in range(6):
        lines += [f"    d{r} = load(m, mo + {6 * r + c} * ms)" for r in range(6)]
        lines += _indent(_output_row(_names("d", 6), [f"t{r}_{c}" for r in range(4)]))
    for r in range(4):
        lines += _indent(_output_row([f"t{r}_{c}" for c in range(6)], _names("o", 4)))
        for c in range(4):
            value = f"add(o{c}, bias)"
            value = f"maximum(zero, {value})" if relu else value
            lines.append(f"    store(y, yo + {r} * yrow + {c} * ycol, {value})")
    return "\n".join(lines) + "\n"


def _names(letter: str, count: int) -> list[str]:
    return [f"{letter}{i}" for i in range(count)]


def _indent(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _product(lanes: int, columns: int) -> str:
    """``multiply``: ``columns`` tiles by one group of filters, over all channels."""
    sums = [(t, n) for t in range(columns) for n in range(VECTORS)]
    inner = " " * 12
    lines = [
        "",
        "",
        JIT,
        "def multiply(u, uo, block_size, w, wo, blocks, m, mo, pitch):",
        "    zero = splat(np.float32(0))",
        *(f"    s{t}_{n} = zero" for t, n in sums),
        "    for block in range(blocks):",
        "        p = uo + block * block_size",
        f"        for i in range({lanes}):",
        *(f"{inner}w{n} = load(w, wo + {n * lanes})" for n in range(VECTORS)),
    ]
    for t in range(columns):
        lines.append(f"{inner}a = broadcast(u, p + i + {t * lanes})")
        lines += [f"{inner}s{t}_{n} = fma(a, w{n}, s{t}_{n})" for n in range(VECTORS)]
    lines.append(f"{inner}wo += {VECTORS * lanes}")
    lines += [f"    store(m, mo + {t} * pitch + {n * lanes}, s{t}_{n})" for t, n in sums]
    return "\n".join(lines) + "\n"


DRIVER = '''

@JIT
def read_patch(x, base, h0, w0, height, width, channels, first, patch, start):
    """A 6x6 tile of one block of channels, zeros outside the data and past the channels."""
    count = min(@LANES, channels - first)
    for i in range(6):
        for j in range(6):
            h, c = h0 + i, w0 + j
            to = start + (i * 6 + j) * @LANES
            inside = h >= 0 and h < height and c >= 0 and c < width
            at = (base + h * width + c) * channels + first
            for k in range(@LANES):
                patch[to + k] = x[at + k] if inside and k < count else np.float32(0)


@JIT
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: batches of tiles, over all samples."""
    height, width, channels = g[0], g[1], g[2]
    out_height, out_width, filters = g[3], g[4], g[5]
    # Whole tiles of the product fit, whatever the number of image tiles in a task.
    task_tiles = g[8]
    batch = (task_tiles + @COLUMNS - 1) // @COLUMNS * @COLUMNS
    blocks = (channels + @LANES - 1) // @LANES
    groups = (filters + @GROUP - 1) // @GROUP
    padded = groups * @GROUP
    down, across = (out_height + 3) // 4, (out_width + 3) // 4
    tiles = n * down * across
    us, ms = blocks * batch * @LANES, batch * padded
    # scratch holds the transformed inputs, the products, then a patch.
    m, patch = 36 * us, 36 * (us + ms)
    for task in range(lo, hi):
        start = task * task_tiles
        here = min(task_tiles, tiles - start)
        for t in range(here):
            tile = start + t
            base = tile // (across * down) * height * width
            h0 = tile // across % down * 4 - g[6]
            w0 = tile % across * 4 - g[7]
            inside = h0 >= 0 and w0 >= 0 and h0 + 6 <= height and w0 + 6 <= width
            for block in range(blocks):
                first = block * @LANES
                to = (block * batch + t) * @LANES
                if inside and first + @LANES <= channels:
                    at = (base + h0 * width + w0) * channels + first
                    transform_input(x, at, width * channels, channels, scratch, to, us)
                else:
                    read_patch(x, base, h0, w0, height, width, channels, first, scratch, patch)
                    transform_input(scratch, patch, 6 * @LANES, @LANES, scratch, to, us)
        for k in range(36):
            for group in range(groups):
                wo = (k * groups + group) * blocks * @LANES * @GROUP
                for t in range(0, here, @COLUMNS):
                    multiply(scratch, k * us + t * @LANES, batch * @LANES, w, wo, blocks,
                             scratch, m + k * ms + t * padded + group * @GROUP, padded)
        for t in range(here):
            tile = start + t
            row, column = tile // across % down * 4, tile % across * 4
            rows, columns = min(4, out_height - row), min(4, out_width - column)
            at = (tile // (across * down) * out_height + row) * out_width + column
            for first in range(0, filters, @LANES):
                count = min(@LANES, filters - first)
                if rows == 4 and columns == 4 and count == @LANES:
                    to = at * filters + first
                    transform_output(scratch, m + t * padded + first, ms, y, to,
                                     out_width * filters, filters, b, first)
                    for i in range(4):
                        finish(y, to + i * out_width * filters, filters, count)
                else:
                    transform_output(scratch, m + t * padded + first, ms, scratch, patch,
                                     4 * @LANES, @LANES, b, first)
                    for i in range(rows):
                        finish(scratch, patch + i * 4 * @LANES, @LANES, count)
                        for j in range(columns):
                            to = (at + i * out_width + j) * filters + first
                            for k in range(count):
                                y[to + k] = scratch[patch + (i * 4 + j) * @LANES + k]
'''


def source(lanes: int, relu: bool, activation: str | None) -> str:
    """The module's text, for one vector width and activation."""
    columns = tile_columns(lanes)[0]
    return fill(
        HEADER + _transforms(relu) + _product(lanes, columns) + epilogue(4, activation) + DRIVER,
        LANES=lanes,
        GROUP=VECTORS * lanes,
        COLUMNS=columns,
    )
