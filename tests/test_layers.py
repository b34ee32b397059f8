"""Layers that no case of the collection holds, by their formulas; versions, profiles, folds."""

from __future__ import annotations

import json

import numpy as np
import pytest

from speccompiler.diagnostics.core import Severity, SpecError
from speccompiler.graph.ir import Conv, Derived, MapWith, stored_tensors
from speccompiler.lowering.semantics import Semantics
from speccompiler.model import check, load
from speccompiler.passes import optimize
from speccompiler.source.document import parse_document
from tests.cases import build

TARGETS = ("reference", "cpu")


def run(layers, x, target, **header):
    model = build(layers, x.shape[1:], **header)
    return model.compile(target, math="precise").run(x.astype(np.float32))


def assert_gives(layers, x, wanted, tolerance=2e-6, **header):
    for target in TARGETS:
        y = run(layers, x, target, **header)
        assert y.shape == np.shape(wanted)
        assert np.abs(y - wanted).max() <= tolerance * max(1, np.abs(wanted).max())


@pytest.fixture
def values(rng):
    return rng.uniform(-3, 3, (2, 4, 3)).round(3)


def test_activations_that_are_layers(values):
    x = values
    assert_gives([{"type": "LeakyReLU", "alpha": -0.25}], x, np.where(x > 0, x, -0.25 * x))
    assert_gives([{"type": "ELU", "alpha": 0.5}], x, np.where(x > 0, x, 0.5 * np.expm1(x)))
    assert_gives([{"type": "ThresholdedReLU", "theta": 0.7}], x, np.where(x > 0.7, x, 0))


def test_parametric_activations(values, rng):
    a, b, c, d = (rng.uniform(-1, 1, (4, 3)).round(3) for _ in range(4))
    x = values
    weights = [w.tolist() for w in (a, b, c, d)]
    assert_gives([{"type": "PReLU", "weights": weights[:1]}], x, np.where(x > 0, x, a * x))
    shared = [{"type": "PReLU", "weights": [a[:1].tolist()], "shared_axes": [1]}]
    assert_gives(shared, x, np.where(x > 0, x, a[0] * x))
    softplus = a * np.log1p(np.exp(b * x))
    assert_gives([{"type": "ParametricSoftplus", "weights": weights[:2]}], x, softplus)
    # Positive left slopes: there the backends agree.
    b, right = np.abs(b), a + np.abs(c)
    y = np.where(x <= a, a + b * (x - a), np.where(x < right, x, right + d * (x - right)))
    weights[1] = b.tolist()
    for semantics in ("tensorflow", "theano"):
        assert_gives([{"type": "SReLU", "weights": weights}], x, y, semantics=semantics)


def test_a_negative_left_slope_of_srelu():
    """Theano's relu cuts off what rises on the left too; TensorFlow's does not."""
    x = np.array([[-5.0]])
    layer = {"type": "SReLU", "weights": [[1.0], [-2.0], [3.0], [1.0]]}
    assert_gives([layer], x, [[1 - 2 * (-6)]], semantics="tensorflow")
    assert_gives([layer], x, [[1 + 3]], semantics="theano")


def test_what_a_forward_pass_leaves_alone(values):
    for name in ("SpatialDropout1D", "GaussianDropout", "Dropout"):
        assert_gives([{"type": name, "p": 0.5}], values, values.astype(np.float32))
    assert_gives([{"type": "GaussianNoise", "sigma": 2}], values, values.astype(np.float32))
    model = build([{"type": "ActivityRegularization", "name": "a", "l1": 0.5, "l2": 2}], [4, 3])
    from speccompiler.weights.penalties import activity_regularizers

    term = activity_regularizers(model.spec)["a"]
    found = term.accumulate(0.0, values)
    assert found == pytest.approx(0.5 * np.abs(values).sum() + 2 * np.square(values).sum())


