"""The layers of Keras 2 and 3 in the other dim_ordering: there and back, the same numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speccompiler.convert.conversion import convert
from speccompiler.diagnostics.core import SpecError
from tests.cases import build
from tests.convert.conversions import DENSE, FLATTEN, assert_same, image, moved, results, written

LAYERS: list[Any] = [
    {"type": "DepthwiseConvolution2D", "nb_row": 2, "nb_col": 3, "depth_multiplier": 2},
    {"type": "Deconvolution2D", "nb_filter": 4, "nb_row": 2, "nb_col": 3, "subsample": [2, 1]},
    {"type": "Deconvolution2D", "nb_filter": 4, "nb_row": 2, "nb_col": 3, "kernel_ordering": "tf"},
    {"type": "SeparableConvolution2D", "nb_filter": 4, "nb_row": 2, "nb_col": 3,
     "kernel_ordering": "tf"},
    {"type": "Convolution2D", "nb_filter": 4, "nb_row": 2, "nb_col": 3, "kernel_ordering": "tf",
     "atrous_rate": [1, 2]},
    {"type": "Convolution2D", "nb_filter": 6, "nb_row": 2, "nb_col": 3, "groups": 3},
    {"type": "GlobalMaxPooling2D", "keepdims": True},
    {"type": "UpSampling2D", "interpolation": "bilinear"},
    {"type": "ReLU", "max_value": 0.5},
    {"type": "Rescaling", "scale": 0.5},
    {"type": "Rescaling", "scale": [1, -2, 0.5, 3, 4]},
    {"type": "Normalization", "axis": 1, "mean": [1, 2, 3], "variance": [1, 4, 9]},
    {"type": "Normalization", "axis": [1, 2], "weights": [[[0.5] * 4, [1.0] * 4, [2, 3, 4, 5]],
                                                        [[4.0] * 4, [1.0] * 4, [1, 2, 3, 4]]]},
    *({"type": kind, "axis": axis} for kind in ("Softmax", "UnitNormalization")
      for axis in (1, -1, [1, 3])),
    *({"type": "LayerNormalization", "axis": axis, "gamma_init": "uniform", "beta_init": "normal"}
      for axis in (1, -1, [2, 3], [1, 3], [1, 2, 3])),
    {"type": "GroupNormalization", "axis": 1, "groups": 3, "gamma_init": "uniform"},
    {"type": "BatchNormalization", "axis": 1, "scale": False, "beta_init": "normal"},
    {"type": "AlphaDropout", "p": 0.5},
    {"type": "Merge", "mode": "sub", "inputs": ["c", "o"]},
]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS, ids=lambda one: f"{one['type']}-{one.get('axis', '')}")
def test_between_images_and_before_a_dense(layer: dict[str, Any], tmp_path: Path) -> None:
    own = {"name": "l", **layer}
    other = [{**image("o"), "inputs": "c"}] if "inputs" in layer else []
    layers = [image("c"), *other, own, image("e"), FLATTEN, DENSE]
    model = build(layers, [2, 4, 5], seed=1, dim_ordering="th")
    x = np.random.default_rng(0).standard_normal((2, 2, 4, 5)).astype(np.float32)
    native = written(model, tmp_path, dim_ordering="tf")
    wanted = results(model, [x])
    assert_same(results(native, [moved(x, "tf")]), wanted)
    assert_same(results(written(native, tmp_path, dim_ordering="th"), [x]), wanted)


@pytest.mark.parametrize("ordering", ["th", "tf"])
def test_a_flatten_that_puts_channels_last(ordering: str, tmp_path: Path) -> None:
    """Under 'tf' it has nothing left to do, and the rows of the Dense stay as they are."""
    layers = [image("c"), {**FLATTEN, "channels_first": True}, DENSE]
    shape = [2, 4, 5] if ordering == "th" else [4, 5, 2]
    model = build(layers, shape, seed=1, dim_ordering=ordering)
    x = np.random.default_rng(0).standard_normal((2, *shape)).astype(np.float32)
    target: Any = "tf" if ordering == "th" else "th"
    native = written(model, tmp_path, dim_ordering=target)
    assert_same(results(native, [moved(x, target)]), results(model, [x]))
    if ordering == "th":
        assert native.spec.layers[1].channels_first is False
        arrays = {w.name: a for w, a in native.weight_sources.read().items()}
        mine = {w.name: a for w, a in model.weight_sources.read().items()}
        assert np.array_equal(arrays["d", "W"], mine["d", "W"])


def test_a_softmax_of_images_keeps_its_axis(tmp_path: Path) -> None:
    test_between_images_and_before_a_dense(
        {"type": "Activation", "activation": "softmax_last"}, tmp_path
    )
    model = build([image("c", activation="softmax_last")], [2, 4, 5], dim_ordering="th")
    with pytest.raises(SpecError) as caught:
        convert(model, dim_ordering="tf")
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == (
        "CS151",
        "its softmax_last is of the last axis, which is another one there",
    )
