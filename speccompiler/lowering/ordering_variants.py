"""A spec in the other dim_ordering, or with moved channels, and the line that says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Span
from speccompiler.loading.loaded_spec import LoadedSpec
from speccompiler.lowering.input_axes import layout_of, swapped
from speccompiler.lowering.lower import lower
from speccompiler.lowering.semantics import Semantics
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.model import Call, ModelSpec
from speccompiler.source.tree import Mapping, span_at

if TYPE_CHECKING:
    from speccompiler.diagnostics.remedies import Remedy

_PARAMETRIC = {"PReLU", "ParametricSoftplus", "SReLU"}
"""Layers with a parameter for each value: what they store depends on the layout of an image."""


def in_other_ordering(loaded: LoadedSpec) -> LoadedSpec | None:
    """The spec with the other ordering in every layer that does not say its own.

    None where no layer leaves it open.
    """
    spec = loaded.spec
    if spec is None or not spec.unsaid:
        return None
    layers = tuple(
        layer.wrapping(layer.inner.model_copy(update={"dim_ordering": swapped(layout_of(layer))}))
        if layer.name in spec.unsaid
        else layer
        for layer in spec.layers
    )
    ordering = swapped(spec.dim_ordering or read_as(spec))
    other = spec.model_copy(update={"layers": layers, "dim_ordering": ordering})
    return replace(loaded, spec=other)


def with_moved_input(loaded: LoadedSpec) -> LoadedSpec | None:
    """The spec with the channels of its only input at the other end; None where it does not fit."""
    spec = loaded.spec
    if spec is None or not spec.native or len(spec.inputs) != 1:
        return None
    readers = list(first_readers(spec))
    (given,) = spec.inputs
    if not readers or readers[0][0] != given.shape:
        return None
    first = layout_of(readers[0][1]) == "th"
    moved = (given.shape[-1], *given.shape[:-1]) if first else (*given.shape[1:], given.shape[0])
    other = spec.model_copy(update={"inputs": (given.model_copy(update={"shape": moved}),)})
    return replace(loaded, spec=other) if fits(other) else None


def fits(spec: ModelSpec) -> bool:
    """Whether all layers fit their inputs; that does not depend on the semantics."""
    return lower(spec, Semantics("correlate", "tensorflow")).graph is not None


def line_for(other: ModelSpec) -> str:
    """What to write or to pass, so that a spec is read in the ordering of this one."""
    ordering = read_as(other)
    if other.native and other.ordering_told != "option":
        return f"write dim_ordering: {ordering} at the top of the spec"
    return f"pass --dim-ordering {ordering}"


def ordering_remedy(other: ModelSpec) -> Remedy | None:
    """The line of ``line_for`` as a change of the spec; None where an option decides."""
    if not other.native or other.ordering_told == "option":
        return None
    return header_remedy("dim_ordering", read_as(other), told=other.ordering_told == "spec")


def header_remedy(key: str, value: object, *, told: bool) -> Remedy:
    """Say something at the top of the spec, where it is said already or before the input."""
    from speccompiler.diagnostics.remedies import Add, Remedy, Write

    before = ("input_shape", "inputs", "layers")
    change = Write(value) if told else Add(key, value, before)
    return Remedy(change, safe=False, path=(key,), of_spec=True)


def read_as(spec: ModelSpec) -> str:
    """The ordering of the layers that do not say their own."""
    return next(layout_of(layer) for layer in spec.layers if layer.name in spec.unsaid)


def first_readers(spec: ModelSpec) -> Iterator[tuple[tuple[int | None, ...], Layer]]:
    """Each image that goes in, by its shape, with the first layers that leave its ordering open."""
    layers = {str(layer.name): layer for layer in spec.layers}
    readers: dict[str, list[Call]] = {}
    for call in spec.calls:
        for name in call.inputs:
            readers.setdefault(name, []).append(call)
    calls = {call.name: call for call in spec.calls}
    for given in spec.inputs:
        waiting, seen = [calls[given.name]], set[str]()
        while waiting:
            call = waiting.pop(0)
            if call.name in seen:
                continue
            seen.add(call.name)
            layer = layers[call.layer]
            stepwise = layer.class_name == "TimeDistributed"
            shape = given.shape[1:] if stepwise else given.shape
            if layer.name in spec.unsaid and len(shape) in {3, 4}:
                yield shape, layer
            elif layer.keeps_places and layer.class_name not in _PARAMETRIC:
                waiting += readers.get(call.name, [])


def input_span(loaded: LoadedSpec) -> Span | None:
    """Where the spec says its input_shape."""
    root = loaded.document.root
    if isinstance(root, Mapping) and "input_shape" in root.entries:
        return span_at(root, ("input_shape",))
    return None
