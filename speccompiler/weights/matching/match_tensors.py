"""Find a model's tensors in a file: by name, or by the order of the layers.

Keras's ``load_weights`` counts the layers that own weights, in order, and looks at no name
(1.2.2 engine/topology.py:2699-2810); its ``by_name`` looks at nothing else. Here names decide
where they fit, the order where they do not, and a file in which both fit and say different
things is not guessed at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from speccompiler.diagnostics.core import Diagnostic, Problem, Severity
from speccompiler.diagnostics.wording import first_few, quoted
from speccompiler.files.tensor_info import StoredLayer, TensorInfo
from speccompiler.weights.files.weight_file import WeightFile
from speccompiler.weights.matching.by_layer_order import (
    NAMES_SHOWN,
    layer_groups,
    match_by_layer_order,
    match_groups,
)
from speccompiler.weights.matching.by_name import match_by_name
from speccompiler.weights.matching.by_number import match_by_number
from speccompiler.weights.matching.by_shape import match_by_shape
from speccompiler.weights.matching.later_groups import groups_by_name
from speccompiler.weights.matching.later_keras import (
    OTHER_MODEL_HINT,
    RENAME_HINT,
    later_keras,
    names_of,
)
from speccompiler.weights.matching.notes import NAME_HINT, Matched, folder_notes
from speccompiler.weights.matching.wanted_tensors import (
    Matches,
    TensorName,
    WantedTensor,
    WantedTensors,
    joined_name,
)
from speccompiler.weights.sources import MatchName


def match_tensors(file: WeightFile, wanted: WantedTensors, by: MatchName | None = None) -> Matched:
    """A tensor of the file for each that is wanted, and notes on how they were found.

    ``by`` None lets names decide where they fit. Raises CS105, CS106, and CS109 where both ways
    fit and differ.
    """
    named = later_keras(file)
    writer = named or (None if _has_own_names(file, wanted) else wanted.writer)
    if writer is not None:
        wanted = replace(wanted, tensors={**wanted.tensors, **wanted.in_keras2})
    try:
        found, notes = _matched(file, wanted, by, writer)
    except Problem as problem:
        if file.format in {"npy", "npz", None}:
            for info in file.tensors.values():  # np.save(f, model.get_weights()) has objects
                file.check_dtype(info)
        if named is None or problem.code not in {"CS105", "CS106"}:
            raise
        if wanted.writer is not None:  # one Keras's names on both sides: the layers are others
            hint = OTHER_MODEL_HINT if problem.code == "CS105" else problem.hint
            raise Problem(problem.code, problem.message, hint) from None
        text = f"{problem.message}; {names_of(named)}"
        raise Problem(problem.code, text, RENAME_HINT) from None
    return found, (*folder_notes(file), *notes)


def _has_own_names(file: WeightFile, wanted: WantedTensors) -> bool:
    """Whether a file names every tensor as convspec does, which no Keras did.

    Such a file has convspec's layouts too, and its order may be that of the alphabet.
    """
    return all(joined_name(name) in file.tensors for name in wanted.tensors)


def _matched(
    file: WeightFile, wanted: WantedTensors, by: MatchName | None, writer: str | None
) -> Matched:
    if by == "topology":
        return _by_order_alone(file, wanted)
    if writer is not None and (later := _by_later_names(file, wanted, by)) is not None:
        return later, ()
    if by == "name" and file.layers is not None:
        return _by_name_alone(file, file.layers, wanted)
    try:
        named = match_by_name(
            wanted.tensors,
            file.tensors,
            unnamed=file.unnamed,
            given=wanted.given,
            wrapped=wanted.wrapped,
            what=file.what,
        )
    except Problem as problem:
        if wanted.given or by is not None or problem.code != "CS105":
            raise
        if file.layers is not None:
            return _by_order_instead(file, file.layers, wanted.tensors, problem, writer)
        if later_keras(file) is not None:  # the names are good ones, of another Keras
            raise
        return _by_numbers_instead(file, wanted.tensors, problem)
    if file.layers is not None and not wanted.given:
        _check_agreement(file.layers, wanted.tensors, file.tensors, named)
    return named, ()


def _by_later_names(
    file: WeightFile, wanted: WantedTensors, by: MatchName | None
) -> Matches | None:
    """By the names that Keras 2 and 3 give; None where they name other layers. CS105, CS106."""
    if wanted.given:
        return None
    layers = dict.fromkeys(layer for layer, _ in wanted.tensors)
    keys = [key for key in _listed(file) if not _is_count(file.tensors[key])]
    groups = groups_by_name(keys, layers, wanted.paths)
    if groups is None:
        return None
    found = match_groups(groups, wanted.tensors, file.tensors)
    if file.layers is not None and by is None:
        _check_agreement(file.layers, wanted.tensors, file.tensors, found)
    return found


def _is_count(tensor: TensorInfo) -> bool:
    """Whether it is how many samples a Normalization has seen, which no forward pass reads."""
    return tensor.shape == () and "int" in tensor.dtype


def _listed(file: WeightFile) -> Iterable[str]:
    """The file's tensors, in the order of Keras where it tells one."""
    if file.layers is None:
        return file.tensors
    listed = [key for layer in file.layers for _, key in layer.tensors]
    return dict.fromkeys([*listed, *file.tensors])


