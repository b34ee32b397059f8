"""Layers that Keras does not have, run on a target."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.cases import build

TARGETS = ("reference", "cpu")


def run(layers: list[dict[str, Any]], x: np.ndarray, target: str = "reference") -> np.ndarray:
    return build(layers, x.shape[1:]).compile(target, threads=2).run(x)


def parts(index: Any) -> dict[str, Any]:
    """The arguments of a Slice for ``x[index]`` of one axis."""
    return {"start": index.start, "stop": index.stop, "step": index.step or 1}


def resized(x: np.ndarray, rows: int, columns: int, bilinear: bool, aligned: bool) -> np.ndarray:
    """``tf.image.resize_images`` of TensorFlow 1.x, in Python's and NumPy's scalars."""

    def scale(n: int, size: int) -> np.float32:
        if aligned and size > 1:
            return np.float32(n - 1) / np.float32(size - 1)
        return np.float32(n) / np.float32(size)

    height, width = x.shape[1:3]
    down, across = scale(height, rows), scale(width, columns)
    y = np.zeros((len(x), rows, columns, x.shape[-1]))
    for i in range(rows):
        for j in range(columns):
            v, u = np.float32(i) * down, np.float32(j) * across
            if not bilinear:
                # roundf goes away from 0.
                r, c = ((math.floor(float(p) + 0.5) if aligned else math.floor(p)) for p in (v, u))
                y[:, i, j] = x[:, min(r, height - 1), min(c, width - 1)]
                continue
            top, left = math.floor(v), math.floor(u)
            below, right = min(top + 1, height - 1), min(left + 1, width - 1)
            dv, du = float(v) - top, float(u) - left
            upper = x[:, top, left] * (1 - du) + x[:, top, right] * du
            lower = x[:, below, left] * (1 - du) + x[:, below, right] * du
            y[:, i, j] = upper * (1 - dv) + lower * dv
    return y


def normalised(
    x: np.ndarray, axis: int = -1, alpha: float = 1e-4, k: float = 2, beta: float = 0.75, n: int = 5
) -> np.ndarray:
    """``x / (k + alpha * sum)**beta``: squares, zeros around the channels, n of them summed up."""
    x = np.moveaxis(x.astype(np.float64), axis, -1)
    around = [(0, 0)] * (x.ndim - 1) + [(n // 2, n // 2)]
    squares = np.pad(x * x, around)
    with np.errstate(all="ignore"):
        scale = k + alpha * sum(squares[..., i : i + x.shape[-1]] for i in range(n))
        return np.moveaxis(x / scale**beta, -1, axis)
