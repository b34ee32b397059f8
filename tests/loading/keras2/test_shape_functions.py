"""Functions with arguments that stand among the layers, as Keras 3 and tf.keras write them."""

from __future__ import annotations

import json
from math import erf
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import speccompiler
from tests.loading.keras2.test_keras2 import (
    INPUT,
    KERAS3,
    TFK,
    X,
    errors,
    functional,
    good,
    layer,
    member,
    run,
    sequential,
    tensor,
)

START = {**INPUT, "name": "i", "inbound_nodes": []}


def keras3(kind: str, *more: Any, module: str = "numpy", **config: Any) -> dict[str, Any]:
    call = {"args": [tensor("i", 0, 0), *more], "kwargs": {}}
    node = member(kind, "o", **config)
    return {**node, "module": f"keras.src.ops.{module}", "inbound_nodes": [call]}


def part(start: int | None = None, stop: int | None = None, step: int | None = None) -> Any:
    return {"class_name": "__slice__", "config": {"start": start, "stop": stop, "step": step}}


def cut(*parts: Any) -> dict[str, Any]:
    return keras3("GetItem", [*parts])


DOTS = {"class_name": "__ellipsis__", "config": {}}
OF_KERAS3 = [
    (keras3("Mean", axis=1, keepdims=False), X.mean(1)),
    (keras3("Mean", axis=[1, 2], keepdims=True), X.mean((1, 2), keepdims=True)),
    (keras3("Sum", axis=-1, keepdims=False), X.sum(-1)),
    (keras3("Max", axis=[1], keepdims=False, initial=None), X.max(1)),
    (keras3("Reshape", newshape=[-1, 2, 6]), X.reshape(-1, 2, 6)),
    (keras3("Transpose", axes=[0, 2, 1]), X.transpose(0, 2, 1)),
    (keras3("Swapaxes", axis1=1, axis2=-1), X.swapaxes(1, -1)),
    (keras3("ExpandDims", axis=-1), X[..., None]),
    (keras3("ExpandDims", axis=1), X[:, None]),
    (keras3("Flip", axis=1), X[:, ::-1]),
    (keras3("Clip", x_min=-3, x_max=2.5), X.clip(-3, 2.5)),
    (keras3("Power", 2), X**2),
    (keras3("Sign"), np.sign(X)),
    (keras3("LeakyRelu", module="nn", negative_slope=0.5), np.where(X > 0, X, X / 2)),
    (keras3("Cast", module="core", dtype="float32"), X),
    (keras3("Min", axis=1, keepdims=False, initial=None), X.min(1)),
    (keras3("Amax", axis=[1, 2], keepdims=True), X.max((1, 2), keepdims=True)),
    (keras3("Elu", module="nn", alpha=0.5), np.where(X > 0, X, np.expm1(X) / 2)),
    (keras3("Celu", module="nn", alpha=2.0), np.where(X > 0, X, 2 * np.expm1(X / 2))),
    (keras3("LogSoftmax", module="nn", axis=-1), X - np.log(np.exp(X).sum(-1, keepdims=True))),
    (keras3("HardTanh", module="nn"), X.clip(-1, 1)),
    (keras3("LogSigmoid", module="nn"), -np.log1p(np.exp(-X))),
    (keras3("TanhShrink", module="nn"), X - np.tanh(X)),
    (cut(part(), 0), X[:, 0]),
    (cut(part(), -1, part(1)), X[:, -1, 1:]),
    (cut(DOTS, part(None, None, -2)), X[..., ::-2]),
    (cut(part(), part(1, 3), 2), X[:, 1:3, 2]),
    (cut(part()), X),
]


@pytest.mark.parametrize(("node", "expected"), OF_KERAS3)
def test_what_a_function_of_keras_3_gives(node: Any, expected: np.ndarray) -> None:
    model = good(functional(START, node, outputs=["o", 0, 0], **KERAS3))
    found = run(model, X)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-5)


OF_TENSORFLOW = [
    ("math.reduce_mean", {"axis": 1, "keepdims": False, "name": None}, X.mean(1)),
    ("math.reduce_sum", {"axis": [2], "keepdims": True}, X.sum(2, keepdims=True)),
    ("reshape", {"shape": [-1, 12], "name": None}, X.reshape(-1, 12)),
    ("compat.v1.transpose", {"perm": [0, 2, 1]}, X.transpose(0, 2, 1)),
    ("clip_by_value", {"clip_value_min": 0, "clip_value_max": 6}, X.clip(0, 6)),
    ("math.pow", {"y": 2}, X**2),
    ("cast", {"dtype": "float32"}, X),
    ("nn.leaky_relu", {"alpha": 0.25}, np.where(X > 0, X, X / 4)),
    ("nn.gelu", {}, X / 2 * (1 + np.vectorize(erf)(X / np.sqrt(2)))),
    ("nn.softmax", {"axis": -1}, np.exp(X) / np.exp(X).sum(-1, keepdims=True)),
]


