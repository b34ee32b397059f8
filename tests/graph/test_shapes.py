"""Lengths, shapes, parameters and multiply-adds: by hand, by enumeration, by name."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from speccompiler.diagnostics.core import Problem, SpecError
from speccompiler.graph.dims import evaluate, symbol
from speccompiler.graph.ir import (
    Graph,
    Identity,
    Input,
    Node,
    Pad,
    Pool,
    Reshape,
    Transpose,
    Upsample,
)
from speccompiler.graph.padding import (
    full,
    partial,
    same_tensorflow,
    same_theano_conv,
    same_theano_pool,
    same_theano_pool3d,
    theano_pool3d_breaks,
    window_count,
)
from speccompiler.graph.shapes import element_count, format_shape, infer, verify
from tests.cases import build

GEOMETRY = list(itertools.product(range(1, 14), range(1, 8), range(1, 6)))
"""(length, kernel, stride)."""


def keras_length(n, k, s, mode):
    """conv_output_length of Keras 1.2.2, utils/np_utils.py:99."""
    length = {"same": n, "valid": n - k + 1, "full": n + k - 1}[mode]
    return (length + s - 1) // s


def windows(n, k, s, before, after):
    """Where each window starts, found by trying every place."""
    return [p for p in range(-before, n + after) if (p + before) % s == 0 and p + k <= n + after]


def count(n, k, s, before, after):
    return len(windows(n, k, s, before, after))


@pytest.mark.parametrize("mode", ["valid", "same", "full"])
def test_lengths_by_enumeration(mode):
    for n, k, s in GEOMETRY:
        splits = {
            "valid": [(0, 0)],
            "full": [full(k)],
            "same": [
                same_tensorflow(n, k, s),
                same_theano_conv(n, k, s),
                same_theano_pool(n, k, s),
            ],
        }[mode]
        for before, after in splits:
            wanted = keras_length(n, k, s, mode)
            if wanted >= 1:
                assert count(n, k, s, before, after) == wanted
            assert max(window_count(n, k, s, before, after), 0) == max(wanted, 0)


def test_tensorflow_split_by_its_documented_formula():
    for n, k, s in GEOMETRY:
        total = max((math.ceil(n / s) - 1) * s + k - n, 0)
        assert same_tensorflow(n, k, s) == (total // 2, total - total // 2)


def test_theano_convolution_is_half_padding_cropped():
    """Padded by k // 2 on both sides, valid, then the first ceil(n / s) windows."""
    for n, k, s in GEOMETRY:
        original = windows(n, k, s, k // 2, k // 2)[: math.ceil(n / s)]
        assert len(original) == math.ceil(n / s)
        assert windows(n, k, s, *same_theano_conv(n, k, s)) == original


def test_theano_pool_is_padded_and_cropped():
    for n, k, s in GEOMETRY:
        p = k - 2 if k > 2 and k % 2 == 1 else k - 1
        original = windows(n, k, s, p, p)[: math.ceil(n / s)]
        assert windows(n, k, s, *same_theano_pool(n, k, s)) == original
        # No window is empty, so no mean divides by nothing.
        assert all(start < n and start + k > 0 for start in original)


def test_partial_pools_see_every_value_and_pad_behind_alone():
    """As many windows as Theano's ``ignore_border=False`` gave; none is empty."""
    for n, k, s in GEOMETRY:
        before, after = partial(n, k, s)
        starts = windows(n, k, s, before, after)
        assert before == 0
        assert starts == list(range(0, len(starts) * s, s))
        assert all(start < n for start in starts)
        # One more would begin behind the data, or see nothing that the last one does not.
        assert starts[-1] + s >= n or (s < k and starts[-1] + k >= n)
        assert len(starts) == 1 or s >= k or starts[-2] + k < n


@pytest.mark.parametrize("mode", ["max", "average"])
def test_theano_pool_of_rank_3_starts_one_late_at_a_window_of_1(mode):
    """p = k - 2 without the guard: -1. What the original makes of it decides who follows it."""
    for n, k, s in GEOMETRY:
        split = same_theano_pool3d(n, k, s, mode)
        if k > 1:
            assert split == same_theano_pool(n, k, s)
            assert not theano_pool3d_breaks(n, k, s, mode)
        elif theano_pool3d_breaks(n, k, s, mode):
            assert windows(n, k, s, *split) == list(range(0, n, s))
        else:
            assert windows(n, k, s, *split) == list(range(1, n, s))
            assert len(range(1, n, s)) == math.ceil(n / s)


def test_where_theano_and_tensorflow_agree():
    """Section 4.2: for every length only with k = 1, or k odd and s = 1."""
    for k, s in itertools.product(range(1, 8), range(1, 6)):
        agree = all(
            windows(n, k, s, *same_tensorflow(n, k, s))
            == windows(n, k, s, *same_theano_conv(n, k, s))
            for n in range(1, 30)
        )
        assert agree == (k == 1 or (k % 2 == 1 and s == 1))
    for k, s in itertools.product(range(1, 8), range(1, 6)):
        agree = all(
            windows(n, k, s, *same_tensorflow(n, k, s))
            == windows(n, k, s, *same_theano_pool(n, k, s))
            for n in range(1, 30)
        )
        assert agree == (k == 1 or (k == 3 and s == 1))


def test_open_lengths_are_the_same_formulas():
    t = symbol("T")
    for k, s in itertools.product(range(1, 8), range(1, 6)):
        for split in (same_tensorflow, same_theano_conv, same_theano_pool):
            before, after = split(t, k, s)
            length = window_count(t, k, s, before, after)
            for n in range(1, 20):
                known = split(n, k, s)
                assert evaluate(before, {"T": n}) == known[0]
                assert evaluate(length, {"T": n}) == math.ceil(n / s)


# By hand.


def report(layers, shape, **header):
    return build(layers, shape, **header).shapes()


def shapes_of(layers, shape, **header):
    return [format_shape(layer.output_shape) for layer in report(layers, shape, **header).layers]


def test_lenet_by_hand():
    layers = [
        {"type": "Convolution2D", "nb_filter": 6, "nb_row": 5, "nb_col": 5, "border_mode": "same",
         "activation": "tanh"},
        {"type": "AveragePooling2D"},
        {"type": "Convolution2D", "nb_filter": 16, "nb_row": 5, "nb_col": 5, "trainable": False},
        {"type": "AveragePooling2D"},
        {"type": "Flatten"},
        {"type": "Dense", "output_dim": 120},
        {"type": "Dense", "output_dim": 84, "bias": False},
        {"type": "Dense", "output_dim": 10, "activation": "softmax"},
    ]  # fmt: skip
    found = report(layers, [28, 28, 1])
    assert [format_shape(layer.output_shape) for layer in found.layers] == [
        "(28, 28, 6)", "(14, 14, 6)", "(10, 10, 16)", "(5, 5, 16)", "(400,)", "(120,)", "(84,)",
        "(10,)",
    ]  # fmt: skip
    assert [layer.parameters for layer in found.layers] == [
        5 * 5 * 1 * 6 + 6, 0, 5 * 5 * 6 * 16 + 16, 0, 0, 400 * 120 + 120, 120 * 84, 84 * 10 + 10,
    ]  # fmt: skip
    assert found.parameters == 61622
    assert found.trainable_parameters == 61622 - 2416
    assert [layer.multiply_adds for layer in found.layers] == [
        28 * 28 * 6 * 25, 0, 10 * 10 * 16 * 150, 0, 0, 400 * 120, 120 * 84, 840,
    ]  # fmt: skip
    assert found.multiply_adds == 117600 + 240000 + 48000 + 10080 + 840
    assert [layer.activation_bytes for layer in found.layers][:2] == [4 * 4704, 4 * 1176]
    assert found.layers[3].receptive_field == (16, 16)
    assert found.layers[3].stride == (Fraction(4), Fraction(4))
    assert found.layers[4].receptive_field == (16, 16)
    assert found.layers[4].stride is None
    assert found.layers[5].receptive_field is None


def vgg16():
    layers = []
    for filters, depth in [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]:
        for _ in range(depth):
            layers.append({"type": "ZeroPadding2D"})
            layers.append({"type": "Convolution2D", "nb_filter": filters, "nb_row": 3, "nb_col": 3,
                           "activation": "relu"})  # fmt: skip
        layers.append({"type": "MaxPooling2D", "strides": [2, 2]})
    layers.append({"type": "Flatten"})
    for units in (4096, 4096):
        layers += [{"type": "Dense", "output_dim": units, "activation": "relu"},
                   {"type": "Dropout", "p": 0.5}]  # fmt: skip
    return [*layers, {"type": "Dense", "output_dim": 1000, "activation": "softmax"}]


@pytest.mark.parametrize(("ordering", "shape"), [("th", [3, 224, 224]), ("tf", [224, 224, 3])])
def test_vgg16_as_published(ordering, shape):
    """138,357,544 parameters, 15.5 G multiply-adds, a field of 212 at the last pool."""
    found = report(vgg16(), shape, dim_ordering=ordering)
    assert found.parameters == 138_357_544
    assert found.multiply_adds == 15_346_630_656 + 123_633_664
    by_type = [layer for layer in found.layers if layer.type == "MaxPooling2D"]
    assert [layer.receptive_field for layer in by_type] == [(r, r) for r in (6, 16, 44, 100, 212)]
    assert [layer.stride for layer in by_type] == [(2**i, 2**i) for i in range(1, 6)]
    last = (512, 7, 7) if ordering == "th" else (7, 7, 512)
    assert by_type[-1].output_shape == last
    assert found.layers[-1].output_shape == (1000,)
    assert found.peak_bytes is not None
    # The weights, and the two largest neighbours: 64 x 226 x 226 is never stored.
    assert found.peak_bytes > 4 * (138_357_544 + 2 * 64 * 224 * 224)


def test_c3d_clip_by_hand():
    layers = [
        {"type": "Convolution3D", "nb_filter": 64, "kernel_dim1": 3, "kernel_dim2": 3,
         "kernel_dim3": 3, "border_mode": "same"},
        {"type": "MaxPooling3D", "pool_size": [1, 2, 2], "strides": [1, 2, 2]},
        {"type": "Convolution3D", "nb_filter": 128, "kernel_dim1": 3, "kernel_dim2": 3,
         "kernel_dim3": 3, "border_mode": "same", "subsample": [2, 1, 1]},
        {"type": "MaxPooling3D", "border_mode": "same"},
    ]  # fmt: skip
    found = report(layers, [3, 15, 112, 112], dim_ordering="th")
    assert [layer.output_shape for layer in found.layers] == [
        (64, 15, 112, 112), (64, 15, 56, 56), (128, 8, 56, 56), (128, 4, 28, 28),
    ]  # fmt: skip
    assert [layer.parameters for layer in found.layers] == [81 * 64 + 64, 0, 27 * 64 * 128 + 128, 0]
    assert found.multiply_adds == 15 * 112 * 112 * 64 * 81 + 8 * 56 * 56 * 128 * 27 * 64
    assert found.layers[3].stride == (4, 4, 4)
    # Depth: 3, then 3 at stride 1, then 2 at stride 2; rows: 3, pool 2/2, 3, pool 2/1.
    assert found.layers[3].receptive_field == (7, 10, 10)


def dependencies(layers, n):
    """Per output, the inputs it depends on: found by nudging every input (max and mean)."""
    model = build(layers, [n, 1])
    run = model.compile("reference").run
    base = run(np.zeros((1, n, 1), np.float32)).ravel()
    seen = [set() for _ in base]
    for i in range(n):
        x = np.zeros((1, n, 1), np.float32)
        x[0, i] = 1
        for o, changed in enumerate(run(x).ravel() != base):
            if changed:
                seen[o].add(i)
    return model.shapes().layers[-1], seen


def conv1d(k, s, mode):
    return {"type": "Convolution1D", "nb_filter": 1, "filter_length": k, "subsample_length": s,
            "border_mode": mode, "init": "one"}  # fmt: skip


@pytest.mark.parametrize(
    "layers",
    [
        [conv1d(3, 2, "valid"), conv1d(2, 1, "same")],
        [conv1d(5, 1, "same"), {"type": "AveragePooling1D", "pool_length": 3, "stride": 2}],
        [{"type": "ZeroPadding1D", "padding": 2}, conv1d(4, 3, "valid"), conv1d(3, 2, "same")],
        [{"type": "MaxPooling1D"}, {"type": "Dropout", "p": 0.1}, conv1d(3, 1, "full")],
        [{"type": "UpSampling1D", "length": 3}, conv1d(4, 1, "valid")],
        [conv1d(3, 2, "same"), {"type": "UpSampling1D", "length": 2}, conv1d(3, 1, "same")],
    ],
)  # fmt: skip
def test_receptive_field_is_what_outputs_depend_on(layers):
    layer, seen = dependencies(layers, 40)
    widest = max(max(s) - min(s) + 1 for s in seen if s)
    assert layer.receptive_field == (widest,)
    # In the middle, neighbours are one stride further on.
    starts = [min(s) for s in seen if s][2:-2]
    apart = (starts[-1] - starts[0]) / (len(starts) - 1)
    assert apart == pytest.approx(float(layer.stride[0]), abs=0.2)


# By name.

OPEN = [
    ([{"type": "Convolution1D", "nb_filter": 64, "filter_length": 3, "subsample_length": 2}],
     [None, 8], "(ceil((T - 2)/2), 64)"),
    ([{"type": "Convolution1D", "nb_filter": 64, "filter_length": 3}], [None, 8], "(T - 2, 64)"),
    ([{"type": "Convolution1D", "nb_filter": 4, "filter_length": 3, "border_mode": "full"}],
     [None, 8], "(T + 2, 4)"),
    ([{"type": "Convolution1D", "nb_filter": 4, "filter_length": 2, "border_mode": "same",
       "subsample_length": 3}], [None, 8], "(ceil(T/3), 4)"),
    ([{"type": "MaxPooling1D"}], [None, 8], "(ceil((T - 1)/2), 8)"),
    ([{"type": "MaxPooling1D", "border_mode": "same"}] * 3, [None, 8], "(ceil(T/8), 8)"),
    ([{"type": "UpSampling1D", "length": 3}, {"type": "ZeroPadding1D", "padding": [1, 0]}],
     [None, 8], "(3*T + 1, 8)"),
    ([{"type": "AveragePooling2D"}], [None, None, 3], "(ceil((H - 1)/2), ceil((W - 1)/2), 3)"),
    ([{"type": "Convolution2D", "nb_filter": 5, "nb_row": 1, "nb_col": 4, "dim_ordering": "th"}],
     [3, None, None], "(5, H, W - 3)"),
    ([{"type": "UpSampling3D", "dim_ordering": "th"}], [1, None, 4, None], "(1, 2*D, 8, 2*W)"),
    ([{"type": "MaxPooling2D", "border_mode": "same"}, {"type": "Flatten"}], [None, None, 3],
     "(3*ceil(H/2)*ceil(W/2),)"),
    ([{"type": "Reshape", "target_shape": [-1, 4]}], [None, 8], "(2*T, 4)"),
]  # fmt: skip


@pytest.mark.parametrize(("layers", "declared", "text"), OPEN, ids=[text for *_, text in OPEN])
@pytest.mark.parametrize("semantics", ["tensorflow", "theano"])
def test_open_shapes_in_words(layers, declared, text, semantics):
    assert shapes_of(layers, declared, semantics=semantics)[-1] == text


def test_an_open_report_has_no_peak_until_it_is_bound():
    model = build([conv1d(3, 2, "valid")], [None, 1])
    found = model.shapes()
    assert found.peak_bytes is None
    assert str(found.multiply_adds) == "3*ceil((T - 2)/2)"
    bound = model.shapes([9, 1])
    assert bound.layers[0].output_shape == (4, 1)
    assert bound.multiply_adds == 12
    assert bound.peak_bytes == model.plan([9, 1]).peak_bytes(1)


# Errors that explain themselves.

DOES_NOT_FIT = [
    (
        [{"type": "Convolution2D", "nb_filter": 4, "nb_row": 5, "nb_col": 5}],
        [3, 32, 32],
        "axis 1 of 2: a window of 5 does not fit into a length of 3; the layer's input is "
        "(3, 32, 32)",
        "write dim_ordering: th at the top of the spec: with it everything fits",
    ),
    (
        [{"type": "MaxPooling2D", "pool_size": [2, 2]}] * 4,
        [9, 30, 3],
        "axis 1 of 2: a window of 2 does not fit into a length of 1; the layer's input is "
        "(1, 3, 3)",
        "dim_ordering is 'tf'; with 'th' it would fit and give (1, 1, 1)",
    ),
    (
        [{"type": "ZeroPadding1D", "padding": 1}, conv1d(9, 1, "valid")],
        [4, 1],
        "axis 1 of 1: a window of 9 does not fit into a length of 6; the layer's input is (6, 1)",
        "use a smaller window, border_mode 'same', or a larger input",
    ),
]


@pytest.mark.parametrize(("layers", "shape", "message", "hint"), DOES_NOT_FIT)
def test_a_window_that_does_not_fit(layers, shape, message, hint):
    with pytest.raises(SpecError) as caught:
        build(layers, shape)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.message, diagnostic.hint) == ("CS044", message, hint)


