"""The scan: a loop over time with a carried state (Keras 1.2.2 layers/recurrent.py:367-873)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speccompiler.expressions.evaluate import evaluate
from speccompiler.graph import ir
from speccompiler.kernels.reference.values import Array, Weights
from speccompiler.kernels.reference.windows import correlate


def recurrent(op: ir.Recurrent, weights: Weights, x: Array, *others: Array) -> Array:
    """``x`` is ``(batch, T, *n, G * U)``; see ``ir.Recurrent`` for the rest."""
    zeros = np.zeros((len(x), *x.shape[2:-1], op.units))
    masks, initial = (others[:1], others[1:]) if op.masked else ((), others)
    states: Sequence[Array] = initial or (zeros,) * op.states
    output = states[0] if op.first_masked == "state" else zeros
    outputs = []
    steps = range(x.shape[1])
    for t in reversed(steps) if op.reverse else steps:
        new = _step(op, weights, x[:, t], states)
        kept = [mask[:, t] != 0 for mask in masks]
        keep = (
            kept[0].reshape(*kept[0].shape, *(1,) * (zeros.ndim - kept[0].ndim)) if kept else True
        )
        output = np.where(keep, new[0], output)
        states = [np.where(keep, one, old) for one, old in zip(new, states, strict=True)]
        outputs.append(output)
    rows = outputs if op.sequences else outputs[-1:] or [zeros]
    return np.stack([*rows, *(states if op.gives_states else ())], axis=1)


def _step(op: ir.Recurrent, weights: Weights, x: Array, states: Sequence[Array]) -> list[Array]:
    h, units = states[0], op.units
    kernel = weights[op.weight]

    def added(state: Array, first: int, last: int) -> Array:
        """What a state adds to the gates from ``first`` to before ``last``."""
        part = kernel[..., first * units : last * units]
        if not op.kernel:
            return np.asarray(state @ part)
        return correlate(state, part, op.padding, (1,) * len(op.kernel))

    def gate(value: Array) -> Array:
        return _activated(op.gate_activation, value)

    if op.cell == "simple":
        return [_activated(op.activation, x + added(h, 0, 1))]
    parts = np.split(x, op.gates, axis=-1)
    if op.cell == "lstm":
        i, f, c, o = (p + s for p, s in zip(parts, np.split(added(h, 0, 4), 4, -1), strict=True))
        cell = gate(f) * states[1] + gate(i) * _activated(op.activation, c)
        return [gate(o) * _activated(op.activation, cell), cell]
    biases = (
        np.zeros((3, units)) if op.state_bias is None else weights[op.state_bias].reshape(3, units)
    )
    z, r = (
        gate(p + s + bias)
        for p, s, bias in zip(parts, np.split(added(h, 0, 2), 2, -1), biases, strict=False)
    )
    if op.cell == "gru_reset_after":
        from_state = r * (added(h, 2, 3) + biases[2])
    else:
        from_state = added(r * h, 2, 3)
    candidate = _activated(op.activation, parts[2] + from_state)
    return [z * h + (1 - z) * candidate]


def _activated(activation: ir.CellActivation, x: Array) -> Array:
    if activation == "softmax":
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        return np.asarray(e / e.sum(axis=-1, keepdims=True))
    return evaluate(activation, x)
