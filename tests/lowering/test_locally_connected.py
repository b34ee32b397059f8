"""The bias of LocallyConnected2D under 'th': Keras's shape, read as Keras reads it.

Keras 1.0.6, which brought the layer, to 1.2.2 make b as (rows, columns, nb_filter) under both
orderings, and add it under 'th' as ``reshape(b, (1, nb_filter, rows, columns))``: the numbers as
they lie, not transposed (1.2.2 layers/local.py:319 and :399).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from safetensors.numpy import save_file

import speccompiler
from speccompiler.cli.main import run

KERNEL = (2, 3)
LENGTHS = [(3, 4, 1, 2), (4, 3, 2, 5), (5, 5, 3, 3), (2, 6, 2, 4)]
"""Rows and columns of the input, its channels, filters."""


def keras(x: np.ndarray, w: np.ndarray, b: np.ndarray, ordering: str) -> np.ndarray:
    """The layer by its definition, in float64; ``x`` is in the ordering, and so is the result."""
    rows, columns, filters = b.shape
    y = np.zeros((len(x), rows, columns, filters))
    for i, j in np.ndindex(rows, columns):
        if ordering == "th":
            seen = x[:, :, i : i + KERNEL[0], j : j + KERNEL[1]]
        else:
            seen = x[:, i : i + KERNEL[0], j : j + KERNEL[1], :]
        y[:, i, j] = seen.reshape(len(x), -1) @ w[i * columns + j]
    if ordering == "tf":
        return y + b
    return y.transpose(0, 3, 1, 2) + b.reshape(filters, rows, columns)


def case(lengths: tuple[int, int, int, int], ordering: str) -> tuple[Any, ...]:
    rng = np.random.default_rng(sum(lengths))
    height, width, channels, filters = lengths
    rows, columns = height - KERNEL[0] + 1, width - KERNEL[1] + 1
    w = rng.uniform(-1, 1, (rows * columns, KERNEL[0] * KERNEL[1] * channels, filters))
    b = rng.uniform(-1, 1, (rows, columns, filters))
    shape = (channels, height, width) if ordering == "th" else (height, width, channels)
    x = rng.uniform(-1, 1, (2, *shape)).astype(np.float32)
    return x, w.astype(np.float32), b.astype(np.float32)


def spec(folder: Path, x: np.ndarray, filters: int, ordering: str, semantics: str) -> Path:
    layer = {"name": "lc", "nb_filter": filters, "nb_row": KERNEL[0], "nb_col": KERNEL[1],
             "dim_ordering": ordering, "batch_input_shape": [None, *x.shape[1:]]}  # fmt: skip
    model = {"class_name": "Sequential", "keras_version": "1.2.2",
             "config": [{"class_name": "LocallyConnected2D", "config": layer}]}  # fmt: skip
    path = folder / f"{semantics}.json"
    path.write_text(json.dumps(model))
    return path


def close(y: np.ndarray, wanted: np.ndarray) -> None:
    assert y.shape == wanted.shape
    assert np.abs(y - wanted).max() <= 2e-6 * np.abs(wanted).max()


def write(path: Path, w: np.ndarray, b: np.ndarray) -> Path:
    if path.suffix == ".npz":
        np.savez(path, lc_W=w, lc_b=b)
    elif path.suffix == ".safetensors":
        save_file({"lc/W": w, "lc/b": b}, path)
    else:
        with h5py.File(path, "w") as file:
            file.attrs["layer_names"] = [b"lc"]
            group = file.create_group("lc")
            group.attrs["weight_names"] = [b"lc_W", b"lc_b"]
            group["lc_W"], group["lc_b"] = w, b
    return path


@pytest.mark.parametrize("ordering", ["th", "tf"])
@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("ending", ["npz", "h5", "safetensors"])
def test_the_bias_as_keras_stores_it(tmp_path: Path, lengths, ordering: str, ending: str) -> None:
    x, w, b = case(lengths, ordering)
    wanted = keras(x.astype(np.float64), w, b, ordering)
    file = write(tmp_path / f"w.{ending}", w, b)
    for semantics in ("theano", "tensorflow"):  # no backend flips it
        path = spec(tmp_path, x, lengths[-1], ordering, semantics)
        model = speccompiler.load(path, weights=file, semantics=semantics)
        assert model.weight_sources.diagnostics == () or ending == "h5"
        close(model.compile("reference").run(x), wanted)


@pytest.mark.parametrize("ordering", ["th", "tf"])
def test_on_the_processor(tmp_path: Path, ordering: str) -> None:
    x, w, b = case(LENGTHS[1], ordering)
    path = spec(tmp_path, x, LENGTHS[1][-1], ordering, "theano")
    model = speccompiler.load(path, weights=write(tmp_path / "w.npz", w, b), semantics="theano")
    close(model.compile("cpu").run(x), keras(x.astype(np.float64), w, b, ordering))


@pytest.mark.parametrize("lengths", LENGTHS)
def test_the_shape_of_what_convert_wrote_before(tmp_path: Path, lengths) -> None:
    """(nb_filter, rows, columns): the same numbers, as they lie."""
    x, w, b = case(lengths, "th")
    rows, columns, filters = b.shape
    wanted = keras(x.astype(np.float64), w, b, "th")
    given = b.reshape(filters, rows, columns)
    path = spec(tmp_path, x, filters, "th", "theano")
    file = write(tmp_path / "w.npz", w, given)
    model = speccompiler.load(path, weights=file, semantics="theano")
    close(model.compile("reference").run(x), wanted)
    native = {"convspec": 1, "semantics": "theano", "input_shape": list(x.shape[1:]), "layers": [
        {"type": "LocallyConnected2D", "name": "lc", "nb_filter": filters, "nb_row": KERNEL[0],
         "nb_col": KERNEL[1], "dim_ordering": "th", "weights": ["w.npz#lc_W", given.tolist()]},
    ]}  # fmt: skip
    (tmp_path / "n.json").write_text(json.dumps(native))
    model = speccompiler.load(tmp_path / "n.json")
    close(model.compile("reference").run(x), wanted)
    (bias,) = (a for w, a in model.weight_sources.read().items() if w.tensor == "b")
    assert bias.shape == (rows, columns, filters)


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize(("ordering", "other"), [("th", "tf"), ("tf", "th")])
def test_the_other_ordering_and_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lengths, ordering: str, other: str
) -> None:
    monkeypatch.chdir(tmp_path)
    x, w, b = case(lengths, ordering)
    wanted = keras(x.astype(np.float64), w, b, ordering)
    path = spec(tmp_path, x, lengths[-1], ordering, "theano")
    write(tmp_path / "w.npz", w, b)
    convert = ["convert", str(path), "--weights", "w.npz", "--semantics", "theano"]
    assert run([*convert, "--to-dim-ordering", other, "--output", "o.yaml"]) == 0
    assert run(["convert", "o.yaml", "--to-dim-ordering", ordering, "--output", "back.yaml"]) == 0
    there = (0, 2, 3, 1) if ordering == "th" else (0, 3, 1, 2)
    moved = speccompiler.load("o.yaml").compile("reference").run(x.transpose(there))
    close(moved, wanted.transpose(there))
    back = speccompiler.load("back.yaml")
    close(back.compile("reference").run(x), wanted)
    read = {w.tensor: a for w, a in back.weight_sources.read().items()}
    assert np.array_equal(read["b"], b)
    assert np.array_equal(read["W"], w)


def test_another_shape_is_refused(tmp_path: Path) -> None:
    x, w, b = case((4, 6, 1, 2), "th")
    path = spec(tmp_path, x, 2, "th", "theano")
    file = write(tmp_path / "w.npz", w, b.transpose(1, 0, 2))
    with pytest.raises(speccompiler.SpecError) as caught:
        speccompiler.load(path, weights=file, semantics="theano")
    (finding,) = caught.value.diagnostics
    assert (finding.code, finding.message) == (
        "CS106",
        "wrong shapes: lc/b is stored as (4, 3, 2), expected (3, 4, 2) or (2, 3, 4)",
    )
