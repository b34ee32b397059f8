"""Depthwise convolution of any rank (as 3-D): every channel with kernels of its own.

Bound by loads, not by multiply-adds: neighbouring positions of a row are done four at a time,
so that a weight is loaded once for them. A position's sum is one chain of multiply-adds over
the taps that lie in the data. The last vector of channels overlaps the one before.

g: D H W C, OD OH OW, KD KH, SD SH SW, PD PH PW (padding before), M (kernels of a channel)
w: [kernel][KD][KH][KW][channel], and a vector's length behind
"""

from __future__ import annotations

from .register_tile import HEADER, fill

POSITIONS = 4

DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: rows of the output."""
    depth, height, width, channels = g[0], g[1], g[2], g[3]
    out_depth, out_height, out_width = g[4], g[5], g[6]
    kd, kh, stride, pw = g[7], g[8], g[11], g[14]
    filters, row = g[15] * channels, width * channels
    step, size = stride * channels, kd * kh * @KW * channels
    # Positions whose windows lie in the data from the first column to the last.
    inner, outer = -(-pw // stride), (width - @KW + pw) // stride + 1
    some = first_lanes(channels % @LANES)
    for task in range(lo, hi):
        front = task // out_height % out_depth * g[9] - g[12]
        top = task % out_height * g[10] - g[13]
        sample = task // (out_height * out_depth)
        d0, d1 = max(0, -front), min(kd, depth - front)
        h0, h1 = max(0, -top), min(kh, height - top)
        base = ((sample * depth + front) * height + top) * row
        for m in range(g[15]):
            column = 0
            while column < out_width:
                left = column * stride - pw
                k0, k1 = max(0, -left), min(@KW, width - left)
                many = column >= inner and column + @POSITIONS <= min(outer, out_width)
                at, wo = base + left * channels, m * size
                to = (task * out_width + column) * filters + m * channels
                if channels < @LANES:
                    part_1(x, at, w, wo, d0, d1, h0, h1, k0, k1, kh, row, height, channels, step,
                           y, to, filters, some)
                    column += 1
                    continue
                for i in range(0, channels, @LANES):
                    c = min(i, channels - @LANES)
                    if many:
                        many_@POSITIONS(x, at + c, w, wo + c, d0, d1, h0, h1, 0, @KW, kh, row,
                                        height, channels, step, y, to + c, filters, some)
                    else:
                        one_1(x, at + c, w, wo + c, d0, d1, h0, h1, k0, k1, kh, row, height,
                              channels, step, y, to + c, filters, some)
                column += @POSITIONS if many else 1
'''


def _window(name: str, positions: int, masked: bool = False) -> str:
    """The windows of some neighbouring positions, for one vector of channels."""
    seen = "load_where(x, {0}, some)" if masked else "load(x, {0})"
    weight = "load_where(w, {0}, some)" if masked else "load(w, {0})"
    columns = "range(@KW)" if positions > 1 else "range(k0, k1)"
    lines = [
        "\n\n@jit",
        f"def {name}_{positions}(",
        "    x, at, w, wo, d0, d1, h0, h1, k0, k1, kh, row, height, channels, step, y, to, pitch,",
        "    some",
        "):",
        *(f"    s{t} = splat(np.float32(0))" for t in range(positions)),
        "    for d in range(d0, d1):",
        "        for h in range(h0, h1):",
        "            p = at + (d * height + h) * row",
        "            q = wo + (d * kh + h) * @KW * channels",
        f"            for k in {columns}:",
        f"                a = {weight.format('q + k * channels')}",
    ]
    for t in range(positions):
        place = f"p + k * channels + {t} * step"
        lines.append(f"                s{t} = fma({seen.format(place)}, a, s{t})")
    for t in range(positions):
        target = f"to + {t} * pitch"
        lines.append(
            f"    store_where(y, {target}, some, s{t})"
            if masked
            else f"    store(y, {target}, s{t})"
        )
    return "\n".join(lines) + "\n"


def source(lanes: int, columns: int) -> str:
    """The module's text, for one vector width and width of the kernel."""
    windows = _window("many", POSITIONS) + _window("one", 1) + _window("part", 1, masked=True)
    return fill(HEADER + windows + DRIVER, LANES=lanes, KW=columns, POSITIONS=POSITIONS)
