"""An activation on its own, where no convolution before it could take it in.

g: values of one sample
scratch: one vector
"""

from __future__ import annotations

from .register_tile import HEADER, fill

DRIVER = '''

@JIT
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: chunks of 4096 values. The last values go through a vector filled with zeros."""
    last = min(hi * 4096, n * g[0])
    whole = last - (last - lo * 4096) % @LANES
    for i in range(lo * 4096, whole, @LANES):
        store(y, i, activate(load(x, i)))
    if whole < last:
        store(scratch, 0, splat(np.float32(0)))
        for i in range(whole, last):
            scratch[i - whole] = x[i]
        store(scratch, 0, activate(load(scratch, 0)))
        for i in range(whole, last):
            y[i] = scratch[i - whole]
'''


def source(lanes: int, activation: str) -> str:
    """The module's text, for one vector width and activation."""
    return fill(HEADER + activation + DRIVER, LANES=lanes)
