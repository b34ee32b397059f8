"""Scans that convspec writes are read again: masks, cells of images, activations of any kind."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

import speccompiler
from speccompiler.convert.export_source import Given, Origin
from speccompiler.convert.onnx.export import exported as exported_graph
from speccompiler.expressions.grammar import parse
from speccompiler.graph import ir
from speccompiler.graph.dims import symbol
from tests.cases import build
from tests.convert.onnx_runs import assert_close, exported, judged, kinds, samples
from tests.convert.test_onnx_recurrent import TANH, scanned

GATE = parse("sigmoid(x)")
CELLS = ["simple", "gru", "gru_reset_after", "lstm"]
Array = np.ndarray


def read_again(made: onnx.ModelProto, folder: Path) -> speccompiler.Model:
    path = folder / "made.onnx"
    path.write_bytes(made.SerializeToString())
    return speccompiler.load(path)


@pytest.mark.parametrize("layer", ["SimpleRNN", "LSTM", "GRU"])
@pytest.mark.parametrize("backwards", [False, True])
def test_masked_layers(layer: str, backwards: bool, tmp_path: Path) -> None:
    """The numbers are those of the model that the file was made of."""
    for activation, sequences in [("tanh", True), ("softmax", False), ("elu", False)]:
        cell: dict[str, Any] = {
            "type": layer, "output_dim": 5, "activation": activation, "go_backwards": backwards,
            "return_sequences": sequences,
        }  # fmt: skip
        if layer != "SimpleRNN":
            cell["inner_activation"] = "sigmoid" if backwards else "hard_sigmoid"
        model = build([{"type": "Masking", "mask_value": -0.5}, cell], [6, 4])
        (x,) = samples(model)
        x[0, 2] = x[1, :2] = x[2, 4:] = -0.5
        made = exported(model)
        assert "Scan" in kinds(made)
        assert_close(judged(read_again(made, tmp_path), [x]), judged(model, [x]), str(cell))


def test_images_and_both_directions(tmp_path: Path) -> None:
    images = {"type": "ConvLSTM2D", "nb_filter": 3, "nb_row": 3, "nb_col": 2,
              "border_mode": "same", "return_sequences": True}  # fmt: skip
    turned = {"type": "Bidirectional", "layer": {"type": "GRU", "output_dim": 3}}
    for layers, shape in [
        ([images, {**images, "go_backwards": True, "return_sequences": False}], [4, 5, 6, 2]),
        ([{"type": "Masking"}, turned], [5, 4]),
    ]:
        for ordering in ("th", "tf"):
            shape = shape if len(shape) == 2 or ordering == "tf" else [4, 2, 5, 6]
            model = build(layers, shape, dim_ordering=ordering)
            given = samples(model)
            again = read_again(exported(model), tmp_path)
            assert_close(judged(again, given), judged(model, given))


@pytest.mark.parametrize("both", [False, True], ids=["forwards", "both directions"])
def test_words(both: bool, tmp_path: Path) -> None:
    """Numbers of rows that are none give NaN, as they do in the model."""
    cell = {"type": "LSTM", "output_dim": 3}
    layers = [
        {"type": "Embedding", "input_dim": 20, "output_dim": 4, "mask_zero": True},
        {"type": "Bidirectional", "layer": cell} if both else cell,
    ]
    model = build(layers, [None])
    again = read_again(exported(model), tmp_path)
    (lookup,) = [
        n for n in again.graph.nodes if isinstance(n.op, ir.Lookup) and n.layer == "embedding_1"
    ]
    x = np.array([[3, 0, 19, 7], [0, 0, 1, 2], [5.5, 0, 0, 0]], np.float32)
    assert_close(judged(again, [x]), judged(model, [x]))
    assert lookup.shape[-1] == 4


def loop(cell: Any, kernel: tuple[int, ...], **said: Any) -> tuple[ir.Graph, Any]:
    """A scan whose input, mask and states are inputs, and the numbers of its tensors."""
    units, gates = 2, {"simple": 1, "lstm": 4}.get(cell, 3)
    stored = (*kernel, units, gates * units)
    weight = ir.Weight("scan", "U", stored, tuple(range(len(stored))), stored)
    bias = ir.Weight("scan", "b", (gates * units,), (0,), (gates * units,))
    numbers = np.random.default_rng(1)
    arrays = {
        w.name: numbers.uniform(-1, 1, w.stored_shape).astype(np.float32) for w in (weight, bias)
    }
    places = (4, 3) if kernel else ()
    mask = {"steps": (symbol("T"),), "places": (symbol("T"), *places)}.get(said.pop("mask", ""))
    op = ir.Recurrent(
        cell, symbol("T"), weight, bias if cell == "gru_reset_after" else None, TANH, GATE,
        kernel, ((1, 1), (0, 1))[: len(kernel)], masked=mask is not None, **said,
    )  # fmt: skip
    return scanned(op, places, mask), arrays


def written(graph: ir.Graph, arrays: Any) -> onnx.ModelProto:
    given = [Given(f"in{n}") for n in range(len(graph.inputs))]
    return exported_graph(graph, lambda w: arrays[w.name], given, Origin("m", "", {}))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("kernel", [(), (3, 2)], ids=["flat", "images"])
def test_the_same_operation(cell: str, kernel: tuple[int, ...], tmp_path: Path) -> None:
    """Whatever a loop of the graph can say comes back as that loop."""
    for mask, reverse, sequences, carried, first in product(
        ("", "steps", "places"), (False, True), (False, True), (False, True), ("zeros", "state")
    ):
        if not (mask or kernel) or (first == "state" and not (mask and carried)):
            continue
        if mask == "places" and not kernel:
            continue
        said: dict[str, Any] = {
            "mask": mask, "reverse": reverse, "sequences": sequences, "carried": carried,
            "first_masked": first,
        }  # fmt: skip
        graph, arrays = loop(cell, kernel, **said)
        again = read_again(written(graph, arrays), tmp_path)
        (found,) = [n.op for n in again.graph.nodes if isinstance(n.op, ir.Recurrent)]
        wanted: Any = graph.nodes[-1].op
        kept = {"weight": wanted.weight, "state_bias": wanted.state_bias, "steps": wanted.steps}
        if cell == "simple":  # it has no gate
            kept["gate_activation"] = wanted.gate_activation
        assert replace(found, **kept) == wanted, said


def onnxruntime_gives(made: onnx.ModelProto, given: list[Any]) -> list[Any] | None:
    """None for a model that it cannot run."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    try:
        session = onnxruntime.InferenceSession(made.SerializeToString(), options)
        names = [entry.name for entry in session.get_inputs()]
        return list(session.run(None, dict(zip(names, given, strict=True))))
    except Exception:  # its errors have no class in common but this
        return None


