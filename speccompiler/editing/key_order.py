"""The documented order of a spec's keys, and of a layer's arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from speccompiler.schemas.arguments import COMMON, own_arguments
from speccompiler.schemas.model import ModelHeader
from speccompiler.schemas.registry import LAYERS, own_type

MERGE_KEY = "<<"
_FIRST = (MERGE_KEY, "type", "name", "inputs", "layer")
_LATER = ("activation", "bias", "init")
_LATER_ENDINGS = ("_init", "_bias", "_regularizer", "_constraint")
"""What a layer computes beside its geometry, and how it was trained, in this order."""
_OF_INPUT = ("input_dim", "input_length", *(name for name in COMMON if name != "name"))
_LAST = ("weights",)
_AFTER_LAYERS = ("verify",)

Place = Callable[[str], int]


def spec_places() -> Place:
    """Where each key of the top stands: as documented, unknown ones before the layers."""
    first = ["convspec", "name", "model", "replace"]
    first += [name for name in ModelHeader.model_fields if name not in {*first, *_AFTER_LAYERS}]
    return _places(first, ["layers", *_AFTER_LAYERS])


@cache
def layer_places(layer_type: str | None) -> Place:
    """Where each argument of a layer stands: its name, its geometry, the rest, its weights."""
    name = own_type(layer_type) if layer_type is not None else ""
    own = own_arguments(LAYERS[name]) if name in LAYERS else ()
    fields = LAYERS[name].model_fields if own else {}
    later = sorted(filter(_is_later, own), key=_later)
    # What a layer needs is geometry: an Embedding's input_dim counts rows.
    of_input = [a for a in _OF_INPUT if a not in fields or not fields[a].is_required()]
    apart = {*_FIRST, *later, *of_input, *_LAST}
    geometry = [argument for argument in own if argument not in apart]
    return _places([*_FIRST, *geometry, *later, *of_input], _LAST)


def _is_later(argument: str) -> bool:
    return argument in _LATER or argument.endswith(_LATER_ENDINGS)


def _later(argument: str) -> int:
    if argument in _LATER:
        return _LATER.index(argument)
    ending = next(e for e in _LATER_ENDINGS if argument.endswith(e))
    return len(_LATER) + _LATER_ENDINGS.index(ending)


def _places(first: Sequence[str], last: Sequence[str]) -> Place:
    """Keys of neither list stand between the two, as they are written."""
    known = {key: number for number, key in enumerate(first)}
    known |= {key: len(first) + 1 + number for number, key in enumerate(last)}
    return lambda key: known.get(key, len(first))
