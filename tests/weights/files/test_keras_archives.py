"""The weights in a ``.keras`` archive, which are an HDF5 file that is not unpacked."""

from __future__ import annotations

import io
import json
import random
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import speccompiler
from speccompiler.diagnostics.core import SpecError
from speccompiler.model import check
from speccompiler.source.files import read_document

KERNEL = np.arange(12, dtype=np.float32).reshape(4, 3)
BIAS = np.array([1, 2, 3], np.float32)
X = np.array([[1, 0, -1, 2], [0, 3, 1, 0]], np.float32)


def dense(name: str = "out", kind: str = "Dense") -> dict[str, object]:
    config = {"name": name, "trainable": True, "units": 3, "activation": "linear", "use_bias": True}
    return {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}


def config(*layers: dict[str, object]) -> str:
    inputs = {"batch_shape": [None, 4], "dtype": "float32", "name": "in"}
    first = {"module": "keras.layers", "class_name": "InputLayer", "config": inputs}
    model = {
        "module": "keras", "class_name": "Sequential", "registered_name": None,
        "config": {"name": "m", "layers": [first, *(layers or (dense(),))]},
    }  # fmt: skip
    return json.dumps(model)


def weights(where: str = "layers/dense/vars", chunks: bool = False) -> bytes:
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        how = {"chunks": True, "compression": "gzip"} if chunks else {}
        file.create_dataset(f"{where}/0", data=KERNEL, **how)
        file.create_dataset(f"{where}/1", data=BIAS)
    return held.getvalue()


def archive(path: Path, how: int = zipfile.ZIP_STORED, **members: bytes | str) -> Path:
    """An archive; the names of members have ``_`` for the dot."""
    given = {"metadata_json": '{"keras_version": "3.15.1"}', "config_json": config()}
    given |= {"model_weights_h5": weights()} | members
    with zipfile.ZipFile(path, "w", how) as made:
        for name, data in given.items():
            if data:
                made.writestr(name.replace("_", "."), data)
    return path


@pytest.mark.parametrize("chunks", [False, True])
def test_a_model_and_its_weights(tmp_path: Path, chunks: bool) -> None:
    path = archive(tmp_path / "m.keras", model_weights_h5=weights(chunks=chunks))
    model = speccompiler.load(path)
    assert np.array_equal(model.run(X), X @ KERNEL + BIAS)
    assert model.weight_sources.paths == (path,)


def test_the_weights_alone(tmp_path: Path) -> None:
    path = archive(tmp_path / "m.keras", config_json="")
    text = tmp_path / "m.json"
    text.write_text(config())
    model = speccompiler.load(text, weights=path)
    assert np.array_equal(model.run(X), X @ KERNEL + BIAS)


def test_layers_of_one_class_are_counted(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "m.keras",
        config_json=config({**dense("a"), "config": {**dense("a")["config"], "units": 4}}, dense()),  # type: ignore[dict-item]
        model_weights_h5=weights("layers/dense_1/vars"),
    )
    with pytest.raises(SpecError) as caught:
        speccompiler.load(path)
    (finding,) = caught.value.diagnostics
    assert finding.code == "CS105"
    assert "a/W" in finding.message


@pytest.mark.parametrize(("members", "how", "code", "text"), [
    ({"model_weights_h5": ""}, zipfile.ZIP_STORED, "CS101",
     "'{}' is not a valid saved model: this .keras archive holds no model.weights.h5"),
    ({}, zipfile.ZIP_DEFLATED, "CS101",
     "'{}' is not a valid saved model: model.weights.h5 in this .keras archive is packed, which "
     "Keras never does: unzip it, and give it with --weights"),
    ({"config_json": ""}, zipfile.ZIP_STORED, "CS245",
     "this .keras archive cannot be read: it holds no config.json, which is the model"),
])  # fmt: skip
def test_archives_that_cannot_be_read(
    tmp_path: Path, members: dict[str, str], how: int, code: str, text: str
) -> None:
    path = archive(tmp_path / "m.keras", how, **members)
    with pytest.raises(SpecError) as caught:
        speccompiler.load(path)
    (finding,) = caught.value.diagnostics
    assert (finding.code, finding.message) == (code, text.format(path))


def test_damaged_archives_are_findings(tmp_path: Path) -> None:
    """Bytes changed at random, cut off, and lengths that lie: no other exception comes out."""
    whole = archive(tmp_path / "m.keras").read_bytes()
    rng = random.Random(5)
    path = tmp_path / "damaged.keras"
    refused = 0
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 3, 30))):
            data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(data[: rng.choice((len(data), rng.randrange(len(data))))])
        model, found = check(read_document(path))
        refused += model is None
        assert model is not None or found
        if model is not None:
            try:
                model.weight_sources.read()
            except SpecError:
                refused += 1
    assert refused > 20
