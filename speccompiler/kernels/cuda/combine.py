"""Several values as one, element by element: sum, difference, mean, product, quotient or extreme.

Two values are combined at a time, from first to last; what they come to so far is the output.
"""

from __future__ import annotations

from math import prod

from speccompiler.expressions.source import word_source
from speccompiler.graph.ir import Combine, Node
from speccompiler.kernels.cuda.flat_kernels import FlatGrid, activated, read, store
from speccompiler.kernels.cuda.kernel import CudaKernel
from speccompiler.kernels.cuda.launches import Launch, Source, Work, X, Y
from speccompiler.planning.candidate import KnownShape, op_of

COMBINED = {
    "sum": "{a} + {b}",
    "ave": "{a} + {b}",
    "difference": "{a} - {b}",
    "mul": "{a} * {b}",
    "quotient": "{a} / {b}",
    # NaN is chosen, and nothing is larger than it.
    "max": "{b} if {b} > {a} or {b} != {b} else {a}",
    "min": "{b} if {b} < {a} or {b} != {b} else {a}",
}


def combine(
    elements: int, mode: str, second: int, *, divisor: int = 1, activation: str | None = None
) -> Launch:
    """The output so far (the first value at first) and value number ``second`` of the step."""
    grid = FlatGrid.over(elements, elements)
    names, others = grid.names("a"), grid.names("d")
    body = [read("x", grid.first, names), read("w", grid.first, others)]
    for a, b in zip(names, others, strict=True):
        body += [f"{a} = {COMBINED[mode].format(a=a, b=b)}"]
        if divisor > 1:
            body += [f"{a} = {a} / np.float32({divisor})"]
    body += [store(grid.first, activated(names, activation))]
    reads = X if second == 1 else Y
    return grid.launch("combine", body, activation, reads, Source(second))


def _work(node: Node, shape: KnownShape) -> Work:
    op, elements, last = op_of(node), prod(shape), len(node.inputs) - 1
    earlier = [combine(elements, op.mode, index) for index in range(1, last)]
    activation = None if op.activation is None else word_source(op.activation)
    divisor = last + 1 if op.mode == "ave" else 1
    final = combine(elements, op.mode, last, divisor=divisor, activation=activation)
    return Work((*earlier, final))


COMBINE = CudaKernel("combine", (Combine,), _work)
