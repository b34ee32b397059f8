"""A model and what it was converted to are compared by what they compute."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import speccompiler
from speccompiler.comparing.same_function import computes_the_same
from tests.cases import build
from tests.places import ROOT

DIGITS = ROOT / "examples" / "keras" / "digits.h5"
LENET = ROOT / "examples" / "specs" / "lenet.yaml"


@pytest.mark.parametrize("ending", ["onnx", "keras"])
def test_a_conversion_is_the_same_model_in_another_form(ending: str, tmp_path: Path) -> None:
    """Theano's reversed kernels, channels first, padding and BatchNormalization among it."""
    model = speccompiler.load(DIGITS, semantics="theano")
    (path,) = model.save(tmp_path / f"m.{ending}")
    found = speccompiler.diff(model, speccompiler.load(path))
    codes = [change.code for change in found.changes]
    assert codes[0] == "CD607"
    assert {code[:3] for code in codes[1:]} <= {"CD1"}
    assert str(found.impact) == "note"
    assert "that compute the same numbers" in found.changes[0].message


@pytest.mark.parametrize("ending", ["onnx", "keras"])
@pytest.mark.parametrize("name", ["crnn_tagger", "speech"])
def test_where_operations_differ_samples_are_compared(
    name: str, ending: str, tmp_path: Path
) -> None:
    """Gates scaled for another hard sigmoid, formulas and norms of many nodes, open lengths."""
    model = speccompiler.load(ROOT / "examples" / "specs" / f"{name}.yaml")
    (path,) = model.save(tmp_path / f"m.{ending}")
    found = speccompiler.diff(model, speccompiler.load(path))
    assert [change.code for change in found.changes] == ["CD607", "CD104"]
    assert found.changes[0].message.endswith(
        "layers that give the same numbers for random samples with the weights that both files hold"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("activation: swish", "activation: gelu"),
        ("output_dim: 24,", "output_dim: 24, inner_activation: sigmoid,"),
        ("name: smooth,", "name: smooth, go_backwards: true,"),
        ("name: even}", "name: even, epsilon: 0.002}"),
        ("name: letters}", "name: letters, axis: 1}"),
        ("seed: 61", "seed: 62"),
    ],
)
def test_samples_show_what_changed(old: str, new: str, tmp_path: Path) -> None:
    text = (ROOT / "examples" / "specs" / "speech.yaml").read_text()
    assert text.count(old) == 1
    (path,) = speccompiler.loads(text).save(tmp_path / "m.onnx")
    other = speccompiler.load(path)
    assert computes_the_same(speccompiler.loads(text), other) == "samples"
    changed = speccompiler.loads(text.replace(old, new))
    assert computes_the_same(changed, other) is None
    found = speccompiler.diff(changed, other)
    assert str(found.impact) == "breaking"
    codes = {change.code for change in found.changes}
    assert not any(code.startswith("CD50") for code in codes)  # the file brings its own weights


def test_masked_steps_are_among_the_samples(tmp_path: Path) -> None:
    """Of words, of which 0 is none, and where two lengths of a model are open."""
    layers = [
        {"type": "Embedding", "name": "e", "input_dim": 9, "output_dim": 4, "mask_zero": True},
        {"type": "GRU", "name": "g", "output_dim": 3},
    ]
    model = build(layers, [None])
    (path,) = model.save(tmp_path / "m.onnx")
    other = speccompiler.load(path)
    assert computes_the_same(model, other) == "samples"
    unmasked = build([layers[0] | {"mask_zero": False}, layers[1]], [None])
    assert computes_the_same(unmasked, other) is None


def test_drawn_weights_count_as_well(tmp_path: Path) -> None:
    model = speccompiler.load(LENET, seed=3)
    (path,) = model.save(tmp_path / "m.onnx")
    assert computes_the_same(model, speccompiler.load(path))
    assert not computes_the_same(speccompiler.load(LENET, seed=4), speccompiler.load(path))


def dense(activation: str, units: int = 3) -> dict[str, Any]:
    return {"type": "Dense", "name": "d", "output_dim": units, "activation": activation}


def test_other_numbers_are_found(tmp_path: Path) -> None:
    """Of one weight, of an activation, of a connection, or where there are no weights."""
    model = build([dense("tanh")], [4])
    (path,) = model.save(tmp_path / "m.onnx")
    other = speccompiler.load(path)
    assert computes_the_same(model, other)
    assert not computes_the_same(build([dense("relu")], [4]), other)
    assert not computes_the_same(
        build([dense("tanh"), dense("linear", 2) | {"name": "e"}], [4]), other
    )
    (spec, weights) = (tmp_path / "n.yaml", tmp_path / "n.safetensors")
    model.save(spec)
    held = bytearray(weights.read_bytes())
    held[-4:] = np.float32(7).tobytes()
    weights.write_bytes(held)
    text = "\n".join(x for x in spec.read_text().split("\n") if "sha256" not in x)
    spec.write_text(text)
    assert not computes_the_same(speccompiler.load(spec), other)


def test_two_releases_that_merge_masks_otherwise() -> None:
    """From Keras 3.4 on one mask that keeps a step is enough."""

    def layer(kind: str, name: str, reads: list[str], **config: Any) -> dict[str, Any]:
        nodes = [[[read, 0, 0, {}] for read in reads]] if reads else []
        config = {"name": name, **config}
        return {"class_name": kind, "name": name, "config": config, "inbound_nodes": nodes}

    layers = [
        layer("InputLayer", "a", [], batch_input_shape=[None, 5, 2]),
        layer("InputLayer", "b", [], batch_input_shape=[None, 5, 2]),
        layer("Masking", "ma", ["a"], mask_value=0.0),
        layer("Masking", "mb", ["b"], mask_value=0.0),
        layer("Add", "add", ["ma", "mb"]),
        layer("LSTM", "lstm", ["add"], units=3, recurrent_activation="sigmoid"),
    ]
    config = {
        "name": "m",
        "layers": layers,
        "input_layers": [["a", 0, 0], ["b", 0, 0]],
        "output_layers": [["lstm", 0, 0]],
    }
    texts = [
        json.dumps({"class_name": "Model", "config": config, "keras_version": version,
                    "backend": "tensorflow"})
        for version in ("3.3.0", "3.15.0", "3.14.0")
    ]  # fmt: skip
    old, new, last = (speccompiler.loads(text) for text in texts)
    (change,) = speccompiler.diff(old, new).changes
    assert change.code == "CD601"
    assert change.message == "keras_version 3.3.0 -> 3.15.0: the numbers of 'add' change"
    assert speccompiler.diff(last, new).same
