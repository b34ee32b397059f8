"""The functions of pooling's texts that make a window's value: its largest, or its mean.

A window is one loop over its rows and columns, whose numbers are data: a loop in a loop costs
more than what it does. Every window takes its values plane by plane, row by row and from the left
to the right, so that a mean does not depend on how its channels lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from speccompiler.kernels.cpu.codegen.text import filled

Kind = Literal["max", "mean", "long mean"]

SHARE = '''

@jit
def share(count):
    """The largest power of two that is no more than ``1 / count``."""
    scale = 1.0
    while scale * count > 1.0:
        scale *= 0.5
    return scale
'''
"""How much of a mean each value is: a factor that rounds nothing and cannot overflow."""

SECOND = """

@jit
def second_@VECTORS(
    x, xo, planes, plane, rows, row, columns, first, scale, rest, y, yo, apart
):
    @STARTS
    last, again = columns - 2, False
    if columns == 2 and planes == 1:
        # The commonest windows.
        for h in range(rows):
            p = xo + h * row
            @PAIRS
    else:
        for d in range(planes):
            q, c = xo + d * plane, 0
            for _ in range(rows * ((columns + 1) // 2)):
                # Of a last column without a neighbour the one before is seen again.
                p, again = q + min(c, last), c > last
                @PAIRS
                c += 2
                q = q if c < columns else q + row
                c = c if c < columns else 0
    @ENDS
    @STORED
"""

ROWS = """
    over = row - (columns - 1) * step
    for d in range(planes):
        p, c = xo + d * plane, 1
        for _ in range(rows * columns):
            @ADDS
            p += step if c < columns else over
            c = c + 1 if c < columns else 1
"""

LONG_ROWS = """
    for d in range(planes):
        for h in range(rows):
            p = xo + d * plane + h * row
            for before in range(0, columns, @SHORT):
                @BEGINS
                for _ in range(before, min(columns, before + @SHORT)):
                    @ADDS
                    p += step
                @CARRIES
"""


class _Statements:
    """What is done to ``s0`` and so on, the sums or maxima of some vectors of windows."""

    def __init__(self, kind: Kind, vectors: int) -> None:
        every = range(vectors)
        self.starts = [f"s{s} = splat(first)" for s in every]
        self.begins = [f"s{s} = splat(np.float32(0))" for s in every]
        self.carries = [f"t{s}, r{s} = carried(t{s}, r{s}, s{s})" for s in every]
        self.ends: list[str] = []
        if kind == "max":
            # A NaN is kept by itself, so that a maximum is one instruction.
            self.starts += [f"u{s} = splat(np.float32(0))" for s in every]
            self.ends = [f"s{s} = select(not_equal(u{s}, u{s}), u{s}, s{s})" for s in every]
        else:
            self.starts.append("part = splat(scale)")
        if kind == "long mean":
            self.starts += [f"t{s} = r{s} = splat(np.float32(0))" for s in every]
            self.ends = [f"s{s} = rounded(t{s}, r{s})" for s in every]
        if kind != "max":
            self.ends += ["if rest != 1:", *(f"    s{s} = div(s{s}, splat(rest))" for s in every)]
        self.kind = kind

    def adds(self, s: int) -> list[str]:
        """A vector ``a`` of values is taken in."""
        if self.kind == "max":
            return [f"s{s} = maximum(s{s}, a)", f"u{s} = select(not_equal(a, a), a, u{s})"]
        return [f"s{s} = fma(a, part, s{s})"]

    def pair(self, s: int) -> list[str]:
        """Two vectors are taken in, the first only where it was not seen ``again``."""
        if self.kind == "max":
            # A maximum does not mind what it has seen.
            return [
                f"s{s} = maximum(maximum(s{s}, a), b)",
                f"u{s} = select(unordered(a, b), add(a, b), u{s})",
            ]
        return [f"s{s} = s{s} if again else fma(a, part, s{s})", f"s{s} = fma(b, part, s{s})"]


def _window(name: str, kind: Kind, seen: Sequence[str], stored: Sequence[str], more: str) -> str:
    """A function that takes in ``seen`` of every column, and does ``stored`` with the results."""
    does = _Statements(kind, len(seen))
    head = (
        f"\n\n@jit\ndef {name}(\n"
        "    x, xo, planes, plane, rows, row, columns, step, first, scale, rest, y, yo"
        f"{more}\n):\n    @STARTS"
    )
    rows = LONG_ROWS if kind == "long mean" else ROWS
    return filled(
        f"{head}{rows}    @ENDS\n    @STORED\n",
        starts=does.starts,
        begins=does.begins,
        adds=[line for s, value in enumerate(seen) for line in (f"a = {value}", *does.adds(s))],
        carries=does.carries,
        ends=does.ends,
        stored=stored,
    )


def windows(kind: Kind, vectors: int) -> str:
    """The windows of some vectors, ``x_apart`` in the input and ``y_apart`` in the output."""
    every = range(vectors)
    seen = [f"load(x, p + {s} * x_apart)" for s in every]
    stored = [f"store(y, yo + {s} * y_apart, s{s})" for s in every]
    return _window(f"window_{vectors}", kind, seen, stored, ", x_apart, y_apart")


def part(kind: Kind) -> str:
    """The windows of some lanes of a vector."""
    seen, stored = ["load_where(x, p, some)"], ["store_where(y, yo, some, s0)"]
    return _window("part", kind, seen, stored, ", some")


def along(kind: Kind) -> str:
    """The windows of a vector of positions that are ``sw`` apart, or of as many lines: ``down``."""
    seen = ["load_every(x, p, x_apart)"]
    return "".join(
        _window(name, kind, seen, [stored], ", x_apart, y_apart")
        for name, stored in (
            ("along", "store(y, yo, s0)"),
            ("down", "store_every(y, yo, y_apart, s0)"),
        )
    )


def second(kind: Kind, vectors: int) -> str:
    """The windows of positions that are 2 apart, of vectors ``apart`` in the output."""
    does, every = _Statements(kind, vectors), range(vectors)
    pairs = []
    for s in every:
        at = f"p + {2 * s} * apart"
        pairs += [
            f"here, there = load(x, {at}), load(x, {at} + @LANES)",
            "a, b = even(here, there), odd(here, there)",
            *does.pair(s),
        ]
    return filled(
        SECOND.replace("@VECTORS", str(vectors)),
        starts=does.starts,
        pairs=pairs,
        ends=does.ends,
        stored=[f"store(y, yo + {s} * apart, in_order(s{s}))" for s in every],
    )
