"""Weights that people saved as numbered arrays: which order the numbers tell, and what is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from safetensors.numpy import save_file

import speccompiler
from speccompiler.cli.main import run
from tests.weights.saved_by_hand import (
    BETA,
    BIAS,
    GAMMA,
    KERNEL,
    LAYERS,
    MATRIX,
    MEAN,
    OFFSET,
    VARIANCE,
    WEIGHTS,
    notes,
    refusal,
)

pytestmark = pytest.mark.usefixtures("folder")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_get_weights_in_an_archive(save: Any) -> None:
    save("w.npz", *WEIGHTS)
    (note,) = notes("w.npz")
    assert note.code == "CS108"
    assert note.message == (
        "the arrays are numbered, so weights were matched by the order of get_weights(): "
        "conv1/W from 'arr_0', conv1/b from 'arr_1', bn/gamma from 'arr_2', bn/beta from "
        "'arr_3', bn/running_mean from 'arr_4', bn/running_std from 'arr_5' and 2 more"
    )
    assert note.hint == "--weights-by name refuses this"
    assert refusal("w.npz", weights_by="name").code == "CS105"
    assert notes("w.npz", weights_by="topology")[0].code == "CS108"
    assert run(["validate", "m.yaml", "--weights", "w.npz"]) == 0


def test_numbers_are_counted_and_not_spelled() -> None:
    many = "convspec: 1\ninput_shape: [2]\nlayers:\n" + "".join(
        f"  - {{type: Dense, name: d{i}, output_dim: 2, bias: false}}\n" for i in range(12)
    )
    Path("m.yaml").write_text(many)
    np.savez("w.npz", *(np.eye(2, dtype=np.float32) * i for i in range(12)))
    model = speccompiler.load("m.yaml", weights="w.npz")
    for weight, array in model.weight_sources.read().items():
        assert array[0, 0] == int(weight.layer[1:])


def test_what_a_normalization_counted_is_left() -> None:
    Path("m.yaml").write_text(
        "convspec: 1\ninput_shape: [2]\nlayers:\n"
        "  - {type: Normalization, name: n}\n  - {type: Dense, name: d, output_dim: 1}\n"
    )
    arrays = [np.array([1, 2], np.float32), np.array([4, 9], np.float32), np.array(5, np.int64)]
    np.savez("w.npz", *arrays, np.ones((2, 1), np.float32), np.zeros(1, np.float32))
    model = speccompiler.load("m.yaml", weights="w.npz")
    x = np.array([[3, 5]], np.float32)
    assert model.compile("reference").run(x).tolist() == [[2.0]]


def test_model_weights_has_what_is_trained_first() -> None:
    """``[K.get_value(w) for w in model.weights]`` of a functional model."""
    np.savez("w.npz", *[KERNEL, BIAS, GAMMA, BETA, MATRIX, OFFSET, MEAN, VARIANCE])
    (note,) = notes("w.npz")
    assert note.message.startswith(
        "the arrays are numbered, so weights were matched by the order of model.weights, which "
        "has all that is trained first: conv1/W from 'arr_0'"
    )


def test_an_order_that_is_one_of_two_is_said() -> None:
    Path("m.yaml").write_text(
        "convspec: 1\ninput_shape: [3]\nlayers:\n"
        "  - {type: BatchNormalization, name: a}\n  - {type: BatchNormalization, name: b}\n"
    )
    np.savez("w.npz", *(np.full(3, i, np.float32) for i in range(8)))
    model = speccompiler.load("m.yaml", weights="w.npz")
    (note,) = model.weight_sources.diagnostics
    assert (
        "matched by the order of get_weights(); that of model.weights, which has all that is "
        "trained first, would fit as well: a/gamma from 'arr_0'" in note.message
    )
    read = {w.name: a[0] for w, a in model.weight_sources.read().items()}
    assert read["a", "running_std"] == 3
    assert read["b", "gamma"] == 4


def test_orders_that_do_not_fit() -> None:
    np.savez("short.npz", *WEIGHTS[:-1])
    finding = refusal("short.npz")
    assert finding.code == "CS105"
    assert finding.message.endswith(
        "; nor does the order fit: it holds 7 numbered arrays, and the model takes 8"
    )
    assert finding.hint == "check that the file belongs to this model"
    np.savez("back.npz", *WEIGHTS[::-1])
    assert (
        "; nor does the order fit: wrong shapes: conv1/W is stored as (4,), expected (2, 3, 2, 3) "
        "('arr_0'), conv1/b is stored as (24, 4), expected (3,) ('arr_1')"
        in refusal("back.npz").message
    )


def hdf5(**named: np.ndarray) -> None:
    with h5py.File("w.h5", "w") as file:
        for name, values in named.items():
            file[name] = values


def places() -> list[str]:
    return [f"{layer}/{place}" for layer, tensors in LAYERS for place in range(len(tensors))]


@pytest.mark.parametrize(
    ("names", "how"),
    [
        ([f"weights/{i}" for i in range(8)], "the order of get_weights()"),
        ([f"w{i}" for i in range(2, 10)], "the order of get_weights()"),
        (places(), "by the layers' names, in each by number"),
        ([name.replace("/", "_") for name in places()], "by the layers' names, in each by number"),
        (["W_1", "b_1", "gamma_2", "beta_2", "mean_2", "std_2", "W_3", "b_3"],
         "by the numbers in them"),
        (["1_W", "1_b", "5_gamma", "5_beta", "5_running_mean", "5_running_std", "12_W", "12_b"],
         "by the numbers in them"),
        ([f"layer_{i}_{j}" for i, j in ((0, 0), (0, 1), (3, 0), (3, 1), (3, 2), (3, 3), (11, 0),
                                        (11, 1))], "by the numbers in them"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ending", ["h5", "npz", "safetensors"])
def test_names_of_peoples_own(names: list[str], how: str, ending: str) -> None:
    named = dict(zip(names, WEIGHTS, strict=True))
    shuffled = {name: named[name] for name in sorted(named, key=lambda n: n[::-1])}
    if ending == "h5":
        hdf5(**shuffled)
    elif ending == "npz":
        np.savez("w.npz", **shuffled)
    else:
        save_file(shuffled, "w.safetensors")
    (note,) = notes(f"w.{ending}")
    assert note.code == "CS108"
    assert how in note.message


def test_datasets_that_are_called_as_layers_were() -> None:
    hdf5(**{f"layer_{number}": values for number, values in enumerate(WEIGHTS)})
    (note,) = notes("w.h5")
    assert "the order of get_weights()" in note.message


@pytest.mark.parametrize("attributes", [False, True])
@pytest.mark.parametrize("prefix", ["", "model_weights/"])
def test_layers_and_parameters_without_attributes(attributes: bool, prefix: str) -> None:
    """``vgg16_weights.h5`` and its kin, copied without nb_params or nb_layers."""
    with h5py.File("w.h5", "w") as file:
        root = file.require_group(prefix) if prefix else file
        if attributes:
            root.attrs["nb_layers"] = 12
            for number in range(12):
                root.create_group(f"layer_{number}")
        for number, (_, tensors) in zip((0, 2, 11), LAYERS, strict=True):
            for place, values in enumerate(tensors):
                root[f"layer_{number}/param_{place}"] = values
    (note,) = notes("w.h5")
    assert note.message.startswith(
        "the names in the file are others, so weights were matched by the order of the layers"
    )
