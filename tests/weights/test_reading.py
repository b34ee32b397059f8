"""Weights are read no more often than they are needed."""

from __future__ import annotations

from typing import Any

import numpy as np

from speccompiler.model import Model
from speccompiler.weights.files import weight_file
from tests.cases import spec
from tests.models import checked


def test_a_file_is_opened_once(tmp_path, monkeypatch):
    opened = []
    first = weight_file.open_weights
    monkeypatch.setattr(weight_file, "open_weights", lambda p: opened.append(p) or first(p))
    np.savez(tmp_path / "m.npz", **{f"{i}/W": np.eye(2, dtype="f4") for i in range(20)})
    layers = [
        {"type": "Dense", "output_dim": 2, "bias": False, "weights": [f"m.npz#{i}/W"]}
        for i in range(20)
    ]
    model, found = checked(spec(layers, [2]), str(tmp_path / "t.json"))
    assert model is not None, found
    assert opened == [tmp_path / "m.npz"]


def constrained(tmp_path: Any, kernel: str, bias: str, **header: Any) -> Model:
    layers = [
        {"type": "Dense", "name": "d", "output_dim": 2, "W_constraint": kernel or None,
         "b_constraint": bias or None, "weights": ["m.npz#W", "m.npz#b"]},
        {"type": "Dense", "name": "e", "output_dim": 2, "W_constraint": "unitnorm"},
    ]  # fmt: skip
    model, found = checked(spec(layers, [2], **header), str(tmp_path / "t.json"))
    assert model is not None, found
    return model


def test_only_given_and_constrained_weights_are_checked(tmp_path, monkeypatch):
    from speccompiler.weights.penalties import violations

    np.savez(tmp_path / "m.npz", W=-np.eye(2, dtype="f4"), b=np.float32([-1, 1]))
    model = constrained(tmp_path, "", "nonneg", seed=1)
    sources = model.weight_sources
    read = []
    first = weight_file.WeightFile.read
    monkeypatch.setattr(
        weight_file.WeightFile, "read", lambda file, name: read.append(name) or first(file, name)
    )
    found = violations(model.spec, sources.given)
    assert [(d.code, d.layer, d.message) for d in found] == [
        ("CS096", "d",
         "b breaks its NonNeg constraint: 1 value is negative, the smallest -1; allowed 0 or more")
    ]  # fmt: skip
    assert read == ["b"]
    assert [(w.layer, w.tensor) for w in sources.given] == [("d", "W"), ("d", "b")]
    assert len(sources.given) == 2
