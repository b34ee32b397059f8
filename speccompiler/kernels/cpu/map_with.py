"""An expression of every value and of parameters that stand beside it.

The parameters of a sample repeat with a period: that of the axes from the first one on that
any of them is not shared along, so that a value a channel has the period of the channels.

g: values of one sample, the period
w: for each parameter its values of one period, and what follows them up to a vector's length
"""

from __future__ import annotations

from speccompiler.kernels.cpu.codegen.register_tile import HEADER, fill
from speccompiler.kernels.cpu.codegen.vector_math import with_functions

DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: chunks of 4096 values."""
    period = g[1]
    pitch, step = period + @LANES, @LANES % period
    last = min(hi * 4096, n * g[0])
    whole = last - (last - lo * 4096) % @LANES
    o = lo * 4096 % period
    for i in range(lo * 4096, whole, @LANES):
        store(y, i, activate(load(x, i)@GIVEN))
        o += step
        if o >= period:
            o -= period
    if whole < last:
        rest = first_lanes(last - whole)
        store_where(y, whole, rest, activate(load_where(x, whole, rest)@GIVEN))
'''


def source(lanes: int, activation: str, parameters: int) -> str:
    """The module's text, for one vector width and expression of so many parameters."""
    given = "".join(f", load(w, {index} * pitch + o)" for index in range(parameters))
    driver = DRIVER.replace("@GIVEN", given)
    return fill(HEADER + activation + with_functions(driver), LANES=lanes)
