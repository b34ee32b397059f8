"""The inputs and outputs of a functional model."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.models import checked


def functional(inputs: list[Any], outputs: list[Any]) -> str:
    layers = [
        {"class_name": "InputLayer", "name": "i", "inbound_nodes": [],
         "config": {"name": "i", "batch_input_shape": [None, 4]}},
        {"class_name": "Dense", "name": "a", "inbound_nodes": [[["i", 0, 0]]],
         "config": {"name": "a", "output_dim": 3}},
        {"class_name": "Dense", "name": "b", "inbound_nodes": [[["a", 0, 0]]],
         "config": {"name": "b", "output_dim": 2}},
    ]  # fmt: skip
    config = {"name": "m", "layers": layers, "input_layers": inputs, "output_layers": outputs}
    return json.dumps({"class_name": "Model", "config": config, "keras_version": "1.2.2"})


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        ("a", "b", "the model's input 'a' is a layer that reads others"),
        ("ii", "b", "'i' is listed as an input twice"),
        ("", "b", "the model has no input"),
        ("i", "", "the model has no output"),
        ("i", "c", "no layer of the model is named 'c'"),
    ],
)
def test_the_ends_of_a_functional_model(inputs, outputs, message):
    text = functional([[n, 0, 0] for n in inputs], [[n, 0, 0] for n in outputs])
    model, found = checked(text)
    assert model is None
    assert [(d.code, d.message) for d in found] == [("CS061", message)]
    assert found[0].span is not None


def test_an_output_in_the_middle_and_two_outputs():
    model, found = checked(functional([["i", 0, 0]], [["a", 0, 0]]))
    assert model is not None
    assert [(d.code, d.layer) for d in found] == [("CS065", "b")]
    assert model.output_names == ("a",)
    model, found = checked(functional([["i", 0, 0]], [["b", 0, 0], ["a", 0, 0]]))
    assert model is not None
    assert not found
    assert model.output_names == ("b", "a")


def test_a_functional_model_whose_ends_are_its_ends():
    model, _ = checked(functional([["i", 0, 0]], [["b", 0, 0]]))
    assert model is not None
    assert model.graph.nodes[-1].shape == (2,)
