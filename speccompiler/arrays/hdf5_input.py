"""Read a dataset of an HDF5 file, in batches and box by box.

The library runs in a child process (``files/hdf5_worker``), so that a damaged file ends the
child and not a run. Numbers that lie in the file in one piece are read here, as those of a .npy
file are; others are unpacked in the child, beside the computing, and come through a pipe.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from io import FileIO
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from speccompiler.arrays import element_types
from speccompiler.arrays.array_input import ArrayInput
from speccompiler.arrays.boxes import Box, shape_of
from speccompiler.arrays.chunked_batches import aligned_batches, check_chunk
from speccompiler.arrays.npy_batches import SeekableReader, c_order_file, cut_off, to_float32
from speccompiler.arrays.npy_header import NpyHeader, check_shape
from speccompiler.arrays.npy_input import boxes_of, file_identity, refused
from speccompiler.diagnostics.core import Problem, did_you_mean
from speccompiler.diagnostics.wording import first_few, quoted, shown
from speccompiler.files.hdf5_contents import StoredArray
from speccompiler.files.hdf5_worker import WORKER
from speccompiler.files.ordinary_files import NotOrdinary, open_raw

_AGAIN = "write or copy the file again"
_NO_TYPE: Mapping[str | None, str] = {
    "text": "text strings",
    "references": "references, or of various lengths",
}


def open_hdf5(path: Path, inner: str | None, shown_as: str) -> ArrayInput:
    """The dataset at the path ``inner``; without one the only dataset of numbers.

    CS104, CS110 to CS115, CS124.
    """
    if find_spec("h5py") is None:
        raise Problem(
            "CS104",
            "HDF5 files need the package h5py, which is not installed",
            'pip install "convspec[hdf5]"',
        )
    inner = None if inner is None else inner.strip("/")
    try:
        file = open_raw(path)
    except NotOrdinary as found:
        raise refused(found) from None
    try:
        with _recoded("CS111"):
            arrays, links = WORKER.arrays(os.path.abspath(path))
        array = _chosen(arrays, links, inner, f"{shown_as}::/")
        return _input(file, path, array, f"{shown_as}::/{array.name}" if inner else shown_as)
    except BaseException:
        file.close()
        raise


@contextmanager
def _recoded(code: str) -> Iterator[None]:
    """What is wrong with a file of weights (CS101), under the code that it has for arrays."""
    try:
        yield
    except Problem as problem:
        if problem.code == "CS101":
            raise Problem(code, problem.message, _AGAIN) from None
        raise


def _chosen(
    arrays: Sequence[StoredArray], links: Mapping[str, str], inner: str | None, prefix: str
) -> StoredArray:
    by_name = {array.name: array for array in arrays}
    if not inner:
        numeric = [array for array in arrays if _is_numeric(array)]
        if len(numeric) == 1:
            return numeric[0]
        if not numeric:
            raise Problem("CS124", "the file holds no dataset of numbers", "give another file")
        listed = first_few([quoted("/" + array.name) for array in numeric], 8)
        raise Problem(
            "CS124",
            f"the file holds {len(numeric)} datasets: {listed}",
            f"name one: {prefix}{shown(numeric[0].name)}",
        )
    if inner in by_name:
        return by_name[inner]
    if inner in links:
        raise Problem(
            "CS124",
            f"{quoted('/' + inner)} is a {links[inner]}, and links are not followed",
            "name the dataset itself",
        )
    inside = [name for name in by_name if name.startswith(f"{inner}/")]
    if inside:
        listed = first_few([quoted("/" + name) for name in inside], 8)
        raise Problem(
            "CS124",
            f"{quoted('/' + inner)} is a group; it holds {listed}",
            f"name one: {prefix}{shown(inside[0])}",
        )
    listed = first_few([quoted("/" + name) for name in by_name], 8) or "no dataset"
    raise Problem(
        "CS124",
        f"there is no dataset {quoted('/' + inner)} in the file",
        did_you_mean(inner, by_name) or f"it holds {listed}",
    )


def _is_numeric(array: StoredArray) -> bool:
    if not array.shape or array.dtype in _NO_TYPE:
        return False
    try:
        element_types.from_descr(array.dtype)
    except Problem:
        return False
    return True


def _input(file: FileIO, path: Path, array: StoredArray, where: str) -> ArrayInput:
    if array.shape is None:
        raise Problem("CS114", "the dataset has no shape and no values", "give another one")
    if array.dtype in _NO_TYPE:
        what = _NO_TYPE[array.dtype]
        raise Problem(
            "CS113",
            f"the elements are {what}; allowed are floats, integers and booleans",
            "save them as numbers",
        )
    dtype = element_types.from_descr(array.dtype)
    check_shape(array.shape)
    if array.elsewhere:
        text = "the dataset keeps its data in another file, which is not opened"
        raise Problem("CS111", text, "copy the data into one file, for example with h5repack")
    header = NpyHeader(array.shape, dtype, False, array.offset or 0)
    identity = f"{file_identity(file, path)}, {array.name}, {header.as_text()}"
    note = element_types.conversion_note(dtype)
    if array.offset is not None:
        held = max(0, os.fstat(file.fileno()).st_size - array.offset)
        if held < header.data_bytes:
            raise cut_off(header, held)
        whole = cast(SeekableReader, file)
        return ArrayInput(
            where,
            array.shape,
            dtype,
            False,
            note,
            lambda n: c_order_file(whole, header, n),
            file.close,
            _box=boxes_of(file, header),
            identity=identity,
        )
    file.close()  # the child opens it by its name
    if array.chunks is not None:
        check_chunk(array.chunks, dtype)
    chunk = 1 if array.chunks is None else array.chunks[0]

    def box(wanted: Box) -> npt.NDArray[np.float32]:
        shape = shape_of(wanted)
        if 0 in shape:
            return np.empty(shape, np.float32)
        size = math.prod(shape) * dtype.itemsize
        try:
            with _recoded("CS112"):
                data = WORKER.box(os.path.abspath(path), array, wanted, size)
        except MemoryError:
            text = f"there is no memory for {size} bytes of it"
            raise Problem("CS115", text, "choose a smaller batch size") from None
        return to_float32(np.frombuffer(data, dtype).reshape(shape))

    return ArrayInput(
        where,
        array.shape,
        dtype,
        False,
        note,
        lambda n: aligned_batches(array.shape or (), chunk, box, n),
        _box=box,
        chunks=array.chunks,
        identity=identity,
    )
