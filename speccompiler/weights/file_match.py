"""Which tensor of a file is which of a model: by name, or by the order of the layers.

Keras's ``load_weights`` counts the layers that own weights, in order, and looks at no name
(1.2.2 engine/topology.py:2699-2810); its ``by_name`` looks at nothing else. Here names decide
where they fit, the order where they do not, and a file in which both fit and say different
things is not guessed at.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from speccompiler.diagnostics.core import Diagnostic, Problem, Severity
from speccompiler.files.tensor_info import StoredLayer, TensorInfo, quoted
from speccompiler.weights.keras2_names import HINT, later_keras, wrote
from speccompiler.weights.order_match import folder_notes, match_order
from speccompiler.weights.topology import blocks_of, by_topology, listed
from speccompiler.weights.weight_files import WeightFile
from speccompiler.weights.weight_names import StoredTensor, TensorName, WantedTensor, match_weights

Found = Mapping[TensorName, StoredTensor]


def match_file(
    file: WeightFile,
    wanted: Mapping[TensorName, WantedTensor],
    *,
    given: Collection[TensorName] = (),
    wrapped: Mapping[str, str] = MappingProxyType({}),
    by: Literal["name", "topology"] | None = None,
    later: Mapping[TensorName, WantedTensor] = MappingProxyType({}),
) -> tuple[Found, tuple[Diagnostic, ...]]:
    """A tensor of the file for each that is wanted, and notes on how they were found.

    ``wanted`` is in the order of the model's layers, and of Keras in each. ``wrapped`` are the
    names of layers that others wrap, by the wrapper's: Keras names tensors after those. ``by``
    None lets names decide where they fit. ``later`` are tensors that Keras 2 stores in another
    layout. Raises CS105, CS106, and CS109 where both ways fit and differ.
    """
    writer = later_keras(file)
    if writer is not None:
        wanted = {name: later.get(name, tensor) for name, tensor in wanted.items()}
    try:
        found, notes = _matched(file, wanted, given, wrapped, by, writer)
    except Problem as problem:
        if file.format in {"npy", "npz", None}:
            for info in file.tensors.values():  # np.save(f, model.get_weights()) has objects
                file.check_dtype(info)
        if writer is None or problem.code not in {"CS105", "CS106"}:
            raise
        text = f"{problem.message}; {wrote(writer)}"
        raise Problem(problem.code, text, HINT) from None
    return found, (*folder_notes(file), *notes)


def _matched(
    file: WeightFile,
    wanted: Mapping[TensorName, WantedTensor],
    given: Collection[TensorName],
    wrapped: Mapping[str, str],
    by: Literal["name", "topology"] | None,
    writer: str | None,
) -> tuple[Found, tuple[Diagnostic, ...]]:
    if by == "topology":
        why = "some layers have weights of their own" if given else "the file lists no layers"
        if file.layers is not None and not given:
            return by_topology(file.layers, wanted, file.tensors), ()
        ordered = None if given else match_order(file, wanted, shapes=False)
        if ordered is None:
            raise Problem(
                "CS105",
                f"weights cannot be matched by topology: {why}",
                "only HDF5 files that Keras wrote have an order; leave --weights-by out",
            )
        return ordered
    if by == "name" and file.layers is not None:
        return _by_name_alone(file, wanted, given, wrapped)
    try:
        named = match_weights(
            wanted,
            file.tensors,
            unnamed=file.unnamed,
            given=given,
            wrapped=wrapped,
            what=file.what,
        )
    except Problem as problem:
        if given or by is not None or problem.code != "CS105":
            raise
        if file.layers is not None:
            return _by_order_instead(file, file.layers, wanted, problem, writer)
        if writer is not None:  # the names are good ones, of another Keras
            raise
        return _by_numbers_instead(file, wanted, problem)
    if file.layers is not None and not given:
        _check_agreement(file.layers, wanted, file.tensors, named)
    return named, ()


def _by_numbers_instead(
    file: WeightFile, wanted: Mapping[TensorName, WantedTensor], problem: Problem
) -> tuple[Found, tuple[Diagnostic, ...]]:
    """By the numbers in the names, or by shapes; both reasons where neither fits."""
    try:
        ordered = match_order(file, wanted)
    except Problem as other:
        raise Problem(
            problem.code, f"{problem.message}; nor does the order fit: {other.message}", other.hint
        ) from None
    if ordered is None:
        raise problem
    return ordered


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
    found = match_weights(wanted, kept, given=given, wrapped=wrapped, what=file.what)
    if not left:
        return found, ()
    names = listed([quoted(block.name) for block in left])
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
    writer: str | None,
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
            f"{_others(writer)}, so weights were matched by the order of the "
            f"layers, as Keras does: {listed(differing)}",
            Severity.NOTE,
            hint="--weights-by name refuses this",
        ),
    )


def _others(writer: str | None) -> str:
    return "the names in the file are others" if writer is None else wrote(writer)


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
