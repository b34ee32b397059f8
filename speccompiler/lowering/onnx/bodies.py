"""Graphs inside of nodes: the nodes that some of their values need, one after another."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import quoted
from speccompiler.files.onnx.model import Body, OnnxNode
from speccompiler.lowering.onnx.known_rules import KNOWN
from speccompiler.lowering.onnx.known_values import computed
from speccompiler.lowering.onnx.scope import Read, Scope
from speccompiler.lowering.onnx.stored import stored
from speccompiler.lowering.onnx.values import Value


def lower_body(
    scope: Scope, body: Body, given: Mapping[str, Read], wanted: Sequence[str]
) -> tuple[Read, ...]:
    """What a body makes of ``given``, and of the values around it; ``wanted`` are names in it.

    CS261 for an operation that is not supported, CS269 for a name that nothing gives or two give.
    """
    # Only the first of the maps is written to.
    values: ChainMap[str, Read] = ChainMap({}, {**given}, scope.around)  # type: ignore[arg-type]
    for name, tensor in body.initializers.items():
        _take(values, name)
        values[name] = stored(scope.model, tensor, name)
    inner = Scope(scope.b, scope.model, scope.tensors, scope.owners, scope.exported)
    inner.around = values
    for node in needed(body, wanted):
        inner.node = node
        try:
            inner.inputs = tuple(_read(values, name) for name in node.inputs)
            for name, value in _lowered(inner, node).items():
                _take(values, name)
                values[name] = value
        except Problem as problem:
            text = f"its {node.label}: {problem.message}"
            raise Problem(problem.code, text, problem.hint) from None
    return tuple(_read(values, name) for name in wanted)


def needed(body: Body, wanted: Sequence[str]) -> list[OnnxNode]:
    """The nodes of a body that some of its values need, in its order."""
    missing = set(wanted)
    kept = []
    for node in reversed(body.nodes):
        if not missing.isdisjoint(node.outputs):
            missing.update(node.reads)
            kept.append(node)
    return kept[::-1]


def _read(values: Mapping[str, Read], name: str) -> Read:
    if name not in values:
        raise Problem("CS269", f"it reads {quoted(name)}, which nothing gives")
    return values[name]


def _take(values: Mapping[str, Read], name: str) -> None:
    """Tensors are known by their names: none may be there twice."""
    if name in values:
        raise Problem("CS269", f"a second value is named {quoted(name)}")


def _lowered(scope: Scope, node: OnnxNode) -> dict[str, Read]:
    from speccompiler.lowering.onnx.table import RULES, rule_of

    told = scope.inputs[:1] if node.op_type == "CastLike" else scope.inputs
    reads = (*told, *(_read(scope.around, name) for name in node.captured))
    depends = any(isinstance(read, Value) for read in reads)
    depends = depends and node.op_type not in {"Shape", "Size"}
    if node.domain or node.op_type not in (RULES if depends else KNOWN):
        raise Problem("CS261", "it is not supported", "docs/onnx.md lists the operations that are")
    if not depends:
        return dict(computed(scope))
    given = rule_of(node.op_type)(scope)
    results = given if isinstance(given, tuple) else (given,)
    pairs = zip(node.outputs, results, strict=False)
    return {name: result for name, result in pairs if name and result is not None}
