"""Rows of a table by their numbers; NaN for what is the number of none.

g: numbers of one sample, rows, values of a row
w: the table
"""

from __future__ import annotations

from speccompiler.kernels.cpu.codegen.register_tile import HEADER, fill

DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: 32 numbers each."""
    rows, length = g[1], g[2]
    missing = splat(np.float32(np.nan))
    for i in range(lo * 32, min(hi * 32, n * g[0])):
        number, to = x[i], i * length
        # Cut off to a whole number: all between -1 and 1 is row 0. NaN fails as well.
        inside = number > np.float32(-1) and number < np.float32(rows)
        at = np.int64(number) * length if inside else 0
        for j in range(0, length, @LANES):
            if j + @LANES <= length:
                store(y, to + j, load(w, at + j) if inside else missing)
            else:
                rest = first_lanes(length - j)
                value = load_where(w, at + j, rest) if inside else missing
                store_where(y, to + j, rest, value)
'''


def source(lanes: int) -> str:
    """The module's text, for one vector width."""
    return fill(HEADER + DRIVER, LANES=lanes)