RANKS = [
    (
        {"type": "MaxPooling2D"}, [None, 8],
        "MaxPooling2D takes samples of shape (rows, columns, channels), but its input has shape "
        "(T, 8)",
        "the channel axis may be missing: a grey image is (T, 8, 1)",
    ),
    (
        {"type": "UpSampling2D", "dim_ordering": "th"}, [1, 3, 32, 32],
        "UpSampling2D takes samples of shape (channels, rows, columns), but its input has shape "
        "(1, 3, 32, 32)",
        "a shape is given without the batch axis",
    ),
    (
        {"type": "Convolution3D", "nb_filter": 1, "kernel_dim1": 1, "kernel_dim2": 1,
         "kernel_dim3": 1}, [10],
        "Convolution3D takes samples of shape (dim1, dim2, dim3, channels), but its input has "
        "shape (10,)",
        "a Reshape before it can give the values their axes back",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "shape", "message", "hint"), RANKS)
def test_a_wrong_rank(layer, shape, message, hint):
    with pytest.raises(SpecError) as caught:
        build([layer], shape)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.message, diagnostic.hint) == ("CS038", message, hint)


def test_open_channels_cannot_have_a_kernel():
    for layer in (conv1d(3, 1, "valid"), {"type": "Dense", "output_dim": 2}):
        with pytest.raises(SpecError) as caught:
            build([layer], [5, None])
        (diagnostic,) = caught.value.diagnostics
        assert diagnostic.code == "CS045"
        assert diagnostic.message.startswith(f"{layer['type']} needs a known number of channels")
        assert diagnostic.hint == "only spatial lengths may be null"
    assert shapes_of([{"type": "MaxPooling1D"}], [6, None]) == ["(3, C)"]


