"""Up-sampling and zero padding of any rank (as 3-D): each output position reads one input.

A padded row is zeros, a run of the input's row, zeros. In an up-sampled one every vector
is loaded once and written at each of its places. The last vector of a run overlaps the one
before.

g: D H W C, OD OH OW, FD FH FW (factors), PD PH PW (zeros before; below 0, values left out)
"""

from __future__ import annotations

from speccompiler.kernels.cpu.codegen.register_tile import HEADER, fill

DRIVER = '''

@jit
def spread(x, xo, y, yo, width, count):
    """``width`` neighbours of ``count`` values each, every one written @FACTOR times."""
    for v in range(width):
        if count < @LANES:
            for i in range(count):
                value = x[xo + i]
                for f in range(@FACTOR):
                    y[yo + f * count + i] = value
        else:
            for i in range(0, count, @LANES):
                j = min(i, count - @LANES)
                values = load(x, xo + j)
                for f in range(@FACTOR):
                    store(y, yo + f * count + j, values)
        xo += count
        yo += @FACTOR * count


@jit
def clear(y, yo, count):
    zero = splat(np.float32(0))
    whole = count - count % @LANES
    for i in range(0, whole, @LANES):
        store(y, yo + i, zero)
    for i in range(whole, count):
        y[yo + i] = np.float32(0)


@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: rows of the output. Position p reads ``(p - before) // factor``, or is zero."""
    depth, height, width, channels = g[0], g[1], g[2], g[3]
    out_depth, out_height, out_width = g[4], g[5], g[6]
    # Columns are repeated or padded, never both.
    before = g[12]
    first = min(max(before, 0), out_width)
    last = max(min(before + width, out_width), first)
    for task in range(lo, hi):
        h = task % out_height - g[11]
        d = task // out_height % out_depth - g[10]
        sample = task // (out_height * out_depth)
        to = task * out_width * channels
        if d < 0 or d >= depth * g[7] or h < 0 or h >= height * g[8]:
            clear(y, to, out_width * channels)
            continue
        row = ((sample * depth + d // g[7]) * height + h // g[8]) * width
        if @FACTOR > 1:
            spread(x, row * channels, y, to, width, @COUNT)
            continue
        clear(y, to, first * channels)
        spread(x, (row + first - before) * channels, y, to + first * channels,
               1, (last - first) * channels)
        clear(y, to + last * channels, (out_width - last) * channels)
'''


def source(lanes: int, factor: int, channels: int) -> str:
    """The module's text, for one vector width and repetition along a row.

    The number of channels that fill no vector is in the text, for LLVM to write them out.
    """
    count = str(channels) if channels < lanes else "channels"
    return fill(HEADER + DRIVER.replace("@COUNT", count), LANES=lanes, FACTOR=factor)