@pytest.mark.parametrize(("function", "arguments", "expected"), OF_TENSORFLOW)
def test_what_a_function_of_tensorflow_gives(function: str, arguments: Any, expected: Any) -> None:
    call = ["i", 0, 0, arguments]
    node = {**member("TFOpLambda", "o", function=function), "inbound_nodes": [call]}
    model = good(functional(START, node, outputs=[["o", 0, 0]], **TFK))
    np.testing.assert_allclose(run(model, X), expected, rtol=1e-5)


def test_a_subscript_of_tensorflow() -> None:
    spec = [{"start": None, "stop": None, "step": None}, 0]
    node = {
        **member("SlicingOpLambda", "o", function="__operators__.getitem"),
        "inbound_nodes": [["i", 0, 0, {"slice_spec": spec}]],
    }
    model = good(functional(START, node, outputs=[["o", 0, 0]], **TFK))
    np.testing.assert_allclose(run(model, X), X[:, 0])


def test_values_side_by_side_in_tensorflow() -> None:
    call = [["i", 0, 0, {"axis": -1}], ["i", 0, 0, {"axis": -1}]]
    node = {**member("TFOpLambda", "o", function="concat"), "inbound_nodes": [call]}
    model = good(functional(START, node, outputs=[["o", 0, 0]], **TFK))
    np.testing.assert_allclose(run(model, X), np.concatenate([X, X], -1))


def test_a_function_that_is_no_layer_is_refused_by_its_name() -> None:
    node = member("TFOpLambda", "o", "i", function="linalg.matmul")
    node["inbound_nodes"] = [["i", 0, 0, {"b": ["i", 0, 0]}]]
    assert errors(functional(START, node, outputs=[["o", 0, 0]], **TFK)) == [
        ("CS028", "tf.linalg.matmul is a function among the layers that convspec does not run")
    ]


def test_values_side_by_side() -> None:
    call = {"args": [[tensor("i", 0, 0), tensor("i", 0, 0)]], "kwargs": {}}
    node = {**keras3("Concatenate", axis=1), "inbound_nodes": [call]}
    model = good(functional(START, node, outputs=["o", 0, 0], **KERAS3))
    np.testing.assert_allclose(run(model, X), np.concatenate([X, X], 1))


@pytest.mark.parametrize(
    "node",
    [
        keras3("Mean", axis=None, keepdims=False),
        keras3("Mean", axis=0, keepdims=False),
        keras3("Mean", axis=-3, keepdims=False),
        keras3("Max", axis=1, keepdims=False, initial=0.0),
        keras3("Transpose", axes=None),
        keras3("Transpose", axes=[1, 0, 2]),
        keras3("Reshape", newshape=[-1]),
        keras3("Reshape", newshape=[2, 12]),
        keras3("Softmax", module="nn", axis=1),
        keras3("ExpandDims", axis=0),
        keras3("Cast", module="core", dtype="int32"),
        keras3("Clip", x_min="0", x_max=1),
        cut(0),
        cut(part(1), 0),
        cut(part(), None),
        cut(part(), {"class_name": "Mine"}),
        {**keras3("Mean", axis=1), "inbound_nodes": [{"kwargs": {}}]},
    ],
)
def test_what_mixes_samples_or_is_no_layer_is_refused(node: Any) -> None:
    found = errors(functional(START, node, outputs=["o", 0, 0], **KERAS3))
    assert found[0][0] == "CS028"


def test_rows_of_a_table_for_samples_of_several_axes(tmp_path: Path) -> None:
    """Embedding, and the masks of documents and words that come of it, in Keras 3."""
    rng = np.random.default_rng(3)
    words = rng.integers(1, 5, (2, 4, 3))
    words[0, 2:], words[1, 0], words[:, 1, 2] = 0, 0, 0
    table = rng.uniform(-1, 1, (5, 2)).astype(np.float32)
    w, u, v = rng.uniform(-1, 1, (3, 2, 2)).astype(np.float32)
    model = sequential(
        layer("InputLayer", "i", batch_shape=[None, 4, 3], dtype="int32"),
        layer("Embedding", "e", input_dim=5, output_dim=2, mask_zero=True),
        layer("TimeDistributed", "t", layer=layer("SimpleRNN", "s", units=2, use_bias=False)),
        layer("SimpleRNN", "r", units=2, use_bias=False),
        **KERAS3,
    )

    def steps(x: np.ndarray, kept: np.ndarray, w: np.ndarray, u: np.ndarray) -> np.ndarray:
        h = np.zeros((len(x), 2))
        for t in range(x.shape[1]):
            h = np.where(kept[:, t, None], np.tanh(x[:, t] @ w + h @ u), h)
        return h

    inner = steps(table[words].reshape(8, 3, 2), (words != 0).reshape(8, 3), w, u)
    wanted = steps(inner.reshape(2, 4, 2), (words != 0).any(-1), v, w)
    file = str(tmp_path / "w.npz")
    np.savez(file, **{"e/W": table, "t/W": w, "t/U": u, "r/W": v, "r/U": w})
    found = speccompiler.loads(json.dumps(model), weights=file)
    given = words.astype(np.float32)
    np.testing.assert_allclose(found.compile("reference").run(given), wanted, atol=1e-6)
    assert not found.diagnostics
