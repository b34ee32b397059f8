"""Datasets of a new HDF5 file, written box by box; the file appears when all are complete.

What the HDF5 library has written of a file is of no use before it is closed, so that a run that
is killed cannot go on with it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.arrays.boxes import Box, shape_of, slices
from speccompiler.arrays.zarr_array import ATTRIBUTE, ZarrArray
from speccompiler.files import atomic_output
from speccompiler.files.hdf5_files import check_h5py
from speccompiler.system.unfinished_files import write_all

_CACHE_BYTES = 1 << 26
ENDINGS = (".h5", ".hdf5", ".hdf", ".he5")


class _Sink:
    """The file as the library sees it: one that never fails.

    The HDF5 library does not get over a write that fails: it fails again when it closes the file,
    and the process ends with a crash. So what fails is kept in ``failed``, and nothing is written
    after it.
    """

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self.failed: BaseException | None = None

    def write(self, data: Any) -> int:
        """All of it, or nothing."""
        if self.failed is None:
            try:
                write_all(self._file, data)
            except BaseException as error:
                self.failed = error
        return len(data)

    def truncate(self, size: int) -> int:
        """The length that the library wants."""
        if self.failed is None:
            try:
                self._file.truncate(size)
            except BaseException as error:
                self.failed = error
        return size

    def seek(self, offset: int, whence: int = 0) -> int:
        """As a file's."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """As a file's."""
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        """As a file's; the library asks whether it is there."""
        return self._file.read(size)

    def readinto(self, buffer: Any) -> int:
        """As a file's."""
        return self._file.readinto(buffer)

    def flush(self) -> None:
        """Nothing is held back."""

    def check(self, progress: str) -> None:
        """Raise what failed: CS121, or an interrupt."""
        if isinstance(self.failed, OSError):
            raise atomic_output.write_failure(self.failed, progress) from None
        if self.failed is not None:
            raise self.failed


class Hdf5Boxes:
    """One dataset. Threads take turns: the library writes one thing at a time."""

    def __init__(self, dataset: Any, sink: _Sink, turn: threading.Lock) -> None:
        self._dataset = dataset
        self._sink = sink
        self._turn = turn
        self.shape: tuple[int, ...] = tuple(dataset.shape)
        self.written = 0

    @property
    def grid(self) -> tuple[int, ...]:
        """Its chunks: one that is written in part would be compressed again with each part."""
        return tuple(self._dataset.chunks)

    def put(self, box: Box, values: npt.NDArray[np.float32]) -> None:
        """Write a box. CS121."""
        assert values.shape == shape_of(box), f"{values.shape} written to {box}"
        with self._turn:
            try:
                self._dataset[slices(box)] = values
            finally:
                self._sink.check("some samples")
            self.written += values.size

    def sync(self, box: Box) -> None:
        """Nothing is safe before the file is complete."""

    def check_complete(self) -> None:
        """Refuse to pass off a partial dataset as complete: our own bug, also under -O."""
        if self.written != prod(self.shape):
            raise AssertionError(f"only {self.written} of {prod(self.shape)} values were written")


def split_dataset(output: str) -> tuple[str, str]:
    """File and dataset of ``y.h5::/path``. CS120 for a name that no dataset can have."""
    file, _, path = output.rpartition("::")
    names = path.strip("/").split("/")
    if not file or any(name in {"", ".", ".."} or "\0" in name for name in names):
        raise atomic_output.cannot_create(
            f"'{path}' is no name of a dataset" if file else "the file's name is missing",
            f"write it as {file or 'y.h5'}::/y",
        )
    return file, "/" + "/".join(names)


def check_new_file(file: Path) -> None:
    """CS104, CS120: the library is missing, or something is there. Nothing is created."""
    check_h5py()
    if file.suffix.lower() not in ENDINGS:
        raise atomic_output.cannot_create(
            f"'::' names a dataset of an HDF5 file, and '{file.name}' is not named as one",
            f"name it '{file.stem}.h5::/y', or leave '::' out",
        )
    atomic_output.check_target(file)
    if file.exists():
        raise atomic_output.cannot_create(
            "a file of this name exists, and a dataset is only written to a new file",
            "choose another name, or remove the file first",
        )


@contextmanager
def create_datasets(file: Path, datasets: Mapping[str, ZarrArray]) -> Iterator[list[Hdf5Boxes]]:
    """A new file with a dataset at each path, in order. CS104, CS120, CS121."""
    check_new_file(file)
    import h5py

    size = 0
    for array in datasets.values():
        if array.layout.compression.method == "none":
            size += prod(array.shape) * np.dtype(np.float32).itemsize
    atomic_output.check_room(file.parent, size)
    with atomic_output.atomic_file(file, 0) as part:
        sink = _Sink(part)
        with h5py.File(sink, "w", rdcc_nbytes=_CACHE_BYTES) as opened:
            turn = threading.Lock()
            made = [_made(opened, path, array) for path, array in datasets.items()]
            outputs = [Hdf5Boxes(dataset, sink, turn) for dataset in made]
            sink.check("no samples")
            yield outputs
            for output in outputs:
                output.check_complete()
        sink.check("some samples")
        if file.exists():
            check_new_file(file)


def _made(opened: Any, path: str, array: ZarrArray) -> Any:
    compression = array.layout.compression
    gzip = compression.method == "gzip"
    dataset = opened.create_dataset(
        path,
        shape=array.shape,
        dtype="<f4",
        chunks=array.layout.chunks,
        compression="gzip" if gzip else None,
        compression_opts=compression.level if gzip else None,
        shuffle=gzip,
        fillvalue=array.layout.fill_value,
    )
    dataset.attrs[ATTRIBUTE] = json.dumps(dict(array.attributes))
    for axis, name in enumerate(array.dimension_names or ()):
        dataset.dims[axis].label = name
    return dataset
