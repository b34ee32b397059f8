"""The numbers of a tensor of an ONNX file, or of one that lies in a file beside it.

A location is relative and stays in the folder of the model, whatever links lead out of it. Raises
CS101 for what is not as the file says, CS265 for a file beside the model, ``NotOrdinary``.
"""

from __future__ import annotations

import math
import os
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import quoted
from speccompiler.files.onnx.model import Tensor
from speccompiler.files.ordinary_files import NotOrdinary, open_ordinary
from speccompiler.files.protobuf import unpacked
from speccompiler.files.tensor_info import (
    ITEM_SIZES,
    TensorInfo,
    check_size,
    invalid,
    read_plain,
    wrong_stored_size,
)


def info_of(tensor: Tensor, name: str) -> TensorInfo:
    """What is known of a tensor from its header; CS101 where its numbers are not as many."""
    info = TensorInfo(name, tensor.shape, tensor.dtype)
    check_size(info)
    if tensor.dtype not in ITEM_SIZES or tensor.external is not None:
        return info
    stored = sum(piece.length for piece in tensor.pieces)
    if tensor.stored == "raw" and stored != info.data_bytes:
        raise wrong_stored_size(info, stored)
    width = {"floats": 4, "doubles": 8}.get(tensor.stored)
    count = math.prod(info.shape)
    if width is not None and stored != width * count:
        raise invalid(
            f"tensor {quoted(name)} of shape {info.shape} holds {stored // width} numbers"
        )
    if tensor.stored == "varints" and stored < count:
        raise invalid(f"tensor {quoted(name)} of shape {info.shape} holds at most {stored} numbers")
    return info


def read_tensor(path: Path, tensor: Tensor, name: str) -> NDArray[Any]:
    """The numbers of a tensor of the model in ``path``, as they are stored; bfloat16 as float32."""
    info = info_of(tensor, name)
    if tensor.dtype not in ITEM_SIZES:
        raise Problem("CS102", f"tensor {quoted(name)} has dtype {tensor.dtype}")
    if tensor.external is not None:
        return _plain(_external_bytes(path, tensor, info), info)
    if tensor.stored == "raw":
        data = b"" if not tensor.pieces else read_plain(path, info, tensor.pieces[0].start)
        return _plain(data, info)
    with open_ordinary(path) as stream:
        parts = []
        for piece in tensor.pieces:
            stream.seek(piece.start)
            parts.append(stream.read(piece.length))
    data = b"".join(parts)
    if tensor.stored in {"floats", "doubles"}:
        kind = "<f4" if tensor.stored == "floats" else "<f8"
        return np.frombuffer(data, kind).reshape(info.shape)
    bits = unpacked(data)
    if bits.size != math.prod(info.shape):
        raise invalid(f"tensor {quoted(name)} of shape {info.shape} holds {bits.size} numbers")
    if info.dtype in {"float16", "bfloat16"}:
        return _plain(bits.astype("<u2").tobytes(), info)
    values = bits if info.dtype.startswith("uint") else bits.view(np.int64)
    return values.astype(info.dtype).reshape(info.shape)


def _plain(data: bytes, info: TensorInfo) -> NDArray[Any]:
    if len(data) != info.data_bytes:
        raise wrong_stored_size(info, len(data))
    if info.dtype == "bfloat16":  # the upper half of a float32
        halves = np.frombuffer(data, "<u2").astype(np.uint32) << 16
        return halves.view(np.float32).reshape(info.shape)
    return np.frombuffer(data, np.dtype(info.dtype).newbyteorder("<")).reshape(info.shape)


def external_path(model: Path, location: str) -> Path:
    """The file beside a model that a location names; CS265 unless it lies in the model's folder."""
    pure = PurePosixPath(location.replace("\\", "/"))
    shown = quoted(location)
    unsafe = pure.is_absolute() or ".." in pure.parts or ":" in location or "\0" in location
    if unsafe or not pure.parts:
        raise Problem(
            "CS265",
            f"the model names {shown} as a file with its numbers, which is not in its own folder",
            "save the model again, with its data beside it",
        )
    folder = os.path.realpath(model.parent)
    found = os.path.realpath(os.path.join(folder, *pure.parts))
    if os.path.commonpath([folder, found]) != folder:
        raise Problem(
            "CS265",
            f"the file {shown} that the model names is a link that leads out of its folder",
            "copy the file itself into the folder of the model",
        )
    return Path(found)


def check_external(path: Path, tensor: Tensor, info: TensorInfo) -> tuple[Path, int]:
    """The file and the place of a tensor's numbers; CS265 where they are not all there."""
    place = tensor.external
    assert place is not None, "a tensor in another file"
    found = external_path(path, place.location)
    if place.length is not None and place.length != info.data_bytes:
        raise wrong_stored_size(info, place.length)
    try:
        with open_ordinary(found) as stream:
            stream.seek(0, 2)
            size = stream.tell()
    except (NotOrdinary, OSError) as error:
        missing = isinstance(error, NotOrdinary) and error.kind == "missing"
        raise Problem(
            "CS265",
            f"the numbers of tensor {quoted(info.name)} are in the file "
            f"{quoted(place.location)} beside the model, which "
            + ("is not there" if missing else "cannot be read"),
            "copy it into the folder of the model, under this name",
        ) from None
    if place.offset + info.data_bytes > size:
        raise Problem(
            "CS265",
            f"the file {quoted(place.location)} beside the model has {size} bytes, and tensor "
            f"{quoted(info.name)} needs those up to {place.offset + info.data_bytes}",
            "copy the file again",
        )
    return found, place.offset


def _external_bytes(path: Path, tensor: Tensor, info: TensorInfo) -> bytes:
    found, offset = check_external(path, tensor, info)
    return read_plain(found, info, offset)
