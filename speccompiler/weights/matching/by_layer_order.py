"""Match tensors by the order of the layers that own them, as Keras's ``load_weights`` does.

Keras counts the layers that own weights, in order, and looks at no name (1.2.2
engine/topology.py:2699-2810).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import first_few, quoted
from speccompiler.files.tensor_info import StoredLayer, TensorInfo
from speccompiler.weights.matching.directions import directed
from speccompiler.weights.matching.layer_groups import LayerGroup, without_variable_number
from speccompiler.weights.matching.wanted_tensors import (
    StoredTensor,
    TensorName,
    WantedTensor,
    fit,
    ordering_hint,
    wrong_shape,
)

NAMES_SHOWN = 6
"""How many layers or tensors a message lists."""


def match_by_layer_order(
    layers: Sequence[StoredLayer],
    wanted: Mapping[TensorName, WantedTensor],
    tensors: Mapping[str, TensorInfo],
) -> dict[TensorName, StoredTensor]:
    """The n-th layer with weights in the file is the n-th in the model; CS105, CS106."""
    groups = _groups_of_keras0(layers, _by_layer(wanted))
    if groups is None:
        groups = layer_groups(layers, {tensor for _, tensor in wanted})
    return match_groups(groups, wanted, tensors)


def layer_groups(layers: Sequence[StoredLayer], known: Collection[str]) -> list[LayerGroup]:
    """The layers of a Keras file that own weights; ``known`` are names of tensors, such as ``W``.

    A nested model is stored as one layer and taken apart here. It lists the tensors that it
    trains before all others, so that ``bn_gamma`` and ``bn_running_mean`` may stand far from each
    other: tensors belong to one layer where their names begin alike.
    """
    endings = sorted(known, key=len, reverse=True)
    found: list[LayerGroup] = []
    for layer in layers:
        parts: dict[str, list[tuple[str | None, str]]] = {}
        for name, key in layer.tensors:
            bare = without_variable_number(name).rpartition("/")[2]
            # Keras 2 puts the inner layer's name in front of its tensors'.
            inner = name.rpartition("/")[0] or layer.name
            owner, ending = _told(bare, endings, layer.name) or (inner, None)
            parts.setdefault(owner, []).append((ending, key))
        found += [LayerGroup(name, tuple(tensors)) for name, tensors in parts.items()]
    return found


def _told(bare: str, endings: Sequence[str], layer: str) -> tuple[str, str] | None:
    """The layer that a tensor's name begins with, and the tensor that it ends with.

    TensorFlow puts a number behind a name that is there already, as those in two Bidirectionals
    around layers of one name are.
    """
    for name in dict.fromkeys((bare, _NUMBER_AFTER.sub("", bare))):
        for ending in endings:
            if not name.startswith(f"{layer}_") and (owner := directed(name, ending)):
                return owner, ending
            if name.endswith(f"_{ending}"):
                return name.removesuffix(f"_{ending}"), ending
    return None


def match_groups(
    groups: Sequence[LayerGroup],
    wanted: Mapping[TensorName, WantedTensor],
    tensors: Mapping[str, TensorInfo],
) -> dict[TensorName, StoredTensor]:
    """The n-th group is the n-th layer of the model that has weights; CS105, CS106."""
    own = _by_layer(wanted)
    if len(groups) != len(own):
        in_file = first_few([quoted(group.name) for group in groups], NAMES_SHOWN)
        in_model = first_few([quoted(name) for name in own], NAMES_SHOWN)
        raise Problem(
            "CS105",
            f"the file has {len(groups)} layers with weights ({in_file}), "
            f"the model {len(own)} ({in_model})",
            "check that the file belongs to this model",
        )
    found: dict[TensorName, StoredTensor] = {}
    wrong: list[str] = []
    pairs = []
    for group, (layer, names) in zip(groups, own.items(), strict=True):
        for tensor, key in _paired(group, layer, names):
            name = (layer, tensor)
            stored = fit(wanted[name], tensors[key])
            if stored is None:
                wrong.append(wrong_shape(name, wanted[name], tensors[key]))
                pairs.append((wanted[name].shape, tensors[key].shape))
            else:
                found[name] = stored
    if wrong:
        raise Problem("CS106", f"wrong shapes: {'; '.join(wrong)}", ordering_hint(pairs))
    return found


def _by_layer(wanted: Iterable[TensorName]) -> dict[str, list[str]]:
    own: dict[str, list[str]] = {}
    for layer, tensor in wanted:
        own.setdefault(layer, []).append(tensor)
    return own


_NUMBER_AFTER = re.compile(r"_[0-9]+$")
_NUMBERED = re.compile(r"param_[0-9]+")
_OLD_ORDER: Mapping[tuple[str, ...], tuple[int, ...]] = {
    ("W", "W_carry", "b", "b_carry"): (0, 2, 1, 3)
}
"""Where Highway's n-th tensor stands among those of a file from before Keras 1.0."""


