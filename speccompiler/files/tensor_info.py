"""What is known of a stored tensor before its data is read, and the way to float32."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import quoted
from speccompiler.files.ordinary_files import open_ordinary
from speccompiler.frozen import dataclass

ITEM_SIZES: Mapping[str, int] = {
    "float16": 2,
    "bfloat16": 2,
    "float32": 4,
    "float64": 8,
    "bool": 1,
    "int8": 1,
    "int16": 2,
    "int32": 4,
    "int64": 8,
    "uint8": 1,
    "uint16": 2,
    "uint32": 4,
    "uint64": 8,
}
"""Bytes an element of every dtype that converts to float32."""

METADATA_KEY = "weights_sha256"
"""In a .safetensors file that convspec wrote: the digest of all its tensors."""
EACH_KEY = "tensors_sha256"
"""As ``METADATA_KEY``, for the digests of the single tensors, in the order of their data."""

_MOST_BYTES = 2**63 - 1


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """A tensor of a weight file, from its header alone.

    ``dtype`` is NumPy's name, "bfloat16", or a word such as "object" for what cannot be used.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def data_bytes(self) -> int:
        """Bytes of the data; only for a dtype of ``ITEM_SIZES``."""
        return math.prod(self.shape) * ITEM_SIZES[self.dtype]


@dataclass(frozen=True, slots=True)
class StoredLayer:
    """A group of weights: the name of each tensor and its key in the file, in order."""

    name: str
    tensors: tuple[tuple[str, str], ...]


class Opened(NamedTuple):
    """What opening a file gives."""

    tensors: Mapping[str, TensorInfo]
    load: Callable[[TensorInfo], NDArray[Any]]
    """Reads one tensor as it is stored."""
    layers: tuple[StoredLayer, ...] | None = None
    """The layers that a Keras HDF5 file lists, in order."""
    sha256: str | None = None
    """The digest of all its tensors, where the file itself says it."""
    digests: Mapping[str, str] = MappingProxyType({})
    """The digest of each of them, where the file says it."""
    keras_version: str | None = None
    """The version of Keras that a Keras HDF5 file says wrote it."""


def invalid(reason: str) -> Problem:
    """CS101, the problem of a damaged or foreign file; ``open_weights`` adds its name."""
    return Problem("CS101", reason)


def wrong_stored_size(info: TensorInfo, stored: int) -> Problem:
    """CS101 where a file holds ``stored`` bytes, and the tensor's header promises others."""
    return invalid(
        f"tensor {quoted(info.name)} of shape {info.shape} needs {info.data_bytes} bytes of "
        f"{info.dtype}, but {stored} are stored"
    )


def ends_early(info: TensorInfo) -> Problem:
    """CS101 where a file has become shorter since it was opened."""
    return invalid(f"tensor {quoted(info.name)} ends early")


def changed_meanwhile(info: TensorInfo) -> Problem:
    """CS101 where a file holds another tensor than when it was opened."""
    return invalid(f"tensor {quoted(info.name)} changed while the file was in use")


def read_plain(path: Path, info: TensorInfo, offset: int) -> bytes:
    """The bytes of a tensor that lie in one piece in a file; CS101, ``NotOrdinary``."""
    with open_ordinary(path) as stream:
        stream.seek(offset)
        data = stream.read(info.data_bytes)
    if len(data) != info.data_bytes:
        raise ends_early(info)
    return data


def check_dtype(info: TensorInfo) -> None:
    """Raise CS102 unless the tensor's numbers convert to float32."""
    if info.dtype not in ITEM_SIZES:
        raise Problem(
            "CS102",
            f"tensor {quoted(info.name)} has dtype {info.dtype}; weights are floats, integers or "
            "booleans",
            "store it as float32",
        )


def check_size(info: TensorInfo) -> None:
    """Refuse a shape no array can have, even where a zero hides it."""
    size = ITEM_SIZES.get(info.dtype, 1)
    if len(info.shape) > 32 or math.prod(d or 1 for d in info.shape) * size > _MOST_BYTES:
        raise invalid(f"tensor {quoted(info.name)} declares an impossible shape")


def to_float32(array: NDArray[Any], name: str) -> NDArray[np.float32]:
    """A C-contiguous float32 copy; CS102 if a finite value does not fit."""
    with np.errstate(over="ignore"):
        converted = np.ascontiguousarray(array, dtype=np.float32).reshape(array.shape)
    if array.dtype == np.float64:
        lost = np.isinf(converted) & np.isfinite(array)
        if lost.any():
            raise Problem(
                "CS102",
                f"tensor {quoted(name)} holds the float64 value {array[lost].flat[0]:.6g}, "
                "which does not fit float32",
                "float32 reaches about 3.4e38; check how the file was made",
            )
    return converted


def non_finite_count(array: NDArray[Any]) -> int:
    """How many values are NaN or infinite."""
    return int(array.size - np.count_nonzero(np.isfinite(array)))
