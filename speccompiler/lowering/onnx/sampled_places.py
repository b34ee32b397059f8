"""Resize along one axis as a matrix: which places each place of the result is made of.

Rules: the operator's page at onnx.ai/onnx/operators, "Resize", and its reference
(onnx/reference/ops/op_resize.py). Places beyond the ends count as the values there.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from speccompiler.diagnostics.core import Problem
from speccompiler.frozen import dataclass

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How places are read."""

    mode: str
    coordinates: str
    rounding: str
    cubic: float = -0.75
    exclude_outside: bool = False
    antialias: bool = False


def place(
    how: Sampling, i: int, n: int, size: int, scale: float, roi: tuple[float, float]
) -> float:
    """Where, in an axis of length ``n``, the i-th of ``size`` places is read.

    ``size`` is ``scale * n``, rounded down; where the formulas have the new length they mean it
    before that.
    """
    match how.coordinates:
        case "half_pixel":
            return (i + 0.5) / scale - 0.5
        case "half_pixel_symmetric":
            offset = n / 2 * (1 - size / (scale * n))
            return offset + (i + 0.5) / scale - 0.5
        case "pytorch_half_pixel":
            return (i + 0.5) / scale - 0.5 if size > 1 else 0.0
        case "align_corners":
            return i * (n - 1) / (scale * n - 1) if size > 1 else 0.0
        case "asymmetric":
            return i / scale
        case "tf_half_pixel_for_nn":
            return (i + 0.5) / scale
        case "tf_crop_and_resize":
            start, end = roi
            if size == 1:
                return 0.5 * (start + end) * (n - 1)
            return start * (n - 1) + i * (end - start) * (n - 1) / (scale * n - 1)
    raise Problem("CS262", f"places are counted in another way: {how.coordinates[:40]!r}")


def matrix(
    how: Sampling, n: int, size: int, scale: float, roi: tuple[float, float] = (0.0, 1.0)
) -> Array:
    """``(n, size)``: column i holds the shares of the places that place i is made of."""
    found = np.zeros((n, size))
    for i in range(size):
        at = place(how, i, n, size, scale, roi)
        if how.coordinates == "tf_crop_and_resize" and not 0 <= at <= n - 1:
            continue
        for index, share in _shares(how, at, n, scale):
            found[index, i] += share
    return found


def _shares(how: Sampling, at: float, n: int, scale: float) -> list[tuple[int, float]]:
    if how.mode == "nearest":
        return [(min(max(nearest(how, at, scale), 0), n - 1), 1.0)]
    base = math.floor(at)
    ratio = at - base
    reach = 1 if how.mode == "linear" else 2
    narrow = min(scale, 1.0) if how.antialias else 1.0
    start = math.floor(-reach / narrow) + 1
    offsets = np.arange(start, 2 - start)
    distances = np.abs(offsets - ratio) * narrow
    shares = np.clip(1 - distances, 0, 1) if reach == 1 else _cubic(distances, how.cubic)
    places = base + offsets
    if how.exclude_outside:
        shares = np.where((places < 0) | (places >= n), 0.0, shares)
        total = shares.sum()
        shares = shares / total if total else shares
    elif how.antialias:
        shares = shares / shares.sum()
    held = np.clip(places, 0, n - 1)
    return [(int(p), float(s)) for p, s in zip(held, shares, strict=True) if s]


def _cubic(distance: Array, a: float) -> Array:
    near = ((a + 2) * distance - (a + 3)) * distance * distance + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))


def nearest(how: Sampling, at: float, scale: float) -> int:
    """The place that is read of two neighbours.

    "by_scale" is the rule of operator set 10: the one before, and the one behind where the axis
    shrinks (the case "resize_downsample_nearest" of ONNX 1.5; onnxruntime).
    """
    match how.rounding:
        case "round_prefer_floor":
            return math.ceil(at - 0.5)
        case "round_prefer_ceil":
            return math.floor(at + 0.5)
        case "floor":
            return math.floor(at)
        case "ceil":
            return math.ceil(at)
        case "by_scale":
            return math.ceil(at) if scale < 1 else math.floor(at)
    raise Problem("CS269", f"there is no nearest_mode {how.rounding[:40]!r}")
