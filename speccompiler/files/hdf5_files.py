"""Tensors of HDF5 files, by the full path of their datasets.

h5py and its library run in a child process (``hdf5_worker``), which says what the file holds.
Numbers that lie in the file in one piece are read here, without the library.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speccompiler.diagnostics.core import Problem
from speccompiler.files.hdf5_contents import Contents
from speccompiler.files.hdf5_worker import WORKER
from speccompiler.files.ordinary_files import open_ordinary
from speccompiler.files.tensor_info import Opened, TensorInfo, read_plain

_LFS = b"version https://git-lfs"


def read_hdf5(path: Path) -> Contents:
    """Everything but the numbers; CS101, CS107, and CS104 if h5py is not installed."""
    check_h5py()
    _check_begin(path)
    return Contents.of(WORKER.contents(os.path.abspath(path)))


def open_hdf5(path: Path) -> Opened:
    """The datasets of a .h5 file, and the layers that it lists."""
    contents = read_hdf5(path)

    def load(info: TensorInfo) -> NDArray[Any]:
        place = contents.places.get(info.name)
        if place is not None:
            plain = read_plain(path, info, place.offset)
            return np.frombuffer(plain, np.dtype(place.dtype)).reshape(info.shape)
        form, data = WORKER.numbers(os.path.abspath(path), info)
        return np.frombuffer(data, np.dtype(form["dtype"])).reshape(form["shape"])

    return Opened(contents.tensors, load, contents.layers, keras_version=contents.keras_version)


def _check_begin(path: Path) -> None:
    """CS101 for files that are often found under the name of an HDF5 file, and are none.

    All others are left to the library to judge.
    """
    with open_ordinary(path) as stream:
        begin = stream.read(len(_LFS))
    if not begin:
        raise Problem("CS101", "it is empty", "copy or download the file again")
    if begin == _LFS:
        raise Problem(
            "CS101",
            "it is a Git LFS pointer, which stands for a file that was not fetched",
            "fetch it with: git lfs pull",
        )
    if begin.lstrip()[:1] == b"<":
        raise Problem(
            "CS101",
            "it is a page of HTML or XML, not an HDF5 file",
            "download the file again: what came is the server's message",
        )


def check_h5py() -> None:
    """CS104 where h5py is not installed."""
    if find_spec("h5py") is None:
        raise Problem(
            "CS104",
            "HDF5 files need the package h5py, which is not installed",
            'pip install "convspec[hdf5]"',
        )
