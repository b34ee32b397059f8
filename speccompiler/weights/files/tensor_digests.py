"""SHA-256 digests of a tensor's values, and of all tensors of a file.

The digest of a file's tensors depends neither on its format nor on their order. It is that of a
text with a line for each tensor, sorted::

    <name> <length>x<length>.. <SHA-256 of the values as little-endian float32, in C order>

``convspec convert`` writes it into a spec, and into the metadata of the .safetensors file beside
it: whether the two belong together is then known without reading a tensor. The metadata have the
digest of each tensor, too, and ``WeightFile.read`` compares it.
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
    """The digest of the values alone, whatever the name and shape."""
    return hashlib.sha256(stored_bytes(array)).hexdigest()


def joint_digest(shapes: Mapping[str, tuple[int, ...]], digests: Mapping[str, str]) -> str:
    """The digest of all tensors of a file, from their shapes and own digests by name."""
    lines = [
        f"{name} {'x'.join(map(str, shape))} {digests.get(name)}\n"
        for name, shape in shapes.items()
    ]
    text = "".join(sorted(lines))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
