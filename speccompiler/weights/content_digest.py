"""A digest of the tensors that a file holds, whatever its format and their order (``digests``).

``convspec convert`` writes it into a spec and into the metadata of the .safetensors file beside
it: whether the two belong together is then known without reading a tensor. The digest of each
tensor stands there too, and ``WeightFile.read`` holds the tensor to it.
"""

from __future__ import annotations

from speccompiler.weights.digests import joint_digest, tensor_digest
from speccompiler.weights.weight_files import WeightFile


def content_digest(file: WeightFile) -> str:
    """Of a file's tensors, each of which is read. Raises ``Problem``."""
    shapes = {name: info.shape for name, info in file.tensors.items()}
    return joint_digest(shapes, {name: tensor_digest(file.read(name)) for name in shapes})
