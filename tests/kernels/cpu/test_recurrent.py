"""The scan on the CPU: every cell, against the reference, at every width of vectors."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from speccompiler.expressions.grammar import parse
from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.graph import ir
from speccompiler.graph.shapes import infer
from speccompiler.kernels.cpu import table as cpu_kernels
from speccompiler.kernels.cpu.runtime.executor import CpuExecutor
from speccompiler.kernels.reference.recurrent import recurrent
from speccompiler.planning.plan import make_plan

CELLS = "simple", "gru", "gru_reset_after", "lstm"
_names = count()


def operand(*shape):
    name = f"w{next(_names)}"
    return ir.Weight(name, name, shape, tuple(range(len(shape))), shape)


def scan(cell, units, kernel=(), **options):
    gates = {"simple": 1, "lstm": 4}.get(cell, 3)
    bias = operand(gates * units) if cell == "gru_reset_after" else None
    options = {
        "steps": 7,
        "activation": ACTIVATIONS["tanh"],
        "gate_activation": ACTIVATIONS["hard_sigmoid"],
        "sequences": True,
        "padding": tuple(((k - 1) // 2, k // 2) for k in kernel),
        **options,
    }
    weight = operand(*kernel, units, gates * units)
    return ir.Recurrent(cell=cell, weight=weight, state_bias=bias, kernel=kernel, **options)


class Scan:
    """A scan with weights and values to read, which both targets are given."""

    def __init__(self, op, n, rng, places=(), mask_places=False, scale=None):
        self.op, self.n = op, n
        units = op.units
        fan = np.prod(op.weight.shape[:-1])
        draw = rng.standard_normal
        self.weights = {op.weight: draw(op.weight.shape, np.float32) * (scale or fan**-0.5)}
        if op.state_bias is not None:
            self.weights[op.state_bias] = draw(op.state_bias.shape, np.float32)
        x = draw((n, op.steps, *places, op.gates * units), np.float32)
        masks = []
        if op.masked:
            shape = (n, op.steps, *(places if mask_places else ()))
            masks = [(rng.random(shape) < 0.6).astype(np.float32)]
        carried = [draw((n, *places, units), np.float32) for _ in range(op.states * op.carried)]
        self.values = [x, *masks, *carried]

    def run(self, threads=2, batch=None):
        names = [f"in{i}" for i in range(len(self.values))]
        shapes = [value.shape[1:] for value in self.values]
        out = infer(self.op, *shapes)
        nodes = [
            ir.Node(name, ir.Input(shape), (), shape, name)
            for name, shape in zip(names, shapes, strict=True)
        ]
        graph = ir.Graph((*nodes, ir.Node("y", self.op, tuple(names), out, "y")), ("y",))
        batch = batch or self.n
        executor = CpuExecutor(make_plan(graph, cpu_kernels), self.weights, batch, threads)
        y = np.full((self.n, *out), np.nan, np.float32)
        for first in range(0, self.n, batch):
            part = [np.ascontiguousarray(value[first : first + batch]) for value in self.values]
            executor.run_batch(part, [y[first : first + batch]])
        return y

    def judge(self):
        weights = {name: value.astype(np.float64) for name, value in self.weights.items()}
        return recurrent(self.op, weights, *(value.astype(np.float64) for value in self.values))


def check(scan):
    judge = scan.judge()
    y = scan.run()
    assert y.shape == judge.shape
    assert np.abs(y - judge).max() <= 1e-5 * max(np.abs(judge).max(), 1e-3)
    return y


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("units", [1, 3, 16, 40, 130])
def test_cells(cell, units, lanes, rng):
    for n in (1, 2, 5, 33):
        check(Scan(scan(cell, units), n, rng))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("kernel", [(3,), (3, 3), (2, 5), (2, 3, 3)])
def test_convolved_states(cell, kernel, lanes, rng):
    places = (4, 5, 6)[: len(kernel)]
    for units in (3, 16, 19):
        check(Scan(scan(cell, units, kernel, steps=3), 3, rng, places))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("sequences", [True, False])
@pytest.mark.parametrize("masked", [None, "steps", "places"])
def test_what_is_read_and_given(cell, sequences, masked, rng):
    for reverse in (False, True):
        for carried in (False, True):
            for first in ("zeros", "state"):
                for kernel, places in (((), ()), ((1, 1), (2, 3)), ((3, 3), (3, 4))):
                    op = scan(
                        cell, 19, kernel, sequences=sequences, masked=masked is not None,
                        reverse=reverse, carried=carried, gives_states=carried,
                        first_masked=first, steps=5,
                    )  # fmt: skip
                    check(Scan(op, 3, rng, places, masked == "places"))


@pytest.mark.parametrize("cell", CELLS)
def test_a_sequence_that_is_masked_whole_gives_what_it_began_with(cell, rng):
    for first in ("zeros", "state"):
        op = scan(cell, 5, masked=True, carried=True, gives_states=True, first_masked=first)
        made = Scan(op, 6, rng)
        made.values[1][::2] = 0
        y = check(made)
        begun = made.values[2][::2] if first == "state" else 0 * made.values[2][::2]
        assert np.array_equal(y[::2, 0], begun)
        assert np.array_equal(y[::2, -op.states], made.values[2][::2])


@pytest.mark.parametrize("cell", CELLS)
def test_no_steps(cell, rng):
    op = scan(cell, 5, steps=0, carried=True, gives_states=True, sequences=False)
    made = Scan(op, 2, rng)
    y = made.run()
    assert not y[:, 0].any()
    assert np.array_equal(y[:, 1], made.values[1])


ACTS = ("linear", "relu", "tanh", "sigmoid", "softmax", "x * sigmoid(x)", "softsign")


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("kernel", [(), (3,)])
def test_activations(cell, kernel, lanes, rng):
    named = {name: ACTIVATIONS[name] for name in ACTIVATIONS}
    for activation, gate in zip(ACTS, reversed(ACTS), strict=True):
        chosen = [
            one if one == "softmax" else named.get(one) or parse(one) for one in (activation, gate)
        ]
        op = scan(cell, 35, kernel, activation=chosen[0], gate_activation=chosen[1], steps=3)
        check(Scan(op, 3, rng, (4,) * len(kernel), scale=0.1))


@pytest.mark.parametrize("cell", CELLS)
def test_activations_that_read_the_same_weights(cell, rng):
    """Those of the last units lie closer where gates are the usual ones."""
    tanh = Scan(scan(cell, 19), 3, rng)
    relu = copy(tanh)
    relu.op = replace(tanh.op, activation=ACTIVATIONS["relu"])
    shape = tanh.values[0].shape[1:]
    out = infer(tanh.op, shape)
    x = ir.Node("x", ir.Input(shape), (), shape, "x")
    nodes = [ir.Node(name, one.op, ("x",), out, name) for name, one in (("a", tanh), ("b", relu))]
    plan = make_plan(ir.Graph((x, *nodes), ("a", "b")), cpu_kernels)
    made = np.full((2, 3, *out), np.nan, np.float32)
    CpuExecutor(plan, tanh.weights, 3, 2).run_batch(tanh.values, list(made))
    for one, y in zip((tanh, relu), made, strict=True):
        judge = one.judge()
        assert np.abs(y - judge).max() <= 1e-5 * np.abs(judge).max()


@pytest.mark.parametrize("cell", CELLS)
def test_long_sequences_stay_close(cell, rng):
    op = scan(cell, 128, steps=150, gate_activation=ACTIVATIONS["sigmoid"])
    check(Scan(op, 2, rng))


@pytest.mark.parametrize("cell", CELLS)
def test_many_units(cell, rng):
    """A state's sums are several chains."""
    check(Scan(scan(cell, 600, steps=3), 5, rng))
    check(Scan(scan(cell, 100, (3, 3), steps=2), 1, rng, (3, 3)))
    check(Scan(scan(cell, 300, (1, 3), steps=2), 1, rng, (3, 3)))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("kernel", "places"), [((), ()), ((1,), (3,)), ((3, 3), (7, 9))])
