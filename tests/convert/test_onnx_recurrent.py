"""Recurrent layers as ONNX: its own operations where they can say a cell, else a Scan."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from speccompiler.convert.export_source import Given, Origin
from speccompiler.convert.onnx.export import exported
from speccompiler.expressions.grammar import parse
from speccompiler.graph import ir
from speccompiler.graph.dims import symbol
from speccompiler.graph.shapes import infer
from speccompiler.kernels.reference.evaluate import run_reference
from speccompiler.weights.operands import resolve
from tests.cases import build
from tests.convert.onnx_runs import assert_close, assert_same, kinds, run, samples

CELLS = {"SimpleRNN": "RNN", "LSTM": "LSTM", "GRU": "GRU"}


@pytest.mark.parametrize("layer", CELLS)
@pytest.mark.parametrize("masked", [False, True])
def test_cells(layer: str, masked: bool) -> None:
    """Every way through time, with gates as they are and others; masks in front, inside, behind."""
    for sequences, backwards, activation in product(
        (False, True), (False, True), ("tanh", "relu", "elu", "linear", "softmax")
    ):
        cell: dict[str, Any] = {
            "type": layer, "output_dim": 5, "return_sequences": sequences,
            "go_backwards": backwards, "activation": activation,
        }  # fmt: skip
        if layer != "SimpleRNN":
            cell["inner_activation"] = "sigmoid" if backwards else "hard_sigmoid"
        before = [{"type": "Masking", "mask_value": 0.5}] if masked else []
        model = build([*before, cell], [6, 4])
        (x,) = samples(model)
        if masked:
            x[0, 2] = x[1, :2] = x[2, 4:] = 0.5
        made = assert_same(model, [x], f"{cell}")
        own = not masked and activation != "softmax"
        assert (CELLS[layer] in kinds(made), "Scan" in kinds(made)) == (own, not own)


MODELS: dict[str, tuple[list[dict[str, Any]], list[Any], list[str] | None]] = {
    "a stack": (
        [
            {"type": "GRU", "output_dim": 3, "return_sequences": True, "bias": False},
            {"type": "LSTM", "output_dim": 2, "return_sequences": True, "consume_less": "gpu"},
            {"type": "SimpleRNN", "output_dim": 3},
        ],
        [None, 4],
        ["Transpose", "GRU", "Squeeze", "LSTM", "Squeeze", "RNN", "Transpose", "Reshape"],
    ),
    "both directions": (
        [
            {
                "type": "Bidirectional",
                "layer": {"type": "LSTM", "output_dim": 3, "return_sequences": True},
            }
        ],
        [None, 4],
        ["Transpose", "LSTM", "Squeeze", "LSTM", "Squeeze", "Concat", "Transpose"],
    ),
    "the reset after the product": (
        [{"type": "GRU", "output_dim": 3, "reset_after": True}],
        [7, 4],
        ["Transpose", "GRU", "Transpose", "Reshape"],
    ),
    "images": (
        [{"type": "ConvLSTM2D", "nb_filter": 3, "nb_row": 3, "nb_col": 2, "border_mode": "same",
          "return_sequences": True}],
        [4, 5, 6, 2],
        None,
    ),
    "steps of steps": (
        [{"type": "TimeDistributed", "layer": {"type": "LSTM", "output_dim": 3}}],
        [5, 7, 4],
        None,
    ),
    "words": (
        [
            {"type": "Embedding", "input_dim": 20, "output_dim": 4, "mask_zero": True},
            {"type": "Bidirectional", "merge_mode": "sum",
             "layer": {"type": "GRU", "output_dim": 3, "return_sequences": True}},
            {"type": "LSTM", "output_dim": 3},
        ],
        [None],
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("semantics", ["tensorflow", "theano"])
@pytest.mark.parametrize("name", MODELS)
def test_models(name: str, semantics: str) -> None:
    layers, shape, wanted = MODELS[name]
    model = build(layers, shape, semantics=semantics)
    made = assert_same(model, samples(model))
    assert wanted is None or kinds(made) == wanted


TANH, GATE = parse("tanh(x)"), parse("clip(0.2 * x + 0.5, 0, 1)")


def scanned(op: ir.Recurrent, places: tuple[int, ...], mask: tuple[Any, ...] | None) -> ir.Graph:
    """A scan whose input, mask and states are inputs of the model."""
    shapes = [(op.steps, *places, op.gates * op.units)]
    shapes += [mask] if mask else []
    shapes += [(*places, op.units)] * (op.states * op.carried)
    inputs = [ir.Node(f"i{n}", ir.Input(s), (), s, f"i{n}") for n, s in enumerate(shapes)]
    names = tuple(node.name for node in inputs)
    scan = ir.Node("scan", op, names, infer(op, *shapes), "scan")
    return ir.Graph((*inputs, scan), ("scan",))


@pytest.mark.parametrize("cell", ["simple", "gru", "gru_reset_after", "lstm"])
@pytest.mark.parametrize("kernel", [(), (3, 2)])
def test_scans(cell: Any, kernel: tuple[int, ...]) -> None:
    """What a scan of the graph can be, masks of steps and of places, states in and out."""
    units, steps = 2, symbol("T")
    gates = {"simple": 1, "lstm": 4}.get(cell, 3)
    stored = (*kernel, units, gates * units)
    weight = ir.Weight("scan", "U", stored, tuple(range(len(stored))), stored)
    bias = ir.Weight("scan", "b", (gates * units,), (0,), (gates * units,))
    places = (4, 3) if kernel else ()
    random = np.random.default_rng(1)
    stored_arrays = {
        w.name: random.uniform(-1, 1, w.stored_shape).astype(np.float32) for w in (weight, bias)
    }

    def read(of: ir.Weight) -> Any:
        return stored_arrays[of.name]

    for sequences, reverse, masked, carried, gives, first in product(
        (False, True), (False, True), ("", "steps", "places"), (False, True), (False, True),
        ("zeros", "state"),
    ):  # fmt: skip
        op = ir.Recurrent(
            cell, steps, weight, bias if cell == "gru_reset_after" else None, TANH, GATE,
            kernel, ((1, 1), (0, 1))[: len(kernel)], reverse, sequences, bool(masked), carried,
            gives, first,
        )  # fmt: skip
        mask = {"steps": (steps,), "places": (steps, *places)}.get(masked)
        graph = scanned(op, places, mask)
        count = len(graph.inputs)
        made = exported(graph, read, [Given(f"in{n}") for n in range(count)], Origin("m", "", {}))
        given = [
            random.uniform(-1, 1, (3, *(5 if n == steps else int(n) for n in node.shape)))
            .astype(np.float32)
            for node in graph.inputs
        ]  # fmt: skip
        if masked:
            given[1] = (given[1] > 0).astype(np.float32)
            given[1][0, :2] = given[1][2] = 0
        bound = ir.Graph(
            tuple(
                ir.Node(n.name, n.op, n.inputs, x.shape[1:], n.layer)
                for n, x in zip(graph.inputs, given, strict=True)
            ) + graph.nodes[count:], graph.outputs,
        )  # fmt: skip
        operands = {w: resolve(w, lambda v: read(v).astype(np.float64)) for w in (weight, bias)}
        wanted = run_reference(bound, operands, *given)["scan"]
        assert_close(run(made, given), [wanted], f"{op}")
