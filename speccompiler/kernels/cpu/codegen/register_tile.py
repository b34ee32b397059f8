"""Text of the register tile that every convolution kernel is built around.

A tile is some output positions by two vectors of filters, with all sums in registers: 14 x 2 of
the 32 vector registers of AVX-512, or 6 x 2 of the 16 that others have, which leaves room for two
weights and one input. Two weights are loaded for all positions, and one input is broadcast for
each position's two multiply-adds; a wider tile would load more weights, a narrower one more
inputs. The last filters take a tile of one vector if that holds them. The text is straight-line
code, because only that keeps the sums in registers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from speccompiler.kernels.cpu.codegen.ending import Relu, rectified
from speccompiler.kernels.cpu.codegen.text import LINE

VECTORS = 2
"""Vectors of filters in a tile; a group of filters is this many vectors."""
AHEAD = 1024
"""float32 values between a weight that is read and the one that is prefetched then."""

PACK = '''

@jit
def pack(x, at, packed, to, plane, channels, depth):
    """Copy one position's channels, a block every ``plane`` values; zeros fill the last block.

    Whole vectors are written, also where a block is narrower. Behind it lies the place of the next
    position, which is written later, or room for a vector.
    """
    for c in range(0, channels, depth):
        if c + @LANES <= channels:
            store(packed, to, load(x, at + c))
        else:
            store(packed, to, load_where(x, at + c, first_lanes(channels - c)))
        to += plane


@jit
def clear(packed, to, plane, channels, depth):
    """Write zeros for one position."""
    for _ in range(0, channels, depth):
        store(packed, to, splat(np.float32(0)))
        to += plane

'''
"""For the kernels that first copy their input into blocks of channels."""


class TileArguments(NamedTuple):
    """Where each argument of the tile stands. Places are addresses, distances count bytes.

    A window is read as runs of ``run`` neighbouring values: one for each of ``rows`` rows of each
    of ``planes`` planes. With each value of a run a line is asked for, ``ask_step`` further on.
    """

    x: Any
    offsets: Any
    """A table of where each position's window begins, from ``x`` on."""
    w: Any
    planes: Any
    plane: Any
    plane_weights: Any
    rows: Any
    row: Any
    row_weights: Any
    run: Any
    ask: Any
    """Weights that are needed later, for L2."""
    ask_step: Any
    mode: Any
    """``BEGUN``, ``RESUMED`` or ``ALONE``."""
    start: Any
    """The bias, or earlier sums; those of the next position are ``start_step`` further on."""
    start_step: Any
    y: Any
    y_offsets: Any
    """A table of where each position's values are written, from ``y`` on."""
    relu: Any
    """What is done to the results: a kind of relu, as ``functions`` numbers them."""


BEGUN, RESUMED, ALONE = 0, 1, 2
"""``BEGUN``: the products are a chain of their own, which is added to the start in the end.
``RESUMED``: they go on with the chain that lies there. ``ALONE``: nothing lies there."""

TILE_TEXT = """
from speccompiler.kernels.cpu.codegen.jit import jit
from speccompiler.kernels.cpu.codegen.tile import tile_of

words = tile_of(@LANES)


@jit
def tile(count, vectors, arguments):
    words(count, vectors, arguments)
"""


def tile_text(lanes: int) -> str:
    """The module of the register tile, for one vector width."""
    return TILE_TEXT.replace("@LANES", str(lanes))


def tile_columns(lanes: int) -> int:
    """The most positions of a tile."""
    return 14 if lanes == 16 else 6


