"""Match arrays that people saved themselves, under names that are numbers.

Numbers tell an order, and the model's is that of ``get_weights()``: layer by layer, in each as
the layer lists them. ``model.weights`` of a functional model, which some people saved, has all
that is trained first. Shapes have to fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import first_few, quoted
from speccompiler.files.tensor_info import TensorInfo
from speccompiler.weights.files.weight_file import WeightFile
from speccompiler.weights.matching.by_layer_order import NAMES_SHOWN, match_groups
from speccompiler.weights.matching.layer_groups import InGroups, InOneRow, LayerGroup
from speccompiler.weights.matching.notes import Matched, matched_note
from speccompiler.weights.matching.numbered_names import order_in_names
from speccompiler.weights.matching.wanted_tensors import (
    TensorName,
    WantedTensor,
    fit,
    ordering_hint,
    wrong_shape,
)

_UNTRAINED = {"running_mean", "running_std", "mean", "variance"}


def match_by_number(file: WeightFile, wanted: Mapping[TensorName, WantedTensor]) -> Matched | None:
    """A tensor for each that is wanted, with a note; None where the names tell no order.

    ``wanted`` is in the order of ``get_weights()``. CS105, CS106 where the order does not fit.
    """
    if file.unnamed:
        return None
    tensors = {tensor for _, tensor in wanted}
    match order_in_names(file.tensors, tensors, {layer for layer, _ in wanted}):
        case InOneRow(keys):
            return _in_one_row(file, _without_counts(file, keys, wanted), wanted)
        case InGroups(groups, named):
            how = "by the layers' names, in each by number" if named else "by the numbers in them"
            if named:
                groups = _in_order_of_layers(groups, wanted)
            found = match_groups(groups, wanted, file.tensors)
            text = f"the names are others, so weights were matched {how}"
            return found, (matched_note(text, found),)
        case None:
            return None


def _without_counts(
    file: WeightFile, keys: Sequence[str], wanted: Mapping[TensorName, WantedTensor]
) -> Sequence[str]:
    """Without what Normalization counts while it adapts, which get_weights() gives as well.

    It is the only weight of Keras's that is one number (keras 3 layers/preprocessing/
    normalization.py ``build``; tf_keras the same).
    """
    if len(keys) == len(wanted) or any(one.shape == () for one in wanted.values()):
        return keys
    return [key for key in keys if file.tensors[key].shape != ()]


def _in_order_of_layers(
    groups: Sequence[LayerGroup], wanted: Mapping[TensorName, WantedTensor]
) -> tuple[LayerGroup, ...]:
    """Groups that are named as layers, in the order of the model's layers."""
    layers = dict.fromkeys(layer for layer, _ in wanted)
    place = {layer: number for number, layer in enumerate(layers)}
    return tuple(sorted(groups, key=lambda group: place[group.name]))


def _in_one_row(
    file: WeightFile, keys: Sequence[str], wanted: Mapping[TensorName, WantedTensor]
) -> Matched:
    if len(keys) != len(wanted):
        raise Problem(
            "CS105",
            f"it holds {len(keys)} numbered arrays, and the model takes {len(wanted)}",
            "check that the file belongs to this model",
        )
    listed = list(wanted)
    trained = sorted(listed, key=lambda name: name[1] in _UNTRAINED)
    ways = [(listed, "the order of get_weights()")]
    if trained != listed:
        ways.append((trained, "the order of model.weights, which has all that is trained first"))
    fitting = []
    for names, how in ways:
        pairs = {
            name: fit(wanted[name], file.tensors[key])
            for name, key in zip(names, keys, strict=True)
        }
        found = {name: stored for name, stored in pairs.items() if stored is not None}
        if len(found) == len(wanted):
            fitting.append((found, how))
    if not fitting:
        raise _wrong_shapes(listed, keys, wanted, file.tensors)
    found, how = fitting[0]
    text = f"the arrays are numbered, so weights were matched by {how}"
    if len(fitting) > 1:
        text += "; that of model.weights, which has all that is trained first, would fit as well"
    return found, (matched_note(text, found),)


def _wrong_shapes(
    names: Sequence[TensorName],
    keys: Sequence[str],
    wanted: Mapping[TensorName, WantedTensor],
    tensors: Mapping[str, TensorInfo],
) -> Problem:
    wrong, pairs = [], []
    for name, key in zip(names, keys, strict=True):
        if fit(wanted[name], tensors[key]) is None:
            wrong.append(f"{wrong_shape(name, wanted[name], tensors[key])} ({quoted(key)})")
            pairs.append((wanted[name].shape, tensors[key].shape))
    text = f"wrong shapes: {first_few(wrong, NAMES_SHOWN)}"
    return Problem("CS106", text, ordering_hint(pairs))
