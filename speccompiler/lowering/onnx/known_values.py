"""Nodes that depend on constants and on shapes alone: computed before any run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.dims import Dim
from speccompiler.lowering.onnx.known_rules import KNOWN, NONE
from speccompiler.lowering.onnx.scope import OPEN, Scope
from speccompiler.lowering.onnx.stored import stored
from speccompiler.lowering.onnx.values import BATCH, HELD, Array, Known, Value, dims, settled

MOST_DEPTH = 100
"""The most operations on large constants, one after the other."""


def computed(scope: Scope) -> dict[str, Known]:
    """The values that the current node gives. CS262, CS266, CS269."""
    node = scope.node
    if node.op_type == "Constant":
        return {node.outputs[0]: _constant(scope)} if node.outputs else {}
    inputs = list(scope.inputs)
    if node.op_type in {"Shape", "Size"}:
        inputs = [Known.of("shape", _shape(scope, inputs))]
    if node.op_type == "CastLike" and any(isinstance(read, Value) for read in inputs[1:]):
        inputs = inputs[:1]
    given: list[Known] = []
    for index, read in enumerate(inputs):
        if isinstance(read, Value):
            raise scope.refuse(f"input {index + 1} depends on the model's input")
        given.append(read if read is not None else NONE)

    def compute() -> list[Array]:
        arrays = [known.array() for known in given]
        return _checked(scope, lambda: KNOWN[node.op_type](scope, arrays))

    _count(scope, given)
    results = compute()
    found = {}
    for place, (name, array) in enumerate(zip(node.outputs, results, strict=False)):
        if name:
            again = _again(scope, given, place) if array.size > HELD else None
            found[name] = Known.of(name, array, again, given)
    return found


def _count(scope: Scope, given: Sequence[Known]) -> None:
    """CS266 for constants of constants that would take too long: a large one is never held."""
    depth = 1 + max((known.depth for known in given), default=0)
    scope.effort += sum(known.effort for known in given)
    hint = "fold the constants where the model is exported"
    if depth > MOST_DEPTH:
        message = f"a large constant is computed of others in more than {MOST_DEPTH} steps"
        raise Problem("CS266", message, hint)
    if scope.effort > scope.most_effort:
        raise Problem("CS266", "its constants are computed of one another too often", hint)


def _again(scope: Scope, given: Sequence[Known], place: int) -> Callable[[], Array]:
    """Computes a large value once more, whatever node the scope has come to."""
    own = Scope(scope.b, scope.model, scope.tensors, scope.owners)
    own.node, own.inputs = scope.node, scope.inputs
    op = KNOWN[own.node.op_type]
    return lambda: _checked(own, lambda: op(own, [known.array() for known in given]))[place]


def _checked(scope: Scope, compute: Callable[[], Any]) -> list[Array]:
    try:
        with np.errstate(all="ignore"):
            found = compute()
    except (ArithmeticError, ValueError, IndexError, TypeError, AttributeError) as error:
        if any(read is not None and BATCH in _lengths(read) for read in scope.inputs):
            raise scope.refuse("it computes with the number of samples") from None
        if any(isinstance(read, Known) and read.dtype == "object" for read in scope.inputs):
            raise scope.refuse("it computes with a length that is open", OPEN) from None
        reason = str(error).split("\n")[0][:120]
        raise Problem("CS269", f"it cannot be computed from its constants: {reason}") from None
    results = found if isinstance(found, list) else [found]
    return [settled(np.asarray(array)) for array in results]


def _lengths(read: Value | Known) -> tuple[Dim, ...]:
    small = isinstance(read, Known) and read.dtype == "object"
    return dims(read.array().ravel()) if small and isinstance(read, Known) else ()


def _shape(scope: Scope, inputs: Sequence[Any]) -> Array:
    first = inputs[0] if inputs else None
    if first is None:
        raise Problem("CS269", "input 1 is missing")
    return settled(np.array([*first.shape, None], object)[:-1])


def _constant(scope: Scope) -> Known:
    name = scope.node.outputs[0]
    tensor = scope.tensor("value")
    if tensor is not None:
        return stored(scope.model, tensor, name)
    if "value_float" in scope.node.attributes:
        return Known.of(name, np.array(scope.number("value_float", 0), np.float32))
    if "value_int" in scope.node.attributes:
        return Known.of(name, np.array(scope.integer("value_int"), np.int64))
    if "value_ints" in scope.node.attributes:
        return Known.of(name, np.array(scope.integers("value_ints", ()), np.int64))
    if "value_floats" in scope.node.attributes:
        found = scope.said("value_floats", tuple, ())
        return Known.of(name, np.array(found, np.float32))
    raise scope.refuse("its value is no tensor of numbers")
