"""Which places of an axis ``Slice`` and ``Resize`` read."""

from __future__ import annotations

from speccompiler.graph.dims import Dim
from speccompiler.graph.rounding import ceil_div


def slice_bounds(n: Dim, start: int | None, stop: int | None, step: int) -> tuple[Dim, Dim]:
    """First place and number of values of Python's ``start:stop:step`` along ``n``.

    Where the length is known, bounds beyond it are cut off, as Python does. One that is open is
    taken to be long enough.
    """
    if isinstance(n, int):
        first, end, _ = slice(start, stop, step).indices(n)
        return first, max(0, -((first - end) // step))
    first_open = _place(n, start, 0 if step > 0 else n - 1)
    end_open = _place(n, stop, n if step > 0 else -1)
    span = end_open - first_open if step > 0 else first_open - end_open
    return first_open, ceil_div(span, abs(step))


def _place(n: Dim, given: int | None, default: Dim) -> Dim:
    """A bound as a place from the front: a negative one counts from the end."""
    if given is None:
        return default
    return given if given >= 0 else n + given


def resize_scale(n: int, size: int, align_corners: bool) -> float:
    """The number by which a place of a resized axis is multiplied to find the place it reads.

    TensorFlow 1.x (core/kernels/image_resizer_state.h, CalculateResizeScale), in float32: place
    ``i`` reads at ``i * n / size``, with no half pixel added; with corners aligned the last place
    reads the last value. The nearest neighbour is at ``floor`` of that (with corners aligned at
    the nearer one: resize_nearest_neighbor_op.cc), and so is the first of the two values that
    bilinear interpolation weighs.
    """
    return (n - 1) / (size - 1) if align_corners and size > 1 else n / size
