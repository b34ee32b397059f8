"""A small model and its weights, saved as people saved them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import speccompiler
from speccompiler.diagnostics.core import Diagnostic, Severity, SpecError

SPEC = """\
convspec: 1
semantics: tensorflow
dim_ordering: tf
input_shape: [5, 4, 2]
layers:
  - {type: Convolution2D, name: conv1, nb_filter: 3, nb_row: 2, nb_col: 3}
  - {type: BatchNormalization, name: bn, epsilon: 0.001}
  - {type: Flatten}
  - {type: Dense, name: fc, output_dim: 4}
"""
RNG = np.random.default_rng(9)
KERNEL = RNG.uniform(-1, 1, (2, 3, 2, 3)).astype(np.float32)
BIAS, GAMMA, BETA, MEAN = RNG.uniform(-1, 1, (4, 3)).astype(np.float32)
VARIANCE = RNG.uniform(0.5, 1, 3).astype(np.float32)
MATRIX = RNG.uniform(-1, 1, (24, 4)).astype(np.float32)
OFFSET = RNG.uniform(-1, 1, 4).astype(np.float32)
WEIGHTS = [KERNEL, BIAS, GAMMA, BETA, MEAN, VARIANCE, MATRIX, OFFSET]
"""In the order of ``get_weights()``."""
NAMES = ["conv1/W", "conv1/b", "bn/gamma", "bn/beta", "bn/running_mean", "bn/running_std",
         "fc/W", "fc/b"]  # fmt: skip
LAYERS = [("conv1", WEIGHTS[:2]), ("bn", WEIGHTS[2:6]), ("fc", WEIGHTS[6:])]
X = RNG.uniform(-1, 1, (3, 5, 4, 2)).astype(np.float32)


def wanted(x: np.ndarray = X) -> np.ndarray:
    """The model's output by its definition, in float64."""
    x = x.astype(np.float64)
    y = np.zeros((len(x), 4, 2, 3))
    for i, j in np.ndindex(4, 2):
        y[:, i, j] = np.tensordot(x[:, i : i + 2, j : j + 3], KERNEL, 3) + BIAS
    y = (y - MEAN) / np.sqrt(VARIANCE + np.float64(0.001)) * GAMMA + BETA
    return y.reshape(len(x), -1) @ MATRIX + OFFSET


def notes(path: str, **options: Any) -> list[Diagnostic]:
    """The notes about a file of weights that gives what is wanted."""
    model = speccompiler.load("m.yaml", weights=path, **options)
    assert np.abs(model.compile("reference").run(X) - wanted()).max() < 1e-5
    found = list(model.weight_sources.diagnostics)
    assert all(note.severity is Severity.NOTE and note.file == path for note in found)
    return found


def refusal(path: str, **options: Any) -> Diagnostic:
    with pytest.raises(SpecError) as caught:
        speccompiler.load("m.yaml", weights=path, **options)
    (finding,) = caught.value.diagnostics
    return finding