def _by_order_alone(file: WeightFile, wanted: WantedTensors) -> Matched:
    """As ``load_weights``: names are not looked at. CS105 where nothing tells an order."""
    if file.layers is not None and not wanted.given:
        return match_by_layer_order(file.layers, wanted.tensors, file.tensors), ()
    ordered = None if wanted.given else match_by_number(file, wanted.tensors)
    if ordered is None:
        why = (
            "some layers have weights of their own" if wanted.given else "the file lists no layers"
        )
        raise Problem(
            "CS105",
            f"weights cannot be matched by topology: {why}",
            "only HDF5 files that Keras wrote have an order; leave --weights-by out",
        )
    return ordered


def _by_name_alone(
    file: WeightFile, layers: Sequence[StoredLayer], wanted: WantedTensors
) -> Matched:
    """As ``load_weights(by_name=True)``: layers of the file that the model lacks are left."""
    known = {layer for layer, _ in (*wanted.tensors, *wanted.given)} | set(wanted.wrapped.values())
    groups = layer_groups(layers, {tensor for _, tensor in wanted.tensors})
    left = [group for group in groups if group.name not in known]
    passed = {key for group in left for _, key in group.tensors}
    kept = {key: info for key, info in file.tensors.items() if key not in passed}
    found = match_by_name(
        wanted.tensors, kept, given=wanted.given, wrapped=wanted.wrapped, what=file.what
    )
    if not left:
        return found, ()
    names = first_few([quoted(group.name) for group in left], NAMES_SHOWN)
    return found, (
        Diagnostic(
            "CS108", f"weights of layers that the model lacks were left: {names}", Severity.NOTE
        ),
    )


def _by_numbers_instead(
    file: WeightFile, wanted: Mapping[TensorName, WantedTensor], problem: Problem
) -> Matched:
    """By the numbers in the names, or by shapes; both reasons where neither fits."""
    try:
        ordered = match_by_number(file, wanted) or match_by_shape(file, wanted)
    except Problem as other:
        raise _neither(problem, other) from None
    if ordered is None:
        raise problem
    return ordered


def _by_order_instead(
    file: WeightFile,
    layers: Sequence[StoredLayer],
    wanted: Mapping[TensorName, WantedTensor],
    problem: Problem,
    writer: str | None,
) -> Matched:
    """By the order of the layers, because the names do not fit; both reasons where neither does."""
    try:
        found = match_by_layer_order(layers, wanted, file.tensors)
    except Problem as other:
        raise _neither(problem, other) from None
    pairs: dict[str, str] = {}
    for layer, tensor in wanted:
        pairs.setdefault(layer, found[layer, tensor].key)
    differing = [
        f"{quoted(layer)} from {quoted(key.rpartition('/')[0])}"
        for layer, key in pairs.items()
        if layer not in key.split("/")
    ]
    why = "the names in the file are others" if writer is None else names_of(writer)
    text = (
        f"{why}, so weights were matched by the order of the layers, as Keras does: "
        f"{first_few(differing, NAMES_SHOWN)}"
    )
    return found, (Diagnostic("CS108", text, Severity.NOTE, hint=NAME_HINT),)


def _neither(by_name: Problem, by_order: Problem) -> Problem:
    """Why neither the names nor the order fit."""
    text = f"{by_name.message}; nor does the order fit: {by_order.message}"
    return Problem(by_name.code, text, by_order.hint)


def _check_agreement(
    layers: Sequence[StoredLayer],
    wanted: Mapping[TensorName, WantedTensor],
    tensors: Mapping[str, TensorInfo],
    named: Matches,
) -> None:
    """CS109 where the order of the layers gives other tensors than their names."""
    try:
        ordered = match_by_layer_order(layers, wanted, tensors)
    except Problem:
        return
    for name, stored in named.items():
        if ordered[name].key != stored.key:
            raise Problem(
                "CS109",
                f"by name {joined_name(name)} is {quoted(stored.key)}, by the order of the "
                f"layers {quoted(ordered[name].key)}",
                "Keras's load_weights takes the order: say --weights-by topology or "
                "--weights-by name",
            )
