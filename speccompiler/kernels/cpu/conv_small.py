"""Convolution, or matrix product, of so little that compiling a kernel for its shape is a waste.

One text serves every shape: nothing but the activation is written into it, and whether sums are
long. A position's sum over one vector of filters is one chain of multiply-adds from the bias on,
over the taps that lie in the data; a long one is several (``long_sums``). There is nothing to pack
and nothing to share.

g: D H W C, OD OH OW O, KD KH KW, SD SH SW, PD PH PW (padding before), FD FH FW (each input is
   read that often along an axis: an up-sampling before), AD AH AW (distance of neighbouring
   places of the window: its dilation), from one position of the output to the next
w: [KD][KH][KW][channel][filter], filled with zeros to whole vectors
"""

from __future__ import annotations

from speccompiler.kernels.cpu.codegen.register_tile import HEADER, Relu, fill, rectified, rectifier
from speccompiler.kernels.long_sums import CARRY, SHORT, is_long

DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: rows of the output."""
    depth, height, width, channels = g[0], g[1], g[2], g[3]
    out_depth, out_height, out_width, filters = g[4], g[5], g[6], g[7]
    padded = (filters + @LANES - 1) // @LANES * @LANES
    deep, tall, wide = depth * g[17], height * g[18], width * g[19]
    ad, ah, aw = g[20], g[21], g[22]
    zero = splat(np.float32(0))
    for task in range(lo, hi):
        top = task % out_height * g[12] - g[15]
        front = task // out_height % out_depth * g[11] - g[14]
        sample = task // (out_height * out_depth)
        for column in range(out_width):
            left = column * g[13] - g[16]
            to = (task * out_width + column) * g[23]
            for first in range(0, filters, @LANES):
                s = load(b, first)
@BEGIN                for d in range(max(0, -(front // ad)), min(g[8], -((front - deep) // ad))):
                    plane = sample * depth + (front + d * ad) // g[17]
                    for h in range(max(0, -(top // ah)), min(g[9], -((top - tall) // ah))):
                        row = plane * height + (top + h * ah) // g[18]
                        for k in range(max(0, -(left // aw)), min(g[10], -((left - wide) // aw))):
                            at = (row * width + (left + k * aw) // g[19]) * channels
                            wo = ((d * g[9] + h) * g[10] + k) * channels * padded + first
@PRODUCTS                s = @FINISHED
                if first + @LANES <= filters:
                    store(y, to + first, s)
                else:
                    store_where(y, to + first, first_lanes(filters - first), s)
'''


CHAIN = """                            for i in range(channels):
                                s = fma(broadcast(x, at + i), load(w, wo + i * padded), s)
"""
BEGIN = """                total, rest, done = s, zero, 0
                s = zero
"""
CHAINS = """                            i = 0
                            while i < channels:
                                more = min(channels - i, @SHORT - done)
                                for i in range(i, i + more):
                                    s = fma(broadcast(x, at + i), load(w, wo + i * padded), s)
                                i += 1
                                done += more
                                if done == @SHORT:
                                    total, rest = carried(total, rest, s)
                                    s, done = zero, 0
                total, rest = carried(total, rest, s)
                s = rounded(total, rest)
"""


def source(lanes: int, relu: Relu, activation: str | None, terms: int) -> str:
    """The module's text, for one vector width and activation, and sums of so many ``terms``."""
    long = is_long(terms)
    finished = rectified(relu, "zero", "s") if activation is None else "activate(s)"
    header = HEADER + "\nfirst_lanes, store_where = v.first_lanes, v.store_where\n"
    driver = DRIVER.replace("@FINISHED", finished)
    driver = driver.replace("@PRODUCTS", CHAINS if long else CHAIN)
    driver = driver.replace("@BEGIN", BEGIN if long else "")
    text = header + CARRY * long + rectifier(relu) + (activation or "") + driver
    return fill(text, LANES=lanes, SHORT=SHORT)
