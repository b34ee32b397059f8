"""Weights that Keras 2 saved: other names and other layouts."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

import speccompiler
from speccompiler.diagnostics.core import SpecError
from tests.weights.saved_by_hand import (
    KERNEL,
    LAYERS,
    MATRIX,
    OFFSET,
    SPEC,
    WEIGHTS,
    notes,
    refusal,
)

pytestmark = pytest.mark.usefixtures("folder")


def keras2(ending: str, kernel: np.ndarray = KERNEL) -> str:
    tensors = [kernel, *WEIGHTS[1:]]
    own = ["kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "kernel", "bias"]
    owners = [layer for layer, mine in LAYERS for _ in mine]
    if ending == "npz":
        named = {
            f"{layer}/{name}:0": w for layer, name, w in zip(owners, own, tensors, strict=True)
        }
        np.savez("k2.npz", **named)
        return "k2.npz"
    with h5py.File("k2.h5", "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = b"2.1.6", b"tensorflow"
        file.attrs["layer_names"] = [b"conv1", b"bn", b"fc"]
        for layer, name, values in zip(owners, own, tensors, strict=True):
            group = file.require_group(layer)
            group[f"{layer}/{name}:0"] = values
            mine = [n for o, n in zip(owners, own, strict=True) if o == layer]
            group.attrs["weight_names"] = [f"{layer}/{n}:0".encode() for n in mine]
    return "k2.h5"


def test_weights_of_keras_2_by_the_order_of_layers() -> None:
    (note,) = notes(keras2("h5"))
    assert note.message == (
        "Keras 2.1.6 wrote these tensors, and names them kernel, bias, moving_mean .., so weights "
        "were matched by the order of the layers, as Keras does: "
    )


def test_a_kernel_of_keras_2_under_th() -> None:
    """Keras 2 stores (rows, columns, in, out) under both orderings."""
    Path("m.yaml").write_text(
        SPEC.replace("tf", "th")
        .replace("[5, 4, 2]", "[2, 5, 4]")
        .replace("0.001", "0.001, axis: 1")
    )
    model = speccompiler.load("m.yaml", weights=keras2("h5"))
    read = {w.name: a for w, a in model.weight_sources.read().items()}
    assert np.array_equal(read["conv1", "W"], KERNEL.transpose(3, 2, 0, 1))
    # Its square kernel would fit without a transposition as well, and is not left as it is.
    Path("m.yaml").write_text(
        "convspec: 1\nsemantics: tensorflow\ninput_shape: [2, 5, 4]\nlayers:\n"
        "  - {type: Convolution2D, name: c, nb_filter: 2, nb_row: 2, nb_col: 2, dim_ordering: th,"
        " bias: false}\n"
    )
    square = np.arange(16, dtype=np.float32).reshape(2, 2, 2, 2)
    with h5py.File("k2.h5", "w") as file:
        file.attrs["keras_version"], file.attrs["layer_names"] = "2.0.2", ["c"]
        file["c/c/kernel:0"] = square
        file["c"].attrs["weight_names"] = ["c/kernel:0"]
    (array,) = speccompiler.load("m.yaml", weights="k2.h5").weight_sources.read().values()
    assert np.array_equal(array, square.transpose(3, 2, 0, 1))


def test_a_kernel_of_keras_2_over_steps() -> None:
    Path("m.yaml").write_text(
        "convspec: 1\nsemantics: tensorflow\ninput_shape: [5, 2]\nlayers:\n"
        "  - {type: Convolution1D, name: c, nb_filter: 4, filter_length: 3, bias: false}\n"
    )
    kernel = np.arange(24, dtype=np.float32).reshape(3, 2, 4)
    with h5py.File("k2.h5", "w") as file:
        file.attrs["keras_version"], file.attrs["layer_names"] = "2.2.4", ["c"]
        file["c/c/kernel:0"] = kernel
        file["c"].attrs["weight_names"] = ["c/kernel:0"]
    (array,) = speccompiler.load("m.yaml", weights="k2.h5").weight_sources.read().values()
    assert np.array_equal(array, kernel.reshape(3, 1, 2, 4))


def test_names_of_keras_2_are_told_for_what_they_are() -> None:
    finding = refusal(keras2("npz"))
    assert finding.code == "CS105"
    assert finding.message.startswith("missing from the weight file: conv1/W (2, 3, 2, 3)")
    assert finding.message.endswith(
        "; Keras 2 wrote these tensors, and names them kernel, bias, moving_mean .."
    )
    assert finding.hint == (
        "the layers are Keras 1.x's, whose tensors are <layer>/W, b, running_mean, running_std: "
        "give the weights that Keras 1.x saved, or rename them so"
    )
    Path("one.yaml").write_text(
        "convspec: 1\ninput_shape: [24]\nlayers: [{type: Dense, name: d_1, output_dim: 4}]\n"
    )
    np.savez("one.npz", **{"d_1/kernel:0": MATRIX, "d_1/bias:0": OFFSET})
    with pytest.raises(SpecError, match="; Keras 2 wrote these tensors"):
        speccompiler.load("one.yaml", weights="one.npz")
    other = refusal(keras2("h5", KERNEL[:1]))
    assert "Keras 2.1.6 wrote these tensors" in other.message
    assert other.hint == finding.hint
