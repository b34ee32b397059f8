"""The parts of sums that a product has cut, added in order; then bias and activation."""

from __future__ import annotations

from speccompiler.kernels.cuda.flat_kernels import FlatGrid, activated, read, store
from speccompiler.kernels.cuda.gemm_geometry import Gemm
from speccompiler.kernels.cuda.launches import Launch
from speccompiler.kernels.cuda.long_sums import carried, rounded


def sum_parts(g: Gemm) -> Launch:
    """The ``splits`` parts lie one after another, each of them for all samples."""
    elements = g.positions * g.filters
    grid = FlatGrid.over(elements, g.filters)
    names, parts, biases = (grid.names(letter) for letter in "apd")
    body = [read("x", grid.first, names)]
    body += [f"rest{j} = np.float32(0)" for j in range(grid.width)]
    body += [f"for part in range(1, {g.splits}):"]
    body += ["    " + read("x", f"part * n * {elements} + {grid.first}", parts)]
    for j, (a, p) in enumerate(zip(names, parts, strict=True)):
        body += ["    " + line for line in carried(a, f"rest{j}", p)]
    body += [rounded(a, f"rest{j}") for j, a in enumerate(names)]
    if g.bias:
        body += [read("b", f"{grid.first} % {g.filters}", biases)]
        body += [f"{a} += {d}" for a, d in zip(names, biases, strict=True)]
    body += [store(grid.first, activated(names, g.activation))]
    return grid.launch("sum", body, g.activation, reads=0)
