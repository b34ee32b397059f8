"""Whole models to native specs, which give the same numbers; and the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import speccompiler
from speccompiler.cli.main import run
from speccompiler.convert.conversion import convert
from speccompiler.diagnostics.core import SpecError
from tests.convert.conversions import (
    DIGITS,
    SINGLE,
    UNKNOWN,
    WHOLE,
    arrays,
    assert_same,
    cases,
    expected,
    loaded,
    moved,
    results,
    written,
)


@pytest.mark.parametrize("folder", cases(WHOLE + SINGLE))
def test_a_native_spec_says_all_that_the_keras_file_meant(folder: Path, tmp_path: Path) -> None:
    model = loaded(folder)
    native = written(model, tmp_path)
    assert_same(results(native, arrays(folder, "input")), expected(folder, model))
    assert written(native, tmp_path).spec == native.spec
    before, after = model.weight_sources.read(), native.weight_sources.read()
    by_name = {(w.layer, w.tensor): a for w, a in after.items()}
    for weight, array in before.items():
        assert np.array_equal(by_name[weight.layer, weight.tensor], array)


@pytest.mark.parametrize("folder", cases(DIGITS))
def test_the_digits_convert(folder: Path, tmp_path: Path) -> None:
    semantics: Any = folder.name.split("-")[0]
    try:
        model = speccompiler.load(folder / "model.h5", semantics=semantics)
    except SpecError as error:
        if {d.code for d in error.diagnostics} <= UNKNOWN:
            pytest.skip(error.diagnostics[0].message)
        raise
    images, predictions = np.load(folder / "images.npy"), np.load(folder / "predictions.npy")
    native = written(model, tmp_path)
    np.testing.assert_allclose(results(native, [images])[0], predictions, rtol=0, atol=1e-5)
    other: Any = {"theano-th": "tf", "tensorflow-tf": "th"}[folder.name]
    native = written(model, tmp_path, dim_ordering=other)
    found = results(native, [moved(images, other)])[0]
    np.testing.assert_allclose(found, predictions, rtol=0, atol=1e-5)
    with pytest.raises(SpecError) as caught:
        convert(model, semantics="theano" if semantics == "tensorflow" else "tensorflow")
    assert [(d.code, d.layer) for d in caught.value.diagnostics] == [
        ("CS150", "conv2"),
        ("CS150", "pool3"),
    ]


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.yaml").write_text(
        "convspec: 1\ninput_shape: [3]\nseed: 1\nverify: {input: x.npy, expect: [[0]]}\n"
        "layers: [{type: Dense, name: d, output_dim: 1}]\n"
    )
    np.save("x.npy", np.zeros((1, 3), np.float32))
    (tmp_path / "out").mkdir()
    assert run(["convert", "m.yaml", "--output", "out/n.yaml"]) == 0
    assert capsys.readouterr().out == (
        "wrote out/n.safetensors: 2 tensors\nwrote out/n.yaml: 1 layers\n"
    )
    text = (tmp_path / "out" / "n.yaml").read_text()
    assert '\nverify:\n  input: "../x.npy"\n  expect: [[0]]\n' in text
    assert run(["verify", "out/n.yaml", "--target", "reference"]) == 0
    assert run(["validate", "out/n.yaml"]) == 0
    capsys.readouterr()
    assert run(["convert", "m.yaml"]) == 0
    assert "weights:" not in capsys.readouterr().out
    for wrong in (
        ["--output", "n.json"],
        ["--output", "m.yaml"],
        ["--weights-output", "w.safetensors"],
        ["--output", "n.yaml", "--weights-output", "w.npz"],
    ):
        assert run(["convert", "m.yaml", *wrong]) == 2
    assert run(["convert", "m.yaml", "--output", "nowhere/n.yaml"]) == 2
    assert "CS120" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.yaml", "out", "x.npy"]


def test_a_keras_file_that_says_nothing_is_not_guessed_at(tmp_path: Path, capsys: Any) -> None:
    config = {"name": "c", "nb_filter": 1, "filter_length": 3, "batch_input_shape": [None, 4, 1]}
    layer = {"class_name": "Convolution1D", "config": config}
    path = tmp_path / "m.json"
    path.write_text(json.dumps({"class_name": "Sequential", "config": [layer]}))
    assert run(["convert", str(path)]) == 1
    assert "CS050" in capsys.readouterr().err
    config["filter_length"] = 1
    path.write_text(json.dumps({"class_name": "Sequential", "config": [layer]}))
    assert run(["convert", str(path)]) == 0
    out = capsys.readouterr().out
    assert "# Its numbers are the same under TensorFlow's semantics and under Theano's.\n" in out


@pytest.mark.parametrize(
    ("version", "semantics", "said"),
    [
        ("1.0.5", "tensorflow", "deviation"),
        ("1.0.6", "theano", "deviation"),
        ("1.0.7", "theano", "root_variance"),
        ("1.2.2", "theano", None),
    ],
)
def test_what_the_release_decided_is_said(
    tmp_path: Path, version: str, semantics: Any, said: Any
) -> None:
    """``running_std`` was a deviation, then a variance; a native spec has no release."""
    config = {"name": "n", "batch_input_shape": [None, 3], "epsilon": 0.5, "mode": 0}
    model: Any = {"class_name": "Sequential", "config": [{"class_name": "BatchNormalization",
                  "config": config}], "keras_version": version}  # fmt: skip
    (tmp_path / "k.json").write_text(json.dumps(model))
    tensors = {"n_gamma": [1, 2, 3], "n_beta": [0, 1, 0], "n_running_mean": [1, 0, 0],
               "n_running_std": [4, 9, 16]}  # fmt: skip
    np.savez(tmp_path / "w.npz", **{k: np.array(v, np.float32) for k, v in tensors.items()})
    keras = speccompiler.load(tmp_path / "k.json", weights=tmp_path / "w.npz", semantics=semantics)
    native = written(keras, tmp_path)
    assert native.spec.semantics is not None
    assert native.spec.semantics.running_std == said
    x = np.array([[2, 3, 4]], np.float32)
    stored = np.array([4, 9, 16])
    deviation = {
        "deviation": stored + 0.5,
        "root_variance": np.sqrt(stored) + 0.5,
        None: np.sqrt(stored + 0.5),
    }[said]
    by_hand = ([[1, 3, 4]] / deviation) * [1, 2, 3] + [0, 1, 0]
    for converted in (native, written(keras, tmp_path, semantics="tensorflow")):
        np.testing.assert_allclose(results(converted, [x])[0], by_hand, rtol=1e-6)