def test_highway_and_maxout(rng):
    x = rng.uniform(-2, 2, (3, 4))
    w, carry = rng.uniform(-1, 1, (2, 4, 4)).round(3)
    b, lift = rng.uniform(-1, 1, (2, 4)).round(3)
    t = 1 / (1 + np.exp(-(x @ carry + lift)))
    layer = {"type": "Highway", "activation": "tanh",
             "weights": [w.tolist(), carry.tolist(), b.tolist(), lift.tolist()]}  # fmt: skip
    assert_gives([layer], x, t * np.tanh(x @ w + b) + (1 - t) * x)
    w, b = rng.uniform(-1, 1, (3, 4, 5)).round(3), rng.uniform(-1, 1, (3, 5)).round(3)
    layer = {"type": "MaxoutDense", "output_dim": 5, "nb_feature": 3,
             "weights": [w.tolist(), b.tolist()]}  # fmt: skip
    assert_gives([layer], x, (np.einsum("ni,fio->nfo", x, w) + b).max(axis=1))


def test_locally_connected(rng):
    x = rng.uniform(-1, 1, (2, 5, 4, 2))
    arguments = {"type": "LocallyConnected2D", "nb_filter": 3, "nb_row": 3, "nb_col": 2}
    y = np.zeros((2, 3, 3, 3))
    w, b = rng.uniform(-1, 1, (9, 12, 3)).round(3), rng.uniform(-1, 1, (3, 3, 3)).round(3)
    for i, j in np.ndindex(3, 3):
        seen = x[:, i : i + 3, j : j + 2]
        y[:, i, j] = seen.reshape(2, -1) @ w[3 * i + j] + b[i, j]
    for semantics in ("tensorflow", "theano"):  # neither flips
        assert_gives([arguments | {"weights": [w.tolist(), b.tolist()]}], x, y,
                     semantics=semantics)  # fmt: skip
    # In 'th' the features of a position begin with the channels.
    for i, j in np.ndindex(3, 3):
        seen = x[:, i : i + 3, j : j + 2].transpose(0, 3, 1, 2)
        y[:, i, j] = seen.reshape(2, -1) @ w[3 * i + j] + b[:, i, j]
    layer = arguments | {"weights": [w.tolist(), b.tolist()], "dim_ordering": "th"}
    assert_gives([layer], x.transpose(0, 3, 1, 2), y.transpose(0, 3, 1, 2))


@pytest.mark.parametrize(
    ("semantics", "filter_length", "mode", "wanted"),
    [("tensorflow", 3, "valid", [531, 642, 753]), ("theano", 3, "valid", [135, 246, 357]),
     ("tensorflow", 3, "same", [310, 420, 531, 642, 753, 64, 75]),
     ("theano", 3, "same", [13, 24, 135, 246, 357, 460, 570]),
     ("tensorflow", 2, "same", [20, 31, 42, 53, 64, 75, 6]),
     ("theano", 2, "same", [2, 13, 24, 35, 46, 57, 60])],
)  # fmt: skip
def test_dilated_as_measured(semantics, filter_length, mode, wanted):
    """keras 1.2.2 on 1..7 with the kernel 1, 10, 100 and rate 2."""
    weights = [[[[[10.0**k]]] for k in range(filter_length)], [0.0]]
    layer = {"type": "AtrousConvolution1D", "nb_filter": 1, "filter_length": filter_length,
             "atrous_rate": 2, "border_mode": mode, "weights": weights}  # fmt: skip
    x = np.arange(1.0, 8).reshape(1, 7, 1)
    assert_gives([layer], x, np.reshape(wanted, (1, -1, 1)), semantics=semantics)


