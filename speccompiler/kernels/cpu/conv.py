"""Direct convolution of any rank (as 3-D), with bias and activation in the epilogue.

A tile is 4 output positions by up to 64 filters, kept in L1. Four input channels
are taken at a time: each weight loaded serves 4 multiply-adds, each partial sum 4
more. Dense and 1x1 layers are the same kernel: positions of all samples form one
list, so that a tile shares its weights across samples.

Every position goes through the same operations in the same order, whatever its
place in a tile; that is what makes the bits independent of the batch split.

g: D H W C, OD OH OW O, KD KH KW, SD SH SW (stride), PD PH PW (padding before)
"""

import numpy as np
from numba import njit


# <activate>
@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def activate(x):
    """Replaced by the step's activation."""
    return x


# </activate>


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def kernel(lo, hi, n, x, y, w, b, g):
    """Tasks: blocks of 64 filters by chunks of 32 tiles of 4 positions."""
    depth, height, width, channels = g[0], g[1], g[2], g[3]
    out_depth, out_height, out_width, filters = g[4], g[5], g[6], g[7]
    zero = np.float32(0)
    positions = n * out_depth * out_height * out_width
    tiles = (positions + 3) // 4
    chunks = (tiles + 31) // 32
    sums = np.empty((4, 64), np.float32)
    origin = np.empty((4, 4), np.int64)
    place = np.empty(4, np.int64)
    inside = np.empty(4, np.bool_)
    for task in range(lo, hi):
        first = task // chunks * 64
        count = min(64, filters - first)
        s0, s1, s2, s3 = sums[0, :count], sums[1, :count], sums[2, :count], sums[3, :count]
        bias = b[first : first + count]
        chunk = task % chunks
        for tile in range(chunk * 32, min(tiles, chunk * 32 + 32)):
            for i in range(4):
                # The last tile repeats the last position rather than running past it.
                p = min(tile * 4 + i, positions - 1)
                rows = p // out_width
                planes = rows // out_height
                origin[i, 0] = planes // out_depth
                origin[i, 1] = planes % out_depth * g[11] - g[14]
                origin[i, 2] = rows % out_height * g[12] - g[15]
                origin[i, 3] = p % out_width * g[13] - g[16]
            for o in range(count):
                s0[o] = bias[o]
                s1[o] = bias[o]
                s2[o] = bias[o]
                s3[o] = bias[o]
            for kd in range(g[8]):
                for kh in range(g[9]):
                    for kw in range(g[10]):
                        for i in range(4):
                            d, h, v = origin[i, 1] + kd, origin[i, 2] + kh, origin[i, 3] + kw
                            inside[i] = (
                                d >= 0
                                and d < depth
                                and h >= 0
                                and h < height
                                and v >= 0
                                and v < width
                            )
                            row = (origin[i, 0] * depth + d) * height + h
                            place[i] = (row * width + v) * channels if inside[i] else 0
                        i0, i1, i2, i3 = inside[0], inside[1], inside[2], inside[3]
                        p0, p1, p2, p3 = place[0], place[1], place[2], place[3]
                        taps = (((kd * g[9] + kh) * g[10] + kw) * channels) * filters + first
                        c = 0
                        while c + 4 <= channels:
                            at = taps + c * filters
                            w0 = w[at : at + count]
                            w1 = w[at + filters : at + filters + count]
                            w2 = w[at + 2 * filters : at + 2 * filters + count]
                            w3 = w[at + 3 * filters : at + 3 * filters + count]
                            a00 = x[p0 + c] if i0 else zero
                            a01 = x[p0 + c + 1] if i0 else zero
                            a02 = x[p0 + c + 2] if i0 else zero
                            a03 = x[p0 + c + 3] if i0 else zero
                            a10 = x[p1 + c] if i1 else zero
                            a11 = x[p1 + c + 1] if i1 else zero
                            a12 = x[p1 + c + 2] if i1 else zero
                            a13 = x[p1 + c + 3] if i1 else zero
                            a20 = x[p2 + c] if i2 else zero
                            a21 = x[p2 + c + 1] if i2 else zero
                            a22 = x[p2 + c + 2] if i2 else zero
                            a23 = x[p2 + c + 3] if i2 else zero
                            a30 = x[p3 + c] if i3 else zero
                            a31 = x[p3 + c + 1] if i3 else zero
                            a32 = x[p3 + c + 2] if i3 else zero
                            a33 = x[p3 + c + 3] if i3 else zero
                            for o in range(count):
                                q0, q1, q2, q3 = w0[o], w1[o], w2[o], w3[o]
                                s0[o] = s0[o] + a00 * q0 + a01 * q1 + a02 * q2 + a03 * q3
                                s1[o] = s1[o] + a10 * q0 + a11 * q1 + a12 * q2 + a13 * q3
                                s2[o] = s2[o] + a20 * q0 + a21 * q1 + a22 * q2 + a23 * q3
                                s3[o] = s3[o] + a30 * q0 + a31 * q1 + a32 * q2 + a33 * q3
                            c += 4
                        while c < channels:
                            at = taps + c * filters
                            w0 = w[at : at + count]
                            a00 = x[p0 + c] if i0 else zero
                            a10 = x[p1 + c] if i1 else zero
                            a20 = x[p2 + c] if i2 else zero
                            a30 = x[p3 + c] if i3 else zero
                            for o in range(count):
                                s0[o] = s0[o] + a00 * w0[o]
                                s1[o] = s1[o] + a10 * w0[o]
                                s2[o] = s2[o] + a20 * w0[o]
                                s3[o] = s3[o] + a30 * w0[o]
                            c += 1
            for i in range(min(4, positions - tile * 4)):
                at = (tile * 4 + i) * filters + first
                for o in range(count):
                    y[at + o] = activate(sums[i, o])
