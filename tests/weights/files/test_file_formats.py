"""The format of a weight file: its content says it, and what is no weight file is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from speccompiler.weights.files.references import Reference, resolve_reference
from speccompiler.weights.files.weight_file import open_weights
from tests.weights.stored_tensors import KERNEL, TENSORS, refused, write


@pytest.mark.parametrize("ending", [".npy", ".npz", ".safetensors", ".h5"])
@pytest.mark.parametrize("content", [b"", b"junk", bytes(100), b"PK\x03\x04" + bytes(50)])
def test_junk_is_not_a_weight_file(tmp_path, monkeypatch, ending, content):
    monkeypatch.chdir(tmp_path)
    path = Path(f"w{ending}")
    path.write_bytes(content)
    problem = refused("CS101", open_weights, path)
    assert problem.message.startswith(f"'{path}' is not a valid weight file: ")


@pytest.mark.parametrize("ending", [".npy", ".npz", ".safetensors", ".h5"])
@pytest.mark.parametrize(
    "name",
    ["w", "w.h5f", "w.hd5", "w.hdf", "w.h5py", "w.weights", "w.weight", "w.model", "w.keras",
     "w.npz", "w.npy", "w.json", "w.txt", "w.safetensors", "w.h5", "w.H5", "w.pkl", "w.1.2", "#w"],
)  # fmt: skip
def test_the_content_says_the_format_whatever_the_name(tmp_path, ending, name):
    tensors = {"w": KERNEL} if ending == ".npy" else TENSORS
    path = write(tmp_path / f"from{ending}", tensors).rename(tmp_path / name)
    file = open_weights(path)
    assert len(file.tensors) == len(tensors)
    for key, values in tensors.items():
        key = path.stem if ending == ".npy" else key
        assert np.array_equal(file.read(key), values)
    if ending != ".npy":
        reference = resolve_reference(f"{name}#conv1/W", tmp_path)
        assert reference == Reference(path, "conv1/W")
        assert open_weights(reference.path).find(reference.key).shape == KERNEL.shape
