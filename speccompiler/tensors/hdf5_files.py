"""Tensors of HDF5 files, by the full path of their datasets.

h5py and its library run in a child process (``hdf5_worker``), which says what the file holds.
Numbers that lie in one piece are read from their place in the file without them.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speccompiler.diagnostics import Problem
from speccompiler.tensors.tensor_info import Opened, TensorInfo, invalid, quoted

from .hdf5_contents import Contents, Place
from .hdf5_worker import WORKER


def read_hdf5(path: Path) -> Contents:
    """Everything but the numbers; CS101, CS107, and CS104 if h5py is not installed."""
    _check_h5py()
    return Contents.of(WORKER.contents(os.path.abspath(path)))


def open_hdf5(path: Path) -> Opened:
    """The datasets of a .h5 file, and the layers that it lists."""
    contents = read_hdf5(path)

    def load(info: TensorInfo) -> NDArray[Any]:
        place = contents.places.get(info.name)
        if place is not None:
            return _read_plain(path, info, place)
        form, data = WORKER.numbers(os.path.abspath(path), info)
        return np.frombuffer(data, np.dtype(form["dtype"])).reshape(form["shape"])

    return Opened(contents.tensors, load, contents.layers)


def _read_plain(path: Path, info: TensorInfo, place: Place) -> NDArray[Any]:
    with path.open("rb") as stream:
        stream.seek(place.offset)
        data = stream.read(info.data_bytes)
    if len(data) != info.data_bytes:
        raise invalid(f"tensor {quoted(info.name)} ends early")
    return np.frombuffer(data, np.dtype(place.dtype)).reshape(info.shape)


def _check_h5py() -> None:
    if find_spec("h5py") is None:
        raise Problem(
            "CS104",
            "HDF5 files need the package h5py, which is not installed",
            'pip install "convspec[hdf5]"',
        )
