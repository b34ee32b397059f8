"""Match what people saved by hand: arrays whose names are numbers, or fit by shape alone.

Numbers give an order, and the model's is that of ``get_weights()``: layer by layer, in each as
the layer lists them. ``model.weights`` of a functional model, which some people saved, has all
that is trained first. Shapes have to fit; without numbers they have to fit in one way only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from speccompiler.diagnostics.core import Diagnostic, Problem, Severity
from speccompiler.files.tensor_info import TensorInfo, quoted
from speccompiler.weights.file_order import Block, Blocks, Flat, order_of
from speccompiler.weights.topology import by_blocks, listed
from speccompiler.weights.weight_files import WeightFile
from speccompiler.weights.weight_names import (
    StoredTensor,
    TensorName,
    WantedTensor,
    fit,
    ordering_hint,
    wrong_shape,
)

Found = Mapping[TensorName, StoredTensor]
_UNTRAINED = {"running_mean", "running_std"}
_BELONGS = "check that the file belongs to this model"


def match_order(
    file: WeightFile, wanted: Mapping[TensorName, WantedTensor], *, shapes: bool = True
) -> tuple[Found, tuple[Diagnostic, ...]] | None:
    """A tensor for each that is wanted, with a note; None where the names have no order.

    ``wanted`` is in the order of ``get_weights()``; ``shapes`` may decide where no name does.
    CS105, CS106 where the order does not fit.
    """
    if file.unnamed:
        return None
    order = order_of(file.tensors, {tensor for _, tensor in wanted}, {layer for layer, _ in wanted})
    match order:
        case Flat(keys):
            return _flat(file, keys, wanted)
        case Blocks(blocks, named):
            how = "by the layers' names, in each by number" if named else "by the numbers in them"
            found = by_blocks(_as_listed(blocks, wanted) if named else blocks, wanted, file.tensors)
            return found, (_note(f"the names are others, so weights were matched {how}", found),)
        case None:
            return _by_shape(file, wanted) if shapes else None


def _as_listed(
    blocks: Sequence[Block], wanted: Mapping[TensorName, WantedTensor]
) -> Sequence[Block]:
    """Blocks with layers' names, in the order of the model's layers."""
    layers = dict.fromkeys(layer for layer, _ in wanted)
    place = {layer: number for number, layer in enumerate(layers)}
    return sorted(blocks, key=lambda block: place[block.name])


def _flat(
    file: WeightFile, keys: Sequence[str], wanted: Mapping[TensorName, WantedTensor]
) -> tuple[Found, tuple[Diagnostic, ...]]:
    if len(keys) != len(wanted):
        raise Problem(
            "CS105",
            f"it holds {len(keys)} numbered arrays, and the model takes {len(wanted)}",
            _BELONGS,
        )
    layers = list(wanted)
    trained = sorted(layers, key=lambda name: name[1] in _UNTRAINED)
    ways = [(layers, "the order of get_weights()")]
    if trained != layers:
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
        raise _wrong_order(layers, keys, wanted, file.tensors)
    found, how = fitting[0]
    text = f"the arrays are numbered, so weights were matched by {how}"
    if len(fitting) > 1:
        text += "; that of model.weights, which has all that is trained first, would fit as well"
    return found, (_note(text, found),)


def _wrong_order(
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
    return Problem("CS106", f"wrong shapes: {listed(wrong)}", ordering_hint(pairs))


def _by_shape(
    file: WeightFile, wanted: Mapping[TensorName, WantedTensor]
) -> tuple[Found, tuple[Diagnostic, ...]] | None:
    """Names that say nothing, where every array fits one tensor and every tensor one array."""
    if file.format == "safetensors" or file.layers is not None:  # not saved by hand
        return None
    if len(file.tensors) != len(wanted) or len(wanted) < 2:
        return None
    by_shape: dict[tuple[int, ...], list[str]] = {}
    for key, info in file.tensors.items():
        by_shape.setdefault(info.shape, []).append(key)
    shapes = {
        name: [s for s in (t.shape, *(s for s, _ in t.alternatives)) if s in by_shape]
        for name, t in wanted.items()
    }
    # Two of them are as good as all: they say that there are several.
    fits = {
        name: [key for shape in dict.fromkeys(mine) for key in by_shape[shape][:2]][:2]
        for name, mine in shapes.items()
    }
    if not all(fits.values()) or by_shape.keys() > {s for mine in shapes.values() for s in mine}:
        return None
    several = [name for name, keys in fits.items() if len(keys) > 1]
    if several:
        shown = [f"{layer}/{tensor} {wanted[layer, tensor].shape}" for layer, tensor in several]
        raise Problem(
            "CS105",
            f"by their shapes alone, several arrays fit {listed(shown)}",
            "name the arrays <layer>/W, <layer>/b, or save them in order: "
            'numpy.savez("weights.npz", *model.get_weights())',
        )
    stored = {name: fit(wanted[name], file.tensors[keys[0]]) for name, keys in fits.items()}
    found = {name: tensor for name, tensor in stored.items() if tensor is not None}
    if len({tensor.key for tensor in found.values()}) < len(wanted):
        return None
    text = "the names are others, so weights were matched by their shapes, each of which is one's"
    return found, (_note(text, found),)


def _note(text: str, found: Found) -> Diagnostic:
    pairs = [
        f"{layer}/{tensor} from {quoted(stored.key)}" for (layer, tensor), stored in found.items()
    ]
    return Diagnostic(
        "CS108",
        f"{text}: {listed(pairs)}",
        Severity.NOTE,
        hint="--weights-by name refuses this",
    )


def folder_notes(file: WeightFile) -> tuple[Diagnostic, ...]:
    """CS084 for a folder: what was read as one file, and what was left."""
    if not file.parts:
        return ()
    text = f"the folder's {len(file.parts)} array files were read as one weight file"
    if file.left:
        text += f"; left: {listed([quoted(name) for name in file.left])}"
    return (Diagnostic("CS084", text, Severity.NOTE),)
