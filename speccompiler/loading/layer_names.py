"""What layers are called: the names they say, and Keras's automatic ones for the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Diagnostic, Problem
from speccompiler.diagnostics.wording import shown
from speccompiler.loading.layer_validation import layer_span
from speccompiler.loading.written_spec import WrittenLayer, own_name
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.registry import own_type

if TYPE_CHECKING:
    from speccompiler.schemas.shared import Shared

    Item = Layer | Shared


def layer_names(written: Sequence[WrittenLayer], items: Sequence[Item | None]) -> list[str]:
    """A name for each layer: its own, or ``convolution2d_1`` as Keras numbers them.

    ``items`` are the layers as their schemas took them, with None for those that are wrong.
    """
    given: list[str | None] = []
    for layer, item in zip(written, items, strict=True):
        given.append(own_name(layer) if item is None else item.name)
    given = _with_calls_named(items, given)
    taken = {name for name in given if name is not None}
    counts: Counter[str] = Counter()
    names = []
    for layer, name in zip(written, given, strict=True):
        base = own_type(layer.type).lower()
        while name is None:
            counts[base] += 1
            candidate = f"{base}_{counts[base]}"
            name = None if candidate in taken else candidate
        names.append(name)
    return names


def _with_calls_named(
    items: Sequence[Item | None], names: Sequence[str | None]
) -> list[str | None]:
    """The names, with those of ``Shared`` calls that say none."""
    taken = {name for name in names if name is not None}
    seen: Counter[str] = Counter()
    found = list(names)
    for index, item in enumerate(items):
        if item is not None and not isinstance(item, Layer):
            seen.setdefault(item.layer, 1)
            if found[index] is None:
                found[index] = next_call_name(item.layer, seen, taken)
            else:
                seen[item.layer] += 1
    return found


def next_call_name(layer: str, seen: Counter[str], taken: set[str]) -> str:
    """``layer@2`` for its second call and so on, past names that layers have; counts the call."""
    seen[layer] += 1
    while f"{layer}@{seen[layer]}" in taken:
        seen[layer] += 1
    return f"{layer}@{seen[layer]}"


def duplicate_names(
    names: Sequence[str], written: Sequence[WrittenLayer], file: str
) -> list[Diagnostic]:
    """CS029 for each layer that has the name of one before it."""
    first: dict[str, WrittenLayer] = {}
    found = []
    for name, layer in zip(names, written, strict=True):
        if name in first:
            line = layer_span(first[name], "name").line
            problem = Problem(
                "CS029",
                f"two layers are named '{shown(name)}'; the first is on line {line}",
                "weights and reports find a layer by its name: give each its own",
            )
            found.append(problem.at(file=file, span=layer_span(layer, "name")))
        first.setdefault(name, layer)
    return found
