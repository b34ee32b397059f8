"""Weights and inputs that do not fit; the texts about files are in tests/diagnostics."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tests.cli.run.calling import REFERENCE, call, npy


def test_no_weights() -> None:
    result = call("run", "model.yaml", "--input", "x.npy", "--output", "y.npy")
    assert (result.status, result.out) == (1, b"")
    assert result.err == (
        "model.yaml: error CS095: no weights for 'conv 1/W', 'conv 1/b', 'dense/W', 'dense/b'\n"
        "  hint: give --weights FILE, or --seed N to draw them at random by each layer's init\n"
        "\n"
        "found 1 error\n"
    )
    assert not Path("y.npy").exists()


def test_weights_of_another_model() -> None:
    weights = dict(np.load("w.npz"))
    np.savez("other.npz", **{**weights, "dense/W": np.zeros((71, 3), np.float32)})
    result = call("run", "model.yaml", "--input", "x.npy", "--weights", "other.npz")
    assert result.status == 1
    assert (
        "other.npz: error CS106: wrong shapes: dense/W is stored as (71, 3), expected (72, 3)\n"
        in result.err
    )
    del weights["dense/b"]
    np.savez("other.npz", **{**weights, "more": np.zeros(1, np.float32)})
    result = call("run", "model.yaml", "--input", "x.npy", "--weights", "other.npz")
    assert (
        "other.npz: error CS105: missing from the weight file: dense/b (3,); in the weight file "
        "but not used: 'more' (1,)\n" in result.err
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "CS111: it is empty"),
        (b"1.0 2.0\n", "CS111: this is text, not a .npy file"),
        (b"\x93NUMPY\x01\x00", "CS112: the data ends inside the .npy header"),
        (npy(np.zeros((2, 4, 8), np.float32))[:-1], "CS112: the data is cut off"),
        (npy(np.zeros((2, 4, 8), np.float32)) + b"x", "CS112: data follows the array"),
        (npy(np.zeros((2, 4, 7), np.float32)), "CS117: the array has shape (2, 4, 7)"),
        (npy(np.zeros((4, 8), np.float32)), "CS119: the array (4, 8) is one sample"),
        (npy(np.zeros((2, 2, 4, 8), np.float32)), "CS116: the array has 4 axes"),
        (npy(np.zeros((0, 4, 8), np.float32)), "CS118: the array (0, 4, 8) holds no sample"),
        (npy(np.zeros((2, 0, 8), np.float32)), "CS114: the samples are empty"),
        (npy(np.zeros((2, 4, 8), np.complex128)), "CS113: the elements are complex numbers"),
        (npy(np.asfortranarray(np.zeros((2, 4, 8), np.float32))), "CS110: the array is in Fortran"),
    ],
    ids=lambda value: value[:5] if isinstance(value, str) else "",
)  # fmt: skip
def test_a_stream_that_does_not_fit(data: bytes, message: str) -> None:
    result = call("run", "repeat.yaml", "--input", "-", "--output", "y.npy", *REFERENCE, stdin=data)
    assert result.status in (1, 2)
    assert f"<stdin>: error {message}" in result.err
    assert "Traceback" not in result.err
    assert not [name for name in os.listdir() if "y.npy" in name]