def change(body: onnx.GraphProto, rng: random.Random) -> None:
    """One thing in a step that is not as it was."""
    node = rng.choice(list(body.node))
    kind = rng.randrange(4)
    read = [name for each in body.node for name in (*each.input, *each.output)]
    if kind == 0:
        node.op_type = rng.choice(["Add", "Sub", "Mul", "Tanh", "Sigmoid", "Identity", "Relu"])
    elif kind == 1 and len(node.input) > 1:
        first, second = rng.sample(range(len(node.input)), 2)
        node.input[first], node.input[second] = node.input[second], node.input[first]
    elif kind == 2 and node.input:
        node.input[rng.randrange(len(node.input))] = rng.choice(
            [*read, *(v.name for v in body.input)]
        )
    else:
        ends = body.output
        ends[rng.randrange(len(ends))].name = rng.choice(read)


@pytest.mark.parametrize("cell", CELLS)
def test_changed_steps_are_refused_or_run_as_onnxruntime_runs_them(
    cell: str, tmp_path: Path
) -> None:
    """Nothing is taken for a cell that it is not."""
    rng, numbers = random.Random(cell), np.random.default_rng(0)
    read = 0
    for number in range(120):
        said = {"mask": rng.choice(["steps", "places"]), "carried": rng.random() < 0.5}
        graph, arrays = loop(cell, (3, 2), sequences=True, **said)
        made = written(graph, arrays)
        (scan,) = [n for n in made.graph.node if n.op_type == "Scan"]
        (body,) = [a.g for a in scan.attribute if a.name == "body"]
        change(body, rng)
        try:
            again = read_again(made, tmp_path)
        except speccompiler.SpecError as error:
            refused = error.diagnostics
        else:
            refused = ()
        if refused:
            assert all(d.code.startswith("CS") for d in refused)
            continue
        shapes = [[5 if not isinstance(n, int) else n for n in v.shape] for v in graph.inputs]
        given = [numbers.uniform(-1, 1, (3, *shape)).astype(np.float32) for shape in shapes]
        if said["mask"]:
            given[1] = (given[1] > 0).astype(np.float32)
        # onnxruntime gives other numbers where a body has one output twice.
        ends = [value.name for value in body.output]
        wanted = onnxruntime_gives(made, given) if len(set(ends)) == len(ends) else None
        if wanted is not None:
            read += 1
            assert_close(judged(again, given), wanted, f"change {number}")
    assert read > 3
