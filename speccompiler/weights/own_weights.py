"""The tensors that layers give themselves, in ``weights``: references into files, or lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Diagnostic, Problem
from speccompiler.graph.ir import Weight
from speccompiler.loading.loaded_spec import LoadedSpec
from speccompiler.schemas.weights import inline_shape
from speccompiler.weights.sources import FileTensor, InlineTensor, TensorSource, WeightSources

if TYPE_CHECKING:
    from speccompiler.weights.files.weight_file import WeightFile


def own_weights(loaded: LoadedSpec, wanted: Mapping[tuple[str, str], Weight]) -> WeightSources:
    """A source for each of these tensors, all of layers that have ``weights``.

    Findings, at the places in the spec: CS090 for a wrong number of arrays, CS106 for a wrong
    shape, CS100 to CS104 for files.
    """
    assert loaded.spec is not None, "weights are looked for in a valid spec"
    open_once = _opener()
    base = Path(loaded.document.file).parent
    found: dict[Weight, TensorSource] = {}
    diagnostics: list[Diagnostic] = []
    for layer in loaded.spec.layers:
        name, given = str(layer.name), layer.own_weights
        mine = [wanted[name, tensor] for tensor in layer.stored if (name, tensor) in wanted]
        if given is None:
            continue
        if len(given) != len(mine):
            problem = _wrong_number(len(given), mine)
            diagnostics.append(loaded.locate(problem.at(layer=name), "weights"))
            continue
        for index, (weight, entry) in enumerate(zip(mine, given, strict=True)):
            try:
                if isinstance(entry, str):
                    found[weight] = _referenced(entry, weight, base, open_once)
                else:
                    _check_shape(inline_shape(entry), weight)
                    found[weight] = InlineTensor(entry, weight.stored_shape)
            except Problem as problem:
                diagnostics.append(loaded.locate(problem.at(layer=name), "weights", index))
    return WeightSources(found, tuple(diagnostics))


def _wrong_number(given: int, mine: Sequence[Weight]) -> Problem:
    expected = " and ".join(f"{w.tensor} {w.stored_shape}" for w in mine)
    hint = None
    if given == 1 and len(mine) == 2:
        hint = "with bias: false the layer takes W alone"
    elif given == 2 and len(mine) == 1:
        hint = "with bias: false there is no b"
    return Problem(
        "CS090",
        f"'weights' has {given} {'array' if given == 1 else 'arrays'}; the layer takes "
        f"{len(mine)}: {expected}",
        hint,
    )


def _opener() -> Callable[[Path], WeightFile]:
    """Opens each file once, however many tensors of it are referred to."""

    @cache
    def opened(path: Path) -> WeightFile:
        from speccompiler.weights.files.weight_file import open_weights

        return open_weights(path)

    return opened


def _referenced(
    text: str, weight: Weight, base: Path, open_once: Callable[[Path], WeightFile]
) -> FileTensor:
    """The source for a reference such as ``model.npz#conv1/W``; CS100 to CS104, CS106."""
    from speccompiler.weights.files.references import resolve_reference
    from speccompiler.weights.matching.wanted_tensors import ordering_hint, wanted_tensor

    reference = resolve_reference(text, base)
    file = open_once(reference.path)
    info = file.find(reference.key)
    file.check_dtype(info)
    for shape, transpose in wanted_tensor(weight).alternatives:
        if info.shape == shape != weight.stored_shape:
            return FileTensor(file, info.name, transpose, weight.stored_shape)
    if info.shape != weight.stored_shape:
        raise _wrong_shape(info.shape, weight, ordering_hint([(weight.stored_shape, info.shape)]))
    return FileTensor(file, info.name, None, weight.stored_shape)


def _check_shape(shape: tuple[int, ...], weight: Weight) -> None:
    """CS106 unless lists have a weight's shape, or its other one of the same numbers."""
    if shape != weight.stored_shape and (weight.variants != "split" or shape != weight.split):
        raise _wrong_shape(shape, weight)


def _wrong_shape(shape: tuple[int, ...], weight: Weight, hint: str | None = None) -> Problem:
    text = f"{weight.tensor} has shape {shape}; the layer takes {weight.stored_shape}"
    return Problem("CS106", text, hint)
