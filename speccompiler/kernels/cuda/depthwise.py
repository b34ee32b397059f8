"""A convolution in which every channel has kernels of its own.

A thread computes up to four channels of one output. Weights are (taps, multiplier * channels).
"""

from __future__ import annotations

from speccompiler.expressions.source import word_source
from speccompiler.graph.ir import Depthwise, Node
from speccompiler.kernels.cuda.flat_kernels import FlatGrid, activated, elements_of, read, store
from speccompiler.kernels.cuda.kernel import CudaKernel
from speccompiler.kernels.cuda.launches import Launch, Work
from speccompiler.kernels.cuda.long_sums import carried, is_long, rounded
from speccompiler.kernels.cuda.windows import Windows
from speccompiler.planning.candidate import KnownShape, known, op_of


def depthwise(
    windows: Windows, multiplier: int, *, bias: bool = False, activation: str | None = None
) -> Launch:
    """Each channel's windows times ``multiplier`` kernels."""
    channels, kernel = windows.channels, windows.kernel
    filters = multiplier * channels
    grid = FlatGrid.over(elements_of(windows.outputs, filters), channels)
    names, seen, taken = (grid.names(letter) for letter in "apd")
    d, h, w = windows.lengths
    tap = f"((kz * {kernel[1]} + kv) * {kernel[2]} + ku)"
    inner = [
        read("x", f"(((s * {d} + z) * {h} + v) * {w} + u) * {channels} + e", seen),
        read("w", f"{tap} * {filters} + c", taken),
    ]
    long = is_long(windows.places)
    for j, (a, p, g) in enumerate(zip(names, seen, taken, strict=True)):
        inner += carried(a, f"r{j}", f"{p} * {g}") if long else [f"{a} = fma({p}, {g}, {a})"]
    body = [
        *grid.position(windows.outputs, filters),
        f"e = c % {channels}",
        *([read("b", "c", names)] if bias else [f"{a} = np.float32(0)" for a in names]),
        *(f"r{j} = np.float32(0)" for j in range(grid.width) if long),
        *windows.loops(),
        f"            if 0 <= z < {d} and 0 <= v < {h} and 0 <= u < {w}:",
        *("                " + line for line in inner),
        *(rounded(a, f"r{j}") for j, a in enumerate(names) if long),
        store(grid.first, activated(names, activation)),
    ]
    return grid.launch("depthwise", body, activation)


def _work(node: Node, shape: KnownShape) -> Work:
    op = op_of(node)
    activation = None if op.activation is None else word_source(op.activation)
    windows, bias = Windows.of(op, shape, known(node)), op.bias is not None
    return Work((depthwise(windows, op.weight.shape[-2], bias=bias, activation=activation),))


DEPTHWISE = CudaKernel("depthwise", (Depthwise,), _work)
