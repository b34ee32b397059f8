"""``convspec run --scheduler``: workers of a cluster of processes do the tasks, and may die."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.xdist_group("dask")

SLOW = """\
convspec: 1
name: slow
dim_ordering: tf
input_shape: [64, 64, 1]
seed: 3
layers:
  - {type: Convolution2D, name: a, nb_filter: 48, nb_row: 5, nb_col: 5, activation: tanh}
  - {type: Convolution2D, name: b, nb_filter: 48, nb_row: 5, nb_col: 5, activation: tanh}
  - {type: GlobalAveragePooling2D, name: g}
"""
PAIR = """\
convspec: 1
name: pair
inputs: {a: [5, 2], b: [4]}
seed: 3
outputs: [f, t]
layers:
  - {type: Dense, name: f, output_dim: 3, inputs: b}
  - {type: Activation, name: t, activation: tanh, inputs: a}
"""