@pytest.mark.parametrize("inner", [
    {"type": "Convolution2D", "nb_filter": 3, "nb_row": 2, "nb_col": 3, "border_mode": "same"},
    {"type": "Convolution2D", "nb_filter": 3, "nb_row": 2, "nb_col": 2, "dim_ordering": "th"},
    {"type": "Deconvolution2D", "nb_filter": 3, "nb_row": 3, "nb_col": 3, "subsample": [2, 2],
     "output_shape": [None, 11, 9, 3]},
    {"type": "SeparableConvolution2D", "nb_filter": 3, "nb_row": 2, "nb_col": 2},
    {"type": "LocallyConnected2D", "nb_filter": 3, "nb_row": 2, "nb_col": 2},
    {"type": "MaxPooling2D", "border_mode": "same"}, {"type": "GlobalAveragePooling2D"},
    {"type": "UpSampling2D"}, {"type": "Cropping2D", "cropping": [[1, 0], [0, 1]]},
    {"type": "BatchNormalization"}, {"type": "PReLU"}, {"type": "Flatten"}, {"type": "Masking"},
    {"type": "Reshape", "target_shape": [-1, 2]}, {"type": "Permute", "dims": [3, 1, 2]},
    {"type": "BatchNormalization", "mode": 1}, {"type": "Dense", "output_dim": 2},
], ids=lambda inner: inner["type"])  # fmt: skip
def test_steps_are_done_one_by_one(inner, rng):
    """TimeDistributed against its layer, which sees each step as a sample."""
    x = rng.standard_normal((2, 3, 5, 4, 2)).astype(np.float32)
    apart = x.reshape(-1, *x.shape[2:])
    name = "t"  # random weights depend on it
    alone = build([inner | {"name": name}], x.shape[2:]).compile("reference").run(apart)
    layer = {"type": "TimeDistributed", "name": name, "layer": inner}
    model = build([layer], x.shape[1:])
    assert model.shapes().parameters == build([inner], x.shape[2:]).shapes().parameters
    for target in TARGETS:
        y = model.compile(target, math="precise").run(x)
        assert y.shape == (2, 3, *alone.shape[1:])
        np.testing.assert_allclose(y.reshape(alone.shape), alone, 1e-5, 2e-6)


def refused(layers, shape, **header):
    with pytest.raises(SpecError) as caught:
        build(layers, shape, **header)
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


def test_what_cannot_be_done_is_said():
    volume = {"type": "MaxPooling3D"}
    found = refused([{"type": "TimeDistributed", "layer": volume}], [None, 4, 4, 4, 1])
    assert (found.code, found.message) == (
        "CS059",
        "TimeDistributed cannot apply MaxPooling3D: steps and its 3 spatial axes are too many",
    )
    found = refused([{"type": "TimeDistributed", "layer": {"type": "Dense"}}], [4, 4])
    assert (found.code, found.message) == ("CS021", "Dense needs 'output_dim'")
    for name in ("LSTM", "GRU", "SimpleRNN", "Bidirectional", "ConvLSTM2D"):
        found = refused([{"type": name, "output_dim": 3}], [4, 4])
        message = f"{name} is recurrent, and convspec runs no recurrent layers"
        assert (found.code, found.message) == ("CS028", message)
    found = refused([{"type": "Cropping1D", "cropping": [2, 3]}], [4, 1])
    assert found.code == "CS044"
    assert found.message.startswith("axis 1 of 1: cutting 2 and 3 off a length of 4 leaves nothing")
    assert refused([{"type": "Permute", "dims": [2, 1]}], [4, 4, 1]).code == "CS038"
    assert refused([{"type": "Permute", "dims": [1, 3]}], [4, 4]).code == "CS026"
    assert refused([{"type": "BatchNormalization", "axis": 0}], [4, 4]).code == "CS057"
    assert refused([{"type": "BatchNormalization", "axis": 1, "mode": 1}], [4, 3]).code == "CS057"
    assert refused([{"type": "PReLU", "shared_axes": [3]}], [4, 3]).code == "CS057"
    layer = {"type": "Deconvolution2D", "nb_filter": 2, "nb_row": 3, "nb_col": 3,
             "output_shape": [None, 6, 7, 2]}  # fmt: skip
    found = refused([layer], [5, 5, 1])
    assert found.code == "CS058"
    assert found.message == (
        "output_shape [None, 6, 7, 2] belongs to an input of 4 x 5; it has 5 x 5"
    )


