"""Permutation of axes: tiles of 32 by 32 go through shared memory.

Reads run along the axis where the input's values lie side by side, writes along the axis
where the output's do, so that both are whole lines. In shared memory a tile's rows are one value
longer, so that the threads of a warp read different banks.
"""

from __future__ import annotations

from math import prod

from speccompiler.graph.ir import Node, Transpose
from speccompiler.kernels.axes import TransposePlan, transpose_plan
from speccompiler.kernels.cuda.kernel import CudaKernel
from speccompiler.kernels.cuda.launches import Launch, Work
from speccompiler.planning.candidate import KnownShape

Four = tuple[int, int, int, int]
SIDE = 32
ROWS = 8
"""Rows of a tile that are moved at once: SIDE * ROWS threads."""
THREADS = SIDE * ROWS
PITCH = SIDE + 1


def _blocks(lengths: Four, n: int) -> int:
    """Blocks for ``n`` samples: tiles of the two inner axes, for each place on the outer two."""
    *outer, across, along = lengths
    return n * prod(outer) * -(-across // SIDE) * -(-along // SIDE)


def transpose(plan: TransposePlan) -> Launch:
    """Axes are the output's; along the third one the input's values lie side by side."""
    lengths = plan.lengths
    _, second, across, along = lengths
    tall, wide = -(-across // SIDE), -(-along // SIDE)
    at = [
        f"a * {strides[0]} + c * {strides[1]} + s * {prod(lengths)}"
        for strides in (plan.source_strides, plan.target_strides)
    ]
    (_, _, su, sv), (_, _, tu, tv) = plan.source_strides, plan.target_strides
    if sv == 1:
        # The last axis stays last: the input is read along it too.
        u, v, place = "u0 + i", "v0 + lane", f"i * {PITCH} + lane"
    else:
        u, v, place = "u0 + lane", "v0 + i", f"lane * {PITCH} + i"
    lines = [
        f"shared = shared_floats({SIDE * PITCH})",
        "t = cuda.threadIdx.x",
        f"lane = t % {SIDE}",
        f"line = t // {SIDE}",
        "block = cuda.blockIdx.x",
        f"v0 = block % {wide} * {SIDE}",
        f"block = block // {wide}",
        f"u0 = block % {tall} * {SIDE}",
        f"block = block // {tall}",
        f"c = block % {second}",
        f"block = block // {second}",
        f"a = block % {lengths[0]}",
        f"s = block // {lengths[0]}",
        f"for i in range(line, {SIDE}, {ROWS}):",
        f"    if {u} < {across} and {v} < {along}:",
        f"        shared[{place}] = x[{at[0]} + ({u}) * {su} + ({v}) * {sv}]",
        "cuda.syncthreads()",
        f"for i in range(line, {SIDE}, {ROWS}):",
        f"    if u0 + i < {across} and v0 + lane < {along}:",
        f"        y[{at[1]} + (u0 + i) * {tu} + (v0 + lane) * {tv}] = shared[i * {PITCH} + lane]",
    ]
    text = "\n".join(["def kernel(x, y, w, b, n):", *("    " + line for line in lines), ""])
    return Launch("transpose", text, THREADS, lambda n: _blocks(lengths, n))


def _work(node: Node, shape: KnownShape) -> Work:
    return Work((transpose(transpose_plan(node, shape)),))


TRANSPOSE = CudaKernel("transpose", (Transpose,), _work)
