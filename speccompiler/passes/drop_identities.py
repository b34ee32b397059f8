"""Removes the nodes that change nothing."""

from __future__ import annotations

from speccompiler.graph.ir import Graph, Identity, Node, Pad, Pool, Transpose, Upsample
from speccompiler.passes.rewrite import bypass


def drop_identities(graph: Graph) -> Graph:
    """Drop Dropout, up-sampling by 1, padding by 0, pools of single values and the like.

    a = Conv(input)          a = Conv(input)
    b = Identity(a)     ->   c = Map(a)
    c = Map(b)
    """
    return bypass(graph, changes_nothing)


def changes_nothing(node: Node) -> bool:
    """Whether a node's value always equals its input."""
    match node.op:
        case Identity():
            return True
        case Upsample(factors):
            return all(f == 1 for f in factors)
        case Pad(padding):
            return all(pair == (0, 0) for pair in padding)
        case Pool(_, kernel, stride, padding, zeros):
            return all(v == 1 for v in kernel + stride) and all(
                pair == (0, 0) for pair in padding + zeros
            )
        case Transpose(axes):
            return axes == tuple(range(len(axes)))
        case _:
            return False
