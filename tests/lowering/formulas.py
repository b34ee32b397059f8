"""Layers run on each target and compared with their formulas."""

from __future__ import annotations

import json

import numpy as np
import pytest

from speccompiler.diagnostics.core import SpecError
from tests.cases import build

TARGETS = ("reference", "cpu")
NORM = {"type": "BatchNormalization"}


def run(layers, x, target, **header):
    model = build(layers, x.shape[1:], **header)
    return model.compile(target, math="precise").run(x.astype(np.float32))


def assert_gives(layers, x, wanted, tolerance=2e-6, **header):
    for target in TARGETS:
        y = run(layers, x, target, **header)
        assert y.shape == np.shape(wanted)
        assert np.abs(y - wanted).max() <= tolerance * max(1, np.abs(wanted).max())


def refused(layers, shape, **header):
    with pytest.raises(SpecError) as caught:
        build(layers, shape, **header)
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


def keras(layers, version):
    entries = [{"class_name": kind, "config": config} for kind, config in layers]
    said = {} if version is None else {"keras_version": version}
    return json.dumps({"class_name": "Sequential", "config": entries, **said})
