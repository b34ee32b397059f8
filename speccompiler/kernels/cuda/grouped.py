"""A convolution by groups of channels, each of which has filters of its own.

A thread computes up to four filters of one output, all of one group. Weights are
(taps, channels of a group, filters).
"""

from __future__ import annotations

from speccompiler.expressions.source import word_source
from speccompiler.graph import dims
from speccompiler.graph.ir import Conv, Node
from speccompiler.graph.shapes import multiply_adds
from speccompiler.kernels.cuda.estimates import MULTIPLY_ADDS, moved
from speccompiler.kernels.cuda.flat_kernels import (
    FlatGrid,
    activated,
    elements_of,
    read,
    store,
)
from speccompiler.kernels.cuda.kernel import CudaKernel
from speccompiler.kernels.cuda.launches import Launch, Work
from speccompiler.kernels.cuda.long_sums import carried, is_long, rounded
from speccompiler.kernels.cuda.windows import Windows
from speccompiler.planning.candidate import KnownShape, known, op_of, three


def grouped(
    windows: Windows,
    groups: int,
    filters: int,
    *,
    repeats: tuple[int, int, int] = (1, 1, 1),
    bias: bool = False,
    activation: str | None = None,
) -> Launch:
    """Windows over ``groups`` parts of the channels; ``filters`` are those of all parts."""
    channels, kernel = windows.channels, windows.kernel
    inner, own = channels // groups, filters // groups
    grid = FlatGrid.over(elements_of(windows.outputs, filters), own)
    names, taken = grid.names("a"), grid.names("d")
    d, h, w = windows.lengths
    far = [n * r for n, r in zip(windows.lengths, repeats, strict=True)]
    place = [f"{at} // {r}" if r > 1 else at for at, r in zip("zvu", repeats, strict=True)]
    tap = f"((kz * {kernel[1]} + kv) * {kernel[2]} + ku)"
    at = f"(((s * {d} + {place[0]}) * {h} + {place[1]}) * {w} + {place[2]}) * {channels} + part"
    terms = [
        f"p = x[{at} + e]",
        read("w", f"({tap} * {inner} + e) * {filters} + c", taken),
    ]
    long = is_long(windows.places * inner)
    for j, (a, g) in enumerate(zip(names, taken, strict=True)):
        terms += carried(a, f"r{j}", f"p * {g}") if long else [f"{a} = fma(p, {g}, {a})"]
    body = [
        *grid.position(windows.outputs, filters),
        f"part = c // {own} * {inner}",
        read("b", "c", names) if bias else f"{' = '.join(names)} = np.float32(0)",
        *(f"r{j} = np.float32(0)" for j in range(grid.width) if long),
        *windows.loops(),
        f"            if 0 <= z < {far[0]} and 0 <= v < {far[1]} and 0 <= u < {far[2]}:",
        f"                for e in range({inner}):",
        *("                    " + line for line in terms),
        *(rounded(a, f"r{j}") for j, a in enumerate(names) if long),
        store(grid.first, activated(names, activation)),
    ]
    return grid.launch("grouped", body, activation)


def _work(node: Node, shape: KnownShape) -> Work:
    op, out = op_of(node), known(node)
    windows = Windows.of(op, shape, out)
    activation = None if op.activation is None else word_source(op.activation)
    launch = grouped(
        windows,
        op.groups,
        out[-1],
        repeats=three(op.repeats, 1),
        bias=op.bias is not None,
        activation=activation,
    )
    return Work((launch,))


def _nanoseconds(node: Node, shape: KnownShape) -> float:
    # A value is loaded for every four multiply-adds.
    return moved(node, shape) + 8 * dims.known(multiply_adds(node)) / MULTIPLY_ADDS


GROUPED = CudaKernel(
    "grouped",
    (Conv,),
    _work,
    lambda node, shape: op_of(node).groups > 1,
    _nanoseconds,
)
