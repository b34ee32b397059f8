"""Max and average pooling of any rank (as 3-D).

Padding is never counted. The zeros of a folded ZeroPadding are: they lie between
the data and the padding, count for the mean and take part in the maximum.

g: D H W C, OD OH OW, KD KH KW, SD SH SW, PD PH PW (padding before), then the
counted range of each axis: first and one past the last, in the input's coordinates
(0 and the length when nothing was folded), then 1 for max, 0 for average
"""

import numpy as np
from numba import njit


@njit(error_model="numpy", fastmath={"contract"})
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: rows of the output."""
    depth, height, width, channels = g[0], g[1], g[2], g[3]
    out_depth, out_height, out_width = g[4], g[5], g[6]
    largest = g[22] == 1
    for task in range(lo, hi):
        oh = task % out_height
        od = task // out_height % out_depth
        sample = task // (out_height * out_depth)
        d_from = od * g[10] - g[13]
        h_from = oh * g[11] - g[14]
        d_lo, d_hi = max(d_from, g[16]), min(d_from + g[7], g[17])
        h_lo, h_hi = max(h_from, g[18]), min(h_from + g[8], g[19])
        for ow in range(out_width):
            w_from = ow * g[12] - g[15]
            w_lo, w_hi = max(w_from, g[20]), min(w_from + g[9], g[21])
            counted = (d_hi - d_lo) * (h_hi - h_lo) * (w_hi - w_lo)
            d0, d1 = max(d_lo, 0), min(d_hi, depth)
            h0, h1 = max(h_lo, 0), min(h_hi, height)
            v0, v1 = max(w_lo, 0), min(w_hi, width)
            real = max(d1 - d0, 0) * max(h1 - h0, 0) * max(v1 - v0, 0)
            out = (task * out_width + ow) * channels
            start = np.float32(-np.inf) if largest and real == counted else np.float32(0)
            for c in range(channels):
                y[out + c] = start
            for d in range(d0, d1):
                for h in range(h0, h1):
                    for v in range(v0, v1):
                        at = (((sample * depth + d) * height + h) * width + v) * channels
                        if largest:
                            for c in range(channels):
                                # NaN wins, as it does in the originals.
                                kept, seen = y[out + c], x[at + c]
                                y[out + c] = kept if kept > seen or kept != kept else seen
                        else:
                            for c in range(channels):
                                y[out + c] += x[at + c]
            if not largest:
                share = np.float32(counted)
                for c in range(channels):
                    y[out + c] /= share