def even_share(count: int, most: int) -> int:
    """The size of the parts when ``count`` is cut evenly into as few as ``most`` a part allows."""
    return -(-count // -(-count // most))


def block_depth(channels: int, lanes: int) -> int:
    """Channels of a block: an even share of all channels, at most a vector."""
    return even_share(channels, lanes)


def load_weights(lanes: int, vectors: int = VECTORS) -> list[str]:
    """Statements that load a group's weights and prefetch those that come ``AHEAD`` later.

    Weights are one long row that is read once. The processor's own prefetcher stops at the end of
    each page of 4 KiB, and the sums would have to wait there.
    """
    loads = [f"w{n} = load(w, wo + {n * lanes})" for n in range(vectors)]
    lines = range(0, vectors * lanes, LINE)
    return loads + [f"prefetch(w, wo + {AHEAD + at})" for at in lines]


def register_tile(
    name: str, lanes: int, offsets: Sequence[int], *, vectors: int = VECTORS, relu: Relu
) -> str:
    """A function that adds some products to the sums of one tile, from ``start`` to ``y``.

    ``offsets`` say where each position's window begins in the packed input, from ``xo`` on. A
    window is read as runs of ``run`` neighbouring values: one for each row from ``h0`` to ``h1``
    of each plane from ``q0`` to ``q1``. A row has ``row_weights`` weights, a plane ``kh`` rows.
    With each run, a line of weights that are needed later is prefetched, from ``ask`` on: the
    tiles of a walk bring the next step's weights into L2 while this step's are in L1. ``start``
    is the bias (``step`` 0) or earlier sums, which are added at the end: a long sum is made of
    short ones, so that it rounds less. ``low`` is 0 where relu ends the sums, -infinity before.
    """
    sums = [(t, n) for t in range(len(offsets)) for n in range(vectors)]
    lines = [
        "",
        "",
        "@jit",
        f"def {name}(",
        "    x, xo, w, first, q0, q1, plane, h0, h1, kh, row, run, row_weights,",
        "    start, so, step, y, yo, pitch, low, ask,",
        "):",
        '    """Products of one tile of positions by filters, added up."""',
        *(f"    s{t}_{n} = splat(np.float32(0))" for t, n in sums),
        "    for q in range(q0, q1):",
        "        for h in range(h0, h1):",
        "            wo = first + (q * kh + h) * row_weights",
        "            begin = xo + q * plane + h * row",
        "            for p in range(begin, begin + run):",
    ]
    inner = " " * 16
    lines += [f"{inner}{line}" for line in load_weights(lanes, vectors)]
    if len(offsets) > 1:
        lines += [f"{inner}prefetch_near(w, ask)", f"{inner}ask += {LINE}"]
    for t, offset in enumerate(offsets):
        lines.append(f"{inner}a = broadcast(x, p + {offset})")
        lines += [f"{inner}s{t}_{n} = fma(a, w{n}, s{t}_{n})" for n in range(vectors)]
    lines += [f"{inner}wo += {vectors * lanes}"]
    lines += ["    floor = splat(low)"] if relu else []
    for t, n in sums:
        value = f"add(s{t}_{n}, load(start, so + {t} * step + {n * lanes}))"
        value = rectified(relu, "floor", value)
        lines.append(f"    store(y, yo + {t} * pitch + {n * lanes}, {value})")
    return "\n".join(lines) + "\n"


def group_vectors(filters: int, lanes: int) -> tuple[int, ...]:
    """Vectors of each group of so many filters: whole groups, and perhaps a narrow last one."""
    last = filters % (VECTORS * lanes)
    narrow = 0 < last <= lanes
    whole = filters > lanes
    return ((VECTORS,) if whole else ()) + ((1,) if narrow else ())


def groups(text: str, filters: int, lanes: int) -> str:
    """The text of ``group_@VECTORS`` for each width of a group, and of ``group``, which picks one.

    They take the same arguments, of which ``count`` is the number of filters in the group.
    """
    widths = group_vectors(filters, lanes)
    made = "".join(
        text.replace("@VECTORS", str(vectors)).replace("@WIDTH", str(vectors * lanes))
        for vectors in widths
    )
    names = text[text.index("(") + 1 : text.index(")")]
    pick = f"group_{widths[0]}({names})"
    if len(widths) > 1:
        pick = f"{pick} if count > {lanes} else group_{widths[1]}({names})"
    return f"{made}\n\n@jit\ndef group({names}):\n    {pick}\n"
