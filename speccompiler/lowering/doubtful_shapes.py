"""Inputs whose shape looks like an image of the other dim_ordering: a warning CS039."""

from __future__ import annotations

from itertools import pairwise

from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.diagnostics.wording import shape_as_written
from speccompiler.loading.loaded_spec import LoadedSpec
from speccompiler.lowering.input_axes import AXES, AXES_TH, layout_of
from speccompiler.lowering.ordering_variants import (
    first_readers,
    fits,
    in_other_ordering,
    input_span,
    line_for,
    ordering_remedy,
)

CHANNELS = (1, 3, 4)
"""How many channels images and clips have: grey, colour, and colour with an alpha."""

LARGEST_FEW = 4
"""An axis this short may be channels; a longer one is rather rows."""


def speaks_for_the_other(loaded: LoadedSpec) -> tuple[Diagnostic, ...]:
    """CS039 where an input looks like an image of the other ordering, in which the model fits.

    Where the spec or the caller said an ordering, the image has to be square as well.
    """
    spec = loaded.spec
    assert spec is not None, "only a valid spec has shapes"
    told = spec.ordering_told
    for shape, layer in first_readers(spec):
        read, rank = layout_of(layer), len(shape) - 1
        channels, lengths = (shape[-1], shape[:-1]) if read == "th" else (shape[0], shape[1:])
        few = shape[0] if read == "th" else shape[-1]
        if channels not in CHANNELS or few is None or few <= LARGEST_FEW:
            continue
        if any(n is not None and n <= LARGEST_FEW for n in lengths):
            continue
        if told and (channels == 1 or any(a is None or a != b for a, b in pairwise(lengths[-2:]))):
            continue
        other = in_other_ordering(loaded)
        if other is None or other.spec is None or not fits(other.spec):
            return ()
        names = (AXES_TH, AXES) if read == "th" else (AXES, AXES_TH)
        confirmed = f"; dim_ordering: {read} in the layer itself confirms what is read now"
        span = input_span(loaded) if spec.native else None
        finding = Diagnostic(
            "CS039",
            f"{shape_as_written(shape)} is read as {names[0][rank]}, in the ordering '{read}', and "
            f"looks like {names[1][rank]}",
            Severity.WARNING,
            span=span,
            layer=layer.name,
            hint=f"{line_for(other.spec)}{confirmed}",
            remedy=ordering_remedy(other.spec),
        )
        return (loaded.locate(finding),)
    return ()
