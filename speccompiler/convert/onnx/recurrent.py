"""The scan: LSTM, GRU and RNN of ONNX where they can say a cell, else its steps in a ``Scan``.

ONNX's own operations take the input itself and not what it adds to the gates, know a handful of
activations and no mask but a length. Their values have the steps in front.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from speccompiler.convert.onnx.activations import CellFunction, cell_function
from speccompiler.convert.onnx.builder import Builder
from speccompiler.convert.onnx.moving import LAST, Result
from speccompiler.convert.onnx.protobuf import Array
from speccompiler.convert.onnx.scan import scan
from speccompiler.convert.onnx.values import Value, steps_first
from speccompiler.frozen import dataclass
from speccompiler.graph import ir

KINDS = {"simple": "RNN", "gru": "GRU", "gru_reset_after": "GRU", "lstm": "LSTM"}
GATES = {"lstm": (0, 3, 1, 2)}
"""ONNX's gates by the graph's numbers: i, o, f, c of i, f, c, o. Other cells have one order."""


@dataclass(frozen=True, slots=True)
class Projected:
    """What a scan's input was made of: the input's product with a matrix, and a bias."""

    x: Value
    op: ir.Conv


def projections(graph: ir.Graph) -> dict[str, ir.Node]:
    """The convolution that computes a scan's input and nothing else's, by the scan that reads it.

    Only for scans that ONNX's own operations say.
    """
    readers, nodes = graph.readers(), graph.by_name()
    found = {}
    for node in graph:
        if isinstance(node.op, ir.Recurrent) and sayable(node.op):
            source = nodes[node.inputs[0]]
            alone = len(readers[source.name]) == 1 and source.name not in graph.outputs
            if alone and len(source.shape) == 2 and _is_product(source.op):
                found[node.name] = source
    return found


def _is_product(op: ir.Op) -> bool:
    """Whether it multiplies every step by one matrix, and no more."""
    if not isinstance(op, ir.Conv) or not op.kernel or op.activation is not None:
        return False
    alone = all(n == 1 for n in (*op.kernel, *op.stride, op.groups, *op.repeats))
    return alone and all(pair == (0, 0) for pair in op.padding)


def sayable(op: ir.Recurrent) -> bool:
    """Whether an operation of ONNX is this scan."""
    return not op.masked and not op.kernel and _functions(op) is not None


def _functions(op: ir.Recurrent) -> list[CellFunction] | None:
    gate, own = cell_function(op.gate_activation), cell_function(op.activation)
    wanted = {"simple": [own], "lstm": [gate, own, own]}.get(op.cell, [gate, own])
    found = [one for one in wanted if one is not None]
    return found if len(found) == len(wanted) else None


def recurrent(
    b: Builder, node: ir.Node, op: ir.Recurrent, x: Value | Projected, *others: Value
) -> Result:
    if isinstance(x, Value):
        return scan(b, node, op, x, *others)
    units = op.units
    order = GATES.get(op.cell, range(op.gates))

    def gates(array: Array) -> Array:
        """``(k, G * U)`` with the gates in ONNX's order."""
        parts = np.split(array, op.gates, axis=-1)
        return np.concatenate([parts[i] for i in order], axis=-1)

    def matrix(array: Array) -> Array:
        """``(1, G * U, k)``: one direction."""
        return gates(array.reshape(array.shape[-2:])).T[None]

    zeros = np.zeros(op.gates * units, np.float32)
    from_input = zeros if x.op.bias is None else gates(b.numbers(x.op.bias))
    from_state = zeros if op.state_bias is None else gates(b.numbers(op.state_bias))
    biases = ""
    if x.op.bias is not None or op.state_bias is not None:
        whole = np.concatenate([from_input, from_state])[None]
        bias = op.state_bias if x.op.bias is None else x.op.bias
        assert bias is not None, "one of them is there"
        form = f"biases {x.op.bias!r} {op.state_bias!r}"
        biases = b.operand(bias, form, lambda _: whole)
    inputs = [
        b.read(x.x, steps_first(2)),
        b.operand(x.op.weight, "gates", matrix),
        b.operand(op.weight, "gates", matrix),
        biases,
    ]
    if op.carried:
        inputs += ["", *(b.emit("Unsqueeze", b.read(s), b.integers([0])) for s in others)]
    while not inputs[-1]:
        inputs.pop()
    outputs = b.emit_all(KINDS[op.cell], inputs, 1 + op.states, **_attributes(op))
    return _result(b, op, outputs)


def _attributes(op: ir.Recurrent) -> dict[str, Any]:
    functions = _functions(op)
    assert functions is not None, "ONNX knows the activations"
    found: dict[str, Any] = {
        "hidden_size": op.units,
        "activations": [one.name for one in functions],
    }
    alpha = [n for one in functions for n in one.alpha]
    beta = [n for one in functions for n in one.beta]
    if alpha:
        found["activation_alpha"] = alpha
    if beta:
        found["activation_beta"] = beta
    if op.reverse:
        found["direction"] = "reverse"
    if op.cell == "gru_reset_after":
        found["linear_before_reset"] = 1
    return found


def _result(b: Builder, op: ir.Recurrent, outputs: list[str]) -> Result:
    """The rows that the graph wants, of ``(T, 1, N, U)`` and of the last states ``(1, N, U)``."""
    every, *states = outputs
    if op.sequences:
        rows = b.emit("Squeeze", every, b.integers([1]))
        if op.reverse:
            # ONNX puts each output to its step; the graph has them as they were computed.
            bounds = ([-1], [-LAST], [0], [-1])
            in_order, rows = rows, b.emit("Slice", rows, *map(b.integers, bounds))
            b.flipped[rows] = in_order
    else:
        rows = states[0]
    if op.gives_states:
        rows = b.emit("Concat", rows, *states, axis=0)
    return rows, steps_first(2)
