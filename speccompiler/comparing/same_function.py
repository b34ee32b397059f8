"""Whether two models compute the same numbers, however their files say it.

Both graphs are made as plain as for a run: pads and activations are part of convolutions, what
scales channels is folded, transposes have moved together. Then they are walked side by side, from
the outputs. Numbers of tensors may differ by what folding rounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from functools import partial
from typing import Any, Literal

from speccompiler.diagnostics.core import Problem, SpecError, has_errors
from speccompiler.expressions.evaluate import evaluate
from speccompiler.expressions.library import named_activation
from speccompiler.expressions.nodes import Expression, Parameter, children
from speccompiler.frozen import dataclass
from speccompiler.graph import ir
from speccompiler.passes import optimize
from speccompiler.validation.validate import validate
from speccompiler.validation.validated import ValidatedModel
from speccompiler.weights.operands import resolve

ROUNDING = 1e-5
"""Of the largest number of a tensor."""
NO_VALUE = ("unread",)
"""Fields of operations that change no number."""

Shown = Literal["operations", "samples"]
"""Operation by operation, or by what both give for random samples (``same_numbers``)."""


def computes_the_same(old: ValidatedModel, new: ValidatedModel) -> Shown | None:
    """What shows that they do; None also where a model has no weights, or where nobody knows."""
    from speccompiler.comparing.same_numbers import give_the_same

    if not all(model.names_weights or model.spec.seed is not None for model in (old, new)):
        return None
    try:
        one, other = _with_weights(old), _with_weights(new)
        readers = _reader(one), _reader(other)
        if _same(_side(one, readers[0]), _side(other, readers[1])):
            return "operations"
        return "samples" if give_the_same(one, other, readers) else None
    except (Problem, SpecError):
        return None


def _with_weights(model: ValidatedModel) -> ValidatedModel:
    """The model with its weights, which a comparison does not look for."""
    if model.options.look_for_weights:
        return model
    options = replace(model.options, look_for_weights=True)
    found, diagnostics = validate(model.loaded.document, options, ValidatedModel)
    if found is None:
        raise SpecError(diagnostics)
    return found


def _reader(model: ValidatedModel) -> Any:
    sources = model.weight_sources
    if has_errors(sources.diagnostics):
        raise SpecError(sources.diagnostics)
    named = {weight.name: source for weight, source in sources.sources.items()}
    return lambda weight: named[weight.name].read()


@dataclass(frozen=True, slots=True)
class Side:
    """A model's graph, and how its weights are read."""

    graph: ir.Graph
    read: Any
    nodes: Mapping[str, ir.Node]

    def numbers(self, operand: ir.Operand) -> Any:
        """The tensor that the graph reads, in float32."""
        import numpy as np

        with np.errstate(all="ignore"):
            return np.asarray(resolve(operand, self.read), np.float32)


def _side(model: ValidatedModel, read: Any) -> Side:
    graph = optimize(model.graph)
    return Side(graph, read, graph.by_name())


def _same(one: Side, other: Side) -> bool:
    """Walked without recursion, since models are deep."""
    inputs = [{n.name: i for i, n in enumerate(side.graph.inputs)} for side in (one, other)]
    if len(one.graph.outputs) != len(other.graph.outputs) or len(inputs[0]) != len(inputs[1]):
        return False
    left = list(zip(one.graph.outputs, other.graph.outputs, strict=True))
    partners: dict[str, str] = {}
    while left:
        name, partner = left.pop()
        if name in partners:
            if partners[name] != partner:
                return False
            continue
        partners[name] = partner
        node, match = one.nodes[name], other.nodes[partner]
        if isinstance(node.op, ir.Input) or isinstance(match.op, ir.Input):
            if inputs[0].get(name, -1) != inputs[1].get(partner, -2):
                return False
            continue
        if len(node.inputs) != len(match.inputs) or not same_operation(one, other, node, match):
            return False
        left += zip(node.inputs, match.inputs, strict=True)
    return True


def same_operation(one: Side, other: Side, node: ir.Node, match: ir.Node) -> bool:
    if type(node.op) is not type(match.op) or len(node.shape) != len(match.shape):
        return False
    ops = _counting_zeros(one, node), _counting_zeros(other, match)
    same = partial(_same_value, one, other)
    return all(
        same(getattr(ops[0], field.name), getattr(ops[1], field.name))
        for field in fields(ops[0])
        if field.name not in NO_VALUE
    )


def _counting_zeros(side: Side, node: ir.Node) -> Any:
    """A maximum of what a relu gives is the same whether zeros around it count or not."""
    op = node.op
    if not isinstance(op, ir.Pool) or op.mode != "max":
        return op
    before = side.nodes[node.inputs[0]].op
    if not isinstance(before, ir.Conv | ir.Depthwise | ir.Map) or before.activation is None:
        return op
    if not _same_formula(before.activation, named_activation("relu")):
        return op
    pads = zip(op.zeros or op.padding, op.padding, strict=True)
    whole = tuple((u + before, v + after) for (u, v), (before, after) in pads)
    return replace(op, padding=((0, 0),) * len(whole), zeros=whole)


def _same_value(one: Side, other: Side, value: Any, match: Any) -> bool:
    """Fields of operations: lengths and formulas by what they are, tensors by their numbers."""
    if isinstance(value, ir.Operand) and isinstance(match, ir.Operand):
        return value.shape == match.shape and _close(one.numbers(value), other.numbers(match))
    if isinstance(value, tuple) and isinstance(match, tuple):
        return len(value) == len(match) and all(
            _same_value(one, other, *pair) for pair in zip(value, match, strict=True)
        )
    if value == match:
        return True
    return (
        isinstance(value, Expression)
        and isinstance(match, Expression)
        and _same_formula(value, match)
    )


def _same_formula(formula: Expression, match: Expression) -> bool:
    """Whether formulas of a value alone, written in two ways, agree at many numbers."""
    import numpy as np

    if _reads_tensors(formula) or _reads_tensors(match):
        return False
    near = np.linspace(-8, 8, 4097)
    x = np.concatenate([near, np.geomspace(8, 1e6, 99), -np.geomspace(8, 1e6, 99)]).astype("f4")
    with np.errstate(all="ignore"):
        y, other = (np.asarray(evaluate(one, x)) for one in (formula, match))
    return bool(np.allclose(y, other, rtol=ROUNDING, atol=ROUNDING, equal_nan=True))


def _reads_tensors(formula: Any) -> bool:
    return isinstance(formula, Parameter) or any(map(_reads_tensors, children(formula)))


def _close(value: Any, match: Any) -> bool:
    import numpy as np

    most = float(np.abs(value).max(initial=0))
    return bool(np.allclose(value, match, rtol=0, atol=ROUNDING * most, equal_nan=True))
