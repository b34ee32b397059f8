"""Lets a convolution read each input several times instead of a repeated copy."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from speccompiler.graph.ir import Conv, Graph, Node, Upsample
from speccompiler.passes.rewrite import holds, rewrite, with_op


def fold_upsampling(graph: Graph) -> Graph:
    """Fold an UpSampling into the convolution that alone reads it.

        u = Upsample(x, 2)
        c = Conv(u)         ->    c = Conv(x, repeats=2)

    Always exact: the windows see the same values. Not done for kernels of length 1, which would
    compute the same sums several times, nor where another reader needs the copy anyway.
    """
    if not holds(graph, Upsample):
        return graph
    readers, outputs = graph.readers(), frozenset(graph.outputs)

    def fold(node: Node, done: dict[str, Node]) -> Node:
        if not node.inputs or not isinstance(node.op, Conv):
            return node
        source = done[node.inputs[0]]
        wanted = len(readers[source.name]) > 1 or source.name in outputs
        if not isinstance(source.op, Upsample) or wanted or prod(node.op.kernel) == 1:
            return node
        own = node.op.repeats or (1,) * len(source.op.factors)
        repeats = tuple(a * b for a, b in zip(own, source.op.factors, strict=True))
        return with_op(node, replace(node.op, repeats=repeats), done[source.inputs[0]])

    return rewrite(graph, fold)
