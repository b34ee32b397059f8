"""Maximum and average pooling of any rank: a thread to up to four channels of one output.

Padding never counts. The zeros of a ZeroPadding that was folded in do: they lie between the
data and the padding, count for the mean and take part in the maximum.
"""

from __future__ import annotations

from dataclasses import replace

from speccompiler.graph.ir import Node, Pool
from speccompiler.kernels.cuda.flat_kernels import FlatGrid, elements_of, read, store
from speccompiler.kernels.cuda.kernel import CudaKernel
from speccompiler.kernels.cuda.launches import Launch, Work
from speccompiler.kernels.cuda.long_sums import carried, is_long, rounded
from speccompiler.kernels.cuda.windows import Windows
from speccompiler.planning.candidate import KnownShape, known, op_of, three

Ranges = tuple[tuple[int, int], ...]
"""First and end of what counts along each of three axes, from the data's origin."""


def pool(mode: str, windows: Windows, counted: Ranges) -> Launch:
    """The ``max`` or ``average`` of each window; zeros stand where data end but places count."""
    kernel, channels, lengths = windows.kernel, windows.channels, windows.lengths
    grid = FlatGrid.over(elements_of(windows.outputs, channels), channels)
    names, seen = grid.names("a"), grid.names("v")
    d, h, w = lengths
    largest = mode == "max"
    body = grid.position(windows.outputs, channels)
    body += [f"{a} = np.float32({'-np.inf' if largest else '0'})" for a in names]
    for axis, (letter, out) in enumerate(zip("zyx", ("oz", "oy", "ox"), strict=True)):
        first, end = counted[axis]
        apart, size = windows.dilation[axis], kernel[axis]
        body += [f"{letter}0 = {out} * {windows.stride[axis]} - {windows.before[axis]}"]
        if apart == 1:
            body += [f"{letter}1 = min({letter}0 + {size}, {end})"]
            body += [f"{letter}0 = max({letter}0, {first})"]
            continue
        # The first place that counts, and how many there are.
        body += [f"{letter}1 = min({letter}0 + {(size - 1) * apart + 1}, {end})"]
        body += [f"if {letter}0 < {first}:"]
        body += [f"    {letter}0 += ({first} - {letter}0 + {apart - 1}) // {apart} * {apart}"]
    load = read("x", f"(((s * {d} + z) * {h} + y_) * {w} + x_) * {channels} + c", seen)
    loops = []
    for axis, (name, letter) in enumerate((("z", "z"), ("y_", "y"), ("x_", "x"))):
        apart = windows.dilation[axis]
        step = "" if apart == 1 else f", {apart}"
        loops += ["    " * axis + f"for {name} in range({letter}0, {letter}1{step}):"]
    inner: list[str] = []
    if any(first < 0 or end > n for (first, end), n in zip(counted, lengths, strict=True)):
        inner += [f"{' = '.join(seen)} = np.float32(0)"]
        inner += [f"if 0 <= z < {d} and 0 <= y_ < {h} and 0 <= x_ < {w}:"]
        load = "    " + load
    inner += [load]
    long = not largest and is_long(windows.places)
    for j, (a, v) in enumerate(zip(names, seen, strict=True)):
        # NaN is chosen, and nothing is larger than it.
        larger = f"{a} = {v} if {v} > {a} or {v} != {v} else {a}"
        inner += carried(a, f"rest{j}", v) if long else [larger if largest else f"{a} += {v}"]
    body += [f"rest{j} = np.float32(0)" for j in range(grid.width) if long]
    body += [*loops, *("            " + line for line in inner)]
    body += [rounded(a, f"rest{j}") for j, a in enumerate(names) if long]
    if not largest:
        counts = [
            f"({letter}1 - {letter}0)"
            if apart == 1
            else f"(({letter}1 - {letter}0 + {apart - 1}) // {apart})"
            for letter, apart in zip("zyx", windows.dilation, strict=True)
        ]
        body += [f"count = np.float32({' * '.join(counts)})"]
        names = [f"{a} / count" for a in names]
    return grid.launch("pool", [*body, store(grid.first, names)])


def _work(node: Node, shape: KnownShape) -> Work:
    op = op_of(node)
    windows = Windows.of(op, shape, known(node))
    zeros = ((0, 0),) * (3 - len(op.zeros)) + op.zeros
    counted = tuple((-b, n + a) for n, (b, a) in zip(windows.lengths, zeros, strict=True))
    # The kernel's origin counts from the data, so the folded zeros shift it too.
    before = [b + z for (b, _), (z, _) in zip(op.padding, op.zeros, strict=True)]
    return Work((pool(op.mode, replace(windows, before=three(before, 0)), counted),))


POOL = CudaKernel("pool", (Pool,), _work)
