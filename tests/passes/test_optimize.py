"""All passes together: what they leave of models; taps survive; a wrong pass is caught."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from speccompiler import passes
from speccompiler.graph.ir import Conv, Graph, Pad
from speccompiler.passes import PASSES, optimize
from speccompiler.passes.drop_identities import drop_identities
from tests.cases import build
from tests.passes.small_graphs import RELU, SOURCE, ZEROS, conv, graph, kinds


def th_block(**header: Any) -> Any:
    layers = []
    for i in range(3):
        layers += [
            {"type": "ZeroPadding2D", "name": f"pad{i}"},
            {"type": "Convolution2D", "name": f"conv{i}", "nb_filter": 4, "nb_row": 3, "nb_col": 3,
             "activation": "relu"},
            {"type": "Dropout", "name": f"drop{i}", "p": 0.2},
            {"type": "MaxPooling2D", "name": f"pool{i}", "strides": [1, 1]},
        ]  # fmt: skip
    layers += [{"type": "UpSampling2D", "name": "up"}]
    return build(layers, [3, 8, 9], dim_ordering="th", **header)


def test_a_th_model_transposes_once_in_and_once_out():
    model = th_block()
    assert kinds(model.graph).count("Transpose") == 20
    assert kinds(optimize(model.graph)) == [
        "Input", "Transpose", *["Conv", "Pool"] * 3, "Transpose", "Reshape", "Upsample", "Reshape",
    ]  # fmt: skip


def test_a_th_model_with_separate_activations_is_fused_as_well():
    layers = [
        {"type": "Convolution2D", "nb_filter": 4, "nb_row": 3, "nb_col": 3, "dim_ordering": "th"},
        {"type": "Activation", "activation": "relu"},
        {"type": "Dropout", "p": 0.5},
        {"type": "Convolution2D", "nb_filter": 4, "nb_row": 3, "nb_col": 3, "dim_ordering": "th"},
        {"type": "Activation", "activation": "tanh"},
        {"type": "Flatten"},
    ]  # fmt: skip
    model = build(layers, [2, 8, 8])
    assert kinds(optimize(model.graph)) == [
        "Input", "Transpose", "Conv", "Conv", "Transpose", "Reshape",
    ]  # fmt: skip
    last = [x | {"dim_ordering": "tf"} if "dim_ordering" in x else x for x in layers]
    assert kinds(optimize(build(last, [8, 8, 2]).graph)) == ["Input", "Conv", "Conv", "Reshape"]


def test_taps_survive_everything():
    model = th_block()
    names = [str(layer.name) for layer in model.spec.layers]
    x = np.random.default_rng(1).uniform(-1, 1, (2, 3, 8, 9)).astype(np.float32)
    judge = model.compile("reference", layers=names).run_all(x)
    found = model.compile("cpu", layers=names).run_all(x)
    assert list(found) == list(judge) == ["up", *names[:-1]]
    for name, y in found.items():
        np.testing.assert_allclose(y, judge[name], atol=1e-5 * np.abs(judge[name]).max())
    # And a tap is what the model cut off after it gives.
    for name in ("pad1", "conv2", "drop0"):
        alone = model.compile("cpu", layers=[name]).run_all(x)
        assert list(alone) == ["up", name]
        assert np.array_equal(alone[name], found[name])
    assert np.array_equal(found["drop0"], found["conv0"])


def test_optimize_shows_every_pass_and_verifies_it():
    seen = []
    made = graph(SOURCE, ("p", Pad(((1, 1),)), "in"), ("c", conv(), "p"), ("m", RELU, "c"))
    after = optimize(made, lambda name, result: seen.append((name, len(result.nodes))))
    assert [name for name, _ in seen] == [step.__name__ for step in PASSES]
    assert seen[-1][1] == 2
    assert kinds(after) == ["Input", "Conv"]
    for step in PASSES:
        assert step.__doc__
        assert step(after) == after, f"{step.__name__} is not done after one run"


def wrong_shape(made: Graph) -> Graph:
    """A pass that forgets that a convolution is padded."""
    return Graph(
        tuple(
            replace(n, op=replace(n.op, padding=ZEROS)) if isinstance(n.op, Conv) else n
            for n in made
        ),
        made.outputs,
    )


def lost_output(made: Graph) -> Graph:
    """A pass that drops what a caller asked for."""
    return Graph(made.nodes[:-1], made.outputs)


def out_of_order(made: Graph) -> Graph:
    """A pass that lists a node before what it reads."""
    return Graph(tuple(reversed(made.nodes)), made.outputs)


@pytest.mark.parametrize("broken", [wrong_shape, lost_output, out_of_order])
def test_a_wrong_pass_is_caught(broken, monkeypatch):
    made = graph(SOURCE, ("c", conv(padding=((1, 1),)), "in"))
    monkeypatch.setattr(passes, "PASSES", (drop_identities, broken))
    with pytest.raises(AssertionError):
        optimize(made)
