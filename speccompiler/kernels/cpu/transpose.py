"""Permutes up to four axes of every sample.

g: output lengths L0 L1 L2 L3, then the input's stride along each of them, then the
values of one sample. Axes that stay together are merged before, so that moving the
channels of an image is a matrix transpose whatever its rank.
"""

from numba import njit


@njit(error_model="numpy")
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: blocks of 16 along the third axis; lines of both sides stay in cache."""
    blocks = (g[2] + 15) // 16
    for task in range(lo, hi):
        i1 = task // blocks % g[1]
        i0 = task // (blocks * g[1]) % g[0]
        sample = task // (blocks * g[1] * g[0])
        first = task % blocks * 16
        last = min(g[2], first + 16)
        source = sample * g[8] + i0 * g[4] + i1 * g[5]
        target = sample * g[8] + (i0 * g[1] + i1) * g[2] * g[3]
        for i3 in range(g[3]):
            for i2 in range(first, last):
                y[target + i2 * g[3] + i3] = x[source + i2 * g[6] + i3 * g[7]]
