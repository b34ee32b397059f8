"""Scans: every cell, mask and state, in shared memory and in the scratch."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.graph.ir import Recurrent
from speccompiler.graph.shapes import infer
from speccompiler.kernels.cuda import recurrent
from tests.kernels.cuda.simulated.on_simulator import check_operation, stored

CELLS = ["simple", "gru", "gru_reset_after", "lstm"]
TANH, GATE = ACTIVATIONS["tanh"], ACTIVATIONS["hard_sigmoid"]
STEPS, UNITS = 4, 5


def check(draw, cell, *, places=(), mask=(), kernel=(), samples=2, units=UNITS, **given):
    """A scan of few units over few steps; ``mask`` is the shape of one, without its steps."""
    op = Recurrent(cell, STEPS, stored(1), None, given.pop("activation", TANH),
                   given.pop("gate_activation", GATE))  # fmt: skip
    width = op.gates * units
    weight, bias = stored(*kernel, units, width), stored(width, tensor="b")
    padding = tuple(((k - 1) // 2, k // 2) for k in kernel)
    masked, carried = given.pop("masked", False), given.get("carried", False)
    with_bias = cell == "gru_reset_after"
    op = Recurrent(cell, STEPS, weight, bias if with_bias else None, op.activation,
                   op.gate_activation, kernel, padding, masked=masked, **given)  # fmt: skip
    inputs = [draw(samples, STEPS, *places, width)]
    if masked:
        inputs.append((draw(samples, STEPS, *mask) > 0).astype(np.float32))
        inputs[-1][0, 0] = 0
    inputs += [draw(samples, *places, units) for _ in range(op.states * carried)]
    tensors = {weight: draw(*weight.shape), **({bias: draw(width)} if with_bias else {})}
    out = infer(op, *(x.shape[1:] for x in inputs))
    return check_operation(op, out, *inputs, weights=tensors)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("sequences", [True, False])
def test_cells(cell, sequences, draw):
    check(draw, cell, sequences=sequences)
    check(draw, cell, sequences=sequences, reverse=True, carried=True, gives_states=True)


@pytest.mark.parametrize("cell", CELLS)
def test_masks(cell, draw):
    """One for all places of a step, or for each; outputs before the first kept step."""
    for first in ("zeros", "state"):
        check(draw, cell, masked=True, sequences=True, carried=True, first_masked=first)
    check(draw, cell, masked=True, places=(2,), mask=(2,), kernel=(1,), gives_states=True)


@pytest.mark.parametrize("cell", CELLS)
def test_windows_over_the_state(cell, draw):
    check(draw, cell, places=(3, 2), kernel=(3, 2), units=2, sequences=True)
    check(draw, cell, places=(3,), kernel=(3,), units=2, masked=True, carried=True)


@pytest.mark.parametrize("cell", CELLS)
def test_a_softmax_over_the_units(cell, draw):
    check(draw, cell, activation="softmax", sequences=True)
    check(draw, cell, gate_activation="softmax", samples=1)


@pytest.mark.parametrize("cell", CELLS)
def test_states_that_shared_memory_does_not_hold(cell, draw, monkeypatch):
    monkeypatch.setattr(recurrent, "SHARED_VALUES", 1)
    check(draw, cell, masked=True, sequences=True, carried=True, gives_states=True)


def test_long_sums_are_carried(draw):
    check(draw, "lstm", units=300, samples=1, carried=True)
