"""Text of the register tile that every convolution kernel is built around.

A tile is ``columns`` output positions by two vectors of filters, all sums in registers:
14 x 2 of AVX-512's 32 vector registers, 6 x 2 of the 16 that others have, which leaves
room for two weights and one input. Two weight loads and one broadcast a position feed two
multiply-adds a position; a wider tile of filters would load more weights, a narrower one
more inputs. The text is straight-line code: that is what keeps the sums in registers.
"""

from __future__ import annotations

JIT = '@njit(error_model="numpy", fastmath={"contract"})'
VECTORS = 2
"""Vectors of filters in a tile; a group of filters is this many vectors."""

LINE = 16
"""float32 values of a cache line."""
AHEAD = 1024
"""float32 values between a weight that is read and the one that is asked for."""

HEADER = """import math

import numpy as np
from numba import njit

from speccompiler.kernels.cpu.simd import vectors

v = vectors(@LANES)
load, store, broadcast, splat, prefetch = v.load, v.store, v.broadcast, v.splat, v.prefetch
fma, maximum, largest = v.fma, v.maximum, v.largest
add, sub, mul = v.add, v.sub, v.mul
"""


def tile_columns(lanes: int) -> tuple[int, ...]:
    """The tile widths that kernels are made for: few, so that few have to be compiled."""
    return (14, 8, 4, 1) if lanes == 16 else (6, 3, 1)


def best_columns(width: int, lanes: int) -> int:
    """Tile width for rows of this length: least work, the part of the last tile not used included.

    A tile costs its columns, and about two more for loading weights.
    """
    return min(tile_columns(lanes), key=lambda columns: -(-width // columns) * (columns + 2))


def block_depth(channels: int, lanes: int) -> int:
    """Channels in a block: a vector's worth, or as few as hold them all."""
    return min((d for d in (1, 3, 8) if channels <= d <= lanes), default=lanes)


def load_weights(lanes: int) -> list[str]:
    """Statements that load a group's weights and ask for those that come ``AHEAD`` later.

    Weights are read once in a long row. The processor's own prefetcher stops at the end of
    each page of 4 KiB, and the sums would wait there.
    """
    loads = [f"w{n} = load(w, wo + {n * lanes})" for n in range(VECTORS)]
    lines = range(0, VECTORS * lanes, LINE)
    return loads + [f"prefetch(w, wo + {AHEAD + at})" for at in lines]


def register_tile(lanes: int, columns: int, depth: int, relu: bool) -> str:
    """``tile``: the sums of one tile, from the bias on, written to ``y``.

    x: ``planes`` planes of ``kh`` rows; in a row, ``stride`` phases of neighbouring
    positions with ``depth`` channels each, so that tap k of the window is found in phase
    ``k % stride`` and neighbouring outputs read neighbours. w: the weights of one group
    of filters, in the order of the loops.
    """
    sums = [(t, n) for t in range(columns) for n in range(VECTORS)]
    lines = [
        "",
        "",
        JIT,
        "def tile(x, xo, w, wo, planes, plane, kh, row, kw, stride, phase, b, bo, y, yo, pitch):",
        '    """Sums of one tile of positions by filters, bias included."""',
        *(f"    b{n} = load(b, bo + {n * lanes})" for n in range(VECTORS)),
        *(f"    s{t}_{n} = b{n}" for t, n in sums),
        "    for q in range(planes):",
        "        for h in range(kh):",
        "            for k in range(kw):",
        "                p = xo + q * plane + h * row",
        f"                p += k % stride * phase + k // stride * {depth}",
        f"                for i in range({depth}):",
    ]
    inner = " " * 20
    lines += [f"{inner}{line}" for line in load_weights(lanes)]
    for t in range(columns):
        lines.append(f"{inner}a = broadcast(x, p + i + {t * depth})")
        lines += [f"{inner}s{t}_{n} = fma(a, w{n}, s{t}_{n})" for n in range(VECTORS)]
    lines += [f"{inner}wo += {VECTORS * lanes}"]
    lines += ["    zero = splat(np.float32(0))"] if relu else []
    for t, n in sums:
        value = f"maximum(zero, s{t}_{n})" if relu else f"s{t}_{n}"
        lines.append(f"    store(y, yo + {t} * pitch + {n * lanes}, {value})")
    return "\n".join(lines) + "\n"


def epilogue(columns: int, activation: str | None) -> str:
    """``finish``: the activation of a tile that was just written and is still in L1.

    ``activation`` is the text of ``activate``, over vectors; None where none is left to
    apply. A place takes whole vectors: ``count`` fills them, or ``pitch`` leaves room.
    """
    if activation is None:
        return f"\n\n{JIT}\ndef finish(y, at, pitch, count):\n    pass\n"
    return (
        f"{activation}\n\n{JIT}\ndef finish(y, at, pitch, count):\n"
        f"    for t in range({columns}):\n"
        "        for j in range(0, count, @LANES):\n"
        "            p = at + t * pitch + j\n"
        "            store(y, p, activate(load(y, p)))\n"
    )


def fill(text: str, **values: int | str) -> str:
    """Put the constants into a kernel's text: ``@NAME`` becomes the number."""
    text = text.replace("@JIT", JIT)
    # Longer names first: one may begin like another.
    for name in sorted(values, key=len, reverse=True):
        text = text.replace(f"@{name}", str(values[name]))
    assert text.count("@") == text.count("@njit"), "a constant has no value"
    return text