def test_numbers_of_no_row():
    model = build([{"type": "Embedding", "name": "e", "input_dim": 4, "output_dim": 2}], [3])
    for target in TARGETS:
        compiled = model.compile(target)
        for wrong in (4, -1, np.nan):
            x = np.array([[0, 1, 2], [3, wrong, 0]], np.float32)
            with pytest.raises(SpecError) as caught:
                compiled.run(x)
            (found,) = caught.value.diagnostics
            assert (found.code, found.message) == (
                "CS126",
                f"the number {wrong} of sample 1 is that of no row: layer 'e' has rows 0 to 3",
            )


# Versions and releases.


def keras(layers, version):
    entries = [{"class_name": kind, "config": config} for kind, config in layers]
    said = {} if version is None else {"keras_version": version}
    return json.dumps({"class_name": "Sequential", "config": entries, **said})


def test_a_release_that_is_not_named_is_no_secret(tmp_path):
    """A model_config copied out of an HDF5 file reads like one of Keras 1.0.3."""
    config = {"batch_input_shape": [None, 1], "epsilon": 0.5}
    layers = [("BatchNormalization", {**config, "name": "one", "mode": 0}),
              ("BatchNormalization", {**config, "name": "two", "mode": 1}),
              ("BatchNormalization", {**config, "name": "three", "mode": 0})]  # fmt: skip
    (tmp_path / "m.json").write_text(keras(layers, None))
    (warning,) = load(tmp_path / "m.json").diagnostics
    assert (warning.code, warning.severity, warning.layer) == ("CS053", Severity.WARNING, "one")
    assert "running_std of 'one' and 1 more is taken as the standard deviation" in warning.message
    assert '"keras_version": "1.2.2"' in warning.hint
    (tmp_path / "m.json").write_text(keras(layers[1:2], None))
    assert not load(tmp_path / "m.json").diagnostics
    (tmp_path / "m.json").write_text(keras(layers, "1.0.5"))
    assert not load(tmp_path / "m.json").diagnostics


@pytest.mark.parametrize(
    ("version", "backend", "scale"),
    [(None, "tensorflow", 1 / 4.5), ("1.0.5", "theano", 1 / 4.5), ("1.0.6", "theano", 1 / 4.5),
     ("1.0.6", "tensorflow", 4.5**-0.5), ("1.0.7", "tensorflow", 4.5**-0.5),
     ("1.0.7", "theano", 1 / 2.5), ("1.0.8", "theano", 4.5**-0.5), ("1.2.2", "theano", 4.5**-0.5)],
)  # fmt: skip
def test_running_std_by_version(version, backend, scale, tmp_path):
    """4 is a deviation, a variance, or a variance whose root epsilon is added to."""
    config = {"name": "n", "batch_input_shape": [None, 1], "epsilon": 0.5, "mode": 0, "axis": -1}
    (tmp_path / "m.json").write_text(keras([("BatchNormalization", config)], version))
    np.savez(tmp_path / "w.npz", n_gamma=[3.0], n_beta=[1.0], n_running_mean=[2.0],
             n_running_std=[4.0])  # fmt: skip
    model = load(tmp_path / "m.json", weights=tmp_path / "w.npz", semantics=backend)
    x = np.array([[7.0]], np.float32)
    for target in TARGETS:
        y = model.compile(target).run(x)
        np.testing.assert_allclose(y, [[5 * scale * 3 + 1]], 1e-6)


def test_running_std_can_be_said():
    layer = {"type": "BatchNormalization", "epsilon": 0.5,
             "weights": [[1.0], [0.0], [0.0], [4.0]]}  # fmt: skip
    x = np.array([[9.0]])
    for said, wanted in [("variance", 9 / 4.5**0.5), ("root_variance", 9 / 2.5),
                         ("deviation", 2)]:  # fmt: skip
        assert_gives([layer], x, [[wanted]], semantics={"running_std": said})


