"""Formulas over the last axis that one layer of Keras 3 says: UnitNormalization and log_softmax.

The graph has them as several nodes; what is computed of a row is repeated along it by an Expand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from speccompiler.expressions.nodes import Binary, Call, Number, Variable
from speccompiler.frozen import dataclass
from speccompiler.graph import ir

X = Variable()
SQUARE, EXP, LOG = Binary("*", X, X), Call("exp", (X,)), Call("log", (X,))
LEAST_NORM = 1e-6
"""The largest norm below which releases of Keras 3 divide by something else."""


@dataclass(frozen=True, slots=True)
class RowFormula:
    """A layer's class, its arguments, what it reads, and the nodes in front that it replaces."""

    kind: str
    config: Mapping[str, Any]
    source: str
    replaced: frozenset[str]


def row_formulas(graph: ir.Graph) -> dict[str, RowFormula]:
    """Every such formula whose nodes nothing else reads, by its last node."""
    nodes, readers = graph.by_name(), graph.readers()
    found = {}
    for node in graph:
        if not isinstance(node.op, ir.Combine) or len(node.inputs) != 2:
            continue
        inside: list[str] = []
        made = _norm(nodes, node, inside) or _log_softmax(nodes, node, inside)
        if made is None:
            continue
        kind, config, source = made
        own = {*inside, node.name}
        read = {reader.name for name in inside for reader in readers[name]}
        if read <= own and own.isdisjoint({*graph.outputs} - {node.name}):
            found[node.name] = RowFormula(kind, config, source, frozenset(inside))
    return found


def _norm(
    nodes: Mapping[str, ir.Node], node: ir.Node, inside: list[str]
) -> tuple[str, dict[str, Any], str] | None:
    """``x / max(sqrt(sum(x * x)), epsilon)``."""
    source, divisor = node.inputs
    if node.op != ir.Combine("quotient"):
        return None
    root = _walk(nodes, divisor, inside, ir.Expand)
    match root.op:
        case ir.Map(Call("max", (Call("sqrt", (Variable(),)), Number(least)))) if (
            0 <= least <= LEAST_NORM
        ):
            inside.append(root.name)
        case _:
            return None
    squares = _pooled(nodes, root.inputs[0], inside, "sum")
    if squares is None or squares.op != ir.Map(SQUARE) or squares.inputs != (source,):
        return None
    inside.append(squares.name)
    return "UnitNormalization", {"axis": -1}, source


def _log_softmax(
    nodes: Mapping[str, ir.Node], node: ir.Node, inside: list[str]
) -> tuple[str, dict[str, Any], str] | None:
    """``z - log(sum(exp(z)))``, where ``z`` is ``x - max(x)``."""
    shifted, divisor = nodes[node.inputs[0]], node.inputs[1]
    difference = ir.Combine("difference")
    if node.op != difference or shifted.op != difference:
        return None
    inside.append(shifted.name)
    log = _walk(nodes, divisor, inside, ir.Expand)
    if log.op != ir.Map(LOG):
        return None
    inside.append(log.name)
    powers = _pooled(nodes, log.inputs[0], inside, "sum")
    if powers is None or powers.op != ir.Map(EXP) or powers.inputs != (shifted.name,):
        return None
    inside.append(powers.name)
    source, most = shifted.inputs
    largest = _pooled(nodes, _walk(nodes, most, inside, ir.Expand).name, inside, "max")
    if largest is None or largest.name != source:
        return None
    return "Activation", {"activation": "log_softmax"}, source


def _pooled(
    nodes: Mapping[str, ir.Node], name: str, inside: list[str], mode: str
) -> ir.Node | None:
    """What a pool over the last axis, which a Reshape has put in front of one of 1, reads."""
    pool = nodes[name]
    if not isinstance(pool.op, ir.GlobalPool) or pool.op.mode != mode:
        return None
    rows = nodes[pool.inputs[0]]
    if not isinstance(rows.op, ir.Reshape):
        return None
    source = nodes[rows.inputs[0]]
    if rows.shape != (*source.shape, 1) or pool.op.kept != len(source.shape) - 1:
        return None
    inside += [pool.name, rows.name]
    return source


def _walk(nodes: Mapping[str, ir.Node], name: str, inside: list[str], kind: type[ir.Op]) -> ir.Node:
    """The node itself, or what it reads where it is of a kind."""
    node = nodes[name]
    if not isinstance(node.op, kind):
        return node
    inside.append(name)
    return nodes[node.inputs[0]]
