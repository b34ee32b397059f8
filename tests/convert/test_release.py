"""A converted model keeps its release, which decides what no argument says: masks, penalties."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import speccompiler
from speccompiler.cli.main import run
from speccompiler.weights.penalties import activity_regularizers
from tests.convert.conversions import assert_same, results, written
from tests.places import OWN_GOLDEN_KERAS2


def keras(version: str, *layers: tuple[str, dict[str, Any]]) -> str:
    made = [{"class_name": kind, "config": {"name": f"l{n}", **arguments}}
            for n, (kind, arguments) in enumerate(layers)]  # fmt: skip
    made[0]["config"]["batch_input_shape"] = [None, 4, 3]
    return json.dumps({"class_name": "Sequential", "config": made,
                       "keras_version": version, "backend": "tensorflow"})  # fmt: skip


MASKED = (("Masking", {}), ("Dense", {"units": 3}), ("LSTM", {"units": 2}))


def weighted(model: speccompiler.Model, folder: Path) -> speccompiler.Model:
    """The model with weights that are drawn."""
    rng = np.random.default_rng(0)
    weights = model.graph.weights()
    arrays = {f"{w.layer}/{w.tensor}": rng.standard_normal(w.stored_shape) / 2 for w in weights}
    np.savez(folder / "w.npz", **{n: a.astype(np.float32) for n, a in arrays.items()})
    return speccompiler.load(folder / "k.json", weights=folder / "w.npz")


@pytest.mark.parametrize(
    ("version", "said"),
    [("2.1.6", "2.1.6"), ("2.2.4-tf", "2.2.4-tf"), ("2.16.0.dev3", "2.16.0"), ("3.5.0", "3.5.0")],
)
def test_a_mask_goes_on_through_a_dense(version: str, said: str, tmp_path: Path) -> None:
    """Keras 1.2.2, which a native spec follows by default, refuses that."""
    (tmp_path / "k.json").write_text(keras(version, *MASKED))
    model = weighted(speccompiler.load(tmp_path / "k.json"), tmp_path)
    native = written(model, tmp_path)
    assert native.spec.keras_version == said
    x = np.ones((2, 4, 3), np.float32)
    x[1, 2:] = 0
    assert_same(results(native, [x]), results(model, [x]))
    text = (tmp_path / "m.yaml").read_text()
    (line,) = [line for line in text.splitlines(True) if line.startswith("keras_version")]
    (tmp_path / "m.yaml").write_text(text.replace(line, ""))
    with pytest.raises(speccompiler.SpecError) as caught:
        speccompiler.load(tmp_path / "m.yaml")
    assert [d.code for d in caught.value.diagnostics] == ["CS210"]


def test_keras_1_needs_no_release(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layers = (("Masking", {}), ("LSTM", {"output_dim": 2}))
    (tmp_path / "k.json").write_text(keras("1.0.5", *layers))
    assert run(["convert", str(tmp_path / "k.json")]) == 0
    assert "keras_version" not in capsys.readouterr().out


def test_a_softmax_of_images_and_penalties_of_outputs(tmp_path: Path) -> None:
    """Keras 1.x has neither: no softmax of rank 4, no penalty divided by the samples."""
    penalised = {"units": 2, "activity_regularizer": {"class_name": "L2", "config": {"l2": 0.5}}}
    layers = [
        ("Dense", penalised),
        ("Reshape", {"target_shape": [2, 2, 2]}),
        ("Activation", {"activation": "softmax"}),
    ]
    (tmp_path / "k.json").write_text(keras("2.16.0", *layers))
    model = weighted(speccompiler.load(tmp_path / "k.json"), tmp_path)
    native = written(model, tmp_path)
    x = np.ones((2, 4, 3), np.float32)
    assert_same(results(native, [x]), results(model, [x]))
    assert activity_regularizers(native.spec) == activity_regularizers(model.spec)
    assert activity_regularizers(native.spec)["l0"].averaged


@pytest.mark.parametrize(
    "folder", [pytest.param(p, id=p.name) for p in sorted(OWN_GOLDEN_KERAS2.glob("*/*"))]
)
def test_a_native_spec_says_all_that_a_later_keras_meant(folder: Path, tmp_path: Path) -> None:
    with np.load(folder / "weights.npz") as stored:
        weights = folder / "weights.npz" if stored.files else None
    model = speccompiler.load(folder / "model.json", weights=weights)
    native = written(model, tmp_path)
    inputs = [np.load(p) for p in sorted(folder.glob("input*.npy"))]
    assert_same(results(native, inputs), results(model, inputs))
    again = tmp_path / "again"
    again.mkdir()
    assert written(native, again).spec.layers == native.spec.layers


@pytest.mark.parametrize("value", ["2.3", "two", '"2.3.1\\n"', '"0.3.0"'])
def test_what_is_no_release(value: str) -> None:
    with pytest.raises(speccompiler.SpecError) as caught:
        speccompiler.loads(
            f"convspec: 1\nkeras_version: {value}\ninput_shape: [3]\n"
            "layers: [{type: Dense, name: d, output_dim: 1}]\n"
        )
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == (
        "CS026",
        '\'keras_version\': a release of Keras is text such as "2.2.4", "2.1.6-tf" or "3.5.0"',
    )


def test_a_spec_around_a_file_leaves_the_release_to_it(tmp_path: Path) -> None:
    (tmp_path / "k.json").write_text(keras("2.1.6", *MASKED))
    (tmp_path / "m.yaml").write_text("convspec: 1\nmodel: k.json\nkeras_version: 1.2.2\n")
    with pytest.raises(speccompiler.SpecError) as caught:
        speccompiler.load(tmp_path / "m.yaml")
    assert caught.value.diagnostics[0].message == (
        "'keras_version' is for a spec that lists its layers; this one names a model"
    )
