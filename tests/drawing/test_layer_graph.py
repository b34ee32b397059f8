"""The graph of a model that is drawn: every input and layer, and what each reads."""

from __future__ import annotations

import pytest

from speccompiler.drawing.layer_graph import layer_graph
from speccompiler.model import load, loads
from tests.places import ROOT


def edges(text: str) -> list[tuple[str, str]]:
    return list(layer_graph(loads(text).shapes()).edges)


def test_an_input_without_a_layer_is_a_node() -> None:
    graph = layer_graph(load(ROOT / "examples/specs/lenet.yaml").shapes())
    first, second = graph.nodes[:2]
    assert (first.key, first.name, first.type, first.layer) == (
        f"{second.name} (input)", "input", "InputLayer", None,
    )  # fmt: skip
    assert first.output_shape == (28, 28, 1)
    assert graph.is_chain
    assert len(graph.nodes) == 9


def test_branches_shared_layers_and_inputs() -> None:
    report = load(ROOT / "examples/specs/stereo.yaml").shapes()
    graph = layer_graph(report)
    assert not graph.is_chain
    assert [node.key for node in graph.nodes if node.is_input] == ["left", "right", "camera"]
    reads = {node.key: node.reads for node in graph.nodes}
    assert reads["left"] == ()
    assert reads["right_edges"] == ("right",)
    assert reads["left_half"] == ("edges",)
    assert reads["views"] == ("left_half", "right_half")
    assert reads["all"] == ("flat", "camera")
    shared = {layer.name: layer.shared_with for layer in report.layers if layer.shared_with}
    assert shared == {"right_edges": "edges"}
    assert report.outputs == ("near", "distance")


def test_a_value_read_twice_is_two_edges() -> None:
    found = edges("""\
convspec: 1
inputs: {x: [4]}
layers:
  - {type: Merge, name: twice, mode: sum, inputs: [x, x]}
""")
    assert found == [("x", "twice"), ("x", "twice")]


def test_a_layer_may_have_the_name_of_an_input() -> None:
    found = edges("""\
convspec: 1
input_shape: [4]
layers:
  - {type: Flatten, name: a}
  - {type: Flatten, name: a (input)}
""")
    assert found == [("a (input)'", "a"), ("a", "a (input)")]


@pytest.mark.parametrize("name", ["inception", "resnet50", "residual", "clips", "sentences"])
def test_every_layer_stands_after_what_it_reads(name: str) -> None:
    report = load(ROOT / f"examples/specs/{name}.yaml").shapes()
    graph = layer_graph(report)
    seen: set[str] = set()
    for node in graph.nodes:
        assert set(node.reads) <= seen
        seen.add(node.key)
    assert [node.key for node in graph.nodes if node.layer] == [la.name for la in report.layers]
