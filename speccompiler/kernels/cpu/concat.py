"""Joins values along one axis: copies of runs, each to its place in a longer row.

For what cannot be written to its place in the joined value in the first place
(``speccompiler.planning.placement``).

g: rows of a sample, length of a joined row, rows and columns of a task, number of values, then
   the length of each one's run in a row
w: the address of each value
"""

from __future__ import annotations

from speccompiler.kernels.cpu.codegen.register_tile import HEADER, fill

DRIVER = '''
from speccompiler.kernels.cpu.codegen.simd import values_at


@jit
def copy(x, run, at, y, width, to, first, last, length):
    """``length`` values of each row, from column ``at`` of ``run`` to column ``to`` of ``width``.

    The last vector of a row overlaps the one before it.
    """
    if length >= @LANES:
        for row in range(first, last):
            read, write = row * run + at, row * width + to
            for i in range(0, length - @LANES + 1, @LANES):
                store(y, write + i, load(x, read + i))
            end = length - @LANES
            store(y, write + end, load(x, read + end))
    else:
        rest = first_lanes(length)
        for row in range(first, last):
            store_where(y, row * width + to, rest, load_where(x, row * run + at, rest))


@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: blocks of rows by blocks of columns, the columns of a place one after another."""
    width, rows, columns = g[1], g[2], g[3]
    blocks = (width + columns - 1) // columns
    for task in range(lo, hi):
        first = task // blocks * rows
        last = min(first + rows, n * g[0])
        left = task % blocks * columns
        right = min(left + columns, width)
        start = 0
        for k in range(g[4]):
            run = g[5 + k]
            begin, end = max(left, start), min(right, start + run)
            if begin < end:
                copy(values_at(w, k), run, begin - start, y, width, begin, first, last, end - begin)
            start += run
'''


def source(lanes: int) -> str:
    """The module's text, for one vector width."""
    return fill(HEADER + DRIVER, LANES=lanes)
