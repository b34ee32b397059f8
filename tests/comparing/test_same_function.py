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
