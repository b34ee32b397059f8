"""Convolution, or matrix product, of so little that compiling a kernel for its shape is a waste.

One text serves every shape: nothing but the activation is written into it. A position's sum
over one vector of filters is one chain of multiply-adds from the bias on, over the taps that
lie in the data; there is nothing to pack and nothing to share.

g: D H W C, OD OH OW O, KD KH KW, SD SH SW, PD PH PW (padding before), FD FH FW (each input is
   read that often along an axis: an up-sampling before), AD AH AW (distance of neighbouring
   places of the window: its dilation), from one position of the output to the next
w: [KD][KH][KW][channel][filter], filled with zeros to whole vectors
"""

from __future__ import annotations

from .register_tile import HEADER, fill

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
                for d in range(max(0, -(front // ad)), min(g[8], -((front - deep) // ad))):
                    plane = sample * depth + (front + d * ad) // g[17]
                    for h in range(max(0, -(top // ah)), min(g[9], -((top - tall) // ah))):
                        row = plane * height + (top + h * ah) // g[18]
                        for k in range(max(0, -(left // aw)), min(g[10], -((left - wide) // aw))):
                            at = (row * width + (left + k * aw) // g[19]) * channels
                            wo = ((d * g[9] + h) * g[10] + k) * channels * padded + first
                            for i in range(channels):
                                s = fma(broadcast(x, at + i), load(w, wo + i * padded), s)
                s = @FINISHED
                if first + @LANES <= filters:
                    store(y, to + first, s)
                else:
                    store_where(y, to + first, first_lanes(filters - first), s)
'''


def source(lanes: int, relu: bool, activation: str | None) -> str:
    """The module's text, for one vector width and activation."""
    finished = "maximum(zero, s)" if relu else "s" if activation is None else "activate(s)"
    header = HEADER + "\nfirst_lanes, store_where = v.first_lanes, v.store_where\n"
    text = header + (activation or "") + DRIVER.replace("@FINISHED", finished)
    return fill(text, LANES=lanes)
