"""Softmax over the last axis; the largest value is subtracted first.

g: rows of one sample, length of a row
"""

import math

import numpy as np
from numba import njit


@njit(error_model="numpy")
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: rows. The sum is kept in float64: rows can be long."""
    length = g[1]
    for row in range(lo, hi):
        start, end = row * length, (row + 1) * length
        largest = np.float32(-np.inf)
        for i in range(start, end):
            largest = x[i] if x[i] > largest or x[i] != x[i] else largest
        total = 0.0
        for i in range(start, end):
            y[i] = math.exp(x[i] - largest)
            total += y[i]
        share = np.float32(1.0 / total)
        for i in range(start, end):
            y[i] = y[i] * share
