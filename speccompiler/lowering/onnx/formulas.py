"""What several nodes make of one value, value by value, as one formula.

ONNX writes an activation such as ELU as a comparison, an exponential and a choice. All are made of
the same value, and a choice of the graph's is a formula of one value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from speccompiler.expressions.nodes import (
    Binary,
    Call,
    Expression,
    Number,
    Variable,
    children,
    depth,
    substitute,
)
from speccompiler.expressions.nodes import Node as Part
from speccompiler.graph.ir import Combine, Identity, Map, Node
from speccompiler.lowering.onnx.scope import Scope

MOST_PARTS = 200
MOST_DEPTH = 40
_BINARY = {"sum": "+", "difference": "-", "mul": "*", "quotient": "/"}


Formula = tuple[Node, Expression]
"""A value, and what is made of it."""


def common_formulas(
    scope: Scope, nodes: Sequence[Node]
) -> tuple[Node, tuple[Expression, ...]] | None:
    """One value, and what each of the nodes makes of it; None where that is not one value."""
    by_name = {node.name: node for node in scope.b.nodes}
    made: dict[str, Formula] = {}
    formulas = [_formula(node, by_name, made, 0) for node in nodes]
    base = formulas[0][0]
    if any(other is not base for other, _ in formulas):
        return None
    return base, tuple(expression for _, expression in formulas)


def _formula(
    node: Node, by_name: Mapping[str, Node], made: dict[str, Formula], level: int
) -> Formula:
    """What a node makes of one value: itself, where it is made of several, or the text is long."""
    if node.name in made:
        return made[node.name]
    found: Formula = node, Variable()
    sources = [by_name[name] for name in node.inputs]
    elementwise = isinstance(node.op, Map | Identity) or (
        isinstance(node.op, Combine) and node.op.activation is None and node.op.mode != "ave"
    )
    if elementwise and level < MOST_DEPTH and all(s.shape == node.shape for s in sources):
        parts = [_formula(source, by_name, made, level + 1) for source in sources]
        base = parts[0][0]
        if all(other is base for other, _ in parts):
            joined = _joined(node.op, [expression for _, expression in parts])
            if _count(joined) <= MOST_PARTS and depth(joined) <= MOST_DEPTH:
                found = base, joined
    made[node.name] = found
    return found


def _joined(op: object, parts: Sequence[Expression]) -> Expression:
    first, *others = parts
    if isinstance(op, Map):
        return substitute(op.activation, first)
    if isinstance(op, Combine):
        for other in others:
            if op.mode in _BINARY:
                first = Binary(_BINARY[op.mode], first, other)
            else:
                first = Call(op.mode, (first, other))
    return first


def _count(expression: Expression) -> int:
    count = 0
    waiting: list[Part] = [expression]
    while waiting and count <= MOST_PARTS:
        part = waiting.pop()
        count += 1
        waiting += children(part)
    return count


ONE, ZERO = Number(1.0), Number(0.0)
