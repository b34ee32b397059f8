"""A convolution in which every position has weights of its own (locally connected).

A thread computes up to four filters of one output. Weights are (positions, terms, filters), the
bias is (positions, filters).
"""

from __future__ import annotations

from math import prod

from speccompiler.graph.ir import Local, Node
from speccompiler.kernels.cuda.flat_kernels import FlatGrid, elements_of, read, store
from speccompiler.kernels.cuda.kernel import CudaKernel
from speccompiler.kernels.cuda.launches import Launch, Work
from speccompiler.kernels.cuda.long_sums import carried, is_long, rounded
from speccompiler.kernels.cuda.windows import Windows
from speccompiler.planning.candidate import KnownShape, known, op_of


def local(windows: Windows, filters: int, bias: bool, outer: int = 1) -> Launch:
    """All windows times their own weights, for ``outer`` values a sample of the same weights."""
    channels, kernel, outputs = windows.channels, windows.kernel, windows.outputs
    grid = FlatGrid.over(outer * elements_of(outputs, filters), filters)
    names, taken = grid.names("a"), grid.names("d")
    d, h, w = windows.lengths
    terms = windows.places * channels
    tap = f"((kz * {kernel[1]} + kv) * {kernel[2]} + ku) * {channels} + e"
    inner = [
        f"p = x[(((s * {d} + z) * {h} + v) * {w} + u) * {channels} + e]",
        read("w", f"(own * {terms} + {tap}) * {filters} + c", taken),
    ]
    long = is_long(terms)
    for j, (a, g) in enumerate(zip(names, taken, strict=True)):
        inner += carried(a, f"r{j}", f"p * {g}") if long else [f"{a} = fma(p, {g}, {a})"]
    body = [
        *grid.position(outputs, filters),
        *(f"r{j} = np.float32(0)" for j in range(grid.width) if long),
        f"own = (oz * {outputs[1]} + oy) * {outputs[2]} + ox",
        *(f"{a} = np.float32(0)" for a in names),
        *windows.loops(),
        f"            for e in range({channels}):",
        *("                " + line for line in inner),
        *(rounded(a, f"r{j}") for j, a in enumerate(names) if long),
    ]
    if bias:
        body += [read("b", f"own * {filters} + c", taken)]
        body += [f"{a} += {g}" for a, g in zip(names, taken, strict=True)]
    return grid.launch("local", [*body, store(grid.first, names)])


def _work(node: Node, shape: KnownShape) -> Work:
    op, out = op_of(node), known(node)
    first = len(shape) - 1 - len(op.kernel)
    windows = Windows.of(op, shape[first:], out[first:])
    return Work((local(windows, out[-1], op.bias is not None, prod(shape[:first])),))


LOCAL = CudaKernel("local", (Local,), _work)
