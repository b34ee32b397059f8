"""Files that Keras 2 or 3 wrote: how they are recognised, and what messages say of them."""

from __future__ import annotations

import re

from speccompiler.weights.files.weight_file import WeightFile

_OWN = re.compile(
    r"(?:^|/)(?:(?:\w+_)?(?:kernel|recurrent_kernel|moving_mean|moving_variance|embeddings)"
    r"(?:_[0-9]+)?:0|(?:kernel|recurrent_kernel|moving_mean|moving_variance|embeddings))$"
)
"""Tensors' names that no Keras 1.x gave; its own ended in _W, _b, _running_mean, _running_std."""
_SEPARABLE = re.compile(r"(?:depth|point)wise_kernel")
_NEW_LAYOUT = re.compile(r"(?:^|/)vars/[0-9]+$")


def later_keras(file: WeightFile) -> str | None:
    """Which later Keras wrote a file, as "Keras 2.1.6" or "Keras 2"; None for any other file."""
    version = file.keras_version or ""
    if version[:1].isdigit() and not version.startswith(("0", "1")):
        return f"Keras {version}"
    if any(_NEW_LAYOUT.search(key) for key in file.tensors) and any(
        key.startswith("layers/") or "/layers/" in key for key in file.tensors
    ):
        return "Keras 3"
    if any(_OWN.search(key) and not _SEPARABLE.search(key) for key in file.tensors):
        return "Keras 2"
    return None


def names_of(writer: str) -> str:
    """For messages: why names were looked for in vain in a file of that Keras."""
    return f"{writer} wrote these tensors, and names them kernel, bias, moving_mean .."


RENAME_HINT = (
    "the layers are Keras 1.x's, whose tensors are <layer>/W, b, running_mean, running_std: give "
    "the weights that Keras 1.x saved, or rename them so"
)
OTHER_MODEL_HINT = (
    "check that the file belongs to this model: it holds weights of other layers, or of another "
    "number of them"
)
