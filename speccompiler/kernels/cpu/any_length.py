"""The texts that a model may need at any of its lengths: compiled before the first run.

Which kernel does a step may hang on its lengths, and so may the width of vectors. Both choices
are few, so that a model with open lengths has all of its machine code from the beginning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from speccompiler.expressions.nodes import Expression
from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.activation_text import activation_text
from speccompiler.kernels.cpu.codegen.register_tile import product_tile_text, tile_text
from speccompiler.kernels.cpu.functions import finish
from speccompiler.kernels.cpu.library import Text
from speccompiler.kernels.cpu.plain_copy import CopyKernel
from speccompiler.kernels.cpu.scan import scan_ends
from speccompiler.kernels.cpu.table import BY_OPERATION
from speccompiler.kernels.cpu.winograd import WinogradKernel

TILED = "conv", "matmul", "recurrent", "recurrent_image"
"""Kernels that call the register tile."""


def texts_of_any_length(graphs: Iterable[ir.Graph], lanes: int, *, fast: bool) -> tuple[Text, ...]:
    """Each text once, for graphs whose lengths may be open.

    The graphs are the model as it was lowered, and as passes left it for some lengths: what
    stands alone in one may be part of a convolution in the other.
    """
    found: dict[Text, None] = dict.fromkeys(
        (CopyKernel.name, text) for text in CopyKernel.texts(lanes)
    )
    for graph in graphs:
        for node in graph:
            found.update(dict.fromkeys(_texts(node, lanes, fast)))
            if isinstance(node.op, ir.Pool | ir.GlobalPool) and _turns(graph):
                # It may be done on planes, as images of one channel.
                found.update(dict.fromkeys(_texts(_on_planes(node), lanes, fast)))
    return tuple(found)


def _texts(node: ir.Node, lanes: int, fast: bool) -> Iterator[Text]:
    for kernel in BY_OPERATION.get(type(node.op), ()):
        if not fast and not kernel.precise:
            continue
        texts = [(kernel.name, text) for text in kernel.texts_for(node, lanes)]
        yield from texts
        if texts and kernel.name in TILED:
            yield "tile", tile_text(lanes)
        if texts and kernel is WinogradKernel:
            yield "tile", product_tile_text(lanes)
    for ending in _endings(node.op):
        if ending is not None:
            yield "activation", activation_text(ending, lanes)


def _endings(op: ir.Op) -> Sequence[Expression | None]:
    """What a kernel calls for its values, beside its own text."""
    match op:
        case ir.Map(activation):
            return [activation]
        case ir.MapWith():
            return [finish(op.after).activation]
        case ir.Conv() | ir.Depthwise() | ir.Combine():
            return [finish(op.activation).activation]
        case ir.Recurrent():
            ends = scan_ends(op)
            return [ends.own.activation, ends.total.activation]
        case _:
            return []


def _turns(graph: ir.Graph) -> bool:
    return any(isinstance(node.op, ir.Transpose) for node in graph)


def _on_planes(node: ir.Node) -> ir.Node:
    return replace(node, shape=(node.shape[-1], *node.shape[:-1], 1))