def _groups_of_keras0(
    layers: Sequence[StoredLayer], own: Mapping[str, Sequence[str]]
) -> list[LayerGroup] | None:
    """The tensors of a file of Keras 0.x one after another, shared out to the model's layers.

    Its containers, Merges and Graphs put all that their layers own into one group. None where
    the file has names, or another number of tensors.
    """
    flat = [(name, key) for layer in layers for name, key in layer.tensors]
    if len(flat) != sum(map(len, own.values())) or not all(_NUMBERED.fullmatch(n) for n, _ in flat):
        return None
    groups, start = [], 0
    for layer, names in own.items():
        keys = [key for _, key in flat[start : start + len(names)]]
        order = _OLD_ORDER.get(tuple(names), range(len(keys)))
        groups.append(LayerGroup(layer, tuple((None, keys[at]) for at in order)))
        start += len(names)
    return groups


def _paired(group: LayerGroup, layer: str, names: list[str]) -> list[tuple[str, str]]:
    """Each tensor of a layer with its key in the file: by name, else by number; CS105."""
    if {name for name, _ in group.tensors} == set(names) and len(group.tensors) == len(names):
        return [(str(name), key) for name, key in group.tensors]
    if len(group.tensors) != len(names) or all(name is not None for name, _ in group.tensors):
        stored = ", ".join(quoted(key) for _, key in group.tensors)
        raise Problem(
            "CS105",
            f"layer {quoted(layer)} takes {', '.join(names)}; in its place the file has {stored}",
            _gates_hint(names, [key for _, key in group.tensors])
            or "check that the file belongs to this model",
        )
    return list(zip(names, [key for _, key in group.tensors], strict=True))


_OF_GATE = re.compile(r"(?:^|_)[WUb](_[icfozrh])?(?:_[0-9]+)?(?::0)?$")
"""What ends the name of a recurrent layer's tensor; the letter is that of a gate."""
_LAYOUT = "the file has the tensors of {}: a layer that says consume_less: {} reads them"


def _gates_hint(wanted: Sequence[str], stored: Sequence[str]) -> str | None:
    """What to do where one has the tensors of each gate, the other those of all gates as one.

    Keras 1.x reads neither as the other: the layouts are those of ``consume_less``.
    """
    ours, theirs = ([_OF_GATE.search(name) for name in names] for names in (wanted, stored))
    recurrent = any(found and found[0].lstrip("_").startswith("U") for found in ours)
    if not recurrent or not all(ours) or not all(theirs):
        return None
    apart, stored_apart = ({bool(found and found[1]) for found in each} for each in (ours, theirs))
    if (apart, stored_apart) == ({True}, {False}):
        return _LAYOUT.format("all gates side by side", "gpu")
    if (apart, stored_apart) == ({False}, {True}):
        return _LAYOUT.format("each gate", "cpu")
    return None
