"""A convolution whose every position has weights of its own.

Bound by reading the weights: those of a position are read once for up to four samples at a
time. A sum is one chain of multiply-adds from the bias on, whatever samples are beside it; a long
one is several (``long_sums``).

g: samples in a sample (axes before the spatial ones), D H W C, OD OH OW O, KD KH KW, SD SH SW
w: [position][KD][KH][KW][channel][filter], filters filled with zeros to whole vectors
b: [position][filter], filled likewise
"""

from __future__ import annotations

from speccompiler.kernels.cpu.codegen.register_tile import HEADER, fill
from speccompiler.kernels.long_sums import CARRY, SHORT

SAMPLES = 4
VECTORS = 2

DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: positions of the output."""
    samples = n * g[0]
    depth, height, width, channels = g[1], g[2], g[3], g[4]
    out_height, out_width, filters = g[6], g[7], g[8]
    positions = g[5] * out_height * out_width
    run, row = g[11] * channels, width * channels
    size, out = depth * height * row, positions * filters
    padded = (filters + @LANES - 1) // @LANES * @LANES
    for task in range(lo, hi):
        d = task // (out_width * out_height) * g[12]
        h = task // out_width % out_height * g[13]
        at = ((d * height + h) * width + task % out_width * g[14]) * channels
        wo = task * g[9] * g[10] * run * padded
        first = 0
        while first < filters:
            wide = first + @WIDE <= filters
            i = 0
            while i < samples:
                many = i + @SAMPLES <= samples
                p, to = i * size + at, i * out + task * filters + first
                bo = task * padded + first
                if wide and many:
                    dot_@VECTORS_@SAMPLES(x, p, size, w, wo + first, padded, b, bo, g[9], g[10],
                        run, row, height, y, to, out, filters - first)
                elif wide:
                    dot_@VECTORS_1(x, p, size, w, wo + first, padded, b, bo, g[9], g[10],
                        run, row, height, y, to, out, filters - first)
                elif many:
                    dot_1_@SAMPLES(x, p, size, w, wo + first, padded, b, bo, g[9], g[10],
                        run, row, height, y, to, out, filters - first)
                else:
                    dot_1_1(x, p, size, w, wo + first, padded, b, bo, g[9], g[10],
                        run, row, height, y, to, out, filters - first)
                i += @SAMPLES if many else 1
            first += @WIDE if wide else @LANES
'''


def _dot(vectors: int, samples: int, lanes: int, long: bool) -> str:
    """One position of some samples by some vectors of filters."""
    sums = [(t, v) for t in range(samples) for v in range(vectors)]
    lines = [
        "\n\n@jit",
        f"def dot_{vectors}_{samples}(",
        "    x, at, size, w, wo, padded, b, bo, kd, kh, run, row, height, y, to, out, left",
        "):",
        *(f"    s{t}_{v} = load(b, bo + {v * lanes})" for t, v in sums),
    ]
    if long:
        lines += [f"    total{t}_{v} = s{t}_{v}" for t, v in sums]
        lines += [f"    rest{t}_{v} = splat(np.float32(0))" for t, v in sums]
    lines += [
        "    for d in range(kd):",
        "        for h in range(kh):",
        "            p = at + (d * height + h) * row",
        f"            for first in range(0, run, {'@SHORT' if long else 'run'}):",
    ]
    if long:
        lines += [f"                s{t}_{v} = splat(np.float32(0))" for t, v in sums]
    end = "min(run, first + @SHORT)" if long else "run"
    lines += [
        f"                for i in range(first, {end}):",
        *(f"                    w{v} = load(w, wo + {v * lanes})" for v in range(vectors)),
    ]
    for t in range(samples):
        lines.append(f"                    a = broadcast(x, p + i + {t} * size)")
        lines += [f"                    s{t}_{v} = fma(a, w{v}, s{t}_{v})" for v in range(vectors)]
    lines.append("                    wo += padded")
    if long:
        for t, v in sums:
            carry = f"carried(total{t}_{v}, rest{t}_{v}, s{t}_{v})"
            lines.append(f"                total{t}_{v}, rest{t}_{v} = {carry}")
        lines += [f"    s{t}_{v} = rounded(total{t}_{v}, rest{t}_{v})" for t, v in sums]
    if vectors > 1:
        lines += [f"    store(y, to + {t} * out + {v * lanes}, s{t}_{v})" for t, v in sums]
    else:
        lines += [
            "    some = first_lanes(min(left, @LANES))",
            *(f"    store_where(y, to + {t} * out, some, s{t}_0)" for t in range(samples)),
        ]
    return "\n".join(lines) + "\n"


def source(lanes: int, long: bool) -> str:
    """The module's text, for one vector width, and for sums that are ``long`` or not."""
    dots = "".join(_dot(v, t, lanes, long) for v in (VECTORS, 1) for t in (SAMPLES, 1))
    return fill(
        HEADER + CARRY * long + dots + DRIVER,
        LANES=lanes,
        SHORT=SHORT,
        WIDE=VECTORS * lanes,
        VECTORS=VECTORS,
        SAMPLES=SAMPLES,
    )
