"""Tensors of HDF5 files: packed ones, links, and numbers that are not there."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.weights.files.weight_file import open_weights
from tests.weights.stored_tensors import BIAS, refused, write


def test_a_missing_h5py_is_named(tmp_path, monkeypatch):
    path = tmp_path / "w.h5"
    path.write_bytes(b"")
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    problem = refused("CS104", open_weights, path)
    assert problem.message == "HDF5 files need the package h5py, which is not installed"
    assert problem.hint == 'pip install "convspec[hdf5]"'


def test_hdf5_links_are_not_followed(tmp_path):
    h5py = pytest.importorskip("h5py")
    write(tmp_path / "other.h5")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["g/real"] = BIAS
        file["g/soft"] = h5py.SoftLink("/g/real")
        file["outside"] = h5py.ExternalLink("other.h5", "/conv1/W")
        file["g/loop"] = file["g"]
    assert list(open_weights(tmp_path / "w.h5").tensors) == ["g/real"]


@pytest.mark.parametrize("kind", ["external", "virtual"])
def test_hdf5_numbers_in_another_file_are_refused(tmp_path, kind):
    h5py = pytest.importorskip("h5py")
    write(tmp_path / "other.h5")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        if kind == "external":
            file.create_dataset("w", (4,), "f4", external=[(tmp_path / "raw", 0, 16)])
        else:
            layout = h5py.VirtualLayout((4,), "f4")
            layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "conv1/b", (4,))
            file.create_virtual_dataset("w", layout)
    assert refused("CS101", open_weights, tmp_path / "w.h5").message.endswith(
        "tensor 'w' keeps its data in another file"
    )


@pytest.mark.parametrize("options", [{}, {"compression": "gzip"}, {"chunks": (1000, 1000)}])
def test_hdf5_shapes_without_numbers_are_refused(tmp_path, options):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_dataset("w", (10**6, 10**6), "f4", **options)
    assert refused("CS101", open_weights, tmp_path / "w.h5").message.endswith(
        "needs 4000000000000 bytes of float32, but 0 are stored"
    )


def test_hdf5_compression_and_strange_datasets(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_dataset("packed", data=np.zeros((300, 300), "f4"), compression="gzip")
        file["words"] = "a string of any length"
        file["nothing"] = h5py.Empty("f4")
        file["scalar"] = 2.5
    opened = open_weights(tmp_path / "w.h5")
    assert {n: i.dtype for n, i in opened.tensors.items()} == {
        "nothing": "empty",
        "packed": "float32",
        "scalar": "float64",
        "words": "object",
    }
    assert opened.read("packed").shape == (300, 300)
    assert opened.read("scalar") == np.float32(2.5)
    refused("CS102", opened.read, "words")
    refused("CS102", opened.read, "nothing")
