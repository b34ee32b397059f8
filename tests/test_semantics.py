"""Where TensorFlow and Theano differ, by the numbers that both of them gave.

The tables are those measured on Keras 1.2.2 with TensorFlow 1.0.1 and Theano 0.9.0,
for x = 1, 2, 3.. and W = 1, 10, 100.. ("=": both the same; None: refused). Where TensorFlow
before 1.8 skipped inputs ('same' with a negative padding) the clamped rule's numbers stand.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

import speccompiler
from speccompiler.diagnostics.core import SpecError
from tests.cases import array, build
from tests.extra_targets import EXTRA_TARGETS

TARGETS = ("reference", "cpu", *EXTRA_TARGETS)

# kernel, stride, length, border_mode, TensorFlow, Theano
CONVOLUTION = [
    (3, 1, 4, "same", "210 321 432 43", "12 123 234 340"),
    (3, 2, 4, "same", "321 43", "12 234"),
    (2, 1, 4, "same", "21 32 43 4", "1 12 23 34"),
    (3, 1, 6, "valid", "321 432 543 654", "123 234 345 456"),
    (2, 1, 6, "valid", "21 32 43 54 65", "12 23 34 45 56"),
    (3, 2, 7, "valid", "321 543 765", "123 345 567"),
    (3, 1, 6, "same", "210 321 432 543 654 65", "12 123 234 345 456 560"),
    (2, 1, 6, "same", "21 32 43 54 65 6", "1 12 23 34 45 56"),
    (4, 1, 6, "same", "3210 4321 5432 6543 654 65", "12 123 1234 2345 3456 4560"),
    (3, 2, 7, "same", "210 432 654 76", "12 234 456 670"),
    (3, 2, 6, "same", "321 543 65", "12 234 456"),
    (2, 2, 6, "same", "21 43 65", "1 23 45"),
    (2, 2, 7, "same", "21 43 65 7", "1 23 45 67"),
    (5, 2, 8, "same", "43210 65432 87654 876", "123 12345 34567 56780"),
    (3, 3, 6, "same", "321 654", "12 345"),
    (3, 3, 7, "same", "210 543 76", "12 345 670"),
    (3, 3, 8, "same", "321 654 87", "12 345 678"),
    (1, 2, 6, "same", "1 3 5", "="),
    (1, 3, 6, "same", "1 4", "="),  # 2 5 on TensorFlow 1.0.1
    (1, 3, 7, "same", "1 4 7", "="),
    (2, 4, 8, "same", "21 65", "1 45"),  # 32 76 on TensorFlow 1.0.1
    (3, 1, 4, "full", "100 210 321 432 43 4", "1 12 123 234 340 400"),
    (3, 2, 4, "full", "100 321 43", "1 123 340"),
    (5, 1, 4, "valid", None, None),
]

# window, stride, length, border_mode, TensorFlow, Theano
MAX_POOLING = [
    (2, 2, 4, "same", "2 4", "1 3"),
    (5, 1, 5, "same", "3 4 5 5 5", "2 3 4 5 5"),
    (2, 2, 6, "valid", "2 4 6", "="),
    (2, 2, 7, "valid", "2 4 6", "="),
    (3, 3, 7, "valid", "3 6", "="),
    (2, 3, 7, "valid", "2 5", "="),
    (5, 5, 4, "valid", None, None),
    (2, 2, 6, "same", "2 4 6", "1 3 5"),
    (2, 2, 7, "same", "2 4 6 7", "1 3 5 7"),
    (2, 1, 6, "same", "2 3 4 5 6 6", "1 2 3 4 5 6"),
    (3, 1, 6, "same", "2 3 4 5 6 6", "="),
    (3, 2, 6, "same", "3 5 6", "2 4 6"),
    (3, 2, 7, "same", "2 4 6 7", "="),
    (3, 3, 7, "same", "2 5 7", "="),
    (4, 2, 8, "same", "3 5 7 8", "1 3 5 7"),
    (5, 1, 8, "same", "3 4 5 6 7 8 8 8", "2 3 4 5 6 7 8 8"),
    (5, 2, 9, "same", "3 5 7 9 9", "2 4 6 8 9"),
    (1, 1, 4, "same", "1 2 3 4", "="),
    (2, 3, 7, "same", "2 5 7", "1 4 7"),
    (1, 3, 6, "same", "1 4", "="),
    (2, 4, 8, "same", "2 6", "1 5"),
]
AVERAGE_POOLING = [
    (2, 2, 4, "same", "1.5 3.5", "1 2.5"),
    (3, 2, 4, "same", "2 3.5", "1.5 3"),
    (3, 1, 4, "same", "1.5 2 3 3.5", "="),
    (3, 2, 5, "same", "1.5 3 4.5", "="),
    (2, 2, 6, "valid", "1.5 3.5 5.5", "="),
    (2, 2, 7, "valid", "1.5 3.5 5.5", "="),
    (3, 3, 7, "valid", "2 5", "="),
    (2, 3, 7, "valid", "1.5 4.5", "="),
    (5, 5, 4, "valid", None, None),
    (2, 2, 6, "same", "1.5 3.5 5.5", "1 2.5 4.5"),
    (2, 2, 7, "same", "1.5 3.5 5.5 7", "1 2.5 4.5 6.5"),
    (2, 1, 6, "same", "1.5 2.5 3.5 4.5 5.5 6", "1 1.5 2.5 3.5 4.5 5.5"),
    (3, 1, 6, "same", "1.5 2 3 4 5 5.5", "="),
    (3, 2, 6, "same", "2 4 5.5", "1.5 3 5"),
    (3, 2, 7, "same", "1.5 3 5 6.5", "="),
    (3, 3, 7, "same", "1.5 4 6.5", "="),
    (4, 2, 8, "same", "2 3.5 5.5 7", "1 2 3.5 5.5"),
    (5, 1, 8, "same", "2 2.5 3 4 5 6 6.5 7", "1.5 2 2.5 3 4 5 6 6.5"),
    (5, 2, 9, "same", "2 3 5 7 8", "1.5 2.5 4 6 7.5"),
    (1, 1, 4, "same", "1 2 3 4", "="),
    (2, 3, 7, "same", "1.5 4.5 7", "1 3.5 6.5"),
    (1, 3, 6, "same", "1 4", "="),
    (2, 4, 8, "same", "1.5 5.5", "1 4.5"),
]

# pool_size, strides, depth, max TF, max Theano, mean TF, mean Theano (None: Theano gives NaN or
# too few values, and convspec the 2-D layers' result with a warning); 2x2 ramps along depth.
POOLING_3D = [
    ((1, 2, 2), (1, 1, 1), 5, "1 2 3 4 5", None, "1 2 3 4 5", None),
    ((2, 2, 2), (2, 1, 1), 6, "2 4 6", "1 3 5", "1.5 3.5 5.5", "1 2.5 4.5"),
    ((3, 2, 2), (1, 1, 1), 6, "2 3 4 5 6 6", "=", "1.5 2 3 4 5 5.5", "="),
    ((3, 2, 2), (2, 1, 1), 6, "3 5 6", "2 4 6", "2 4 5.5", "1.5 3 5"),
    ((2, 2, 2), (1, 1, 1), 5, "2 3 4 5 5", "1 2 3 4 5", "1.5 2.5 3.5 4.5 5",
     "1 1.5 2.5 3.5 4.5"),
    # Theano pads a window of 1 by -1; TensorFlow 1.0.1 gave 2 5 as well.
    ((1, 2, 2), (3, 1, 1), 6, "1 4", "2 5", "1 4", None),
]  # fmt: skip


def numbers(text):
    return [float(t) for t in text.split()]


def expected(tensorflow, theano, semantics):
    given = tensorflow if semantics == "tensorflow" or theano == "=" else theano
    return None if given is None else numbers(given)


def along(values, rank, axis, ordering):
    """One channel of one sample whose values run along one spatial axis."""
    shape = [1] * rank
    shape[axis] = len(values)
    channel = (1, *shape) if ordering == "th" else (*shape, 1)
    return np.reshape(values, (1, *channel)).astype(np.float32)


def placements():
    """Every rank, axis and ordering that one-dimensional numbers can be laid along."""
    for rank in (1, 2, 3):
        for axis in range(rank):
            for ordering in ("tf",) if rank == 1 else ("tf", "th"):
                yield rank, axis, ordering


PLACEMENTS = list(placements())


def run(model, x, target):
    return model.compile(target).run(x)


def line(rank, axis, value, fill=1):
    """``value`` along one axis, ``fill`` along the others."""
    return [value if i == axis else fill for i in range(rank)]


def convolution(rank, axis, ordering, k, s, mode):
    kernel, stride = line(rank, axis, k), line(rank, axis, s)
    w = np.reshape([10.0**i for i in range(k)], kernel)
    if rank == 1:
        geometry = {"filter_length": k, "subsample_length": s}
        w = w[:, None, None, None]
    else:
        names = ("nb_row", "nb_col") if rank == 2 else ("kernel_dim1", "kernel_dim2", "kernel_dim3")
        geometry = dict(zip(names, kernel, strict=True))
        geometry |= {"subsample": stride, "dim_ordering": ordering}
        w = w[None, None] if ordering == "th" else w[..., None, None]
    return {
        "type": f"Convolution{rank}D",
        "nb_filter": 1,
        "border_mode": mode,
        "bias": False,
        "weights": [w.tolist()],
        **geometry,
    }


def pooling(kind, rank, axis, ordering, k, s, mode):
    layer = {"type": f"{kind}Pooling{rank}D", "border_mode": mode}
    if rank == 1:
        return layer | {"pool_length": k, "stride": s}
    # A window of 1 along the other axes would meet Theano's 3-D fault: see POOLING_3D.
    fill = 3 if rank == 3 and mode == "same" else 1
    return layer | {
        "pool_size": line(rank, axis, k, fill),
        "strides": line(rank, axis, s),
        "dim_ordering": ordering,
    }


def check_row(layer, x, want, semantics, target):
    if want is None:
        with pytest.raises(SpecError) as caught:
            build([layer], x.shape[1:], semantics=semantics)
        assert [d.code for d in caught.value.diagnostics] == ["CS044"]
        return
    y = run(build([layer], x.shape[1:], semantics=semantics), x, target)
    assert y.ravel() == pytest.approx(want, rel=1e-6)
    assert y.size == len(want)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("semantics", ["tensorflow", "theano"])
@pytest.mark.parametrize(("rank", "axis", "ordering"), PLACEMENTS)
def test_convolution(rank, axis, ordering, semantics, target):
    for k, s, n, mode, tensorflow, theano in CONVOLUTION:
        layer = convolution(rank, axis, ordering, k, s, mode)
        x = along(np.arange(1, n + 1), rank, axis, ordering)
        check_row(layer, x, expected(tensorflow, theano, semantics), semantics, target)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("semantics", ["tensorflow", "theano"])
@pytest.mark.parametrize(("rank", "axis", "ordering"), PLACEMENTS)
@pytest.mark.parametrize(("kind", "table"), [("Max", MAX_POOLING), ("Average", AVERAGE_POOLING)])
def test_pooling(kind, table, rank, axis, ordering, semantics, target):
    for k, s, n, mode, tensorflow, theano in table:
        if rank == 3 and k == 1 and semantics == "theano":
            continue
        layer = pooling(kind, rank, axis, ordering, k, s, mode)
        x = along(np.arange(1, n + 1), rank, axis, ordering)
        check_row(layer, x, expected(tensorflow, theano, semantics), semantics, target)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("semantics", ["tensorflow", "theano"])
@pytest.mark.parametrize("ordering", ["tf", "th"])
@pytest.mark.parametrize("row", POOLING_3D, ids=str)
def test_pooling_3d(row, ordering, semantics, target):
    size, strides, depth, *both = row
    x = np.broadcast_to(np.arange(1, depth + 1)[:, None, None], (depth, 2, 2))
    x = (x[None, None] if ordering == "th" else x[None, ..., None]).astype(np.float32)
    for kind, tensorflow, theano in [("Max", *both[:2]), ("Average", *both[2:])]:
        layer = {
            "type": f"{kind}Pooling3D", "pool_size": size, "strides": strides,
            "border_mode": "same", "dim_ordering": ordering,
        }  # fmt: skip
        model = build([layer], x.shape[1:], semantics=semantics)
        want = expected(tensorflow, theano, semantics)
        broken = want is None
        assert [d.code for d in model.diagnostics] == (["CS051"] if broken else [])
        want = numbers(tensorflow) if broken else want
        y = run(model, x, target)
        assert y.ravel() == pytest.approx(np.repeat(want, 4), rel=1e-6)


def test_the_3d_warning_says_why():
    layer = {"type": "AveragePooling3D", "pool_size": [1, 2, 2], "strides": [1, 1, 1],
             "border_mode": "same"}  # fmt: skip
    model = build([layer], [5, 2, 2, 1], semantics="theano")
    (warning,) = model.diagnostics
    assert warning.message == (
        "Theano itself fails here: AveragePooling3D 'same' with a window of 1 "
        "returned NaN or too few values"
    )
    assert warning.hint == "the result follows the rule of the 2-D layers"


def test_the_3d_warning_also_comes_for_a_bound_length():
    """A length that is only known at run time can be one where the original fails."""
    layer = {"type": "AveragePooling3D", "pool_size": [1, 2, 2], "strides": [1, 1, 1],
             "border_mode": "same"}  # fmt: skip
    model = build([layer], [None, 2, 2, 1], semantics="theano")
    compiled = model.compile("reference", input_shape=(5, 2, 2, 1))
    assert "CS051" in {d.code for d in (*model.diagnostics, *compiled.diagnostics)}


@pytest.mark.parametrize("target", TARGETS)
def test_single_rules_override_a_profile(target):
    """Kernel direction and padding are independent: four combinations, four results."""
    layer = convolution(1, 0, "tf", 2, 1, "same")
    x = along(np.arange(1, 5), 1, 0, "tf")
    for semantics, want in [
        ("tensorflow", "21 32 43 4"),
        ({"kernel": "convolve"}, "12 23 34 40"),
        ({"padding": "theano"}, "10 21 32 43"),
        ({"profile": "theano", "padding": "theano"}, "1 12 23 34"),
        ({"profile": "theano", "kernel": "correlate"}, "10 21 32 43"),
        ({"profile": "theano", "padding": "tensorflow"}, "12 23 34 40"),
        ("theano", "1 12 23 34"),
    ]:
        y = run(build([layer], [4, 1], semantics=semantics), x, target)
        assert y.ravel().tolist() == numbers(want), semantics


@pytest.mark.parametrize("semantics", ["tensorflow", "theano"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("rank", [2, 3])
def test_orderings_are_a_change_of_layout(rank, target, semantics, rng):
    """th kernels are (filters, channels, ..), tf kernels (.., channels, filters)."""
    kernel, channels, filters, spatial = (2, 3, 2)[:rank], 3, 4, (5, 4, 6)[:rank]
    names = ("nb_row", "nb_col") if rank == 2 else ("kernel_dim1", "kernel_dim2", "kernel_dim3")
    w = np.array(array(*kernel, channels, filters))
    x = rng.standard_normal((2, *spatial, channels)).astype(np.float32)
    common = {
        "type": f"Convolution{rank}D", "nb_filter": filters, "border_mode": "same",
        "subsample": (2, 1, 2)[:rank], **dict(zip(names, kernel, strict=True)),
    }  # fmt: skip
    bias = array(filters, seed=2)
    last = build(
        [common | {"dim_ordering": "tf", "weights": [w.tolist(), bias]}],
        x.shape[1:], semantics=semantics,
    )  # fmt: skip
    w_th = np.moveaxis(w, (-1, -2), (0, 1))
    assert w_th.shape == (filters, channels, *kernel)
    x_th = np.moveaxis(x, -1, 1)
    first = build(
        [common | {"dim_ordering": "th", "weights": [w_th.tolist(), bias]}],
        x_th.shape[1:], semantics=semantics,
    )  # fmt: skip
    y, y_th = run(last, x, target), run(first, x_th, target)
    np.testing.assert_allclose(np.moveaxis(y_th, 1, -1), y, rtol=1e-6)


@pytest.mark.parametrize("target", TARGETS)
def test_flatten_and_dense_follow_the_real_layout(target):
    """Row-major over the layout the array has: th counts channels slowest."""
    x = np.arange(12, dtype=np.float32).reshape(1, 2, 2, 3)
    for ordering in ("tf", "th"):
        layers = [{"type": "ZeroPadding2D", "padding": [0, 0], "dim_ordering": ordering},
                  {"type": "Flatten"}]  # fmt: skip
        assert run(build(layers, [2, 2, 3]), x, target).tolist() == [list(range(12))]
    layers = [{"type": "ZeroPadding2D", "padding": [1, 0, 0, 0], "dim_ordering": "th"},
              {"type": "Flatten"}]  # fmt: skip
    y = run(build(layers, [2, 2, 3]), x, target)
    assert y.tolist() == [[0, 0, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0, 6, 7, 8, 9, 10, 11]]


@pytest.mark.parametrize("target", TARGETS)
def test_resizing_names_its_axes_in_order(target):
    x = np.arange(1, 7, dtype=np.float32).reshape(1, 2, 3, 1)
    up = run(build([{"type": "UpSampling2D", "size": [1, 2]}], [2, 3, 1]), x, target)
    assert up[0, :, :, 0].tolist() == [[1, 1, 2, 2, 3, 3], [4, 4, 5, 5, 6, 6]]
    four = {"type": "ZeroPadding2D", "padding": [1, 0, 0, 2]}  # top, bottom, left, right
    padded = run(build([four], [2, 3, 1]), x, target)
    assert padded[0, :, :, 0].tolist() == [[0, 0, 0, 0, 0], [1, 2, 3, 0, 0], [4, 5, 6, 0, 0]]
    sides = {"bottom_pad": 1, "left_pad": 1}
    padded = run(build([{"type": "ZeroPadding2D", "padding": sides}], [2, 3, 1]), x, target)
    assert padded[0, :, :, 0].tolist() == [[0, 1, 2, 3], [0, 4, 5, 6], [0, 0, 0, 0]]
    three = {"type": "UpSampling3D", "size": [2, 1, 3]}
    up = run(build([three], [1, 2, 1, 1]), x.reshape(-1)[:2].reshape(1, 1, 2, 1, 1), target)
    assert up[0, ..., 0].tolist() == [[[1, 1, 1], [2, 2, 2]]] * 2


ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "elu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name, target):
    """The formulas of Keras 1.2.2, alone and after a convolution."""
    x = np.array([-30, -3, -2.5, -1, -1e-3, 0, 1e-3, 0.5, 2, 2.5, 4, 20], np.float32)
    want = ACTIVATIONS[name](x.astype(np.float64))
    alone = build([{"type": "Activation", "activation": name}], [12])
    np.testing.assert_allclose(run(alone, x[None], target)[0], want, rtol=2e-6, atol=1e-7)
    if name not in {"linear", "relu", "elu", "softmax"}:
        return  # the same text goes into a convolution, which takes a while to compile
    eye = np.eye(12)[None, None].tolist()
    fused = {"type": "Convolution1D", "nb_filter": 12, "filter_length": 1, "activation": name,
             "bias": False, "weights": [eye]}  # fmt: skip
    y = run(build([fused], [1, 12]), x[None, None], target)[0, 0]
    np.testing.assert_allclose(y, want, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("target", TARGETS)
def test_bias_comes_before_the_activation(target):
    layer = {"type": "Dense", "output_dim": 2, "activation": "relu",
             "weights": [[[1, 1]], [-3, 3]]}  # fmt: skip
    y = run(build([layer], [1]), np.array([[1.0]], np.float32), target)
    assert y.tolist() == [[0, 4]]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_dense_works_on_the_last_axis(rank, target, rng):
    """Samples have rank 1 (as everywhere) or, as in Keras 1.2, any higher rank."""
    w, b = np.array(array(3, 2)), np.array(array(2, seed=1))
    x = rng.standard_normal((4, *(2, 5)[: rank - 1], 3)).astype(np.float32)
    layer = {"type": "Dense", "output_dim": 2, "weights": [w.tolist(), b.tolist()]}
    y = run(build([layer], x.shape[1:]), x, target)
    np.testing.assert_allclose(y, x @ w + b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", ["max", "average"])
@pytest.mark.parametrize("target", TARGETS)
def test_padding_never_counts_in_a_pool_but_zeropadding_does(mode, target):
    kind = {"max": "Max", "average": "Average"}[mode]
    pool = {"type": f"{kind}Pooling1D", "pool_length": 3, "stride": 1}
    x = np.array([-4, -2, -6], np.float32).reshape(1, 3, 1)
    same = run(build([pool | {"border_mode": "same"}], [3, 1]), x, target).ravel()
    assert same.tolist() == ([-2, -2, -2] if mode == "max" else [-3, -4, -4])
    layers = [{"type": "ZeroPadding1D"}, pool]
    padded = run(build(layers, [3, 1]), x, target).ravel()
    assert padded.tolist() == ([0, -2, 0] if mode == "max" else [-2, -4, pytest.approx(-8 / 3)])


def test_the_kernel_of_a_transposed_convolution_is_told_whole(tmp_path):
    """A stride splits it into parts of 2 x 2; what Theano reverses is the kernel."""
    layer = {"name": "d", "batch_input_shape": [None, 4, 4, 2], "nb_filter": 3, "nb_row": 3,
             "nb_col": 3, "output_shape": [None, 9, 9, 3], "subsample": [2, 2],
             "dim_ordering": "tf"}  # fmt: skip
    entry = {"class_name": "Deconvolution2D", "config": layer}
    (tmp_path / "m.json").write_text(json.dumps({"class_name": "Sequential", "config": [entry]}))
    np.savez(tmp_path / "w.npz", d_W=np.ones((3, 3, 2, 3)), d_b=np.ones(3))
    model = speccompiler.load(tmp_path / "m.json", weights=tmp_path / "w.npz")
    with pytest.raises(SpecError) as caught:
        model.compile("reference")
    _, note = caught.value.diagnostics
    assert note.message == "Theano reverses the 3x3 kernel W, which is the same reversed"


def test_nothing_is_guessed_where_a_keras_file_does_not_say(tmp_path):
    def keras(**config):
        file = tmp_path / "model.json"
        layer = {"name": "c", "batch_input_shape": [None, 8, 2], "nb_filter": 3, **config}
        entry = {"class_name": "Convolution1D", "config": layer}
        file.write_text(json.dumps({"class_name": "Sequential", "config": [entry]}))
        return file

    np.savez(tmp_path / "w.npz", c_W=np.ones((3, 1, 2, 3)), c_b=np.ones(3))
    model = speccompiler.load(keras(filter_length=3), weights=tmp_path / "w.npz")
    assert model.undecided() == ("c",)
    with pytest.raises(SpecError) as caught:
        model.compile("reference")
    diagnostic, note = caught.value.diagnostics
    assert note.message == "Theano reverses the 3 kernel W, which is the same reversed"
    assert diagnostic.code == "CS050"
    assert diagnostic.message == (
        "the file does not say which backend it was trained on, and the numbers of 'c' depend on it"
    )
    assert diagnostic.hint == "a run needs --semantics tensorflow or --semantics theano"
    assert diagnostic.span is not None
    # A kernel of 1 at any stride, padded or not, is the same in both: nothing to decide.
    np.savez(tmp_path / "w.npz", c_W=np.ones((1, 1, 2, 3)), c_b=np.ones(3))
    file = keras(filter_length=1, subsample_length=3, border_mode="same")
    model = speccompiler.load(file, weights=tmp_path / "w.npz")
    assert model.undecided() == ()
    assert model.compile("reference").run(np.ones((1, 8, 2), np.float32)).shape == (1, 3, 3)
