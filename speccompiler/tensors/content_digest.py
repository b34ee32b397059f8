"""A digest of the tensors that a file holds, whatever its format and their order.

It is the SHA-256 of a line for each tensor, in the order of names::

    <name> <length>x<length>.. <SHA-256 of the values as little-endian float32, in C order>

``convspec convert`` writes it into a spec and into the metadata of the .safetensors file beside
it: whether the two belong together is then known without reading a tensor.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from .weight_files import WeightFile


class ContentDigest:
    """The digest of tensors that come one after another."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, name: str, array: npt.NDArray[Any]) -> memoryview:
        """Count a tensor in; its bytes."""
        data = np.ascontiguousarray(array, "<f4").reshape(-1).view(np.uint8).data
        lengths = "x".join(map(str, array.shape))
        self._lines.append(f"{name} {lengths} {hashlib.sha256(data).hexdigest()}\n")
        return data

    def hexdigest(self) -> str:
        """Of all tensors so far."""
        text = "".join(sorted(self._lines))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def content_digest(file: WeightFile) -> str:
    """Of a file's tensors, each of which is read. Raises ``Problem``."""
    digest = ContentDigest()
    for name in file.tensors:
        digest.add(name, file.read(name))
    return digest.hexdigest()