def test_the_same_bits_for_any_split(cell, kernel, places, lanes, rng):
    made = Scan(scan(cell, 37, kernel, masked=True, steps=4), 33, rng, places)
    whole = made.run(threads=1).tobytes()
    for threads, batch in ((3, 33), (1, 1), (2, 7), (1, 12)):
        assert made.run(threads, batch).tobytes() == whole


def test_what_is_not_finite_stays_where_it_is(rng):
    made = Scan(scan("lstm", 19), 9, rng)
    clean = made.run()
    made.values[0][4, 3] = np.nan
    made.values[0][5, 2] = np.inf
    y = made.run()
    assert np.array_equal(np.delete(y, [4, 5], 0), np.delete(clean, [4, 5], 0))
    assert np.array_equal(y[4, :3], clean[4, :3])
    assert np.isnan(y[4, 3:]).all()


@pytest.mark.parametrize("channels", [1, 3, 16, 35])
def test_kept(channels, lanes, rng):
    value = 0.1
    x = rng.choice([0.1, 0.2], (4, 9, channels)).astype(np.float32)
    x[0, ::2] = 0.1
    x[1, 3] = np.nan
    shape = x.shape[1:]
    nodes = (
        ir.Node("x", ir.Input(shape), (), shape, "x"),
        ir.Node("y", ir.Kept(value), ("x",), shape[:-1], "y"),
    )
    y = np.full(x.shape[:-1], np.nan, np.float32)
    plan = make_plan(ir.Graph(nodes, ("y",)), cpu_kernels)
    CpuExecutor(plan, {}, len(x), 2).run_batch([x], [y])
    np.testing.assert_array_equal(y, (x != np.float32(value)).any(-1))
