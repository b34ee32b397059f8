"""If: the branch that constants and shapes choose."""

from __future__ import annotations

import numpy as np

from speccompiler.diagnostics.core import Problem
from speccompiler.files.onnx.model import Body
from speccompiler.lowering.onnx.bodies import lower_body
from speccompiler.lowering.onnx.scope import OPEN, Scope
from speccompiler.lowering.onnx.values import Known, Value


def lower_if(scope: Scope) -> tuple[Value | None, ...]:
    """The values of the branch that is taken, whatever the input is. CS261 where that decides."""
    condition = scope.input(0)
    if isinstance(condition, Value):
        raise Problem(
            "CS261",
            "it is control flow: the model's input decides which branch is taken",
            "export the model with fixed branches and loops",
        )
    branches = scope.said("then_branch", Body, None), scope.said("else_branch", Body, None)
    if condition is None or None in branches or condition.size != 1:
        raise Problem("CS269", "the condition or a branch is missing")
    (said,) = condition.array().ravel().tolist()
    if not isinstance(said, bool | int | float | np.generic):
        raise scope.refuse("the condition depends on a length that is open", OPEN)
    body: Body = branches[0] if said else branches[1]
    if len(body.outputs) < len(scope.node.outputs):
        raise Problem("CS269", "the branch has fewer outputs than the node")
    found = lower_body(scope, body, {}, body.outputs[: len(scope.node.outputs)])
    if any(isinstance(read, Known) or read is None for read in found):
        raise scope.refuse("a branch gives a constant")
    return tuple(read for read in found if isinstance(read, Value))
