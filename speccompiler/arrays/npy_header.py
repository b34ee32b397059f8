"""Read a .npy header as that of an array of samples: the first axis counts them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from speccompiler.arrays import element_types
from speccompiler.diagnostics.core import Problem
from speccompiler.files import npy_format
from speccompiler.files.npy_format import PREAMBLE_BYTES as PREAMBLE_BYTES
from speccompiler.frozen import dataclass

MAX_AXES = 32  # NumPy 1.x's limit; NumPy 2 allows 64
MOST_SAMPLES = 2**63 - 1  # NumPy's npy_intp


@dataclass(frozen=True, slots=True)
class NpyHeader:
    """What a .npy header says; ``data_offset`` is the first byte of the data."""

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    fortran_order: bool
    data_offset: int

    @property
    def data_bytes(self) -> int:
        """The number of bytes that must follow the header."""
        return math.prod(self.shape) * self.dtype.itemsize

    def as_text(self) -> str:
        """What it says, on one line."""
        order = "F" if self.fortran_order else "C"
        return f"{self.dtype.str} {self.shape} {order} at {self.data_offset}"


def read_header(preamble: bytes, read: Callable[[int], bytes]) -> NpyHeader:
    """The header that follows ``preamble``, the signature and version already read.

    ``read(n)`` returns n bytes, or fewer at the end. CS111, CS112, CS113, CS114.
    """
    try:
        header = npy_format.read_header(preamble, read)
    except npy_format.HeaderError as error:
        raise _refusal(error) from None
    dtype = element_types.from_descr(header.descr)
    check_shape(header.shape)
    return NpyHeader(header.shape, dtype, header.fortran_order, header.data_offset)


def check_shape(shape: tuple[int, ...]) -> None:
    """Refuse a shape that cannot be cut into samples along its first axis. CS114."""
    if not shape:
        raise Problem(
            "CS114",
            "the array is a single number (0-d) and has no axis of samples",
            "save it with the samples along the first axis, for example shape (1, 28, 28, 1)",
        )
    if len(shape) > MAX_AXES:
        raise Problem(
            "CS114",
            f"the array has {len(shape)} axes; at most {MAX_AXES} are allowed",
            "save it with one axis of samples and the axes of the model's input",
        )
    if max(shape) > MOST_SAMPLES:
        raise Problem(
            "CS114",
            f"an axis is {max(shape)} long, which no array can be",
            "check what wrote the array",
        )
    if shape[0] and not math.prod(shape[1:]):
        raise Problem(
            "CS114",
            f"the samples are empty: the array's shape is {shape}",
            "every axis after the first needs a length of at least 1",
        )


def _refusal(error: npy_format.HeaderError) -> Problem:
    match error:
        case npy_format.UnknownVersion(major, minor):
            return Problem(
                "CS111",
                f"this is a .npy file of format {major}.{minor}; "
                "formats 1.0, 2.0 and 3.0 are known",
                "save it again with numpy.save",
            )
        case npy_format.TooLong(length):
            most = npy_format.MAX_HEADER_BYTES
            return Problem(
                "CS111",
                f"the .npy header claims {length} bytes; at most {most} are allowed",
                "save the array again as plain float32 with numpy.save",
            )
        case npy_format.CutOff():
            return Problem(
                "CS112",
                "the data ends inside the .npy header",
                "write or copy the whole file again",
            )
        case _:
            return Problem(
                "CS111",
                "the .npy header cannot be understood",
                "save the array again with numpy.save",
            )
