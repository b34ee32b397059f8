"""Softmax over the last axis; the largest value is subtracted first.

g: rows of one sample, length of a row
"""

import math

import numpy as np
from numba import njit


@njit(nogil=True, cache=True, error_model="numpy")
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: rows. The sum is kept in float64: rows can be long."""
    length = g[1]
    for row in range(lo, hi):
        seen = x[row * length : (row + 1) * length]
        out = y[row * length : (row + 1) * length]
        largest = np.float32(-np.inf)
        for i in range(length):
            largest = seen[i] if seen[i] > largest or seen[i] != seen[i] else largest
        total = 0.0
        for i in range(length):
            out[i] = math.exp(seen[i] - largest)
            total += out[i]
        share = np.float32(1.0 / total)
        for i in range(length):
            out[i] = out[i] * share
