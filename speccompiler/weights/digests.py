"""SHA-256 of a tensor's values, and of all tensors of a file.

That of all is of a line for each tensor, in the order of names::

    <name> <length>x<length>.. <SHA-256 of the values as little-endian float32, in C order>
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt


def stored_bytes(array: npt.NDArray[Any]) -> memoryview:
    """The values as little-endian float32, in C order."""
    return np.ascontiguousarray(array, "<f4").reshape(-1).view(np.uint8).data


def tensor_digest(array: npt.NDArray[Any]) -> str:
    """Of the values alone."""
    return hashlib.sha256(stored_bytes(array)).hexdigest()


def joint_digest(shapes: Mapping[str, tuple[int, ...]], digests: Mapping[str, str]) -> str:
    """Of tensors whose own digests are known, whatever their order."""
    lines = [
        f"{name} {'x'.join(map(str, shape))} {digests.get(name)}\n"
        for name, shape in shapes.items()
    ]
    text = "".join(sorted(lines))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
