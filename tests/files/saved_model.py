"""A model of one layer with its weights in an HDF5 file, as Keras saves it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

h5py = pytest.importorskip("h5py")
DENSE = {"class_name": "Dense", "config": {"name": "d", "output_dim": 2,
         "batch_input_shape": [None, 3]}}  # fmt: skip
W = np.arange(6, dtype=np.float32).reshape(3, 2)
B = np.zeros(2, np.float32)
MODEL = {"class_name": "Sequential", "config": [DENSE]}


def saved(path: Path, **changes: Any) -> Path:
    """A sound file of ``model.save()``; ``changes`` are made to its groups before it is closed."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(changes.get("model", MODEL))
        file.attrs["keras_version"] = "1.2.2"
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [b"d"]
        layer = group.create_group("d")
        layer.attrs["weight_names"] = [b"d_W", b"d_b"]
        layer["d_W"], layer["d_b"] = W, B
        if "edit" in changes:
            changes["edit"](file, group, layer)
    return path
