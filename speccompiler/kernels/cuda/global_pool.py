"""Maximum, mean, sum or product of all positions of a channel."""

from __future__ import annotations

from math import prod

from speccompiler.graph.ir import GlobalPool, Node
from speccompiler.kernels.cuda.channel_kernels import ChannelGrid
from speccompiler.kernels.cuda.kernel import CudaKernel
from speccompiler.kernels.cuda.launches import Launch, Work
from speccompiler.kernels.cuda.long_sums import rounded
from speccompiler.planning.candidate import KnownShape, op_of


def global_pool(grid: ChannelGrid, mode: str) -> Launch:
    """One output for each channel of the grid."""
    return grid.launch("global_pool", _product(grid) if mode == "product" else _joined(grid, mode))


def _joined(grid: ChannelGrid, mode: str) -> list[str]:
    largest = mode == "max"
    # NaN is chosen, and nothing is larger than it.
    both = "v if v > found or v != v else found" if largest else "found + v"
    return [
        f"found = np.float32({'-np.inf' if largest else '0'})",
        *(grid.strided(f"found = {both}") if largest else grid.summed("found", "v")),
        *grid.joined("found", both),
        f"if line == 0 and own < {grid.channels}:",
        f"    y[o * {grid.channels} + c] = found"
        + (" / np.float32(count)" if mode == "average" else ""),
    ]


def _product(grid: ChannelGrid) -> list[str]:
    """By the first thread of a channel alone; what each product rounds off is carried on.

    In float32: what grows beyond it on the way is infinite, as in Keras's own.
    """
    return [
        "found, rest = np.float32(1), np.float32(0)",
        f"if line == 0 and own < {grid.channels}:",
        "    for i in range(count):",
        f"        v = x[start + i * {grid.channels}]",
        "        both = found * v",
        "        rest = fma(rest, v, fma(found, v, -both))",
        "        found = both",
        f"    {rounded('found', 'rest')}",
        f"    y[o * {grid.channels} + c] = found",
    ]


def _work(node: Node, shape: KnownShape) -> Work:
    op = op_of(node)
    grid = ChannelGrid(prod(shape[: op.kept]), prod(shape[op.kept : -1]), shape[-1])
    return Work((global_pool(grid, op.mode),))


GLOBAL_POOL = CudaKernel("global_pool", (GlobalPool,), _work)