def test_a_reshape_that_does_not_divide():
    with pytest.raises(SpecError) as caught:
        build([{"type": "Reshape", "target_shape": [-1, 5]}], [4, 3])
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "CS046"
    assert diagnostic.message == "12 values of (4, 3) cannot be split evenly by 5"
    with pytest.raises(SpecError) as caught:
        build([{"type": "Reshape", "target_shape": [5, 3]}], [4, 3])
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.message == "(4, 3) holds 12 values, (5, 3) holds 15"


# The rules and the verifier, alone.


def test_every_rule_by_hand():
    t = symbol("T")
    assert infer(Input((t, 3))) == (t, 3)
    assert infer(Upsample((2, 3)), (4, t, 5)) == (8, 3 * t, 5)
    assert infer(Pad(((1, 0), (2, 3))), (4, t, 5)) == (5, t + 5, 5)
    assert infer(Transpose((2, 0, 1)), (4, t, 5)) == (5, 4, t)
    assert infer(Reshape((2 * t,)), (t, 2)) == (2 * t,)
    pool = Pool("max", (3,), (2,), ((1, 1),), ((2, 0),))
    assert infer(pool, (5, 7)) == (4, 7)  # 2 zeros, 5, and 1 + 1 of padding: 9, windows of 3
    assert element_count((t, 2, 3)) == 6 * t
    assert element_count(()) == 1


def chain(*nodes):
    return Graph(nodes, (nodes[-1].name,))


def test_verify_finds_what_is_wrong():
    source = Node("in", Input((4, 2)), (), (4, 2), "in")
    good = chain(source, Node("a", Identity(), ("in",), (4, 2), "a"))
    verify(good)
    for broken, message in [
        (chain(source, Node("a", Upsample((2,)), ("in",), (4, 2), "a")),
         r"a: \(8, 2\) derived, \(4, 2\) recorded"),
        (chain(Node("a", Identity(), ("in",), (4, 2), "a"), source),
         r"a reads \['in'\] before they are computed"),
        (chain(source, source), "in is computed twice"),
        (Graph(good.nodes, ("gone",)), "output gone is not computed"),
    ]:  # fmt: skip
        with pytest.raises(AssertionError, match=message):
            verify(broken)
    with pytest.raises(Problem, match="holds 8 values"):
        verify(chain(source, Node("a", Reshape((9,)), ("in",), (9,), "a")))
