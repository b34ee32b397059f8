"""Permutes up to four axes of every sample, as transpositions of matrices in registers.

Axes that stay together are merged before, so that moving the channels of an image is a
matrix transpose whatever its rank. Along one axis, ``u``, the input lies side by side,
along another, ``v``, the output; the other two only move the matrix. Squares of one vector
by one are loaded along u, shuffled and stored along v; the last of a row overlaps the one
before. Where the last axis stays the last, both go along v, and rows are copied.

g: lengths of the two outer axes, of u and of v, the input's strides along these four,
the output's, the values of one sample
"""

from __future__ import annotations

from speccompiler.kernels.cpu.codegen.register_tile import HEADER, fill
from speccompiler.kernels.cpu.codegen.vector_math import with_functions

DRIVER = '''

@jit
def copy(x, xo, y, yo, count):
    if count < @LANES:
        for i in range(count):
            y[yo + i] = x[xo + i]
        return
    for i in range(0, count, @LANES):
        j = min(i, count - @LANES)
        store(y, yo + j, load(x, xo + j))


@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: blocks of at most @BLOCK by @BLOCK of every matrix."""
    across, along = g[2], g[3]
    u_blocks = (across + @BLOCK - 1) // @BLOCK
    v_blocks = (along + @BLOCK - 1) // @BLOCK
    for task in range(lo, hi):
        v0 = task % v_blocks * @BLOCK
        u0 = task // v_blocks % u_blocks * @BLOCK
        matrix = task // (v_blocks * u_blocks)
        i1 = matrix % g[1]
        i0 = matrix // g[1] % g[0]
        sample = matrix // (g[1] * g[0])
        u1, v1 = min(u0 + @BLOCK, across), min(v0 + @BLOCK, along)
        source = sample * g[12] + i0 * g[4] + i1 * g[5]
        target = sample * g[12] + i0 * g[8] + i1 * g[9]
        xu, xv, yu = g[6], g[7], g[10]
        if xv == 1:
            for u in range(u0, u1):
                copy(x, source + u * xu + v0, y, target + u * yu + v0, v1 - v0)
        elif across >= @LANES and along >= @LANES:
            for u in range(u0, u1, @LANES):
                for v in range(v0, v1, @LANES):
                    i, j = min(u, across - @LANES), min(v, along - @LANES)
                    square(x, source + i + j * xv, xv, y, target + i * yu + j, yu)
        elif across < along:
            for u in range(u0, u1):
                for v in range(v0, v1):
                    y[target + u * yu + v] = x[source + u + v * xv]
        else:
            for v in range(v0, v1):
                for u in range(u0, u1):
                    y[target + u * yu + v] = x[source + u + v * xv]
'''


def _square(lanes: int) -> str:
    """``square``: rows zipped with the rows half a square away, as often as it can be halved."""
    lines = ["\n\n@jit", "def square(x, xo, xs, y, yo, ys):"]
    lines += [f"    r{i} = load(x, xo + {i} * xs)" for i in range(lanes)]
    half = lanes // 2
    for _ in range(half.bit_length()):
        names = ", ".join(f"r{i}" for i in range(lanes))
        pairs = [f"r{i}, r{i + half}" for i in range(half)]
        zipped = ", ".join(f"zip_low({pair}), zip_high({pair})" for pair in pairs)
        lines.append(f"    {names} = {zipped}")
    lines += [f"    store(y, yo + {i} * ys, r{i})" for i in range(lanes)]
    return "\n".join(lines) + "\n"


def source(lanes: int, block: int) -> str:
    """The module's text, for one vector width and block of a task."""
    return fill(HEADER + with_functions(_square(lanes) + DRIVER), LANES=lanes, BLOCK=block)
