"""Tensors of .safetensors files; the ``safetensors`` library judges the file.

Data is read from the offsets of the judged header, because the library's NumPy reader
does not know bfloat16.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speccompiler.diagnostics.wording import quoted
from speccompiler.files.ordinary_files import name_of, open_ordinary
from speccompiler.files.tensor_info import (
    EACH_KEY,
    ITEM_SIZES,
    METADATA_KEY,
    Opened,
    TensorInfo,
    check_size,
    invalid,
    read_plain,
)
from speccompiler.weights.files.tensor_digests import joint_digest

_DTYPES = {
    "F16": "float16",
    "BF16": "bfloat16",
    "F32": "float32",
    "F64": "float64",
    "BOOL": "bool",
    **{
        f"{kind}{bits}": f"{name}{bits}"
        for kind, name in (("I", "int"), ("U", "uint"))
        for bits in (8, 16, 32, 64)
    },
}


def open_safetensors(path: Path) -> Opened:
    """The tensors of a .safetensors file."""
    from safetensors import SafetensorError, safe_open

    tensors: dict[str, TensorInfo] = {}
    places: dict[str, int] = {}
    with open_ordinary(path) as stream:
        try:
            with safe_open(name_of(stream, path), framework="np") as judged:
                names = set(judged.keys())
        except SafetensorError as error:
            raise invalid(f"it is not a sound safetensors file ({error})") from error
        length = int.from_bytes(stream.read(8), "little")
        header: dict[str, Any] = json.loads(stream.read(length))
    for name in sorted(names, key=lambda n: (header[n]["data_offsets"], n)):
        entry = header[name]
        stored = str(entry["dtype"])
        info = TensorInfo(name, tuple(entry["shape"]), _DTYPES.get(stored, stored.lower()))
        check_size(info)
        begin, end = entry["data_offsets"]
        if info.dtype in ITEM_SIZES and end - begin != info.data_bytes:
            raise invalid(f"tensor {quoted(name)} declares a shape that is not stored")
        tensors[name] = info
        places[name] = 8 + length + begin

    def load(info: TensorInfo) -> NDArray[Any]:
        stored = "uint16" if info.dtype == "bfloat16" else info.dtype
        data = read_plain(path, info, places[info.name])
        values = np.ndarray(info.shape, np.dtype(stored).newbyteorder("<"), data)
        if info.dtype == "bfloat16":  # the upper half of a float32
            return (values.astype(np.uint32) << 16).view(np.float32)
        return values

    sha256, digests = _digests(header.get("__metadata__"), tensors)
    return Opened(tensors, load, sha256=sha256, digests=digests)


def _digests(
    metadata: Any, tensors: Mapping[str, TensorInfo]
) -> tuple[str | None, Mapping[str, str]]:
    """The digests that a file of convspec's has in its metadata: of all tensors, and of each.

    Both are left out where that of all does not follow from the others.
    """
    found = metadata if isinstance(metadata, dict) else {}
    whole, each = found.get(METADATA_KEY), found.get(EACH_KEY)
    if not isinstance(whole, str) or not isinstance(each, str):
        return (whole if isinstance(whole, str) else None), {}
    listed = each.split()
    digests = dict(zip(tensors, listed, strict=False))
    shapes = {name: info.shape for name, info in tensors.items()}
    if len(listed) != len(tensors) or joint_digest(shapes, digests) != whole:
        return None, {}
    return whole, digests
