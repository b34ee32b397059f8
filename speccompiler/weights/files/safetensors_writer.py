"""A .safetensors file written tensor by tensor, in float32, complete or not at all.

Its metadata hold the digest of each tensor and that of all (``tensor_digests``). They are known
when everything is written; until then zeros take their place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy.typing as npt

from speccompiler.files.atomic_output import FileGroup, atomic_file, write_failure
from speccompiler.files.tensor_info import EACH_KEY, METADATA_KEY
from speccompiler.system.unfinished_files import write_all
from speccompiler.weights.files.tensor_digests import joint_digest, stored_bytes, tensor_digest

_UNKNOWN = "0" * 64


def write_safetensors(
    path: Path,
    shapes: Mapping[str, tuple[int, ...]],
    tensors: Iterable[npt.NDArray[Any]],
    group: FileGroup | None = None,
) -> str:
    """The tensors in the order of their shapes; each may be forgotten once it is written.

    Returns the digest of all. With ``group`` the file appears when all of the group do.
    CS120, CS121.

    The format: 8 bytes with the header's length, the header as JSON, the data
    (huggingface/safetensors, README).
    """
    header, digests = _header(shapes), dict[str, str]()
    size = len(header) + sum(4 * prod(shape) for shape in shapes.values())
    with atomic_file(path, size, group) as file:
        try:
            write_all(file, header)
            for (name, shape), array in zip(shapes.items(), tensors, strict=True):
                assert array.shape == shape, f"{array.shape} was announced as {shape}"
                digests[name] = tensor_digest(array)
                write_all(file, stored_bytes(array))
            whole = joint_digest(shapes, digests)
            for key, known in ((METADATA_KEY, whole), (EACH_KEY, " ".join(digests.values()))):
                start = f'"{key}":"'.encode()
                file.seek(header.index(start) + len(start))
                write_all(file, known.encode())
        except OSError as error:
            raise write_failure(error, "a part of the tensors") from None
    return whole


def _header(shapes: Mapping[str, tuple[int, ...]]) -> bytes:
    each = " ".join([_UNKNOWN] * len(shapes))
    entries: dict[str, Any] = {"__metadata__": {METADATA_KEY: _UNKNOWN, EACH_KEY: each}}
    start = 0
    for name, shape in shapes.items():
        end = start + 4 * prod(shape)
        entries[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [start, end]}
        start = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text
