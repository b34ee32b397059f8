"""Several values side by side along an axis: a launch for each of them."""

from __future__ import annotations

from math import prod

from speccompiler.graph.ir import Concat, Node
from speccompiler.kernels.cuda.flat_kernels import FlatGrid, read, store
from speccompiler.kernels.cuda.kernel import CudaKernel
from speccompiler.kernels.cuda.launches import Launch, Source, Work
from speccompiler.planning.candidate import KnownShape, known, op_of


def put(value: int, outer: int, start: int, length: int, whole: int) -> Launch:
    """Value number ``value`` of the step: runs of ``length``, each ``start`` into its row.

    A sample has ``outer`` rows of ``whole`` values.
    """
    wide = all(v % 4 == 0 for v in (start, length, whole))
    grid = FlatGrid(outer * length, 4 if wide else 1)
    names, runs = grid.names("a"), length // grid.width
    place = f"i // {runs} * {whole} + {start} + i % {runs} * {grid.width}"
    body = [read("x", grid.first, names), store(place, names)]
    return grid.launch("concat", body, reads=Source(value))


def _work(node: Node, shape: KnownShape) -> Work:
    op, out = op_of(node), known(node)
    outer, inner = prod(out[: op.axis]), prod(out[op.axis + 1 :])
    whole, start = out[op.axis] * inner, 0
    launches = []
    for index, length in enumerate(int(one) * inner for one in op.lengths):
        launches.append(put(index, outer, start, length, whole))
        start += length
    return Work(tuple(launches))


CONCAT = CudaKernel("concat", (Concat,), _work)
