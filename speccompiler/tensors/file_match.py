"""Which tensor of a file is which of a model: by name, or by the order of the layers.

Keras's ``load_weights`` counts the layers that own weights, in order, and looks at no name
(1.2.2 engine/topology.py:2699-2810); its ``by_name`` looks at nothing else. Here names decide
where they fit, the order where they do not, and a file in which both fit and say different
things is not guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from speccompiler.diagnostics import Diagnostic, Problem, Severity
from speccompiler.tensors.tensor_info import StoredLayer, TensorInfo, quoted
from speccompiler.tensors.weight_files import WeightFile
from speccompiler.tensors.weight_names import (
    StoredTensor,
    TensorName,
    WantedTensor,
    fit,
    match_weights,
    ordering_hint,
    wrong_shape,
)

Found = Mapping[TensorName, StoredTensor]
_SHOWN = 6
_VARIABLE = re.compile(r":[0-9]+$")


def match_file(
    file: WeightFile,
    wanted: Mapping[TensorName, WantedTensor],
    *,
    given: Collection[TensorName] = (),
    wrapped: Mapping[str, str] = MappingProxyType({}),
    by: Literal["name", "topology"] | None = None,
) -> tuple[Found, tuple[Diagnostic, ...]]:
    """A tensor of the file for each that is wanted, and notes on how they were found.

    ``wanted`` is in the order of the model's layers. ``wrapped`` are the names of layers that
    others wrap, by the wrapper's: Keras names tensors after those. ``by`` None lets names
    decide where they fit. Raises CS105, CS106, and CS109 where both ways fit and differ.
    """
    if by == "topology":
        if file.layers is None or given:
            why = "some layers have weights of their own" if given else "the file lists no layers"
            raise Problem(
                "CS105",
                f"weights cannot be matched by topology: {why}",
                "only HDF5 files that Keras wrote have an order; leave --weights-by out",
            )
        return by_topology(file.layers, wanted, file.tensors), ()
    if by == "name" and file.layers is not None:
        return _by_name_alone(file, wanted, given, wrapped)
    try:
        named = match_weights(
            wanted, file.tensors, unnamed=file.unnamed, given=given, wrapped=wrapped
        )
    except Problem as problem:
        if file.layers is None or given or problem.code != "CS105":
            raise
        return _by_order_instead(file, file.layers, wanted, problem)
    if file.layers is not None and not given:
        _check_agreement(file.layers, wanted, file.tensors, named)
    return named, ()


def _by_name_alone(
    file: WeightFile,
    wanted: Mapping[TensorName, WantedTensor],
    given: Collection[TensorName],
    wrapped: Mapping[str, str],
) -> tuple[Found, tuple[Diagnostic, ...]]:
    """As ``load_weights(by_name=True)``: layers of the file that the model lacks are left."""
    assert file.layers is not None, "the file lists its layers"
    known = {layer for layer, _ in (*wanted, *given)} | set(wrapped.values())
    blocks = blocks_of(file.layers, {tensor for _, tensor in wanted})
    left = [block for block in blocks if block.name not in known]
    passed = {key for block in left for _, key in block.tensors}
    kept = {key: info for key, info in file.tensors.items() if key not in passed}
    found = match_weights(wanted, kept, given=given, wrapped=wrapped)
    if not left:
        return found, ()
    names = _listed([quoted(block.name) for block in left])
    return found, (
        Diagnostic(
            "CS108", f"weights of layers that the model lacks were left: {names}", Severity.NOTE
        ),
    )


def _by_order_instead(
    file: WeightFile,
    layers: Sequence[StoredLayer],
    wanted: Mapping[TensorName, WantedTensor],
    problem: Problem,
) -> tuple[Found, tuple[Diagnostic, ...]]:
    """By topology, because the names do not fit; both reasons where that does not fit either."""
    try:
        found = by_topology(layers, wanted, file.tensors)
    except Problem as other:
        raise Problem(
            problem.code, f"{problem.message}; nor does the order fit: {other.message}", other.hint
        ) from None
    pairs: dict[str, str] = {}
    for layer, tensor in wanted:
        pairs.setdefault(layer, found[layer, tensor].key)
    differing = [
        f"{quoted(layer)} from {quoted(key.rpartition('/')[0])}"
        for layer, key in pairs.items()
        if layer not in key.split("/")
    ]
    return found, (
        Diagnostic(
            "CS108",
            "the names in the file are others, so weights were matched by the order of the "
            f"layers, as Keras does: {_listed(differing)}",
            Severity.NOTE,
            hint="--weights-by name refuses this",
        ),
    )


def _check_agreement(
    layers: Sequence[StoredLayer],
    wanted: Mapping[TensorName, WantedTensor],
    tensors: Mapping[str, TensorInfo],
    named: Found,
) -> None:
    """CS109 where the order of the layers gives other tensors than their names."""
    try:
        ordered = by_topology(layers, wanted, tensors)
    except Problem:
        return
    for name, stored in named.items():
        if ordered[name].key != stored.key:
            raise Problem(
                "CS109",
                f"by name {name[0]}/{name[1]} is {quoted(stored.key)}, by the order of the "
                f"layers {quoted(ordered[name].key)}",
                "Keras's load_weights takes the order: say --weights-by topology or "
                "--weights-by name",
            )


@dataclass(frozen=True, slots=True)
class Block:
    """The tensors of one layer in a file. Names are None where the file has only numbers."""

    name: str
    tensors: tuple[tuple[str | None, str], ...]


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
            owner = layer.name if ending is None else bare.removesuffix(f"_{ending}")
            parts.setdefault(owner, []).append((ending, key))
        found += [Block(name, tuple(tensors)) for name, tensors in parts.items()]
    return found


def by_topology(
    layers: Sequence[StoredLayer],
    wanted: Mapping[TensorName, WantedTensor],
    tensors: Mapping[str, TensorInfo],
) -> dict[TensorName, StoredTensor]:
    """The n-th layer with weights in the file is the n-th in the model; CS105, CS106."""
    own: dict[str, list[str]] = {}
    for layer, tensor in wanted:
        own.setdefault(layer, []).append(tensor)
    blocks = _numbered_blocks(layers, own) or blocks_of(layers, {tensor for _, tensor in wanted})
    if len(blocks) != len(own):
        raise Problem(
            "CS105",
            f"the file has {len(blocks)} layers with weights "
            f"({_listed([quoted(b.name) for b in blocks])}), the model {len(own)} "
            f"({_listed([quoted(name) for name in own])})",
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


def _listed(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more