def test_the_backend_of_1_0_6_and_1_0_7_is_asked_for():
    config = {"name": "n", "batch_input_shape": [None, 1], "epsilon": 1e-6, "mode": 0}
    for version, asked in [("1.0.5", ()), ("1.0.6", ("n",)), ("1.0.7", ("n",)), ("1.0.8", ())]:
        text = keras([("BatchNormalization", config)], version)
        model, _ = check(parse_document(text, "m.json"))
        assert model is not None
        assert model.undecided() == asked


def conv3d(mode="same", size=2, stride=1):
    return {"type": "Convolution3D", "nb_filter": 1, "kernel_dim1": size, "kernel_dim2": 1,
            "kernel_dim3": 1, "subsample": [stride, 1, 1], "border_mode": mode, "bias": False,
            "weights": [[[[[[10.0**k]]]] for k in range(size)]]}  # fmt: skip


def test_old_theano_in_three_dimensions():
    """One zero less in front than Theano 0.9 for an even kernel; no strides, no 'full'."""
    x = np.arange(1.0, 5).reshape(1, 4, 1, 1, 1)
    for semantics, wanted in [("theano-0.8", [12, 23, 34, 40]), ("theano", [1, 12, 23, 34])]:
        assert_gives([conv3d()], x, np.reshape(wanted, x.shape), semantics=semantics)
    for layer in (conv3d(stride=2), conv3d("full"), {"type": "MaxPooling3D",
                                                     "border_mode": "same"}):  # fmt: skip
        assert refused([layer], [4, 4, 4, 1], semantics="theano-0.8").code == "CS055"
        build([layer], [4, 4, 4, 1], semantics="theano")
    assert_gives([conv3d("valid", stride=2)], x, np.reshape([12, 34], (1, 2, 1, 1, 1)),
                 semantics="theano-0.8")  # fmt: skip


def test_old_tensorflow_pools():
    """Only 3-D pools skipped inputs; 1-D and 2-D pools never did (x = 0..5, window 1, step 3)."""
    x = np.arange(6.0)
    line = [{"type": "MaxPooling1D", "pool_length": 1, "stride": 3, "border_mode": "same"}]
    assert_gives(line, x.reshape(1, 6, 1), [[[0], [3]]], semantics="tensorflow-1.0")
    cube = [{"type": "MaxPooling3D", "pool_size": [1, 1, 1], "strides": [3, 1, 1],
             "border_mode": "same"}]  # fmt: skip
    wanted = {"tensorflow-1.0": [1, 4], "tensorflow": [0, 3]}
    for semantics, found in wanted.items():
        assert_gives(cube, x.reshape(1, 6, 1, 1, 1), np.reshape(found, (1, 2, 1, 1, 1)),
                     semantics=semantics)  # fmt: skip
    open_length = build(cube, [None, 1, 1, 1], semantics="tensorflow-1.0")
    y = open_length.compile("cpu", input_shape=[6, 1, 1, 1]).run(
        x.reshape(1, 6, 1, 1, 1).astype(np.float32)
    )
    assert y.reshape(-1).tolist() == [1, 4]


def test_profiles_are_profiles():
    from speccompiler.schemas.model import SemanticsFields

    of = {p: Semantics.of(SemanticsFields(profile=p))
          for p in ("tensorflow", "tensorflow-1.0", "theano", "theano-0.8")}  # fmt: skip
    assert [s.kernel for s in of.values()] == ["correlate", "correlate", "convolve", "convolve"]
    assert [s.theano for s in of.values()] == [False, False, True, True]


# What a file may hold.


