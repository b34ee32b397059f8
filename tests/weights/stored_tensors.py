"""Tensors in files of every format, for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from speccompiler.diagnostics.core import Problem
from speccompiler.files.tensor_info import TensorInfo
from speccompiler.weights.matching.by_name import match_by_name

RNG = np.random.default_rng(0)
KERNEL = RNG.standard_normal((3, 3, 2, 4)).astype(np.float32)
BIAS = RNG.standard_normal(4).astype(np.float32)
TENSORS = {"conv1/W": KERNEL, "conv1/b": BIAS}


def refused(code: str, call, *args) -> Problem:
    with pytest.raises(Problem) as caught:
        call(*args)
    assert caught.value.code == code, caught.value.message
    return caught.value


def write(path: Path, tensors=TENSORS) -> Path:
    match path.suffix:
        case ".npy":
            np.save(path, next(iter(tensors.values())))
        case ".npz":
            np.savez(path, **tensors)
        case ".safetensors":
            save_file(tensors, path)
        case _:
            h5py = pytest.importorskip("h5py")
            with h5py.File(path, "w") as file:
                for name, value in tensors.items():
                    file[name] = value
    return path


def infos(**shapes):
    return {n: TensorInfo(n, s, "float32") for n, s in shapes.items()}


def matched(wanted, shapes, **options):
    return match_by_name(wanted, infos(**shapes), **options)
