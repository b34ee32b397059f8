"""Hashes of what a model computes and of its weights: equal wherever the same files are read.

Both are of content: no path, no time, no order of keys in a file, no layout of a spec. What a
change of the words alone leaves as it is (a comment, YAML or JSON, an argument that only training
used) leaves the hash of the model as it is, too. It depends on how this version of convspec lowers
layers, so that versions may differ in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from speccompiler.graph.ir import Graph, Weight
from speccompiler.weights.files.tensor_digests import joint_digest, tensor_digest
from speccompiler.weights.sources import DrawnTensor, TensorSource


def model_hash(graph: Graph) -> str:
    """SHA-256 of a lowered graph: its operations, names, shapes and outputs, without numbers.

    The semantics are in it, since lowering has decided them, and open lengths by their names.
    """
    lines = [repr(node) for node in graph.nodes]
    text = "\n".join([*lines, repr(graph.outputs)])
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def weights_hash(sources: Mapping[Weight, TensorSource]) -> str:
    """SHA-256 of all tensors, as ``tensor_digests`` makes it of a file's; names are layer/tensor.

    Of a model that ``convspec convert`` wrote it is the ``weights_sha256``. Reads every tensor that
    is given, one at a time; for one that is drawn stands what it is drawn by. Raises ``Problem``
    as reading does.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    digests: dict[str, str] = {}
    for weight, source in sources.items():
        name = f"{weight.layer}/{weight.tensor}"
        if name in digests:
            continue
        shapes[name] = weight.stored_shape
        if isinstance(source, DrawnTensor):
            digests[name] = source.identity()
        else:
            digests[name] = tensor_digest(source.read())
    return joint_digest(shapes, digests)
