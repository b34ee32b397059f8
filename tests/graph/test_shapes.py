"""Shapes, parameters and multiply-adds: by hand, and by name where lengths are open."""

from __future__ import annotations

from fractions import Fraction

import pytest

from speccompiler.diagnostics.core import Problem, SpecError
from speccompiler.graph.dims import symbol
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
from speccompiler.graph.shapes import (
    SHAPE_RULES,
    element_count,
    format_shape,
    infer,
    verify,
)
from tests.cases import build
from tests.graph.small_models import conv1d, report, shapes_of


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


def test_only_what_is_new_is_derived_again(monkeypatch):
    """A node that was verified is not; one that reads a value of another shape is."""
    source = Node("in", Input((4,)), (), (4,), "in")
    first = Node("a", Identity(), ("in",), (4,), "a")
    last = Node("b", Identity(), ("a",), (4,), "b")
    before = chain(source, first, last)
    verify(before)
    derived = []
    rules = {**SHAPE_RULES, Identity: lambda op, shape: derived.append(shape) or shape}
    monkeypatch.setattr("speccompiler.graph.shapes.SHAPE_RULES", rules)
    verify(before, before)
    assert derived == []
    verify(chain(source, first, Node("c", Identity(), ("a",), (4,), "c")), before)
    assert derived == [(4,)]
    wider = Node("in", Input((5,)), (), (5,), "in")
    with pytest.raises(AssertionError, match=r"b: \(5,\) derived, \(4,\) recorded"):
        verify(chain(wider, Node("a", Identity(), ("in",), (5,), "a"), last), before)
