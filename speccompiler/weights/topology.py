"""Tensors by the order of the layers that own them, as Keras's ``load_weights`` takes them.

It counts the layers that own weights, in order, and looks at no name (1.2.2
engine/topology.py:2699-2810).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import first_few
from speccompiler.files.tensor_info import StoredLayer, TensorInfo, quoted
from speccompiler.weights.file_order import Block
from speccompiler.weights.weight_names import (
    StoredTensor,
    TensorName,
    WantedTensor,
    fit,
    ordering_hint,
    wrong_shape,
)

_SHOWN = 6
_VARIABLE = re.compile(r":[0-9]+$")


def blocks_of(layers: Sequence[StoredLayer], known: Collection[str]) -> list[Block]:
    """The layers that own weights. A nested model is one group, and is taken apart.

    Its tensors are those that it trains, then the others: ``bn_gamma`` and ``bn_running_mean``
    may stand far from each other, and their common beginning brings them together.
    """
    endings = sorted(known, key=len, reverse=True)
    found: list[Block] = []
    for layer in layers:
        parts: dict[str, list[tuple[str | None, str]]] = {}
        for name, key in layer.tensors:
            bare = _VARIABLE.sub("", name).rpartition("/")[2]
            ending = next((e for e in endings if bare.endswith(f"_{e}")), None)
            # Keras 2 puts the inner layer's name in front of its tensors'.
            inner = name.rpartition("/")[0] or layer.name
            owner = inner if ending is None else bare.removesuffix(f"_{ending}")
            parts.setdefault(owner, []).append((ending, key))
        found += [Block(name, tuple(tensors)) for name, tensors in parts.items()]
    return found


def by_topology(
    layers: Sequence[StoredLayer],
    wanted: Mapping[TensorName, WantedTensor],
    tensors: Mapping[str, TensorInfo],
) -> dict[TensorName, StoredTensor]:
    """The n-th layer with weights in the file is the n-th in the model; CS105, CS106."""
    blocks = _numbered_blocks(layers, _by_layer(wanted))
    if blocks is None:
        blocks = blocks_of(layers, {tensor for _, tensor in wanted})
    return by_blocks(blocks, wanted, tensors)


def _by_layer(wanted: Iterable[TensorName]) -> dict[str, list[str]]:
    own: dict[str, list[str]] = {}
    for layer, tensor in wanted:
        own.setdefault(layer, []).append(tensor)
    return own


def by_blocks(
    blocks: Sequence[Block],
    wanted: Mapping[TensorName, WantedTensor],
    tensors: Mapping[str, TensorInfo],
) -> dict[TensorName, StoredTensor]:
    """The n-th block is the n-th layer of the model that has weights; CS105, CS106."""
    own = _by_layer(wanted)
    if len(blocks) != len(own):
        raise Problem(
            "CS105",
            f"the file has {len(blocks)} layers with weights "
            f"({listed([quoted(b.name) for b in blocks])}), the model {len(own)} "
            f"({listed([quoted(name) for name in own])})",
            "check that the file belongs to this model",
        )
    found: dict[TensorName, StoredTensor] = {}
    wrong: list[str] = []
    pairs = []
    for block, (layer, names) in zip(blocks, own.items(), strict=True):
        for tensor, key in _paired(block, layer, names):
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


_NUMBERED = re.compile(r"param_[0-9]+")
_OLD_ORDER: Mapping[tuple[str, ...], tuple[int, ...]] = {
    ("W", "W_carry", "b", "b_carry"): (0, 2, 1, 3)
}
"""Of Highway, before 1.0: where the layer's n-th tensor stands among those of the file."""


def _numbered_blocks(
    layers: Sequence[StoredLayer], own: Mapping[str, Sequence[str]]
) -> list[Block] | None:
    """The tensors of a file of Keras 0.x one after another, shared out to the model's layers.

    Its containers, Merges and Graphs put all that their layers own into one group. None where
    the file has names, or another number of tensors.
    """
    flat = [(name, key) for layer in layers for name, key in layer.tensors]
    if len(flat) != sum(map(len, own.values())) or not all(_NUMBERED.fullmatch(n) for n, _ in flat):
        return None
    blocks, start = [], 0
    for layer, names in own.items():
        keys = [key for _, key in flat[start : start + len(names)]]
        order = _OLD_ORDER.get(tuple(names), range(len(keys)))
        blocks.append(Block(layer, tuple((None, keys[at]) for at in order)))
        start += len(names)
    return blocks


def _paired(block: Block, layer: str, names: list[str]) -> list[tuple[str, str]]:
    """Each tensor of a layer with its key: by its own name where the file has it."""
    if {name for name, _ in block.tensors} == set(names) and len(block.tensors) == len(names):
        return [(str(name), key) for name, key in block.tensors]
    if len(block.tensors) != len(names) or all(name is not None for name, _ in block.tensors):
        stored = ", ".join(quoted(key) for _, key in block.tensors)
        raise Problem(
            "CS105",
            f"layer {quoted(layer)} takes {', '.join(names)}; in its place the file has {stored}",
            "check that the file belongs to this model",
        )
    return list(zip(names, [key for _, key in block.tensors], strict=True))


def listed(texts: Sequence[str]) -> str:
    """The first of several texts, and how many more there are."""
    return first_few(texts, _SHOWN)
