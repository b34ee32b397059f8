"""An activation of every value that has parameters beside it, such as PReLU's slopes."""

from __future__ import annotations

from math import prod

import numpy as np

from speccompiler.expressions.nodes import substitute
from speccompiler.expressions.source import word_source
from speccompiler.graph.ir import MapWith, Node
from speccompiler.kernels.axes import parameter_axes
from speccompiler.kernels.cuda.flat_kernels import FlatGrid, read, store
from speccompiler.kernels.cuda.kernel import EMPTY, CudaKernel, Given, Packed
from speccompiler.kernels.cuda.launches import Launch, Work
from speccompiler.planning.candidate import KnownShape, known, op_of


def activate_with(elements: int, period: int, parameters: int, activation: str) -> Launch:
    """``elements`` values of a sample; each parameter repeats after ``period`` of them."""
    grid = FlatGrid.over(elements, period)
    names = grid.names("a")
    given = [grid.names(f"p{k}_") for k in range(parameters)]
    body = [read("x", grid.first, names), f"j = {grid.first} % {period}"]
    body += [read("w", f"{k * period} + j", p) for k, p in enumerate(given)]
    results = [f"activate({', '.join(v)})" for v in zip(names, *given, strict=True)]
    return grid.launch("map_with", [*body, store(grid.first, results)], activation)


def _work(node: Node, shape: KnownShape) -> Work:
    op, period = op_of(node), prod(shape[parameter_axes(node) :])
    count = len(op.parameters)
    expression = op.activation if op.after is None else substitute(op.after, op.activation)
    activation = word_source(expression, parameters=count)
    return Work((activate_with(prod(shape), period, count, activation),))


def _pack(node: Node, shape: KnownShape, given: Given) -> Packed:
    """One period of each parameter after another."""
    first = parameter_axes(node)
    period = known(node)[first:]
    each = [np.broadcast_to(p.reshape(p.shape[first:]), period).reshape(-1) for p in given]
    return np.concatenate(each, dtype=np.float32, casting="same_kind"), EMPTY


MAP_WITH = CudaKernel("map_with", (MapWith,), _work, pack=_pack)
