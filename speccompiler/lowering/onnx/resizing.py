"""Resize and Upsample: repeats, the operation for images, or a matrix for each axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.dims import Dim, is_known
from speccompiler.graph.ir import Conv, Node, Resize, Upsample
from speccompiler.graph.shapes import element_count
from speccompiler.lowering.onnx.sampled_places import Sampling, matrix
from speccompiler.lowering.onnx.scope import OPEN, Scope
from speccompiler.lowering.onnx.values import BATCH, Value
from speccompiler.lowering.onnx.windows import channels_first, channels_last

MOST_LENGTH = 1 << 16
MOST_OPEN = 16
"""How often an open length may be repeated, where its new length is given."""


def lower_upsample(scope: Scope) -> Value:
    """Also Resize of operator set 10: places are counted from the corner.

    The nearest is the one before, and for Resize the one behind along an axis that shrinks.
    """
    x = scope.floats()
    known = scope.known(1, "the scales")
    if known is not None:
        scales = [float(n) for n in known.array().ravel().tolist()]
    elif "scales" in scope.node.attributes:
        scales = [float(n) for n in scope.said("scales", tuple, ())]
    else:
        tall, wide = scope.number("height_scale", 1.0), scope.number("width_scale", 1.0)
        scales = [1.0, 1.0, tall, wide]
    mode = scope.word("mode", "nearest")
    mode = {"bilinear": "linear"}.get(mode, mode)
    shrinks = scope.node.op_type == "Resize" and any(s < 1 for s in scales)
    rounding = "by_scale" if shrinks else "floor"
    return _resized(scope, x, scales, None, Sampling(mode, "asymmetric", rounding))


def lower_resize(scope: Scope) -> Value:
    """By scales or sizes, of all axes or of ``axes``."""
    x = scope.floats()
    mode = scope.word("mode", "nearest")
    if scope.model.opset < 11:
        return lower_upsample(scope)
    how = Sampling(
        mode,
        scope.word("coordinate_transformation_mode", "half_pixel"),
        scope.word("nearest_mode", "round_prefer_floor"),
        scope.number("cubic_coeff_a", -0.75),
        bool(scope.integer("exclude_outside")),
        bool(scope.integer("antialias")),
    )
    axes = scope.integers("axes", None)
    places = tuple(range(x.rank)) if axes is None else tuple(scope.axis(a, x.rank) for a in axes)
    scales, sizes = scope.known(2, "the scales"), scope.dims(3, "the sizes")
    roi = scope.known(1, "the region")
    regions: dict[int, tuple[float, float]] = {}
    if how.coordinates == "tf_crop_and_resize":
        if roi is None or roi.size != 2 * len(places) or scope.number("extrapolation_value", 0.0):
            raise scope.refuse("its region is not given, or what lies outside is not 0")
        ends = np.asarray(roi.array(), np.float64).ravel()
        regions = {p: (ends[i], ends[len(places) + i]) for i, p in enumerate(places)}
    if scales is not None and scales.size:
        if scales.size != len(places):
            raise Problem("CS269", f"{scales.size} scales are given for {len(places)} axes")
        given = dict(zip(places, scales.array().ravel().tolist(), strict=True))
        found = [float(given.get(axis, 1.0)) for axis in range(x.rank)]
        return _resized(scope, x, found, None, how, regions)
    if not sizes or len(sizes) != len(places):
        raise Problem("CS269", "neither scales nor sizes are given for all axes")
    wanted = dict(zip(places, sizes, strict=True))
    policy = scope.word("keep_aspect_ratio_policy", "stretch")
    lengths = [wanted.get(axis, n) for axis, n in enumerate(x.shape)]
    if policy != "stretch":
        return _in_proportion(scope, x, places, lengths, policy, how)
    return _resized(scope, x, None, lengths, how, regions)


def _in_proportion(
    scope: Scope, x: Value, places: Sequence[int], lengths: list[Dim], policy: str, how: Sampling
) -> Value:
    pairs = [(lengths[p], x.shape[p]) for p in places]
    if not all(is_known(m) and is_known(n) for m, n in pairs):
        raise scope.refuse("a proportion of open lengths is kept", OPEN)
    ratios = [m / n for m, n in pairs if is_known(m) and is_known(n)]
    scale = min(ratios) if policy == "not_larger" else max(ratios)
    scales = [1.0] * x.rank
    for p in places:
        scales[p] = scale
        n = x.shape[p]
        lengths[p] = math.floor(scale * n + 0.5) if is_known(n) else n
    return _resized(scope, x, scales, lengths, how)


def _resized(
    scope: Scope,
    x: Value,
    scales: list[float] | None,
    sizes: Sequence[Dim] | None,
    how: Sampling,
    regions: dict[int, tuple[float, float]] | None = None,
) -> Value:
    if how.mode not in {"nearest", "linear", "cubic"}:
        raise Problem("CS269", f"there is no mode {how.mode[:40]!r}")
    if scales is not None and (len(scales) != x.rank or not all(0 < s < 1e9 for s in scales)):
        raise Problem("CS269", "a positive scale is needed for each axis")
    shape = x.shape
    batch_size = BATCH if sizes is None else sizes[x.batch]
    batch_scale = 1.0 if scales is None else scales[x.batch]
    if batch_scale != 1 or (sizes is not None and batch_size not in (BATCH, 1, scope.exported)):
        raise scope.mixes(f"values come in along axis {x.batch}")
    factors = _factors(x, scales, sizes, how)
    if factors is not None:
        node = scope.add(Upsample(factors), channels_last(scope, x.node))
        return scope.like(x, channels_first(scope, node))
    node = x.node
    of_image = _open_sizes(x, scales, sizes, how)
    if of_image is not None:
        return _as_image(scope, x, of_image, how)
    axes = [axis for axis in range(x.rank) if axis != x.batch]
    plans = []
    for axis in axes:
        n = shape[axis]
        if not is_known(n):
            if (scales is None or scales[axis] == 1) and (sizes is None or sizes[axis] == n):
                continue
            raise scope.refuse("an axis of open length is resized", OPEN)
        size = math.floor(n * scales[axis]) if sizes is None and scales is not None else None
        if size is None:
            assert sizes is not None, "scales or sizes are given"
            found = sizes[axis]
            if not is_known(found):
                raise scope.refuse("an axis is resized to an open length", OPEN)
            size = found
        scale = size / n if scales is None else scales[axis]
        region = (regions or {}).get(axis, (0.0, 1.0))
        if not 0 < size <= MOST_LENGTH or n > MOST_LENGTH:
            raise Problem("CS266", f"an axis of length {n} is resized to {size}")
        if size != n or scale != 1 or region != (0.0, 1.0):
            plans.append((x.place(axis), n, size, scale, region))
    if not plans:
        return x
    if _is_image(x, plans, how):
        by_axis = {p: size for p, _, size, _, _ in plans}
        rows, columns = (by_axis.get(p, node.shape[p]) for p in (1, 2))
        return _as_image(scope, x, (rows, columns), how)
    for p, n, size, scale, region in plans:
        scope.check_count(n * size)
        node = _along(scope, node, p, matrix(how, n, size, scale, region))
    return scope.like(x, node)


def _factors(
    x: Value, scales: list[float] | None, sizes: Sequence[Dim] | None, how: Sampling
) -> tuple[int, ...] | None:
    """How often each value of an image is repeated, where that is all; None otherwise."""
    by_corner = how.coordinates == "asymmetric" and how.rounding == "floor"
    rounds = how.rounding.startswith("round_prefer")
    centred = {"half_pixel", "pytorch_half_pixel", "half_pixel_symmetric"}
    by_centre = how.coordinates in centred and rounds
    by_centre |= how.coordinates == "tf_half_pixel_for_nn" and how.rounding == "floor"
    if (
        how.mode != "nearest"
        or not (by_corner or by_centre)
        or x.batch != 0
        or not 3 <= x.rank <= 5
    ):
        return None
    found = []
    for axis in range(1, x.rank):
        n = x.shape[axis]
        if scales is not None:
            factor = scales[axis]
        else:
            assert sizes is not None, "scales or sizes are given"
            factor = _times(n, sizes[axis])
        if factor < 1 or factor != int(factor) or factor > MOST_LENGTH:
            return None
        found.append(int(factor))
    return tuple(found[1:]) if found[0] == 1 else None


def _times(n: Dim, size: Dim) -> float:
    """How often a length is in another one, which may be open; 0 where that is no whole number."""
    if is_known(n) and is_known(size):
        return size / n if n and size % n == 0 else 0.0
    return float(next((k for k in range(1, MOST_OPEN + 1) if size == k * n), 0))


def _open_sizes(
    x: Value, scales: list[float] | None, sizes: Sequence[Dim] | None, how: Sampling
) -> tuple[Dim, Dim] | None:
    """Rows and columns of an image that the operation for images resizes, where some are open.

    A run has numbers for them, and is lowered again with these: here the shape counts.
    """
    if x.batch != 0 or x.rank != 4 or how.antialias or how.exclude_outside or not _by_image(how):
        return None
    if scales is not None:
        if not all(float(s).is_integer() for s in scales):
            return None
        sizes = [n * int(s) for n, s in zip(x.shape, scales, strict=True)]
    assert sizes is not None, "scales or sizes are given"
    rows, columns = sizes[2:]
    known = all(map(is_known, (*x.shape[2:], rows, columns)))
    return None if known or sizes[1] != x.shape[1] else (rows, columns)


def _by_image(how: Sampling) -> bool:
    if how.mode == "linear":
        known = {"half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"}
        return how.coordinates in known
    return how.mode == "nearest" and how.coordinates == "asymmetric" and how.rounding == "floor"


def _as_image(scope: Scope, x: Value, size: tuple[Dim, Dim], how: Sampling) -> Value:
    bilinear, corners = how.mode == "linear", how.coordinates == "align_corners"
    half = how.coordinates in {"half_pixel", "pytorch_half_pixel"}
    op = Resize(size, bilinear, corners, half)
    node = scope.add(op, channels_last(scope, x.node))
    return scope.like(x, channels_first(scope, node))


def _is_image(
    x: Value, plans: list[tuple[int, int, int, float, tuple[float, float]]], how: Sampling
) -> bool:
    """Whether the operation for images does it: 2-D, channels first, scales as sizes say."""
    if x.batch != 0 or x.rank != 4 or how.antialias or how.exclude_outside:
        return False
    exact = all(p > 0 and abs(size - n * scale) < 1e-6 for p, n, size, scale, _ in plans)
    alone = how.coordinates == "pytorch_half_pixel" and any(s == 1 for _, _, s, _, _ in plans)
    return exact and _by_image(how) and not alone


def _along(scope: Scope, x: Node, axis: int, shares: npt.NDArray[np.float64]) -> Node:
    """One axis as a matrix product; it goes last for it, and back."""
    rank = len(x.shape)
    order = (*(i for i in range(rank) if i != axis), axis)
    y = scope.transposed(x, order)
    rest = y.shape[:-1]
    n, size = shares.shape
    y = scope.reshaped(y, (element_count(rest), n))
    weight = scope.numbers(shares, (1, n, size))
    y = scope.add(Conv((1,), (1,), ((0, 0),), weight, None), y)
    y = scope.reshaped(y, (*rest, size))
    return scope.transposed(y, tuple(map(order.index, range(rank))))
