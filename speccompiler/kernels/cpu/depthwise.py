"""Depthwise convolution of any rank (as 3-D): every channel with kernels of its own.

Bound by loads, not by multiply-adds: eight or four neighbouring positions of a row are done
together, so that weights are loaded once for them, and values that several windows see. A
position's sum is one chain of multiply-adds over the taps that lie in the data, whoever its
neighbours are; a long one is a chain for each row (``long_sums``). The last vector of channels
overlaps the one before.

g: D H W C, OD OH OW, KD KH, SD SH SW, PD PH PW (padding before), M (kernels of a channel)
w: [kernel][KD][KH][KW][channel], and a vector's length behind
"""

from __future__ import annotations

from speccompiler.kernels.cpu.codegen.register_tile import HEADER, fill
from speccompiler.kernels.long_sums import CARRY, SHORT

TOGETHER = (8, 4)
"""Positions whose windows lie in the data, done at once: as many chains hide a sum's latency."""
UNROLLED = 16
"""Columns of the kernel up to which they are written out: registers hold no more weights, and
the time that compiling takes grows with the square of the text."""

DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: rows of the output."""
    depth, height, width, channels = g[0], g[1], g[2], g[3]
    out_depth, out_height, out_width = g[4], g[5], g[6]
    kd, kh, stride, pw = g[7], g[8], g[11], g[14]
    filters, row = g[15] * channels, width * channels
    size = kd * kh * @KW * channels
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
                here = min(outer, out_width) - column if column >= inner else 0
                positions = 1
                at, wo = base + left * channels, m * size
                to = (task * out_width + column) * filters + m * channels
                if channels < @LANES:
                    part(x, at, w, wo, d0, d1, h0, h1, k0, k1, kh, row, height, channels, y, to,
                         some)
                    column += 1
                    continue
                if here >= 4:
                    positions = 8 if here >= 8 else 4
                for i in range(0, channels, @LANES):
                    c = min(i, channels - @LANES)
                    if positions == 8:
                        whole_8(x, at + c, w, wo + c, d0, d1, h0, h1, kh, row, height, channels,
                                y, to + c, filters)
                    elif positions == 4:
                        whole_4(x, at + c, w, wo + c, d0, d1, h0, h1, kh, row, height, channels,
                                y, to + c, filters)
                    else:
                        one(x, at + c, w, wo + c, d0, d1, h0, h1, k0, k1, kh, row, height,
                            channels, y, to + c, some)
                column += positions
'''


def _whole(positions: int, columns: int, stride: int, long: bool) -> str:
    """Whole windows of neighbouring positions, for one vector of channels."""
    span = "range(first, end)" if long else "range(@KW)"
    row = _columns(positions, columns, stride)
    if columns > UNROLLED:
        row = _loop(positions, stride, span)
    zeros = [f"s{t} = splat(np.float32(0))" for t in range(positions)]
    if long:
        return _long_whole(positions, row, zeros)
    lines = [
        "\n\n@jit",
        f"def whole_{positions}(",
        "    x, at, w, wo, d0, d1, h0, h1, kh, row, height, channels, y, to, pitch",
        "):",
        *(f"    {zero}" for zero in zeros),
        "    for d in range(d0, d1):",
        "        for h in range(h0, h1):",
        "            p = at + (d * height + h) * row",
        "            q = wo + (d * kh + h) * @KW * channels",
        *(f"            {line}" for line in row),
        *(f"    store(y, to + {t} * pitch, s{t})" for t in range(positions)),
    ]
    return "\n".join(lines) + "\n"


def _long_whole(positions: int, row: list[str], zeros: list[str]) -> str:
    """The same with sums that are carried on after each row."""
    every = range(positions)
    lines = [
        "\n\n@jit",
        f"def whole_{positions}(",
        "    x, at, w, wo, d0, d1, h0, h1, kh, row, height, channels, y, to, pitch",
        "):",
        *(f"    t{t} = r{t} = splat(np.float32(0))" for t in every),
        "    for d in range(d0, d1):",
        "        for h in range(h0, h1):",
        "            p = at + (d * height + h) * row",
        "            q = wo + (d * kh + h) * @KW * channels",
        "            for first in range(0, @KW, @SHORT):",
        "                end = min(@KW, first + @SHORT)",
        *(f"                {line}" for line in (*zeros, *row)),
        *(f"                t{t}, r{t} = carried(t{t}, r{t}, s{t})" for t in every),
        *(f"    store(y, to + {t} * pitch, rounded(t{t}, r{t}))" for t in every),
    ]
    return "\n".join(lines) + "\n"


def _columns(positions: int, columns: int, stride: int) -> list[str]:
    """A row of the windows, written out.

    A value is loaded once for all windows that see it, from the left to the right: each sum
    takes its taps in the order that ``_one`` has.
    """
    seen: dict[int, list[tuple[int, int]]] = {}
    for t in range(positions):
        for k in range(columns):
            seen.setdefault(t * stride + k, []).append((t, k))
    lines = [f"w{k} = load(w, q + {k} * channels)" for k in range(columns)]
    for column in sorted(seen):
        lines.append(f"a = load(x, p + {column} * channels)")
        lines += [f"s{t} = fma(a, w{k}, s{t})" for t, k in seen[column]]
    return lines


def _loop(positions: int, stride: int, span: str) -> list[str]:
    """A row of the windows, or a ``span`` of it, tap by tap."""
    taps = [
        f"    s{t} = fma(load(x, p + (k + {t * stride}) * channels), a, s{t})"
        for t in range(positions)
    ]
    return [f"for k in {span}:", "    a = load(w, q + k * channels)", *taps]


ROW = """            for k in range(k0, k1):
                s = fma({value}, {weight}, s)
"""
LONG_ROW = """            for first in range(0, @KW, @SHORT):
                s = splat(np.float32(0))
                for k in range(max(k0, first), min(k1, first + @SHORT)):
                    s = fma({value}, {weight}, s)
                total, rest = carried(total, rest, s)
"""


def _one(name: str, masked: bool, long: bool) -> str:
    """The window of one position, the taps from ``k0`` to ``k1`` of each row."""
    where = "{0}, {1}, some" if masked else "{0}, {1}"
    load = "load_where" if masked else "load"
    value = f"{load}({where.format('x', 'p + k * channels')})"
    weight = f"{load}({where.format('w', 'q + k * channels')})"
    result = "rounded(total, rest)" if long else "s"
    stored = f"store_where(y, to, some, {result})" if masked else f"store(y, to, {result})"
    begin = "total = rest = splat(np.float32(0))" if long else "s = splat(np.float32(0))"
    row = (LONG_ROW if long else ROW).format(value=value, weight=weight)
    return f"""

@jit
def {name}(x, at, w, wo, d0, d1, h0, h1, k0, k1, kh, row, height, channels, y, to, some):
    {begin}
    for d in range(d0, d1):
        for h in range(h0, h1):
            p = at + (d * height + h) * row
            q = wo + (d * kh + h) * @KW * channels
{row}    {stored}
"""


def source(lanes: int, columns: int, stride: int, long: bool = False) -> str:
    """The module's text, for a vector width and the width and horizontal stride of the kernel."""
    windows = "".join(_whole(positions, columns, stride, long) for positions in TOGETHER)
    windows += _one("one", masked=False, long=long) + _one("part", masked=True, long=long)
    text = HEADER + CARRY * long + windows + DRIVER
    return fill(text, LANES=lanes, KW=columns, SHORT=SHORT)
