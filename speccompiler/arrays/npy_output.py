"""Write an array batch by batch, as the bytes that numpy.save would write."""

from __future__ import annotations

import io
import math
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt
from numpy.lib.format import dtype_to_descr, write_array_header_1_0

from speccompiler.arrays.element_types import FLOAT32
from speccompiler.files import atomic_output
from speccompiler.files.system_errors import writing_reason
from speccompiler.system.unfinished_files import Sink, write_all

# Names that promise another format. Any other suffix, or none, is the user's choice.
_OTHER_FORMAT = re.compile(
    r"\.(npz|zip|gz|h5|hdf5|mat|parquet|pkl|pickle|png|jpe?g|gif|bmp|tiff?"
    r"|csv|tsv|txt|json|ya?ml|pth?|onnx|safetensors)"
)


class ArrayOutput:
    """An array being written; ``written`` counts the samples so far."""

    def __init__(self, sink: Sink, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        assert shape, "an output has an axis of samples"
        self.shape = shape
        self.dtype = dtype
        self.written = 0
        self._sink = sink
        self._put(memoryview(header_bytes(shape, dtype)))

    def write(self, batch: npt.NDArray[Any]) -> None:
        """Append samples: shape (b, *shape[1:]), converted to ``dtype`` if they differ. CS121."""
        assert batch.shape[1:] == self.shape[1:], f"{batch.shape} written to {self.shape}"
        assert self.written + len(batch) <= self.shape[0], "more samples than announced"
        stored = np.ascontiguousarray(batch, dtype=self.dtype)
        self._put(stored.reshape(-1).view(np.uint8).data)
        self.written += len(batch)

    def check_complete(self) -> None:
        """Refuse to pass off a partial array as complete: our own bug, also under -O."""
        if self.written != self.shape[0]:
            raise AssertionError(f"only {self.progress()} were written")

    def progress(self) -> str:
        """How far it has come, for messages."""
        return f"{self.written} of {self.shape[0]} samples"

    def _put(self, data: memoryview) -> None:
        try:
            write_all(self._sink, data)
        except BrokenPipeError:  # the reader left: for the caller to end quietly
            raise
        except OSError as error:
            raise atomic_output.write_failure(error, self.progress()) from None


def check_array_target(target: Path) -> None:
    """What ``create_array`` would refuse before it knows a shape: CS120."""
    suffix = target.suffix.lower()
    if _OTHER_FORMAT.fullmatch(suffix):
        raise atomic_output.cannot_create(
            f"the result is a .npy file, but the name ends in '{suffix}'",
            f"name it '{target.stem}.npy'" + _dataset_too(target, suffix),
        )
    if not _is_pipe_or_device(target):
        atomic_output.check_target(target)


def _dataset_too(target: Path, suffix: str) -> str:
    return f", or '{target.name}::/y' for a dataset" if suffix in {".h5", ".hdf5"} else ""


@contextmanager
def create_array(
    target: Path,
    shape: tuple[int, ...],
    dtype: npt.DTypeLike = FLOAT32,
    group: atomic_output.FileGroup | None = None,
) -> Iterator[ArrayOutput]:
    """Write a .npy file that appears under its name only when it and all of ``group`` are complete.

    The input file may be the target. A pipe or a character device such as
    /dev/null is written directly. CS120 and CS121, raised on entering, while
    writing, or on leaving the ``with`` block.
    """
    check_array_target(target)
    if _is_pipe_or_device(target):
        with _open_directly(target) as file:
            output = ArrayOutput(file, shape, np.dtype(dtype))
            yield output
            output.check_complete()
        return
    stored = np.dtype(dtype)
    with atomic_output.atomic_file(target, stored_bytes(shape, stored), group) as part:
        output = ArrayOutput(part, shape, stored)
        yield output
        output.check_complete()


@contextmanager
def stream_array(
    stream: BinaryIO, shape: tuple[int, ...], dtype: npt.DTypeLike = FLOAT32
) -> Iterator[ArrayOutput]:
    """Write a .npy stream, such as standard output; the stream stays open. CS121.

    A BrokenPipeError passes through.
    """
    # Past the buffer: after a failed write nothing is left there to fail again at exit.
    _flush(stream, "no samples")
    sink: object = stream.raw if isinstance(stream, io.BufferedWriter) else stream
    output = ArrayOutput(cast(Sink, sink), shape, np.dtype(dtype))
    yield output
    output.check_complete()
    _flush(stream, output.progress())


def stored_bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Size of an array's .npy file."""
    return len(header_bytes(shape, dtype)) + math.prod(shape) * dtype.itemsize


def _flush(stream: BinaryIO, progress: str) -> None:
    try:
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise atomic_output.write_failure(error, progress) from None


def header_bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """What numpy.save writes in front of the values."""
    header = io.BytesIO()
    write_array_header_1_0(
        header, {"descr": dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    )
    return header.getvalue()


def _open_directly(target: Path) -> io.FileIO:
    try:
        return open(target, "wb", buffering=0)
    except OSError as error:
        raise atomic_output.cannot_create(writing_reason(error), "check the path") from None


def _is_pipe_or_device(target: Path) -> bool:
    try:
        mode = os.stat(target).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)
