"""Up-sampling and zero padding of any rank (as 3-D): each output position reads one input.

g: D H W C, OD OH OW, FD FH FW (factors), PD PH PW (zeros before)
"""

import numpy as np
from numba import njit


@njit(error_model="numpy")
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: rows of the output. Position p reads ``(p - before) // factor``, or is zero."""
    depth, height, width, channels = g[0], g[1], g[2], g[3]
    out_depth, out_height, out_width = g[4], g[5], g[6]
    for task in range(lo, hi):
        h = task % out_height - g[11]
        d = task // out_height % out_depth - g[10]
        sample = task // (out_height * out_depth)
        inside = d >= 0 and d < depth * g[7] and h >= 0 and h < height * g[8]
        row = ((sample * depth + d // g[7]) * height + h // g[8]) * width
        for ow in range(out_width):
            out = (task * out_width + ow) * channels
            v = ow - g[12]
            if inside and v >= 0 and v < width * g[9]:
                at = (row + v // g[9]) * channels
                for c in range(channels):
                    y[out + c] = x[at + c]
            else:
                for c in range(channels):
                    y[out + c] = np.float32(0)
