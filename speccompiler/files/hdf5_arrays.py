"""Datasets to run over, through h5py: which a file has, and parts of one. In the child only.

Other than a weight file, a file of arrays may leave chunks out, which are its fill value, and
may be larger than memory: what is read is bounded by the box that is asked for.
"""

from __future__ import annotations

import math
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from speccompiler.diagnostics.wording import quoted
from speccompiler.files.hdf5_contents import StoredArray
from speccompiler.files.hdf5_reading import ERRORS, described_link, opened, walked
from speccompiler.files.tensor_info import invalid


def list_arrays(path: str) -> tuple[list[StoredArray], dict[str, str]]:
    """Every dataset by its path, and what the other links lead to; CS101."""
    arrays: list[StoredArray] = []
    links: dict[str, str] = {}
    try:
        with opened(path) as file:
            for name, member in walked(file):
                if isinstance(member, h5py.Dataset):
                    arrays.append(_stored(name, member))
                else:
                    links[name] = described_link(member)
    except ERRORS as error:
        raise invalid(f"it is not a sound HDF5 file ({error})") from error
    return sorted(arrays, key=lambda array: array.name), links


def read_box(path: str, array: StoredArray, box: list[list[int]]) -> NDArray[Any]:
    """A part of a dataset as it is stored, C-contiguous; CS101."""
    try:
        with opened(path) as file:
            dataset = file[array.name]
            if _stored(array.name, dataset) != array:
                raise invalid(f"dataset {quoted(array.name)} changed while the file was in use")
            part = tuple(slice(first, last) for first, last in box)
            return np.ascontiguousarray(dataset[part])
    except ERRORS as error:
        raise invalid(f"dataset {quoted(array.name)} cannot be read ({error})") from error


def bytes_to_read(array: StoredArray, box: list[list[int]]) -> int:
    """Bytes that reading a box takes: its own, and the chunk that is at work."""
    itemsize = np.dtype(array.dtype).itemsize
    part = math.prod(last - first for first, last in box)
    return (part + math.prod(array.chunks or ())) * itemsize


def _stored(name: str, dataset: Any) -> StoredArray:
    if dataset.shape is None:
        return StoredArray(name, None, None, None, None, elsewhere=False)
    elsewhere = bool(dataset.external or dataset.is_virtual)
    offset = None if elsewhere else dataset.id.get_offset()
    dtype = dataset.dtype
    if dataset.id.get_create_plist().get_nfilters():
        offset = None
    return StoredArray(name, dataset.shape, _descr(dtype), dataset.chunks, offset, elsewhere)


def _descr(dtype: Any) -> str | None:
    if dtype.kind == "O":
        return "text" if h5py.check_string_dtype(dtype) is not None else "references"
    return None if dtype.names is not None else str(dtype.str)
