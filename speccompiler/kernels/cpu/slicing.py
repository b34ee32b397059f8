"""Takes values at even distances along every axis: a part, every n-th, or backwards.

Axes that are taken whole are joined with the one before them where that has its values side by
side, so that most slices copy long runs.

g: values of one input sample, rows of a task, outer axes, rows of one output sample, length of a
row, distance of its values, where the first row begins; then for each outer axis, from the last
to the first, its rows and their distance
"""

from __future__ import annotations

from speccompiler.kernels.cpu.codegen.register_tile import HEADER, fill

DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: blocks of rows of the output."""
    axes, rows, length, step = g[2], g[3], g[4], g[5]
    for row in range(lo * g[1], min(hi * g[1], n * rows)):
        at, to, rest = row // rows * g[0] + g[6], row * length, row % rows
        for axis in range(axes):
            count = g[7 + 2 * axis]
            at += rest % count * g[8 + 2 * axis]
            rest //= count
        if step != 1 or length < @LANES:
            for i in range(length):
                y[to + i] = x[at + i * step]
        else:
            for i in range(0, length, @LANES):
                j = min(i, length - @LANES)
                store(y, to + j, load(x, at + j))
'''


def source(lanes: int) -> str:
    """The module's text, for one vector width."""
    return fill(HEADER + DRIVER, LANES=lanes)
