"""Match arrays whose names say nothing by their shapes, where that is possible in one way only."""

from __future__ import annotations

from collections.abc import Mapping

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import first_few
from speccompiler.weights.files.weight_file import WeightFile
from speccompiler.weights.matching.by_layer_order import NAMES_SHOWN
from speccompiler.weights.matching.notes import Matched, matched_note
from speccompiler.weights.matching.wanted_tensors import (
    TensorName,
    WantedTensor,
    fit,
    joined_name,
)


def match_by_shape(file: WeightFile, wanted: Mapping[TensorName, WantedTensor]) -> Matched | None:
    """Every array for the one tensor of its shape, with a note; None where shapes do not fit.

    CS105 where several arrays fit one tensor. Files that a program wrote are not matched so:
    their names mean something.
    """
    if file.unnamed or file.format == "safetensors" or file.layers is not None:
        return None
    if len(file.tensors) != len(wanted) or len(wanted) < 2:
        return None
    by_shape: dict[tuple[int, ...], list[str]] = {}
    for key, info in file.tensors.items():
        by_shape.setdefault(info.shape, []).append(key)
    shapes = {name: [s for s in t.shapes if s in by_shape] for name, t in wanted.items()}
    # Two arrays for a tensor are enough to know that there are several.
    fits = {
        name: [key for shape in dict.fromkeys(mine) for key in by_shape[shape][:2]][:2]
        for name, mine in shapes.items()
    }
    if not all(fits.values()) or by_shape.keys() > {s for mine in shapes.values() for s in mine}:
        return None
    several = [name for name, keys in fits.items() if len(keys) > 1]
    if several:
        shown = [f"{joined_name(name)} {wanted[name].shape}" for name in several]
        raise Problem(
            "CS105",
            f"by their shapes alone, several arrays fit {first_few(shown, NAMES_SHOWN)}",
            "name the arrays <layer>/W, <layer>/b, or save them in order: "
            'numpy.savez("weights.npz", *model.get_weights())',
        )
    stored = {name: fit(wanted[name], file.tensors[keys[0]]) for name, keys in fits.items()}
    found = {name: tensor for name, tensor in stored.items() if tensor is not None}
    if len({tensor.key for tensor in found.values()}) < len(wanted):
        return None
    text = "the names are others, so weights were matched by their shapes, each of which is one's"
    return found, (matched_note(text, found),)
