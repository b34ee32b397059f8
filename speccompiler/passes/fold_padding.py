"""Lets a convolution or a pool pad by itself instead of reading a padded copy."""

from __future__ import annotations

from dataclasses import replace

from speccompiler.graph.dims import Dim
from speccompiler.graph.ir import Conv, Depthwise, Graph, Node, Pad, Padding, Pool
from speccompiler.passes.rewrite import holds, rewrite, with_op


def fold_padding(graph: Graph) -> Graph:
    """Fold ZeroPadding into each convolution, pool or padding that reads it.

        p = Pad(x, 1)                c = Conv(x, padding=1 + own)
        c = Conv(p, padding=own) ->

    Exact, because a convolution pads with zeros too, and a pool keeps these zeros apart from its
    own padding, because it counts them (``Pool.zeros``). A negative padding cuts values off:
    where the reader pads a side that its source has cut, both stay.
    """
    return rewrite(graph, _fold) if holds(graph, Pad) else graph


def _fold(node: Node, done: dict[str, Node]) -> Node:
    if not node.inputs:
        return node
    source = done[node.inputs[0]]
    if not isinstance(source.op, Pad):
        return node
    origin, zeros = done[source.inputs[0]], source.op.padding
    pads = [getattr(node.op, "padding", ())]
    if isinstance(node.op, Pool):
        pads.append(node.op.zeros)
    if any(_refills(*sides) for own in pads for sides in zip(zeros, own, strict=False)):
        return node
    match node.op:
        case Conv(padding=own, repeats=repeats) if repeats:
            scaled = tuple((r * b, r * a) for r, (b, a) in zip(repeats, zeros, strict=True))
            return with_op(node, replace(node.op, padding=_add(own, scaled)), origin)
        case Conv(padding=own) | Depthwise(padding=own) | Pad(padding=own):
            return with_op(node, replace(node.op, padding=_add(own, zeros)), origin)
        case Pool(zeros=own):
            return with_op(node, replace(node.op, zeros=_add(own, zeros)), origin)
        case _:
            return node


def _refills(first: tuple[Dim, Dim], then: tuple[Dim, Dim]) -> bool:
    """Whether a side that was cut is padded again, or may be, where a length is open."""
    return any(
        not (isinstance(cut, int) and cut >= 0) and not (isinstance(padded, int) and padded <= 0)
        for cut, padded in zip(first, then, strict=True)
    )


def _add(one: Padding, other: Padding) -> Padding:
    return tuple((b + d, a + c) for (b, a), (d, c) in zip(one, other, strict=True))
