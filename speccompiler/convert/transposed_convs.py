"""Transposed convolutions, which the graph has as a convolution for each class of outputs.

    c = Conv(x), all classes         y = transposed convolution of x
    r = Reshape(c)              ->
    t = Transpose(r)
    s = Reshape(t)
    y = Pad(s), cut off

See ``lowering/deconvolution.py``. Where the nodes are not exactly these, they are written one by
one, which gives the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

from speccompiler.frozen import dataclass
from speccompiler.graph import ir
from speccompiler.graph.dims import Dim, is_known
from speccompiler.graph.operands import Weight


@dataclass(frozen=True, slots=True)
class TransposedConv:
    """A convolution and what puts its classes in order, as one operation."""

    op: ir.Conv
    source: str
    """What it reads."""
    replaced: tuple[str, ...]
    """The nodes that it stands for, but the last."""
    pads: tuple[tuple[int, int], ...]
    """What is cut off the whole of the results; a negative number is added behind."""


def transposed_convs(graph: ir.Graph) -> Mapping[str, TransposedConv]:
    """Those that one operation says, by the node whose value they give."""
    readers, outputs = graph.readers(), frozenset(graph.outputs)

    def following(node: ir.Node) -> Iterator[ir.Node]:
        """The nodes after it, as long as each is the only reader of the one before."""
        while node.name not in outputs and len(readers[node.name]) == 1:
            (node,) = readers[node.name]
            yield node

    shapes = {node.name: node.shape for node in graph}
    found = {}
    for node in graph:
        if isinstance(node.op, ir.Conv) and _has_classes(node.op):
            made = _recognised(node, node.op, shapes[node.inputs[0]], list(following(node)))
            if made is not None:
                found[made[0]] = made[1]
    return found


def _has_classes(op: ir.Conv) -> bool:
    weight = op.weight
    return (
        isinstance(weight, ir.Weight)
        and math.prod(weight.phases) > 1
        and (op.activation, op.groups, op.repeats) == (None, 1, ())
        and all(s == 1 for s in op.stride)
    )


def _recognised(
    node: ir.Node, op: ir.Conv, read: ir.Shape, after: list[ir.Node]
) -> tuple[str, TransposedConv] | None:
    weight = op.weight
    assert isinstance(weight, ir.Weight), "classes are made of a stored tensor"
    stride, rank = weight.phases, len(op.kernel)
    counts, wide = node.shape[:-1], node.shape[-1]
    assert isinstance(wide, int), "filters are known"
    filters = wide // math.prod(stride)
    rest = iter(after)
    chain = [node]
    ordered = next(rest, None)
    if rank > 1:
        if ordered is None or ordered.op != ir.Reshape((*counts, *stride, filters)):
            return None
        chain.append(ordered)
        axes = tuple(range(2 * rank + 1))
        for ordered in rest:
            if not isinstance(ordered.op, ir.Transpose):
                break
            axes = tuple(axes[axis] for axis in ordered.op.axes)
            chain.append(ordered)
        pairs = (place for axis in range(rank) for place in (axis, rank + axis))
        if axes != (*pairs, 2 * rank):
            return None
    whole = tuple(n * s for n, s in zip(counts, stride, strict=True))
    if ordered is None or ordered.op != ir.Reshape((*whole, filters)):
        return None
    last, cut = ordered, ((0, 0),) * rank
    following = next(rest, None)
    if following is not None and isinstance(following.op, ir.Pad):
        known = tuple((b, a) for b, a in following.op.padding if is_known(b) and is_known(a))
        if len(known) == rank and all(n <= 0 for pair in known for n in pair):
            chain.append(last)
            last, cut = following, known
    sides = [
        _sides(*of)
        for of in zip(
            read, weight.whole_kernel, op.kernel, stride, op.dilation or (1,) * rank,
            op.padding, counts, cut, strict=False,
        )
    ]  # fmt: skip
    pads = tuple(pair for pair in sides if pair is not None)
    if len(pads) < rank:
        return None
    names = tuple(one.name for one in chain)
    return last.name, TransposedConv(op, node.inputs[0], names, pads)


def _sides(
    n: Dim,
    k: int,
    taps: int,
    s: int,
    d: int,
    padding: tuple[Dim, Dim],
    count: Dim,
    cut: tuple[int, int],
) -> tuple[int, int] | None:
    """What is cut off along an axis; None where no format has a number for it."""
    front = (taps - 1) * d - padding[0]
    begin = s * front - cut[0]
    end = s * (n - 1) + (k - 1) * d + 1 - s * front - s * count - cut[1]
    if not is_known(begin) or not is_known(end) or begin < 0 or end <= -max(s, d):
        return None
    return begin, end


def whole_kernel(op: ir.Conv) -> Weight:
    """The kernel with its classes together, ``(*k, C, F)``, to be applied as it is stored."""
    weight = op.weight
    assert isinstance(weight, Weight), "classes are made of a stored tensor"
    filters = op.filters // math.prod(weight.phases)
    return replace(weight, phases=(), shape=(*weight.whole_kernel, weight.shape[-2], filters))


def strides_of(op: ir.Conv) -> tuple[int, ...]:
    """The strides of the transposed convolution that a convolution of all classes is."""
    assert isinstance(op.weight, Weight), "classes are made of a stored tensor"
    return op.weight.phases
