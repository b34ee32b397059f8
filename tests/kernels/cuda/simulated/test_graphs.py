"""Graphs of several inputs and outputs, with shared layers, on the simulated GPU."""

from __future__ import annotations

from typing import Any

from tests.cases import build
from tests.kernels.cuda.simulated.on_simulator import all_of_both, assert_close

CONV: dict[str, Any] = {"type": "Convolution1D", "nb_filter": 4, "filter_length": 3,
                        "border_mode": "same"}  # fmt: skip
GRAPH: list[dict[str, Any]] = [
    {**CONV, "name": "conv", "activation": "relu", "inputs": "left"},
    {"type": "Shared", "layer": "conv", "name": "other", "inputs": "right"},
    {"type": "Merge", "name": "joined", "mode": "concat", "inputs": ["conv", "other"]},
    {"type": "Flatten", "name": "flat"},
    {"type": "Dense", "name": "label", "output_dim": 2},
    {"type": "Merge", "name": "three", "mode": "ave", "inputs": ["left", "right", "left"]},
]


def test_a_graph_of_two_inputs_and_two_outputs(draw):
    model = build(GRAPH, inputs={"left": [6, 2], "right": [6, 2]}, outputs=["three", "label"])
    x = draw(3, 6, 2), draw(3, 6, 2)
    found, judges, plan = all_of_both(model, *x)
    for y, judge in zip(found, judges, strict=True):
        assert_close(y, judge)
    reads = {step.kernel: len(step.reads) for step in plan.steps}
    assert (reads["concat"], reads["combine"]) == (2, 3)
    # The whole way, from the names of the inputs to those of the outputs.
    named = dict(zip(("left", "right"), x, strict=True))
    compiled, reference = (model.compile(target) for target in ("cuda", "reference"))
    for name, y in compiled.run_all(named).items():
        assert_close(y, reference.run_all(named)[name])


def test_weights_of_a_shared_layer_are_sent_once(draw):
    model = build(GRAPH, inputs={"left": [6, 2], "right": [6, 2]}, outputs=["three", "label"])
    compiled = model.compile("cuda")
    convolutions = [b for b in compiled.executor._steps[0] if b.step.kernel == "gemm"]
    first, second, _ = convolutions
    assert first.w is second.w
    assert first.b is second.b
