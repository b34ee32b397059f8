"""What is converted in tests, and how results are compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import speccompiler
from speccompiler.convert.adapters import moved_axes
from speccompiler.convert.conversion import convert
from speccompiler.convert.pair import write_pair
from speccompiler.diagnostics.core import SpecError
from tests.places import GOLDEN, OWN_GOLDEN

WHOLE = sorted(p.parent for p in GOLDEN.glob("keras-*/m_*/weights.npz"))


SINGLE = [p.parent for p in sorted(OWN_GOLDEN.glob("*/*/weights.npz"))]


DIGITS = sorted(p.parent for p in GOLDEN.glob("digits/*/model.h5"))


UNKNOWN = {"CS028", "CS039"}


def cases(folders: list[Path]) -> list[Any]:
    return [pytest.param(f, id="-".join(f.parts[-2:])) for f in folders]


def loaded(folder: Path) -> speccompiler.Model:
    meta = json.loads((folder / "meta.json").read_text())
    said = (
        meta["layer"][1].get("dim_ordering", "default") if meta["kind"] == "single" else "default"
    )
    ordering = meta["image_dim_ordering"] if said == "default" else said
    try:
        return speccompiler.load(
            folder / "model.json",
            weights=folder / "weights.npz",
            semantics=meta["backend"],
            dim_ordering=ordering,
        )
    except SpecError as error:
        if {d.code for d in error.diagnostics} <= UNKNOWN or meta.get("degenerate"):
            pytest.skip(error.diagnostics[0].message)
        raise


def arrays(folder: Path, what: str) -> list[np.ndarray]:
    return [
        np.load(p)
        for p in sorted(folder.glob(f"{what}.npy")) + sorted(folder.glob(f"{what}_[0-9].npy"))
    ]


def expected(folder: Path, model: speccompiler.Model) -> list[np.ndarray]:
    """What the unconverted model gives, once it is known to be what Keras gave."""
    outputs = results(model, arrays(folder, "input"))
    meta = json.loads((folder / "meta.json").read_text())
    if not meta.get("degenerate") and not meta.get("tf_version_dependent"):
        for y, recorded in zip(outputs, arrays(folder, "output"), strict=True):
            np.testing.assert_allclose(y, recorded, rtol=0, atol=1e-5 * np.abs(recorded).max())
    return outputs


def results(model: speccompiler.Model, inputs: list[np.ndarray]) -> list[np.ndarray]:
    shapes: Any = {n: x.shape[1:] for n, x in zip(model.input_names, inputs, strict=True)}
    shape = shapes if len(inputs) > 1 else inputs[0].shape[1:]
    compiled = model.compile("reference", input_shape=shape)
    return list(compiled.run_all(inputs[0] if len(inputs) == 1 else inputs).values())


def written(model: speccompiler.Model, folder: Path, **options: Any) -> speccompiler.Model:
    converted = convert(model, **options)
    weights = folder / "m.safetensors" if converted.has_weights else None
    write_pair(converted, folder / "m.yaml", weights)
    return speccompiler.load(folder / "m.yaml")


def refusal(model: speccompiler.Model, **options: Any) -> tuple[Any, ...] | None:
    """Why a model cannot be converted; None where it can."""
    try:
        convert(model, **options)
    except SpecError as error:
        return error.diagnostics
    return None


def moved(x: np.ndarray, ordering: Any) -> np.ndarray:
    if x.ndim < 4:
        return x
    return x.transpose(0, *(a + 1 for a in moved_axes(x.ndim - 1, ordering)))


def assert_same(found: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    for y, recorded in zip(found, wanted, strict=True):
        assert y.shape == recorded.shape
        np.testing.assert_allclose(y, recorded, rtol=0, atol=2e-6 * np.abs(recorded).max())


LENET = [
    {"type": "Convolution2D", "name": "c", "nb_filter": 2, "nb_row": 3, "nb_col": 3,
     "activation": "relu", "W_constraint": {"name": "MaxNorm", "m": 2, "axis": [0, 1, 2]}},
    {"type": "Activation", "name": "a", "activation": {"expr": "x * sigmoid(x)"}},
    {"type": "Flatten", "name": "f"},
    {"type": "Dense", "name": "d", "output_dim": 3, "W_regularizer": "l2"},
]  # fmt: skip


def image(name: str, **others: Any) -> dict[str, Any]:
    return {"type": "Convolution2D", "name": name, "nb_filter": 3, "nb_row": 3, "nb_col": 3,
            "border_mode": "same", **others}  # fmt: skip


DENSE = {"type": "Dense", "name": "d", "output_dim": 4}


FLATTEN = {"type": "Flatten", "name": "f"}


TO_IMAGE = {"type": "Reshape", "name": "r", "target_shape": [2, 4, 5]}


POOL = {"type": "GlobalAveragePooling2D", "name": "g"}
