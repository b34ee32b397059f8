"""Weight files of every format: names, shapes and numbers, and no damage that goes unnoticed."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speccompiler.diagnostics.core import Problem
from speccompiler.files.tensor_info import TensorInfo, non_finite_count
from speccompiler.weights.files.weight_file import open_weights
from tests.weights.stored_tensors import BIAS, TENSORS, refused, write

READABLE = ["<f2", ">f4", "<f8", "?", "i1", "<i2", ">i4", "<i8", "u1", "<u2", "<u4", "<u8"]


@pytest.mark.parametrize("ending", [".npz", ".safetensors", ".h5", ".hdf5", ".NPZ"])
def test_every_format_gives_names_shapes_and_numbers(tmp_path, ending):
    file = open_weights(write(tmp_path / "w.npz" if ending == ".NPZ" else tmp_path / f"w{ending}"))
    assert set(file.tensors) == set(TENSORS)
    assert file.tensors["conv1/W"] == TensorInfo("conv1/W", (3, 3, 2, 4), "float32")
    for name, value in TENSORS.items():
        found = file.read(name)
        assert found.dtype == np.float32
        assert found.flags.c_contiguous
        assert np.array_equal(found, value)


@pytest.mark.parametrize("ending", [".npz", ".h5"])
@pytest.mark.parametrize("dtype", READABLE)
def test_floats_integers_and_booleans_become_float32(tmp_path, ending, dtype):
    values = np.array([[0, 1], [1, 100]]).astype(dtype)
    file = open_weights(write(tmp_path / f"w{ending}", {"w": values}))
    assert file.tensors["w"].dtype == np.dtype(dtype).name
    found = file.read("w")
    assert found.dtype == np.float32
    assert np.array_equal(found, values.astype(np.float32))


@pytest.mark.parametrize("ending", [".npz", ".h5"])
@pytest.mark.parametrize(
    ("values", "name"),
    [
        (np.array([1j]), "complex"),
        (np.array([b"abc"]), "text"),
        (np.zeros(2, [("a", "<f4"), ("b", "<i4")]), "structured"),
    ],
)
def test_other_dtypes_are_refused_when_read(tmp_path, ending, values, name):
    file = open_weights(write(tmp_path / f"w{ending}", {"good": BIAS, "bad": values}))
    problem = refused("CS102", file.read, "bad")
    assert problem.message == (
        f"tensor 'bad' has dtype {name}; weights are floats, integers or booleans"
    )
    assert np.array_equal(file.read("good"), BIAS)


def test_float64_beyond_float32_is_refused(tmp_path):
    path = write(tmp_path / "w.npy", {"w": np.array([1.0, -1e300, np.inf, np.nan])})
    problem = refused("CS102", open_weights(path).read, "w")
    assert problem.message == (
        "tensor 'w' holds the float64 value -1e+300, which does not fit float32"
    )
    good = open_weights(write(path, {"w": np.array([1.0, 3e38, np.inf, np.nan])})).read("w")
    assert non_finite_count(good) == 2


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damage_anywhere_is_a_problem_or_harmless(tmp_path, data):
    """Cut or changed files give a Problem or an array of the announced shape."""
    ending = data.draw(st.sampled_from([".npy", ".npz", ".safetensors"]))
    path = write(tmp_path / f"w{ending}")
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    with contextlib.suppress(Problem):
        file = open_weights(path)
        for name, info in file.tensors.items():
            assert file.read(name).shape == info.shape


def test_files_that_cannot_be_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path("none.npz")
    assert refused("CS100", open_weights, path).message == (
        f"cannot read weight file '{path}': no such file"
    )
    folder = Path("folder.npz")
    folder.mkdir()
    assert refused("CS100", open_weights, folder).message == (
        f"cannot read weight file '{folder}': it is a folder"
    )
    foreign = Path("model.pt")
    foreign.write_bytes(b"")
    problem = refused("CS100", open_weights, foreign)
    assert problem.message == f"cannot read weight file '{foreign}': it is empty"
    assert (
        problem.hint
        == "weights are read from .npy, .npz, .safetensors, .h5, .hdf5 and .keras files"
    )
    foreign.rename(Path("weights")).write_bytes(b"\1\2\3 who knows")
    assert refused("CS100", open_weights, Path("weights")).message == (
        "cannot read weight file 'weights': a name without extension, and its "
        "first bytes are of no known format"
    )
    refused("CS100", open_weights, tmp_path / "nul\0.npy")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "w.npz")
    assert refused("CS100", open_weights, tmp_path / "w.npz").message.endswith(
        "it is not an ordinary file"
    )


def test_headers_are_known_without_reading_data(tmp_path):
    """Opening a large file reads a few bytes of it."""
    path = tmp_path / "w.npy"
    with path.open("wb") as stream:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": "<f4", "fortran_order": False, "shape": (2**38,)}
        )
        stream.write(header.getvalue())
        try:
            stream.truncate(len(header.getvalue()) + 2**40)
        except OSError:
            pytest.skip("no sparse files here")
    assert open_weights(path).tensors["w"].shape == (2**38,)