@pytest.mark.parametrize("stored", [(5, 4, 3), (1, 1, 3), (1, 4, 1), (5, 1, 1), (1, 1, 1)])
def test_shared_axes_are_read_off_the_file(stored, tmp_path, rng):
    """Keras does not write shared_axes: the shape of the stored parameters says them."""
    config = {"name": "p", "trainable": True, "init": "zero", "batch_input_shape": [None, 5, 4, 3]}
    (tmp_path / "m.json").write_text(keras([("PReLU", config)], "1.2.2"))
    alphas = rng.uniform(-1, 1, stored).astype(np.float32)
    np.savez(tmp_path / "w.npz", p_alphas=alphas)
    model = load(tmp_path / "m.json", weights=tmp_path / "w.npz")
    x = rng.standard_normal((2, 5, 4, 3)).astype(np.float32)
    for target in TARGETS:
        np.testing.assert_array_equal(model.compile(target).run(x), np.where(x > 0, x, alphas * x))


def test_parameters_of_a_wrong_shape(tmp_path):
    np.savez(tmp_path / "w.npz", p_alphas=np.zeros((4, 1)))
    with pytest.raises(SpecError) as caught:
        build([{"type": "PReLU", "name": "p"}], [5, 3], weights=tmp_path / "w.npz")
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == (
        "CS106",
        "wrong shapes: p/alphas is stored as (4, 1), expected (5, 3), or 1 along the axes that "
        "share it",
    )


def test_a_regulariser_that_keras_stores_twice():
    config = {"name": "s", "nb_filter": 2, "nb_row": 1, "nb_col": 1, "dim_ordering": "tf",
              "batch_input_shape": [None, 3, 3, 1]}  # fmt: skip
    penalty = {"name": "L1L2Regularizer", "l1": 0.0, "l2": 0.5}
    for given, codes in [({}, []), ({"pointwise_regularizer": penalty}, ["CS048"])]:
        text = keras([("SeparableConvolution2D", config | given)], "1.2.2")
        model, found = check(parse_document(text, "m.json"))
        assert model is not None
        assert [d.code for d in found] == codes


# Normalisation folds.


def folded(layers, shape, **header):
    return optimize(build(layers, shape, **header).graph)


NORM = {"type": "BatchNormalization"}
CONV = {"type": "Convolution2D", "nb_filter": 4, "nb_row": 3, "nb_col": 3}


def test_normalisation_folds_into_the_convolution():
    relu = {"type": "Activation", "activation": "relu"}
    for layers, shape in [
        ([CONV, NORM, relu], [8, 8, 2]),
        ([CONV | {"bias": False}, NORM, {"type": "Dropout", "p": 0.5}, NORM, relu], [8, 8, 2]),
        ([CONV | {"dim_ordering": "th"}, NORM | {"axis": 1}, relu], [2, 8, 8]),
        ([{"type": "Dense", "output_dim": 4}, NORM, relu], [6]),
        ([{"type": "Convolution1D", "nb_filter": 4, "filter_length": 2}, NORM, relu], [6, 2]),
        ([{"type": "SeparableConvolution2D", "nb_filter": 4, "nb_row": 1, "nb_col": 2}, NORM, relu],
         [6, 6, 2]),
    ]:  # fmt: skip
        graph = folded(layers, shape)
        assert not any(isinstance(node.op, MapWith) for node in graph)
        (conv,) = [node.op for node in graph if isinstance(node.op, Conv)]
        assert isinstance(conv.weight, Derived)
        assert isinstance(conv.bias, Derived)
        assert conv.activation is not None
        tensors = {w.tensor for w in stored_tensors(conv.weight)}
        assert {"gamma", "running_std"} < tensors


