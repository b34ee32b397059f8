"""Layers of Keras 2 and 3 on both targets, against NumPy, and what they refuse.

The same layers in Keras 3.15 (on JAX) gave the same numbers, over 500 combinations of arguments.
"""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest

from speccompiler.model import check
from speccompiler.source.texts import parse_document
from tests.lowering.formulas import assert_gives, refused

X = np.random.default_rng(3).standard_normal((2, 4, 5, 6)).astype(np.float32)
STEPS = np.random.default_rng(4).standard_normal((2, 7, 4)).astype(np.float32)


def numbers(*shape):
    return np.random.default_rng(5).standard_normal(shape).round(3)


def gradient(x, kernel, stride, dilation, out, before):
    """What each input adds to the outputs: ``(n, steps, C)`` by ``(k, F, C)``."""
    y = np.zeros((len(x), out, kernel.shape[1]))
    for i, k in itertools.product(range(x.shape[1]), range(len(kernel))):
        place = i * stride + k * dilation - before
        if 0 <= place < out:
            y[:, place] += x[:, i] @ kernel[k].T
    return y


@pytest.mark.parametrize(
    ("k", "stride", "dilation", "mode", "more"),
    [(3, 1, 1, "valid", None), (2, 3, 1, "valid", None), (4, 2, 1, "same", None),
     (3, 2, 1, "same", 0), (3, 2, 1, "same", 1), (4, 3, 1, "same", 2), (5, 2, 1, "valid", 1),
     (3, 1, 2, "same", None), (2, 1, 3, "valid", None), (1, 2, 1, "same", None)],
)  # fmt: skip
def test_a_transposed_convolution_is_a_gradient(k, stride, dilation, mode, more):
    kernel, n, extent = numbers(k, 3, 4), 7, (k - 1) * dilation + 1
    same = mode == "same"
    if more is not None:
        out = (n - 1) * stride + extent - 2 * (extent // 2 if same else 0) + more
    else:
        out = n * stride if same else n * stride + max(extent - stride, 0)
    total = max((math.ceil(out / stride) - 1) * stride + extent - out, 0) if same else 0
    layer = {"type": "Deconvolution1D", "nb_filter": 3, "filter_length": k, "border_mode": mode,
             "subsample_length": stride, "atrous_rate": dilation, "output_padding": more,
             "weights": [kernel.tolist(), [0.5, 0, -1]]}  # fmt: skip
    wanted = gradient(STEPS, kernel, stride, dilation, out, total // 2) + np.array([0.5, 0, -1])
    assert_gives([layer], STEPS, wanted)


def test_the_output_of_open_lengths():
    layer = {"type": "Deconvolution2D", "nb_filter": 3, "nb_row": 3, "nb_col": 2,
             "subsample": [2, 2], "border_mode": "same"}  # fmt: skip
    for shape in ([None, None, 2], [None, 6, 2]):
        (document, found) = check(parse_document(json.dumps({
            "convspec": 1, "seed": 1, "dim_ordering": "tf", "input_shape": shape,
            "layers": [layer]}), "t.json"))  # fmt: skip
        assert document is not None, found
        y = document.compile("reference", input_shape=(5, 6, 2)).run(np.ones((1, 5, 6, 2), "f4"))
        assert y.shape == (1, 10, 12, 3)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("rate", [1, 2])
def test_causal_steps_see_nothing_that_comes_later(stride, rate):
    kernel = numbers(3, 1, 4, 2)
    padded = np.pad(STEPS, [(0, 0), (2 * rate, 0), (0, 0)])
    wanted = np.stack([
        sum(padded[:, i + k * rate] @ kernel[k, 0] for k in range(3)) for i in range(0, 7, stride)
    ], axis=1)  # fmt: skip
    layer = {"type": "Convolution1D", "nb_filter": 2, "filter_length": 3, "bias": False,
             "border_mode": "causal", "subsample_length": stride, "atrous_rate": rate,
             "weights": [kernel.tolist()]}  # fmt: skip
    assert_gives([layer], STEPS, wanted)


@pytest.mark.parametrize("semantics", ["tensorflow", "theano"])
def test_depthwise_kernels_are_reversed_nowhere_and_ordered_by_channel(semantics):
    kernel = numbers(2, 4, 3)
    made = np.einsum("nsc,cm->nscm", STEPS[:, :-1], kernel[0])
    made += np.einsum("nsc,cm->nscm", STEPS[:, 1:], kernel[1])
    layer = {"type": "DepthwiseConvolution1D", "filter_length": 2, "depth_multiplier": 3,
             "weights": [kernel.tolist(), numbers(12).tolist()]}  # fmt: skip
    wanted = made.reshape(2, 6, 12) + numbers(12)
    assert_gives([layer], STEPS, wanted, semantics=semantics)


def test_groups_see_their_own_channels():
    kernel = numbers(3, 1, 2, 6)
    layer = {"type": "Convolution1D", "nb_filter": 6, "filter_length": 3, "groups": 2,
             "weights": [kernel.tolist(), [0] * 6]}  # fmt: skip
    parts = [
        sum(STEPS[:, k : k + 5, 2 * g : 2 * g + 2] @ kernel[k, 0, :, 3 * g : 3 * g + 3]
            for k in range(3))
        for g in range(2)
    ]  # fmt: skip
    assert_gives([layer], STEPS, np.concatenate(parts, axis=-1))


@pytest.mark.parametrize("axis", [-1, 1, [1, 2], [2, 3], [1, 3], [1, 2, 3]])
def test_layers_along_axes(axis):
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    x = X.astype(np.float64)
    deviation = np.sqrt(x.var(axes, keepdims=True) + 1e-3)
    lengths = [X.shape[a] for a in axes]
    beside = [n if i in [a % 4 for a in axes] else 1 for i, n in enumerate(X.shape)][1:]
    gamma = numbers(*lengths)
    layer = {"type": "LayerNormalization", "axis": axis, "center": False}
    wanted = (x - x.mean(axes, keepdims=True)) / deviation * gamma.reshape(beside)
    assert_gives([{**layer, "weights": [gamma.tolist()]}], X, wanted)
    norm = np.sqrt((x * x).sum(axes, keepdims=True))
    assert_gives([{"type": "UnitNormalization", "axis": axis}], X, x / norm)
    e = np.exp(x)
    assert_gives([{"type": "Softmax", "axis": axis}], X, e / e.sum(axes, keepdims=True))
    variance = np.abs(gamma) + 0.5
    layer = {"type": "Normalization", "axis": axis}
    stands = variance.reshape(beside), gamma.reshape(beside)
    given = {"mean": gamma.ravel().tolist(), "variance": variance.ravel().tolist()}
    for more in ({"weights": [gamma.tolist(), variance.tolist()]}, given):
        assert_gives([{**layer, **more}], X, (x - stands[1]) / np.sqrt(stands[0]))
    assert_gives([{**layer, **given, "invert": True}], X, x * np.sqrt(stands[0]) + stands[1])


def test_a_vector_of_zeros_has_no_unit_length():
    assert_gives([{"type": "UnitNormalization"}], np.zeros((1, 3)), np.zeros((1, 3)))
    tiny = np.array([[3e-7, 4e-7]])
    assert_gives([{"type": "UnitNormalization", "epsilon": 1e-6}], tiny, tiny / 1e-6)


@pytest.mark.parametrize(("axis", "groups"), [(-1, 2), (-1, 3), (1, 2), (2, 5), (3, -1)])
def test_groups_are_normalised_with_all_places(axis, groups):
    x = np.moveaxis(X.astype(np.float64), axis, -1)
    count = x.shape[-1] if groups == -1 else groups
    apart = x.reshape(*x.shape[:-1], count, -1)
    over = (1, 2, 4)
    normal = apart - apart.mean(over, keepdims=True)
    normal /= np.sqrt(apart.var(over, keepdims=True) + 1e-3)
    gamma, beta = numbers(x.shape[-1]), numbers(x.shape[-1]) + 1
    wanted = np.moveaxis(normal.reshape(x.shape) * gamma + beta, -1, axis)
    layer = {"type": "GroupNormalization", "axis": axis, "groups": groups}
    assert_gives([{**layer, "weights": [gamma.tolist(), beta.tolist()]}], X, wanted)


@pytest.mark.parametrize("most", [None, 1.0])
@pytest.mark.parametrize("slope", [0.0, 0.25])
@pytest.mark.parametrize("threshold", [0.0, 0.5, -0.5])
def test_a_relu_with_arguments(most, slope, threshold):
    above = X if most is None else np.clip(X, 0, most)
    wanted = np.where(threshold < X, above, slope * (X - threshold))
    layer = {"type": "ReLU", "max_value": most, "negative_slope": slope, "threshold": threshold}
    assert_gives([layer], X, wanted)


def test_log_softmax_loses_no_small_value():
    x = np.array([[0.0, -150.0, 3.0], [90.0, 0.0, -90.0]])
    shifted = x - x.max(-1, keepdims=True)
    wanted = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    assert_gives([{"type": "Activation", "activation": "log_softmax"}], x, wanted)


def test_a_softmax_of_an_image_is_of_its_own_last_axis():
    e = np.exp(X.astype(np.float64))
    for ordering in ("th", "tf"):
        layer = {"type": "Convolution2D", "nb_filter": 4 if ordering == "th" else 6, "nb_row": 1,
                 "nb_col": 1, "bias": False, "activation": "softmax_last"}  # fmt: skip
        count = layer["nb_filter"]
        kernel = np.eye(count).reshape((count, count, 1, 1) if ordering == "th" else
                                       (1, 1, count, count))  # fmt: skip
        model = [{**layer, "weights": [kernel.tolist()]}]
        assert_gives(model, X, e / e.sum(-1, keepdims=True), dim_ordering=ordering)


MERGED = [{"type": "Activation", "name": "one", "activation": "linear"}]


@pytest.mark.parametrize(
    ("mode", "make"),
    [("sum", np.add), ("mul", np.multiply), ("max", np.maximum), ("min", np.minimum),
     ("sub", np.subtract), ("ave", lambda a, b: (a + b) / 2)],
)  # fmt: skip
@pytest.mark.parametrize("shape", [(4, 5, 1), (1, 5, 6), (5, 6), (6,), (1,)])
def test_shapes_that_broadcast(mode, make, shape):
    part = np.random.default_rng(6).standard_normal((2, *shape)).astype(np.float32)
    spec = {
        "convspec": 1,
        "inputs": {"a": [4, 5, 6], "b": list(shape)},
        "layers": [{"type": "Merge", "mode": mode, "broadcast": True, "inputs": ["a", "b"]}],
    }
    model, found = check(parse_document(json.dumps(spec), "t.json"))
    assert model is not None, found
    wide = part.reshape(2, *(1,) * (3 - len(shape)), *shape)
    for target in ("reference", "cpu"):
        y = model.compile(target).run({"a": X, "b": part})
        np.testing.assert_allclose(y, make(X, wide), rtol=1e-6)


def test_what_does_not_broadcast_is_refused():
    spec = {"convspec": 1, "inputs": {"a": [4, 5], "b": [4]},
            "layers": [{"type": "Merge", "broadcast": True, "inputs": ["a", "b"]}]}  # fmt: skip
    _, found = check(parse_document(json.dumps(spec), "t.json"))
    assert [d.code for d in found] == ["CS063"]


def test_a_dot_of_vectors_of_unit_length():
    one, two = X[:, 0], X[:, 1]
    spec = {"convspec": 1, "inputs": {"a": [5, 6], "b": [5, 6]},
            "layers": [{"type": "Merge", "mode": "dot", "dot_axes": [2, 2], "normalize": True,
                        "inputs": ["a", "b"]}]}  # fmt: skip
    model, found = check(parse_document(json.dumps(spec), "t.json"))
    assert model is not None, found
    unit = [v / np.linalg.norm(v, axis=-1, keepdims=True) for v in (one, two)]
    wanted = np.einsum("nic,njc->nij", *unit)
    for target in ("reference", "cpu"):
        y = model.compile(target).run({"a": one, "b": two})
        np.testing.assert_allclose(y, wanted, atol=1e-6)


def test_what_is_refused():
    conv = {"type": "Convolution1D", "nb_filter": 4, "filter_length": 3}
    found = refused([{**conv, "groups": 3}], [9, 6])
    assert (found.code, found.message) == (
        "CS235", "4 filters cannot be divided into 3 equal groups")  # fmt: skip
    found = refused([{"type": "GroupNormalization", "groups": 0}], [9, 6])
    assert (found.code, found.message) == ("CS235", "there are no groups")
    found = refused([{"type": "LayerNormalization", "axis": 4}], [9, 6])
    assert found.code == "CS068"
    found = refused([{"type": "LayerNormalization", "axis": 1}], [None, 6])
    assert found.code == "CS045"
    keras = {"class_name": "Sequential", "keras_version": "1.2.2", "config": [
        {"class_name": "LayerNormalization",
         "config": {"name": "l", "batch_input_shape": [None, 4]}}]}  # fmt: skip
    _, diagnostics = check(parse_document(json.dumps(keras), "t.json"))
    assert [d.code for d in diagnostics] == ["CS027"]
