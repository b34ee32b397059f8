"""A model of one layer whose packed weights are kept, in a cache of its own."""

from __future__ import annotations

import numpy as np

from speccompiler.weights import initializers
from speccompiler.weights.files.weight_file import WeightFile
from tests.cases import build

LAYERS = [{"type": "Dense", "output_dim": 150, "name": "d"}]
WIDTH = 200
X = np.random.default_rng(0).standard_normal((2, WIDTH)).astype(np.float32)


def kept(folder, kind="weights"):
    return sorted(path.name for path in (folder / kind).glob("*"))


def run(path=None, layers=LAYERS, **options):
    model = build(layers, [WIDTH], **({} if path is None else {"weights": path}), **options)
    compiled = model.compile()
    return compiled.run(X), [d.message for d in compiled.diagnostics]


def unread(monkeypatch):
    """From here on no tensor is read or drawn."""

    def fail(*args, **options):
        raise AssertionError("a tensor is read")

    monkeypatch.setattr(WeightFile, "read", fail)
    monkeypatch.setattr(initializers, "initialize", fail)
