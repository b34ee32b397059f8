"""Models that fit only the other dim_ordering, and the one line that mends them.

A shape says nothing of which axis is the channels. A native spec that says no ordering, and does
not fit in the documented one, is read in the other where it fits there; where an ordering was
said, the error's hint is the line. Where a model fits both ways, and the shape of an input
speaks for the other, it is a warning. Both warnings are CS039.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Protocol, TypeVar

from speccompiler.diagnostics.core import Diagnostic, Severity, Span
from speccompiler.loading.inputs import format_shape
from speccompiler.loading.spec import LoadedSpec
from speccompiler.lowering.input_axes import AXES, AXES_TH, swapped
from speccompiler.lowering.lower import lower
from speccompiler.lowering.semantics import Semantics
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.model import Call, ModelSpec
from speccompiler.schemas.wrappers import TimeDistributed
from speccompiler.source.tree import Mapping, span_at

CHANNELS = (1, 3, 4)
"""How many channels pictures and clips have: grey, colour, and colour with an alpha."""

LARGEST_FEW = 4
"""An axis this short may be channels; a longer one is rather rows."""

_ALIKE = frozenset(
    {
        "InputLayer", "Activation", "BatchNormalization", "Dropout", "GaussianDropout",
        "GaussianNoise", "LeakyReLU", "ELU", "ThresholdedReLU", "SpatialDropout2D",
        "SpatialDropout3D", "ActivityRegularization",
    }
)  # fmt: skip
"""Layers that pass on an image of the shape that they get."""


class Named(Protocol):
    """The part of a model that matters here: whether weights had a say in it."""

    @property
    def names_weights(self) -> bool:
        """Whether anything says where weights are."""


Made = TypeVar("Made", bound=Named)
Found = tuple[Diagnostic, ...]


def fitted(
    loaded: LoadedSpec, make: Callable[[LoadedSpec], tuple[Made | None, Found]]
) -> tuple[Made | None, Found]:
    """The model that ``make`` makes of a spec, in the ordering in which it fits.

    A native spec that says no ordering, and does not fit in the one that is documented, is read
    in the other where it fits there, or its first misfit comes later; a warning says so. Who
    says an ordering gets the line that mends an error, as its hint.
    """
    model, found = make(loaded)
    spec = loaded.spec
    if spec is None:
        return model, found
    if model is not None:
        return model, found if model.names_weights else found + speaks_for_the_other(loaded)
    other = in_other_ordering(loaded)
    if other is not None:
        again, found_again = make(other)
        if spec.native and spec.ordering_told is None:
            if again is not None or _misfit(other, found_again) > _misfit(loaded, found):
                return again, (_read_otherwise(other, loaded, found), *found_again)
        elif again is not None:
            return None, _with_hint(found, _line_that_mends(other, loaded, found))
    moved = with_moved_input(loaded)
    if moved is not None and moved.spec is not None and make(moved)[0] is not None:
        (given,) = moved.spec.inputs
        place = "first" if _read_as(moved.spec) == "th" else "last"
        fits = "the weights fit then" if _about_weights(loaded, found) else "everything fits then"
        hint = f"channels come {place}, and {fits}: write input_shape: {format_shape(given.shape)}"
        return None, _with_hint(found, hint)
    return None, found


def in_other_ordering(loaded: LoadedSpec) -> LoadedSpec | None:
    """The spec with the other ordering in every layer that does not say its own.

    None where no layer leaves it open.
    """
    spec = loaded.spec
    if spec is None or not spec.unsaid:
        return None
    layers = tuple(
        layer.wrapping(layer.inner.model_copy(update={"dim_ordering": _other(layer)}))
        if layer.name in spec.unsaid
        else layer
        for layer in spec.layers
    )
    ordering = swapped(spec.dim_ordering or _read_as(spec))
    other = spec.model_copy(update={"layers": layers, "dim_ordering": ordering})
    return replace(loaded, spec=other)


def _misfit(loaded: LoadedSpec, found: Found) -> int:
    """The place of the first call that does not fit, among the calls in order."""
    assert loaded.spec is not None, "a spec that was made"
    layers = {d.layer for d in found if d.severity is Severity.ERROR}
    places = [n for n, call in enumerate(loaded.spec.calls) if call.name in layers]
    return min(places, default=-1)


def _about_weights(loaded: LoadedSpec, found: Found) -> bool:
    """Whether the shapes fit, and only the weights do not."""
    return _misfit(loaded, found) < 0


def _read_otherwise(other: LoadedSpec, loaded: LoadedSpec, found: Found) -> Diagnostic:
    """CS039 for a spec that is read in the ordering that it fits."""
    assert other.spec is not None, "a spec that is read"
    assert loaded.spec is not None, "a spec that is read"
    now, before = _read_as(other.spec), _read_as(loaded.spec)
    what = "the weights do not fit" if _about_weights(loaded, found) else "it does not fit"
    finding = Diagnostic(
        "CS039",
        f"the spec says no dim_ordering, and is read in the ordering '{now}': in '{before}', "
        f"the documented default, {what}",
        Severity.WARNING,
        span=_input_span(loaded),
        hint=_line(other.spec),
    )
    return loaded.locate(finding)


def _input_span(loaded: LoadedSpec) -> Span | None:
    root = loaded.document.root
    if isinstance(root, Mapping) and "input_shape" in root.entries:
        return span_at(root, ("input_shape",))
    return None


def with_moved_input(loaded: LoadedSpec) -> LoadedSpec | None:
    """The spec with the channels of its one input at the other end; None where it does not fit."""
    spec = loaded.spec
    if spec is None or not spec.native or len(spec.inputs) != 1:
        return None
    readers = list(_first_readers(spec))
    (given,) = spec.inputs
    if not readers or readers[0][0] != given.shape:
        return None
    first = _orderings(readers[0][1])[0] == "th"
    moved = (given.shape[-1], *given.shape[:-1]) if first else (*given.shape[1:], given.shape[0])
    other = spec.model_copy(update={"inputs": (given.model_copy(update={"shape": moved}),)})
    return replace(loaded, spec=other) if _fits(other) else None


def _fits(spec: ModelSpec) -> bool:
    return lower(spec, Semantics("correlate", "tensorflow")).graph is not None


def _line_that_mends(other: LoadedSpec, loaded: LoadedSpec, found: Found) -> str:
    assert other.spec is not None, "a model that fits has a spec"
    line = _line(other.spec)
    if _about_weights(loaded, found):
        return f"the weights are stored as dim_ordering '{_read_as(other.spec)}' has them: {line}"
    return f"{line}: with it everything fits"


def _with_hint(found: Found, hint: str) -> Found:
    return tuple(replace(d, hint=hint) if d.severity is Severity.ERROR else d for d in found)


def speaks_for_the_other(loaded: LoadedSpec) -> tuple[Diagnostic, ...]:
    """A warning CS039 where an input looks like a picture of the other ordering, which fits.

    A shape that is read as the spec or the caller says has to be square as well.
    """
    spec = loaded.spec
    assert spec is not None, "only a valid spec has shapes"
    told = spec.ordering_told
    for shape, layer in _first_readers(spec):
        read, rank = _orderings(layer)[0], len(shape) - 1
        channels, lengths = (shape[-1], shape[:-1]) if read == "th" else (shape[0], shape[1:])
        few = shape[0] if read == "th" else shape[-1]
        if channels not in CHANNELS or few is None or few <= LARGEST_FEW:
            continue
        if any(n is not None and n <= LARGEST_FEW for n in lengths):
            continue
        if told and (channels == 1 or any(a is None or a != b for a, b in pairwise(lengths[-2:]))):
            continue
        other = in_other_ordering(loaded)
        if other is None or other.spec is None or not _fits(other.spec):
            return ()
        names = (AXES_TH, AXES) if read == "th" else (AXES, AXES_TH)
        confirmed = f"; dim_ordering: {read} in the layer itself confirms what is read now"
        span = _input_span(loaded) if spec.native else None
        finding = Diagnostic(
            "CS039",
            f"{format_shape(shape)} is read as {names[0][rank]}, in the ordering '{read}', and "
            f"looks like {names[1][rank]}",
            Severity.WARNING,
            span=span,
            layer=layer.name,
            hint=f"{_line(other.spec)}{confirmed}",
        )
        return (loaded.locate(finding),)
    return ()


def _line(other: ModelSpec) -> str:
    ordering = _read_as(other)
    if other.native and other.ordering_told != "option":
        return f"write dim_ordering: {ordering} at the top of the spec"
    return f"pass --dim-ordering {ordering}"


def _read_as(spec: ModelSpec) -> str:
    """The ordering of the layers that do not say their own."""
    return next(_orderings(layer)[0] for layer in spec.layers if layer.name in spec.unsaid)


def _orderings(layer: Layer) -> tuple[str, str]:
    """What the layer has, and the other."""
    ordering = str(getattr(layer.inner, "dim_ordering", "tf"))
    return ordering, swapped(ordering)


def _other(layer: Layer) -> str:
    return _orderings(layer)[1]


def _first_readers(spec: ModelSpec) -> Iterator[tuple[tuple[int | None, ...], Layer]]:
    """The shapes of pictures that go in, and the first layers that read each."""
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
            shape = given.shape[1:] if isinstance(layer, TimeDistributed) else given.shape
            if layer.name in spec.unsaid and len(shape) in {3, 4}:
                yield shape, layer
            elif layer.class_name in _ALIKE:
                waiting += readers.get(call.name, [])