def test_normalisation_that_does_not_fold():
    tanh = CONV | {"activation": "tanh"}
    for layers, tap in [([tanh, NORM], ()), ([CONV, NORM], ("c",))]:
        model = build([{**layers[0], "name": "c"}, layers[1]], [8, 8, 2])
        graph = optimize(model.tapped(None, tap)[0])
        (scaled,) = [node.op for node in graph if isinstance(node.op, MapWith)]
        assert len(scaled.parameters) == 2
        x = np.random.default_rng(1).standard_normal((2, 8, 8, 2)).astype(np.float32)
        one, other = (model.compile(t, layers=tap).run_all(x) for t in TARGETS)
        for name, value in one.items():
            np.testing.assert_allclose(other[name], value, 1e-4, 1e-5)
    graph = folded([NORM, {"type": "Activation", "activation": "relu"}, CONV], [8, 8, 2])
    assert [type(node.op) for node in graph][1:] == [MapWith, Conv]


def test_folded_weights_are_kept_by_what_they_are_made_of(tmp_path, monkeypatch):
    """The cache knows both files: another variance is another packed kernel."""
    monkeypatch.setenv("CONVSPEC_CACHE_DIR", str(tmp_path / "cache"))
    wide = {"type": "Convolution2D", "nb_filter": 64, "nb_row": 3, "nb_col": 3, "name": "c"}
    layers = [wide, NORM | {"name": "n"}]
    x = np.random.default_rng(1).standard_normal((1, 9, 9, 64)).astype(np.float32)
    rng = np.random.default_rng(2)
    w = {"c_W": rng.standard_normal((3, 3, 64, 64)) / 24, "c_b": np.zeros(64),
         "n_gamma": np.ones(64), "n_beta": np.zeros(64),
         "n_running_mean": np.zeros(64)}  # fmt: skip
    results = []
    for number, variance in enumerate([1.0, 1.0, 4.0]):
        path = tmp_path / f"w{min(number, 1)}.npz"
        np.savez(path, **w, n_running_std=np.full(64, variance))
        model = build(layers, x.shape[1:], weights=path)
        y = model.compile("cpu").run(x)
        judge = model.compile("reference").run(x)
        assert np.abs(y - judge).max() < 1e-4 * np.abs(judge).max()
        again = build(layers, x.shape[1:], weights=path).compile("cpu").run(x)
        assert np.array_equal(again, y)
        results.append(y)
    assert np.array_equal(results[0], results[1])
    np.testing.assert_allclose(results[2] * 2, results[1], 1e-3, 1e-3)


def test_batch_statistics_warn_and_take_batches_of_32(rng):
    model = build([NORM | {"mode": 2, "name": "n"}], [5])
    assert [(d.code, d.layer) for d in model.diagnostics] == [("CS056", "n")]
    compiled = model.compile("cpu")
    assert compiled.batch_size == 32
    x = rng.standard_normal((50, 5)).astype(np.float32)
    y = compiled.run(x)
    for part in (slice(0, 32), slice(32, 50)):
        wanted = (x[part] - x[part].mean(0)) / np.sqrt(x[part].var(0) + 1e-3)
        np.testing.assert_allclose(y[part], wanted, 1e-4, 1e-5)


def test_cut_and_padded_again():
    """What was cut off comes back as zeros: the padding may not be folded into the cut."""
    x = np.arange(1.0, 6).reshape(1, 5, 1)
    layers = [{"type": "Cropping1D"}, {"type": "ZeroPadding1D"}]
    assert_gives(layers, x, [[[0], [2], [3], [4], [0]]])
    conv = {"type": "Convolution1D", "nb_filter": 1, "filter_length": 3, "border_mode": "same",
            "weights": [[[[[1.0]]], [[[10.0]]], [[[100.0]]]], [0.0]]}  # fmt: skip
    assert_gives([layers[0], conv], x, [[[320], [432], [43]]])
    valid = conv | {"border_mode": "valid"}
    assert_gives([layers[0], valid], x, [[[432]]])
    assert len(folded([layers[0], valid], [5, 1]).nodes) == 2
    pool = {"type": "AveragePooling1D", "pool_length": 3, "stride": 1, "border_mode": "same"}
    assert_gives([layers[0], pool], x, [[[2.5], [3], [3.5]]])
