"""Pass over stored weights of layers that the user has replaced by others."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.diagnostics.wording import quoted
from speccompiler.weights.files.weight_file import WeightFile

_BETWEEN = "/._"


def without_layers(
    file: WeightFile, replaced: Collection[str], kept: Collection[str]
) -> tuple[WeightFile, list[Diagnostic]]:
    """The file without the tensors of these layers, and a note of them (CS108).

    ``kept`` are the layers that take weights: a key that begins with such a name is not passed
    over.
    """
    left = {name for name in replaced if name not in kept}
    if not left:
        return file, []
    owned = {key: layer.name for layer in file.layers or () for _, key in layer.tensors}
    known = left | set(kept)
    passed: dict[str, str] = {}
    for key in file.tensors:
        owner = owned.get(key) or _owner(key, known)
        if owner in left:
            passed[key] = owner
    if not passed:
        return file, []
    layers = file.layers
    if layers is not None:
        layers = tuple(layer for layer in layers if layer.name not in left)
    tensors = {key: info for key, info in file.tensors.items() if key not in passed}
    names = ", ".join(quoted(name) for name in dict.fromkeys(passed.values()))
    note = Diagnostic(
        "CS108", f"weights of layers that were replaced were left: {names}", Severity.NOTE
    )
    return replace(file, tensors=tensors, layers=layers), [note]


def _owner(key: str, names: Collection[str]) -> str | None:
    """The layer with the longest name that a key begins with."""
    ends = (at for at in range(len(key) - 1, 0, -1) if key[at] in _BETWEEN)
    return next((key[:end] for end in ends if key[:end] in names), None)
