"""Models that fit only the other dim_ordering, and the one line that mends them.

A shape does not tell which of its axes is the channels. A native spec that says no ordering, and
does not fit in the documented one, is read in the other where it fits there (a warning, CS039).
Where an ordering was said, the hint of the error is the line that mends it. Where a model fits
both ways but an input looks like an image of the other, that is a warning too
(``doubtful_shapes.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.diagnostics.wording import shape_as_written
from speccompiler.loading.loaded_spec import LoadedSpec
from speccompiler.lowering.doubtful_shapes import speaks_for_the_other
from speccompiler.lowering.ordering_variants import (
    header_remedy,
    in_other_ordering,
    input_span,
    line_for,
    ordering_remedy,
    read_as,
    with_moved_input,
)

if TYPE_CHECKING:
    from speccompiler.diagnostics.remedies import Remedy


class Named(Protocol):
    """The part of a model that matters here: whether weights have confirmed its shapes."""

    @property
    def names_weights(self) -> bool:
        """Whether anything says where weights are."""


Made = TypeVar("Made", bound=Named)
Found = tuple[Diagnostic, ...]


def fitted(
    loaded: LoadedSpec, make: Callable[[LoadedSpec], tuple[Made | None, Found]]
) -> tuple[Made | None, Found]:
    """The model that ``make`` makes of a spec, in the ordering in which it fits.

    A native spec that says no ordering, and does not fit in the documented one, is read in the
    other where it fits there, or where the first layer that does not fit comes later.
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
            assert other.spec is not None, "a model that fits has a spec"
            remedy = ordering_remedy(other.spec)
            hint = _line_that_mends(other, loaded, found)
            return None, tuple(_mended(found, hint, remedy, loaded))
    moved = with_moved_input(loaded)
    if moved is not None and moved.spec is not None and make(moved)[0] is not None:
        (given,) = moved.spec.inputs
        place = "first" if read_as(moved.spec) == "th" else "last"
        fits = "the weights fit then" if _about_weights(loaded, found) else "everything fits then"
        hint = (
            f"channels come {place}, and {fits}: write input_shape: {shape_as_written(given.shape)}"
        )
        told = input_span(loaded) is not None
        remedy = header_remedy("input_shape", list(given.shape), told=True) if told else None
        return None, tuple(_mended(found, hint, remedy, loaded))
    return None, found


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
    now, before = read_as(other.spec), read_as(loaded.spec)
    what = "the weights do not fit" if _about_weights(loaded, found) else "it does not fit"
    finding = Diagnostic(
        "CS039",
        f"the spec says no dim_ordering, and is read in the ordering '{now}': in '{before}', "
        f"the documented default, {what}",
        Severity.WARNING,
        span=input_span(loaded),
        hint=line_for(other.spec),
        remedy=ordering_remedy(other.spec),
    )
    return loaded.locate(finding)


def _line_that_mends(other: LoadedSpec, loaded: LoadedSpec, found: Found) -> str:
    assert other.spec is not None, "a model that fits has a spec"
    line = line_for(other.spec)
    if _about_weights(loaded, found):
        return f"the weights are stored as dim_ordering '{read_as(other.spec)}' has them: {line}"
    return f"{line}: with it everything fits"


def _mended(
    found: Found, hint: str, remedy: Remedy | None, loaded: LoadedSpec
) -> Iterator[Diagnostic]:
    """The findings, the errors with the hint and the fix that mend them."""
    for finding in found:
        if finding.severity is Severity.ERROR:
            finding = loaded.locate(replace(finding, hint=hint, fix=None, remedy=remedy))
        yield finding
