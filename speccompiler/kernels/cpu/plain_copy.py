"""Copies a value as it is: an output that is also the input, or another output.

g: values of one sample
"""

from __future__ import annotations

from speccompiler.kernels.cpu.codegen.register_tile import HEADER, fill

DRIVER = """

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    \"\"\"One task.\"\"\"
    count = n * g[0]
    whole = count // @LANES * @LANES
    for i in range(0, whole, @LANES):
        store(y, i, load(x, i))
    for i in range(whole, count):
        y[i] = x[i]
"""


def source(lanes: int) -> str:
    """The module's text, for one vector width."""
    return fill(HEADER + DRIVER, LANES=lanes)
