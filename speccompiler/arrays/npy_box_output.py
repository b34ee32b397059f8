"""A .npy file that is written box by box, at its place, by any number of threads and processes."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterator
from io import FileIO
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt

from speccompiler.arrays.boxes import Box, shape_of
from speccompiler.arrays.element_types import FLOAT32
from speccompiler.arrays.npy_output import header_bytes, stored_bytes
from speccompiler.diagnostics.core import Problem
from speccompiler.files import atomic_output
from speccompiler.system import facilities
from speccompiler.system.unfinished_files import write_all


class NpyBoxOutput:
    """Float32 values at their places in a file. It pickles by the file's path."""

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        """Open the file that ``create`` made. Raises ``OSError``."""
        self.path = path
        self.shape = shape
        self._file = FileIO(path, "r+")
        self._start = len(header_bytes(shape, FLOAT32))
        self._turn = threading.Lock()

    @staticmethod
    def create(path: Path, shape: tuple[int, ...]) -> NpyBoxOutput:
        """A new file with its header, and room for all values. CS120, CS121."""
        try:
            with open(path, "xb", buffering=0) as file:
                atomic_output.reserve(file, path.parent, stored_bytes(shape, FLOAT32))
                write_all(file, header_bytes(shape, FLOAT32))
                os.truncate(file.fileno(), stored_bytes(shape, FLOAT32))
                os.fsync(file.fileno())
        except OSError as error:
            raise atomic_output.write_failure(error, "no samples") from None
        return NpyBoxOutput(path, shape)

    def __reduce__(self) -> tuple[Callable[..., NpyBoxOutput], tuple[object, ...]]:
        return NpyBoxOutput, (self.path, self.shape)

    @property
    def grid(self) -> tuple[int, ...]:
        """Any boxes that do not overlap may be written at the same time."""
        return (1,) * len(self.shape)

    @property
    def is_whole(self) -> bool:
        """Whether the file is as long as it was made, with its header."""
        self._file.seek(0)
        header = self._file.read(self._start)
        size = os.fstat(self._file.fileno()).st_size
        return size == stored_bytes(self.shape, FLOAT32) and header == header_bytes(
            self.shape, FLOAT32
        )

    def put(self, box: Box, values: npt.NDArray[np.float32]) -> None:
        """Write a box. CS121."""
        assert values.shape == shape_of(box), f"{values.shape} written to {box}"
        stored = np.ascontiguousarray(values, FLOAT32)
        data = stored.reshape(-1).view(np.uint8).data
        at = 0
        try:
            for offset, size in _runs(self.shape, box):
                self._write(data[at : at + size], self._start + offset)
                at += size
        except OSError as error:
            raise failed(error) from None

    def sync(self, box: Box) -> None:
        """Return when what was written would outlast a crash of the machine. CS121."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise failed(error) from None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, data: memoryview, offset: int) -> None:
        if not facilities.POSITIONED_WRITES.here:
            with self._turn:
                self._file.seek(offset)
                write_all(self._file, data)
            return
        while data:
            count = os.pwrite(self._file.fileno(), data, offset)
            data, offset = data[count:], offset + count


def failed(error: OSError) -> Problem:
    """CS121 for a write of a box."""
    return atomic_output.write_failure(error, "some samples")


def _runs(shape: tuple[int, ...], box: Box) -> Iterator[tuple[int, int]]:
    """Where the bytes of a box lie: offset and size of each run, in the box's own order.

    Axes of which the box holds everything are one run with the axis in front of them.
    """
    inner = len(shape) - 1
    while inner > 0 and box[inner] == (0, shape[inner]):
        inner -= 1
    strides = [math.prod(shape[axis + 1 :]) * FLOAT32.itemsize for axis in range(len(shape))]
    first, last = box[inner]
    size = (last - first) * strides[inner]
    if not size:
        return
    for places in product(*(range(a, b) for a, b in box[:inner])):
        offset = sum(p * s for p, s in zip(places, strides[:inner], strict=True))
        yield offset + first * strides[inner], size
