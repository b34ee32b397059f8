"""Which transposes no step has to do, because a convolution reads or writes planes as they lie.

    t = Transpose(x)        c = Conv(planes of x)
    c = Conv(t)        ->

and likewise where a Transpose alone reads a convolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from speccompiler.graph.ir import Graph, Node, Transpose
from speccompiler.planning.kernel_table import is_view
from speccompiler.planning.placement import Work


def take_in_transposes(graph: Graph, work: Sequence[Work]) -> list[Work]:
    """Let convolutions whose kernels can do it take in the transposes beside them.

    The other readers of what is transposed would need it anyway: then it is left as it is. So is a
    view, which no step does: the value lies as the convolution has it.
    """
    nodes, readers, outputs = graph.by_name(), graph.readers(), frozenset(graph.outputs)

    def alone(name: str) -> bool:
        return len(readers[name]) == 1 and name not in outputs

    taken: set[str] = set()
    done: list[Work] = []
    for w in work:
        if w.candidate.planes and w.pool is None:
            (source,) = (nodes[name] for name in w.node.inputs)
            # Of two axes a Transpose is both: then the convolution before it may have taken it.
            if _from_planes(source) and alone(source.name) and source.name not in taken:
                w = replace(w, turned=source)
            after = readers[w.node.name][0] if alone(w.node.name) else None
            if after is not None and _to_planes(after):
                w = replace(w, turned_back=after)
        taken.update(node.name for node in (w.turned, w.turned_back) if node is not None)
        done.append(w)
    return [w for w in done if w.node.name not in taken]


def _from_planes(node: Node) -> bool:
    rank = len(node.shape)
    return rank > 1 and node.op == Transpose((*range(1, rank), 0)) and not is_view(node)


def _to_planes(node: Node) -> bool:
    rank = len(node.shape)
    return rank > 1 and node.op == Transpose((rank - 1, *range(rank - 1))) and not is_view(node)
