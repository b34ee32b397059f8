"""What an output says of its model and of its axes."""

from __future__ import annotations

import numpy as np
import pytest

import speccompiler
from speccompiler.options import CompileOptions
from speccompiler.running.output_facts import axis_names, output_attributes
from tests.places import ROOT

EXAMPLES = ROOT / "examples/specs"
SPEC = """\
convspec: 1
semantics: {semantics}
dim_ordering: {ordering}
input_shape: {shape}
seed: 1
layers:
  - {{type: Convolution2D, name: conv, nb_filter: 3, nb_row: 3, nb_col: 3}}
  - {{type: Activation, name: relu, activation: relu}}
  - {{type: Reshape, name: rows, target_shape: [3, -1]}}
  - {{type: Permute, name: turned, dims: [2, 1]}}
  - {{type: Flatten, name: flat}}
"""


def model(semantics: str = "theano", ordering: str = "th", shape: str = "[2, 8, 6]"):
    return speccompiler.loads(SPEC.format(semantics=semantics, ordering=ordering, shape=shape))


def test_axes() -> None:
    first = ("sample", "channel", "y", "x")
    # Of a reshaped value, and of what is made of it, nothing is known until it is flat.
    assert axis_names(model()) == {"conv": first, "relu": first, "flat": ("sample", "feature")}
    last = axis_names(model(ordering="tf", shape="[8, 6, 2]"))
    assert last["relu"] == ("sample", "y", "x", "channel")


@pytest.mark.parametrize(
    ("file", "layer", "axes"),
    [
        ("conv1d_stack.yaml", "conv1", ("sample", "step", "channel")),
        ("c3d.yaml", "conv1", ("sample", "channel", "z", "y", "x")),
        ("resnet50.yaml", "avg_pool", ("sample", "y", "x", "channel")),
        ("lenet.yaml", "digit", ("sample", "feature")),
    ],
)
def test_axes_of_examples(file: str, layer: str, axes: tuple[str, ...]) -> None:
    found = axis_names(speccompiler.load(EXAMPLES / file))
    assert found[layer] == axes


@pytest.mark.parametrize(
    "file", sorted(p.name for p in EXAMPLES.iterdir() if p.suffix in {".yaml", ".json"})
)
def test_as_many_names_as_axes(file: str) -> None:
    loaded = speccompiler.load(EXAMPLES / file)
    shapes = {layer.name: layer.output_shape for layer in loaded.shapes().layers}
    for name, axes in axis_names(loaded).items():
        assert len(axes) == len(shapes[name]) + 1
        assert len(set(axes)) == len(axes)


def test_attributes() -> None:
    loaded = model("{profile: theano, padding: tensorflow}")
    said = output_attributes(loaded, CompileOptions(apply_constraints=True), "relu", {"a": "x.npy"})
    assert set(said) == {
        "version", "model", "output", "model_hash", "weights_hash", "semantics", "math", "inputs",
        "constraints_applied",
    }  # fmt: skip
    assert said["semantics"] == "theano padding=tensorflow"
    assert (said["output"], said["inputs"]) == ("relu", {"a": "x.npy"})
    for name in ("model_hash", "weights_hash"):
        assert len(bytes.fromhex(said[name])) == 32
    told = output_attributes(model("tensorflow"), CompileOptions(), "relu", {})
    assert told["semantics"] == "tensorflow"
    assert told["model_hash"] != said["model_hash"]
    assert told["weights_hash"] == said["weights_hash"]
    assert "constraints_applied" not in told


def test_no_semantics_where_none_matters() -> None:
    text = '{"class_name": "Sequential", "config": [{"class_name": "Dense", "config": ' + (
        '{"name": "d", "output_dim": 2, "batch_input_shape": [null, 3]}}]}'
    )
    loaded = speccompiler.loads(text, seed=1)
    assert output_attributes(loaded, CompileOptions(), "d", {})["semantics"] is None
    assert np.isfinite(loaded.compile("reference").run(np.ones((1, 3)))).all()
