"""Whether two models compute the same numbers, however their files say it.

Both graphs are made as plain as for a run: pads and activations are part of convolutions, what
scales channels is folded, transposes have moved together. Then they are walked side by side, from
the outputs. Numbers of tensors may differ by what folding rounds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from speccompiler.comparing.same_numbers import give_the_same
from speccompiler.comparing.same_operation import Side, same_operation
from speccompiler.diagnostics.core import Problem, SpecError, has_errors
from speccompiler.graph import ir
from speccompiler.passes import optimize
from speccompiler.validation.validate import validate
from speccompiler.validation.validated import ValidatedModel

Shown = Literal["operations", "samples"]
"""Operation by operation, or by what both give for random samples (``same_numbers``)."""


def computes_the_same(old: ValidatedModel, new: ValidatedModel) -> Shown | None:
    """What shows that they do; None also where a model has no weights, or where nobody knows."""
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
